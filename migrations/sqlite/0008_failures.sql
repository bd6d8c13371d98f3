-- What a person looks at: the newest texts that did not arrive, how many of them each number had, and when it was used.

CREATE INDEX messages_failed ON messages (workspace_id, message_id, number_id) WHERE state = 'failed' OR state = 'undelivered';

ALTER TABLE numbers ADD COLUMN used_at BIGINT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('messages', 'messages_failed', '100000 10000 1 1');
ANALYZE sqlite_schema;
