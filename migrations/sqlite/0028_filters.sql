-- What lists of contacts are filtered by: fields that somebody has filtered by, and workflows that contacts were in.

-- Fields that contacts are kept by. 'building' until each contact is kept, 'ready' then, 'going' once nobody has asked for long.
CREATE TABLE filter_fields (
    workspace_id BIGINT NOT NULL,
    field_key TEXT NOT NULL,
    state TEXT NOT NULL,
    -- The last contact that is kept, while it is building.
    place BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, field_key)
) WITHOUT ROWID;
-- The keys of what they hold (domain::search says which).
CREATE TABLE filter_values (
    workspace_id BIGINT NOT NULL,
    field_key TEXT NOT NULL,
    value_key TEXT NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, field_key, value_key, contact_id)
) WITHOUT ROWID;
-- Written once, when an enrollment ends: what runs is found by another index.
CREATE INDEX enrollments_ended ON enrollments (workspace_id, workflow_id, contact_id) WHERE state <> 'active';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('filter_fields', 'filter_fields', '1000 5 1'),
    ('filter_values', 'filter_values', '5000000 500000 100000 10 1'),
    ('enrollments', 'enrollments_ended', '1000000 100000 10000 1');
ANALYZE sqlite_schema;
