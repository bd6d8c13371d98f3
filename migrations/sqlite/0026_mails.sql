-- Below which balance of its wallet a workspace is told, as somebody has said it, or as upkeep has noted it for those where nobody has.
CREATE TABLE balance_notices (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    -- Nothing while it is off.
    below BIGINT,
    -- Whether owners and admins get an e-mail too.
    mails BIGINT NOT NULL,
    -- Whether the next balance below the mark is told: it was at the mark or above since it was told last.
    armed BIGINT NOT NULL
);

-- E-mails to the people of a workspace: rows before they are sent, written by the transaction of the event that they tell. The address is
-- the user's, read when it is sent.
CREATE TABLE mails (
    workspace_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    -- When it is tried next; while it is under way, until when that may last; nothing once it is over.
    due_at BIGINT,
    queued_at BIGINT NOT NULL,
    tried_at BIGINT,
    -- What the mail server said last.
    said TEXT,
    PRIMARY KEY (workspace_id, event_id, user_id)
) WITHOUT ROWID;
CREATE INDEX mails_by_due ON mails (due_at) WHERE due_at IS NOT NULL;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('mails', 'mails', '100000 100 5 1'),
    ('mails', 'mails_by_due', '100 2');
ANALYZE sqlite_schema;
