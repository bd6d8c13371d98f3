-- What is swept when it is old is found by its time; a job that has to be taken over, without the jobs that are done.

CREATE INDEX answers_by_time ON answers (workspace_id, at);
CREATE INDEX quotes_by_expiry ON quotes (workspace_id, expires_at);
CREATE INDEX carrier_events_by_time ON carrier_events (workspace_id, at);
CREATE INDEX jobs_running ON jobs (workspace_id, job_id) WHERE state = 'running';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('answers', 'answers_by_time', '1000000 100000 2'),
    ('quotes', 'quotes_by_expiry', '1000000 100000 2'),
    ('carrier_events', 'carrier_events_by_time', '1000000 100000 2'),
    ('jobs', 'jobs_running', '10 1 1');
ANALYZE sqlite_schema;
