-- Brands and campaigns with which numbers are registered at the carriers (10DLC), and what was sent under their limits.
-- `facts` is what the registry was told, by key; `day_segments` is what T-Mobile allows the brand in a Pacific day, `share` the part of all
-- texts in percent that counts against it.

CREATE TABLE brands (
    workspace_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    registry_id TEXT NOT NULL,
    state TEXT NOT NULL,
    facts TEXT NOT NULL,
    day_segments BIGINT NOT NULL,
    share BIGINT NOT NULL,
    day_until BIGINT NOT NULL,
    day_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, brand_id)
) WITHOUT ROWID;

CREATE TABLE campaigns (
    workspace_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    brand_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    registry_id TEXT NOT NULL,
    state TEXT NOT NULL,
    facts TEXT NOT NULL,
    segments_per_minute BIGINT NOT NULL,
    paced_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id)
) WITHOUT ROWID;

-- How far the number itself is: taken into its campaign, or verified where it is toll-free.
ALTER TABLE numbers ADD COLUMN campaign_id BIGINT;
ALTER TABLE numbers ADD COLUMN registration TEXT NOT NULL DEFAULT 'draft';

-- What the carrier says that a text cost, in millionths of its currency.
ALTER TABLE messages ADD COLUMN carrier_cost BIGINT;
ALTER TABLE messages ADD COLUMN carrier_currency TEXT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('brands', 'brands', '1000 2 1'),
    ('campaigns', 'campaigns', '1000 2 1');
ANALYZE sqlite_schema;
