-- Who is in which workflow: a row for each enrollment that runs, from its start to its end. What runs is found by these rows and not by indexes
-- over enrollments: PostgreSQL writes each index entry of an enrollment anew with every claim and every settling.
-- Whoever starts or ends something meanwhile waits.
LOCK TABLE enrollments IN ACCESS EXCLUSIVE MODE;
CREATE TABLE runs (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    enrollment_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    -- One at a time.
    PRIMARY KEY (workspace_id, contact_id)
);
INSERT INTO runs (workspace_id, contact_id, enrollment_id, workflow_id)
SELECT workspace_id, contact_id, enrollment_id, workflow_id FROM enrollments WHERE state = 'active' ORDER BY workspace_id, contact_id;
CREATE INDEX runs_by_workflow ON runs (workspace_id, workflow_id, enrollment_id);
DROP INDEX enrollments_running;
DROP INDEX enrollments_by_workflow;
DROP INDEX enrollments_by_contact;
-- Written once, when an enrollment ends.
CREATE INDEX enrollments_past ON enrollments (workspace_id, contact_id, enrollment_id) WHERE state <> 'active';
