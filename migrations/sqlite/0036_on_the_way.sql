-- The first try of a step has no message of its own until it is settled: till then it is its enrollment's row that says what is on its way, and since when.
ALTER TABLE enrollments ADD COLUMN claimed_at BIGINT;
CREATE INDEX enrollments_on_the_way ON enrollments (workspace_id, message_id) WHERE claimed_at IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('enrollments', 'enrollments_on_the_way', '1000 100 1');
ANALYZE sqlite_schema;
