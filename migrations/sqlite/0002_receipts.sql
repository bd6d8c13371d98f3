-- Receipts that come before their text is known by its carrier's id, and what a contact or a doubt shows.

-- A receipt whose text no answer has named yet. Its carrier's id has a row in carrier_messages, where the message is 0
-- until the answer links it: receipt and answer meet on that row, so neither can miss the other.
CREATE TABLE parked_receipts (
    workspace_id BIGINT NOT NULL,
    carrier TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    event_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, carrier, carrier_id, event_key)
) WITHOUT ROWID;
CREATE INDEX parked_receipts_by_time ON parked_receipts (workspace_id, at);

-- Since when the phone is known to belong to somebody else than the contact.
ALTER TABLE contacts ADD COLUMN reassigned_at BIGINT;

-- What a person must look at: few rows, whatever the workspace sends.
CREATE INDEX messages_in_doubt ON messages (workspace_id, message_id) WHERE state = 'in_doubt';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('parked_receipts', 'parked_receipts_by_time', '1000000 100000 2'),
    ('parked_receipts', 'parked_receipts', '1000000 100000 100000 2 1'),
    ('messages', 'messages_in_doubt', '1000 100 1');
ANALYZE sqlite_schema;
