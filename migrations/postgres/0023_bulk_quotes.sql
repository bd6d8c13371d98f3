-- What was shown before many contacts start, and what became of it. A start is held to it.
CREATE TABLE bulk_quotes (
    workspace_id BIGINT NOT NULL,
    quote_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    -- Of a segment that no credit covers, in micro-dollars.
    rate BIGINT NOT NULL,
    -- Whether everybody was asked for, and not certain contacts.
    everybody BIGINT NOT NULL,
    -- Whether anybody has seen it, or it is only the list of whom to start.
    shown BIGINT NOT NULL,
    contacts BIGINT NOT NULL,
    -- Most that start in a day; 0 for all at once.
    per_day BIGINT NOT NULL,
    shown_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- What it takes, and what its job has taken of that.
    credits BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    spent_credits BIGINT NOT NULL,
    spent_micros BIGINT NOT NULL,
    job_id BIGINT,
    PRIMARY KEY (workspace_id, quote_id)
);

-- Five hundred contacts each: what was shown for them, which enrollments began, and who is left after a withdrawal.
CREATE TABLE bulk_parts (
    workspace_id BIGINT NOT NULL,
    quote_id BIGINT NOT NULL,
    part BIGINT NOT NULL,
    contacts TEXT NOT NULL,
    started TEXT,
    rest TEXT,
    PRIMARY KEY (workspace_id, quote_id, part)
);

-- A job that was under way had no quote to be held to. Whom it has not reached is not charged, and may be started anew.
UPDATE jobs SET state = 'done' WHERE kind = 'enroll' AND state = 'running';
