-- A contact of whom a user wants to be reminded on a day, perhaps with the workflow to start then: one for each contact.
CREATE TABLE reminders (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    note TEXT NOT NULL,
    workflow_id BIGINT,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- When it was told that it is due.
    told_at BIGINT,
    PRIMARY KEY (workspace_id, contact_id)
);
CREATE INDEX reminders_by_time ON reminders (workspace_id, due_at, contact_id);
CREATE INDEX reminders_untold ON reminders (due_at, workspace_id, contact_id) WHERE told_at IS NULL;
