-- What people agreed to and took back, kept under the phone's hash so that it outlives the contact; rows are only ever added.
-- A text that was shown to many is kept once, by its hash.

CREATE TABLE consents (
    workspace_id BIGINT NOT NULL,
    phone_hash BIGINT NOT NULL,
    consent_id BIGINT NOT NULL,
    -- The contact that had the phone when it was recorded.
    contact_id BIGINT,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    text_hash TEXT,
    given_at BIGINT NOT NULL,
    zone TEXT NOT NULL,
    expires_at BIGINT,
    message_id BIGINT,
    evidence TEXT NOT NULL,
    actor TEXT NOT NULL,
    recorded_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, phone_hash, consent_id)
) WITHOUT ROWID;

CREATE TABLE consent_texts (
    workspace_id BIGINT NOT NULL,
    text_hash TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, text_hash)
) WITHOUT ROWID;

-- Lists of phones that came as files, and what each of them holds. A phone may be held by several; it is free again when
-- the last of them lets go and no user put it there.
CREATE TABLE suppression_lists (
    workspace_id BIGINT NOT NULL,
    list_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    file_name TEXT NOT NULL,
    dated TEXT,
    state TEXT NOT NULL,
    counts TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (workspace_id, list_id)
) WITHOUT ROWID;

CREATE TABLE suppression_entries (
    workspace_id BIGINT NOT NULL,
    phone_hash BIGINT NOT NULL,
    list_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, phone_hash, list_id)
) WITHOUT ROWID;
CREATE INDEX suppression_entries_by_list ON suppression_entries (workspace_id, list_id, phone_hash);

-- Whether nothing but lists from files holds the phone.
ALTER TABLE suppressions ADD COLUMN listed BIGINT NOT NULL DEFAULT 0;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('consents', 'consents', '1000000 100000 2 1'),
    ('consent_texts', 'consent_texts', '1000 20 1'),
    ('suppression_lists', 'suppression_lists', '1000 20 1'),
    ('suppression_entries', 'suppression_entries', '1000000 100000 2 1'),
    ('suppression_entries', 'suppression_entries_by_list', '1000000 100000 50000 1');
ANALYZE sqlite_schema;
