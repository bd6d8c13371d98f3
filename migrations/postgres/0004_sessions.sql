-- People who are signed in.

-- Who has an address, in whichever workspace: read before any workspace is known, as nobody types a workspace to sign in.
CREATE TABLE sign_ins (
    email_key TEXT NOT NULL,
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    PRIMARY KEY (email_key, workspace_id)
);
INSERT INTO sign_ins (email_key, workspace_id, user_id) SELECT email_key, workspace_id, user_id FROM users;

CREATE TABLE sessions (
    workspace_id BIGINT NOT NULL,
    session_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    secret_hash TEXT NOT NULL,
    agent TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, session_id)
);
CREATE INDEX sessions_by_user ON sessions (workspace_id, user_id);
