-- Addresses of customers that are told what happens. The secret that signs is sealed with the installation's master key.
CREATE TABLE webhooks (
    workspace_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    url TEXT NOT NULL,
    description TEXT NOT NULL,
    -- The kinds of events that it wants, each between commas; nothing for all.
    kinds TEXT,
    sealed BLOB NOT NULL,
    -- Until when the secret before signs too.
    old_until BIGINT,
    state TEXT NOT NULL,
    stopped_at BIGINT,
    stopped_because TEXT,
    -- Since when every try has failed.
    failing_since BIGINT,
    delivered_at BIGINT,
    -- When a node took up something for it last: who waited longest comes first.
    turn_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    removed_at BIGINT,
    PRIMARY KEY (workspace_id, webhook_id)
) WITHOUT ROWID;

-- What is to be delivered where, and what became of it: written by the statement that writes the event. What is said is in the event.
CREATE TABLE webhook_deliveries (
    workspace_id BIGINT NOT NULL,
    webhook_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    -- As long as it is not over: the contact, or the event itself where it is about none. One of a lane goes at a time.
    lane BIGINT,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    -- When it is tried, or until when its try may last; nothing while it waits behind an earlier one of its lane.
    due_at BIGINT,
    queued_at BIGINT NOT NULL,
    tried_at BIGINT,
    status BIGINT,
    said TEXT,
    took_millis BIGINT,
    PRIMARY KEY (workspace_id, webhook_id, event_id)
) WITHOUT ROWID;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (workspace_id, webhook_id, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX webhook_deliveries_by_lane ON webhook_deliveries (workspace_id, webhook_id, lane, event_id) WHERE lane IS NOT NULL;
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (workspace_id, webhook_id, state, event_id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('webhooks', 'webhooks', '100 2 1'),
    ('webhook_deliveries', 'webhook_deliveries', '1000000 10000 5000 1'),
    ('webhook_deliveries', 'webhook_deliveries_due', '10000 100 50 2'),
    ('webhook_deliveries', 'webhook_deliveries_by_lane', '10000 100 50 2 1'),
    ('webhook_deliveries', 'webhook_deliveries_by_state', '1000000 10000 5000 1250 1');
ANALYZE sqlite_schema;
