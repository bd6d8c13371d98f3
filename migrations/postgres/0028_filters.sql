-- What lists of contacts are filtered by: fields that somebody has filtered by, and workflows that contacts were in.

-- Fields that contacts are kept by. 'building' until each contact is kept, 'ready' then, 'going' once nobody has asked for long.
CREATE TABLE filter_fields (
    workspace_id BIGINT NOT NULL,
    field_key TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,
    -- The last contact that is kept, while it is building.
    place BIGINT NOT NULL,
    asked_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, field_key)
);
-- The keys of what they hold (domain::search says which).
CREATE TABLE filter_values (
    workspace_id BIGINT NOT NULL,
    field_key TEXT COLLATE "C" NOT NULL,
    value_key TEXT COLLATE "C" NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, field_key, value_key, contact_id)
);
-- Written once, when an enrollment ends: what runs is found by another index.
CREATE INDEX enrollments_ended ON enrollments (workspace_id, workflow_id, contact_id) WHERE state <> 'active';
