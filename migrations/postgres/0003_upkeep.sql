-- What is swept when it is old is found by its time; a job that has to be taken over, without the jobs that are done.

CREATE INDEX answers_by_time ON answers (workspace_id, at);
CREATE INDEX quotes_by_expiry ON quotes (workspace_id, expires_at);
CREATE INDEX carrier_events_by_time ON carrier_events (workspace_id, at);
CREATE INDEX jobs_running ON jobs (workspace_id, job_id) WHERE state = 'running';
