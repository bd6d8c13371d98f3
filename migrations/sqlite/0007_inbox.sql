-- The Messenger: what its filters need stands in the conversation's own row, moved by the transactions that change it;
-- labels, notes, saved views.

-- From which side the last message came: `in` or `out`.
ALTER TABLE conversations ADD COLUMN side TEXT NOT NULL DEFAULT 'out';
-- The enrollment that runs.
ALTER TABLE conversations ADD COLUMN enrollment_id BIGINT;
-- Whether the contact has opted out.
ALTER TABLE conversations ADD COLUMN opted_out BIGINT NOT NULL DEFAULT 0;
-- Which user takes care of it.
ALTER TABLE conversations ADD COLUMN assignee_id BIGINT;

UPDATE conversations SET
    side = CASE WHEN last_inbound_at = last_at THEN 'in' ELSE 'out' END,
    enrollment_id = (
        SELECT e.enrollment_id FROM enrollments e
        WHERE e.workspace_id = conversations.workspace_id AND e.contact_id = conversations.contact_id AND e.state = 'active'),
    opted_out = CASE WHEN EXISTS (
        SELECT 1 FROM contacts c
        JOIN suppressions s ON s.workspace_id = c.workspace_id AND s.phone_hash = c.phone_hash
        WHERE c.workspace_id = conversations.workspace_id AND c.contact_id = conversations.contact_id
          AND s.kind = 'opted_out' AND s.lifted_at IS NULL) THEN 1 ELSE 0 END;
DELETE FROM conversations WHERE EXISTS (
    SELECT 1 FROM contacts c
    WHERE c.workspace_id = conversations.workspace_id AND c.contact_id = conversations.contact_id AND c.deleted_at IS NOT NULL);

-- The column of the condition stands at the end, so that counting reads the index alone.
CREATE INDEX conversations_by_side ON conversations (workspace_id, side, last_at, contact_id, opted_out) WHERE opted_out = 0;
CREATE INDEX conversations_unread ON conversations (workspace_id, last_at, contact_id, unread) WHERE unread > 0;
CREATE INDEX conversations_in_workflow ON conversations (workspace_id, last_at, contact_id, enrollment_id)
    WHERE enrollment_id IS NOT NULL;
CREATE INDEX conversations_opted_out ON conversations (workspace_id, last_at, contact_id, opted_out) WHERE opted_out = 1;
CREATE INDEX conversations_assigned ON conversations (workspace_id, assignee_id, last_at, contact_id)
    WHERE assignee_id IS NOT NULL;

CREATE TABLE labels (
    workspace_id BIGINT NOT NULL,
    label_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    colour TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, label_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX labels_by_name ON labels (workspace_id, name_key);

-- `last_at` is that of the contact's conversation, nothing where there is none: a label's conversations are found in order.
CREATE TABLE contact_labels (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    label_id BIGINT NOT NULL,
    last_at BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, label_id)
) WITHOUT ROWID;
CREATE INDEX contact_labels_by_label ON contact_labels (workspace_id, label_id, contact_id);
CREATE INDEX contact_labels_by_time ON contact_labels (workspace_id, label_id, last_at, contact_id) WHERE last_at IS NOT NULL;

CREATE TABLE notes (
    workspace_id BIGINT NOT NULL,
    note_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    author TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, note_id)
) WITHOUT ROWID;
CREATE INDEX notes_by_contact ON notes (workspace_id, contact_id, note_id);

-- A filter of the Messenger under a name; without a user it is everybody's.
CREATE TABLE saved_views (
    workspace_id BIGINT NOT NULL,
    view_id BIGINT NOT NULL,
    user_id BIGINT,
    name TEXT NOT NULL,
    filter TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, view_id)
) WITHOUT ROWID;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('conversations', 'conversations_by_side', '900000 100000 50000 5 1 1'),
    ('conversations', 'conversations_unread', '10000 1000 2 1 1'),
    ('conversations', 'conversations_in_workflow', '100000 10000 2 1 1'),
    ('conversations', 'conversations_opted_out', '50000 5000 2 1 1'),
    ('conversations', 'conversations_assigned', '100000 10000 1000 2 1'),
    ('labels', 'labels_by_name', '10000 100 1'),
    ('labels', 'labels', '10000 100 1'),
    ('contact_labels', 'contact_labels_by_label', '1000000 100000 10000 1'),
    ('contact_labels', 'contact_labels_by_time', '500000 50000 5000 2 1'),
    ('contact_labels', 'contact_labels', '1000000 100000 2 1'),
    ('notes', 'notes_by_contact', '1000000 100000 5 1'),
    ('notes', 'notes', '1000000 100000 1'),
    ('saved_views', 'saved_views', '1000 20 1');
ANALYZE sqlite_schema;
