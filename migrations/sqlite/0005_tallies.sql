-- What happened, counted as it happens: a page that shows figures must not count millions of rows.

-- For the workspace by its local day (workflow_id 0, step 0; the day as days since 1970) and for each workflow by step
-- (day 0). Written by the last statement of the transaction that stores the thing itself.
CREATE TABLE tallies (
    workspace_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    step BIGINT NOT NULL,
    day BIGINT NOT NULL,
    what TEXT NOT NULL,
    count BIGINT NOT NULL,
    segments BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, workflow_id, step, day, what)
) WITHOUT ROWID;

-- After which step an enrollment was stopped: next_step goes on when a text that was on its way is settled.
ALTER TABLE enrollments ADD COLUMN stopped_after BIGINT;
UPDATE enrollments SET stopped_after = next_step - CASE WHEN message_id IS NULL THEN 1 ELSE 0 END WHERE state = 'stopped';

-- The workspace's local day of a transfer, by which the statement is ordered and opened. What was posted before gets
-- its day from the program, which knows the zones (store/src/tallies/fill.rs). Earnings are not on the statement, and there is one for each text: they stay out of the index.
ALTER TABLE transfers ADD COLUMN day BIGINT NOT NULL DEFAULT 0;
CREATE INDEX transfers_by_day ON transfers (workspace_id, day, subject) WHERE reason <> 'earn';

-- With these columns what is coming is counted from the index alone. It is written by the same changes as before.
DROP INDEX enrollments_due;
CREATE INDEX enrollments_due ON enrollments (workspace_id, number_id, due_at, workflow_id, version, next_step)
    WHERE due_at IS NOT NULL;

DELETE FROM sqlite_stat1 WHERE idx = 'enrollments_due';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('tallies', 'tallies', '1000000 100000 1000 200 20 1'),
    ('transfers', 'transfers_by_day', '1000000 100000 500 2'),
    ('enrollments', 'enrollments_due', '1000000 100000 50000 5 5 5 5');
ANALYZE sqlite_schema;
