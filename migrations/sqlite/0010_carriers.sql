-- Accounts at carriers, each of one workspace. What is needed to send and to check callbacks is sealed with the installation's
-- master key; the key of the callback address is not, as its owner has to copy it.

CREATE TABLE carriers (
    workspace_id BIGINT NOT NULL,
    carrier_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    sealed BLOB NOT NULL,
    hook_key TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (workspace_id, carrier_id)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('carriers', 'carriers', '1000 2 1');
ANALYZE sqlite_schema;
