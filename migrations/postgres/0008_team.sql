-- How people come in, and what they write often.

-- A link that was given out: with a user it sets their password anew, without one it makes a user of this role.
CREATE TABLE invitations (
    workspace_id BIGINT NOT NULL,
    invitation_id BIGINT NOT NULL,
    user_id BIGINT,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    made_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT,
    PRIMARY KEY (workspace_id, invitation_id)
);

CREATE TABLE quick_replies (
    workspace_id BIGINT NOT NULL,
    reply_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    body TEXT NOT NULL,
    position BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, reply_id)
);
