-- What the operator offers, which plan a workspace has and where it stands with it, and the periods that it had.
-- A plan's terms are never changed: other terms are another plan. `numbers` without a value is as many as one likes.

CREATE TABLE plans (
    plan_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    price BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    rate_micros BIGINT NOT NULL,
    numbers BIGINT,
    trial_days BIGINT NOT NULL,
    grace_days BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE subscriptions (
    workspace_id BIGINT NOT NULL PRIMARY KEY,
    plan_id BIGINT NOT NULL,
    next_plan_id BIGINT,
    standing TEXT NOT NULL,
    grace_until BIGINT,
    anchor BIGINT NOT NULL,
    period_id BIGINT NOT NULL,
    period_number BIGINT NOT NULL,
    period_from BIGINT NOT NULL,
    period_until BIGINT NOT NULL,
    at_end TEXT NOT NULL,
    warned BIGINT NOT NULL,
    next_at BIGINT
);

CREATE TABLE periods (
    workspace_id BIGINT NOT NULL,
    period_id BIGINT NOT NULL,
    plan_id BIGINT NOT NULL,
    number BIGINT NOT NULL,
    from_at BIGINT NOT NULL,
    until_at BIGINT NOT NULL,
    price BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    paid_at BIGINT,
    PRIMARY KEY (workspace_id, period_id)
);
