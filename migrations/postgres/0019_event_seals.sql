-- Seals over the history: each holds the events after one until another, and the hash of the seal before it (domain/src/seal.rs).
-- The marks are 16 bytes for each event, its identifier and the beginning of its digest, by which a single edit is named.
CREATE TABLE event_seals (
    workspace_id BIGINT NOT NULL,
    seal BIGINT NOT NULL,
    after_event BIGINT NOT NULL,
    until_event BIGINT NOT NULL,
    events BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    previous BYTEA NOT NULL,
    sealed_at BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    marks BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, seal)
);

-- When the books and the history of a workspace are checked next, when they were last, and what was wrong.
CREATE TABLE self_checks (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    checked_at BIGINT,
    ledger_faults BIGINT NOT NULL,
    history_faults BIGINT NOT NULL
);
