-- The first schema. Time is microseconds UTC, money micro-dollars, a flag a state word, a document JSON text.
-- Every table of a workspace's data begins its key and its hot indexes with workspace_id.

CREATE TABLE workspaces (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    zone TEXT NOT NULL,
    plan TEXT NOT NULL,
    rate_micros BIGINT NOT NULL,
    settings TEXT NOT NULL,
    messages_per_minute BIGINT NOT NULL,
    paced_until BIGINT NOT NULL,
    lease_node BIGINT,
    lease_until BIGINT NOT NULL,
    dispatched_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE nodes (
    node BIGINT NOT NULL PRIMARY KEY,
    owner TEXT NOT NULL,
    lease_until BIGINT NOT NULL
);

CREATE TABLE users (
    workspace_id BIGINT NOT NULL,
    user_id BIGINT NOT NULL,
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX users_by_email ON users (workspace_id, email_key);

CREATE TABLE api_keys (
    workspace_id BIGINT NOT NULL,
    key_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    permissions TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at BIGINT,
    revoked_at BIGINT,
    PRIMARY KEY (workspace_id, key_id)
) WITHOUT ROWID;

CREATE TABLE numbers (
    workspace_id BIGINT NOT NULL,
    number_id BIGINT NOT NULL,
    phone TEXT NOT NULL,
    carrier TEXT NOT NULL,
    state TEXT NOT NULL,
    area BIGINT,
    region TEXT NOT NULL,
    messages_per_minute BIGINT NOT NULL,
    messages_per_day BIGINT NOT NULL,
    paced_until BIGINT NOT NULL,
    day_start BIGINT NOT NULL,
    day_count BIGINT NOT NULL,
    contacts BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, number_id)
) WITHOUT ROWID;

-- Which workspace a number of ours belongs to: read before a workspace is known.
CREATE TABLE number_routes (
    phone TEXT NOT NULL PRIMARY KEY,
    workspace_id BIGINT NOT NULL,
    number_id BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE contacts (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    phone TEXT NOT NULL,
    phone_hash BIGINT NOT NULL,
    person_id BIGINT,
    name TEXT NOT NULL,
    fields TEXT NOT NULL,
    number_id BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    deleted_at BIGINT,
    PRIMARY KEY (workspace_id, contact_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX contacts_by_phone ON contacts (workspace_id, phone) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_person ON contacts (workspace_id, person_id) WHERE person_id IS NOT NULL;

CREATE TABLE custom_fields (
    workspace_id BIGINT NOT NULL,
    field_key TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, field_key)
) WITHOUT ROWID;

-- By the phone's hash, so that a suppression outlives the contact.
CREATE TABLE suppressions (
    workspace_id BIGINT NOT NULL,
    phone_hash BIGINT NOT NULL,
    kind TEXT NOT NULL,
    source TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    lifted_at BIGINT,
    PRIMARY KEY (workspace_id, phone_hash, kind)
) WITHOUT ROWID;

CREATE TABLE workflows (
    workspace_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    position BIGINT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    archived_at BIGINT,
    PRIMARY KEY (workspace_id, workflow_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX workflows_by_name ON workflows (workspace_id, name_key) WHERE archived_at IS NULL;

-- Every version stays: an enrollment renders from the version that it was priced with.
CREATE TABLE workflow_steps (
    workspace_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    step BIGINT NOT NULL,
    gap_days BIGINT NOT NULL,
    template TEXT NOT NULL,
    PRIMARY KEY (workspace_id, workflow_id, version, step)
) WITHOUT ROWID;

-- One row until it ends: the frozen values, the price of each step, and what comes next.
CREATE TABLE enrollments (
    workspace_id BIGINT NOT NULL,
    enrollment_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    number_id BIGINT NOT NULL,
    place TEXT NOT NULL,
    field_values TEXT NOT NULL,
    prices TEXT NOT NULL,
    rate_micros BIGINT NOT NULL,
    next_step BIGINT NOT NULL,
    due_at BIGINT,
    message_id BIGINT,
    hour_minute BIGINT,
    started_by TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    PRIMARY KEY (workspace_id, enrollment_id)
) WITHOUT ROWID;
CREATE UNIQUE INDEX enrollments_running ON enrollments (workspace_id, contact_id) WHERE state = 'active';
CREATE INDEX enrollments_due ON enrollments (workspace_id, number_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX enrollments_by_workflow ON enrollments (workspace_id, workflow_id) WHERE state = 'active';
CREATE INDEX enrollments_by_contact ON enrollments (workspace_id, contact_id, enrollment_id);

CREATE TABLE messages (
    workspace_id BIGINT NOT NULL,
    message_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    enrollment_id BIGINT,
    step BIGINT,
    number_id BIGINT NOT NULL,
    body TEXT NOT NULL,
    segments BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    micros BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    claimed_at BIGINT,
    give_up_at BIGINT,
    sought BIGINT NOT NULL,
    carrier_id TEXT,
    code TEXT,
    detail TEXT,
    author TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    sent_at BIGINT,
    state_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, message_id)
) WITHOUT ROWID;
CREATE INDEX messages_due ON messages (workspace_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_by_contact ON messages (workspace_id, contact_id, message_id);

-- Carrier's id of each accepted text, for receipts that carry nothing else.
CREATE TABLE carrier_messages (
    workspace_id BIGINT NOT NULL,
    carrier TEXT NOT NULL,
    carrier_id TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, carrier, carrier_id)
) WITHOUT ROWID;

-- A repeat of a callback is a no-op: it meets this key.
CREATE TABLE carrier_events (
    workspace_id BIGINT NOT NULL,
    carrier TEXT NOT NULL,
    event_key TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, carrier, event_key)
) WITHOUT ROWID;

-- Callbacks that belong to no number of ours: kept and shown, never processed.
CREATE TABLE stray_events (
    carrier TEXT NOT NULL,
    event_key TEXT NOT NULL,
    payload TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (carrier, event_key)
) WITHOUT ROWID;

CREATE TABLE conversations (
    workspace_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    last_message_id BIGINT NOT NULL,
    last_inbound_at BIGINT,
    last_outbound_at BIGINT,
    unread BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, contact_id)
) WITHOUT ROWID;
CREATE INDEX conversations_by_time ON conversations (workspace_id, last_at, contact_id);

CREATE TABLE events (
    workspace_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    contact_id BIGINT,
    kind TEXT NOT NULL,
    actor TEXT NOT NULL,
    payload TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, event_id)
) WITHOUT ROWID;
CREATE INDEX events_by_contact ON events (workspace_id, contact_id, event_id) WHERE contact_id IS NOT NULL;

-- The ledger: append-only. The key is the cause, so posting twice is a no-op.
CREATE TABLE transfers (
    workspace_id BIGINT NOT NULL,
    subject BIGINT NOT NULL,
    step BIGINT NOT NULL,
    reason TEXT NOT NULL,
    unit TEXT NOT NULL,
    debit TEXT NOT NULL,
    credit TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, subject, step, reason, unit)
) WITHOUT ROWID;

CREATE TABLE accounts (
    workspace_id BIGINT NOT NULL,
    account TEXT NOT NULL,
    unit TEXT NOT NULL,
    balance BIGINT NOT NULL CHECK (balance >= 0 OR account = 'outside'),
    PRIMARY KEY (workspace_id, account, unit)
) WITHOUT ROWID;

CREATE TABLE quotes (
    workspace_id BIGINT NOT NULL,
    quote_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    workflow_id BIGINT NOT NULL,
    terms TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, quote_id)
) WITHOUT ROWID;

-- The first answer to each idempotency key.
CREATE TABLE answers (
    workspace_id BIGINT NOT NULL,
    idempotency_key TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, idempotency_key)
) WITHOUT ROWID;

CREATE TABLE jobs (
    workspace_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    payload TEXT NOT NULL,
    cursor BIGINT NOT NULL,
    total BIGINT NOT NULL,
    started BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, job_id)
) WITHOUT ROWID;

-- What a job works through, one row each; refused rows keep their reasons.
CREATE TABLE job_items (
    workspace_id BIGINT NOT NULL,
    job_id BIGINT NOT NULL,
    item BIGINT NOT NULL,
    contact_id BIGINT,
    outcome TEXT,
    PRIMARY KEY (workspace_id, job_id, item)
) WITHOUT ROWID;

-- What the planner assumes of a table that has grown: a workspace holds many rows, a key holds one. Without it
-- a statement that takes a batch walks through the whole workspace instead of looking its keys up.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'users_by_email', '1000000 100000 1'),
    ('users', 'users', '1000000 100000 1'),
    ('api_keys', 'api_keys', '1000000 100000 1'),
    ('numbers', 'numbers', '1000000 100000 1'),
    ('number_routes', 'number_routes', '1000000 1'),
    ('contacts', 'contacts_by_person', '1000000 100000 10'),
    ('contacts', 'contacts_by_phone', '1000000 100000 1'),
    ('contacts', 'contacts', '1000000 100000 1'),
    ('custom_fields', 'custom_fields', '1000000 100000 1'),
    ('suppressions', 'suppressions', '1000000 100000 10 1'),
    ('workflows', 'workflows_by_name', '1000000 100000 1'),
    ('workflows', 'workflows', '1000000 100000 1'),
    ('workflow_steps', 'workflow_steps', '1000000 100000 10 5 1'),
    ('enrollments', 'enrollments_by_contact', '1000000 100000 10 5'),
    ('enrollments', 'enrollments_by_workflow', '1000000 100000 10000'),
    ('enrollments', 'enrollments_due', '1000000 100000 50000 5'),
    ('enrollments', 'enrollments_running', '1000000 100000 1'),
    ('enrollments', 'enrollments', '1000000 100000 1'),
    ('messages', 'messages_by_contact', '1000000 100000 10 5'),
    ('messages', 'messages_due', '1000000 100000 10'),
    ('messages', 'messages', '1000000 100000 1'),
    ('carrier_messages', 'carrier_messages', '1000000 100000 10 1'),
    ('carrier_events', 'carrier_events', '1000000 100000 10 1'),
    ('stray_events', 'stray_events', '1000000 5 1'),
    ('conversations', 'conversations_by_time', '1000000 100000 10 5'),
    ('conversations', 'conversations', '1000000 100000 1'),
    ('events', 'events_by_contact', '1000000 100000 10 5'),
    ('events', 'events', '1000000 100000 1'),
    ('transfers', 'transfers', '1000000 100000 10 5 2 1'),
    ('accounts', 'accounts', '1000000 100000 10 1'),
    ('quotes', 'quotes', '1000000 100000 1'),
    ('answers', 'answers', '1000000 100000 1'),
    ('jobs', 'jobs', '1000000 100000 1'),
    ('job_items', 'job_items', '1000000 100000 10000 1');
ANALYZE sqlite_schema;
