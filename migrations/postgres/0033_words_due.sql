-- Contacts that came by the thousand, of which what they are found by is not written yet, by the first and the last identifier of those that
-- came together, and when they came.
CREATE TABLE words_due (
    workspace_id BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    noted_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, first_id)
);

-- What one of these is no longer found by, since it was changed meanwhile.
CREATE TABLE words_gone (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, contact_id, word)
);

-- Who is writing what is due in a workspace, and when it was last heard of.
CREATE TABLE word_turns (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    holder BIGINT NOT NULL,
    moved_at BIGINT NOT NULL
);
