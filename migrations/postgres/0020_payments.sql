-- Payments by card: a row before the provider is called, so that none is forgotten or made twice. Only identifiers of the
-- provider's are kept of a card, and what tells it from others.
CREATE TABLE payments (
    workspace_id BIGINT NOT NULL,
    payment_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    amount BIGINT NOT NULL,
    -- Whether the card is kept for later.
    keeps_card BIGINT NOT NULL,
    -- The card that is charged without a person.
    customer TEXT,
    method TEXT,
    actor TEXT NOT NULL,
    -- The provider's names for it.
    session TEXT,
    intent TEXT,
    receipt TEXT,
    failure TEXT,
    refunded BIGINT NOT NULL,
    dispute TEXT,
    dispute_opened BIGINT,
    disputed BIGINT NOT NULL,
    -- How much of what was refunded and disputed is out of the wallet, and in how many postings that was done.
    refund_taken BIGINT NOT NULL,
    dispute_taken BIGINT NOT NULL,
    postings BIGINT NOT NULL,
    -- What could not be taken, as the wallet did not have it.
    owed BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    -- When the provider is asked next.
    look_at BIGINT,
    PRIMARY KEY (workspace_id, payment_id)
);
CREATE INDEX payments_by_look ON payments (look_at) WHERE look_at IS NOT NULL;
CREATE INDEX payments_by_id ON payments (payment_id);
CREATE INDEX payments_by_intent ON payments (intent) WHERE intent IS NOT NULL;
CREATE INDEX payments_owed ON payments (workspace_id, payment_id) WHERE owed > 0;
CREATE INDEX payments_open ON payments (workspace_id, payment_id) WHERE state = 'open';
CREATE INDEX payments_by_time ON payments (workspace_id, created_at);

-- The card of a workspace that may be charged without a person, and what for.
CREATE TABLE cards (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    customer TEXT NOT NULL,
    -- Nothing once it was removed; the provider's customer stays for the next one.
    method TEXT,
    brand TEXT NOT NULL,
    last_four TEXT NOT NULL,
    expires_year BIGINT NOT NULL,
    expires_month BIGINT NOT NULL,
    kept_at BIGINT NOT NULL,
    -- Auto-recharge: below this much that much is added, at most so much in a day. Nothing while it is off.
    recharge_below BIGINT,
    recharge_amount BIGINT NOT NULL,
    recharge_most BIGINT NOT NULL,
    -- Whether it pays what the wallet lacks for the plan's month.
    pays_plan BIGINT NOT NULL,
    -- How often it was declined in a row, when it may be charged again, and since when it is charged no more.
    declines BIGINT NOT NULL,
    retry_at BIGINT NOT NULL,
    stopped_at BIGINT
);
