-- Where the contact's number belongs, in two letters: what a carrier asks for a text depends on it. Nothing for messages from before.
ALTER TABLE messages ADD COLUMN country TEXT;

-- What carriers take for a segment, as the operator has agreed it with them: it belongs to no workspace.
CREATE TABLE carrier_rates (
    -- The kind of carrier, such as 'twilio'.
    carrier TEXT NOT NULL,
    -- Two letters, or '*' for every country that has no rate of its own.
    country TEXT NOT NULL,
    -- From which day on, as days since 1970.
    since BIGINT NOT NULL,
    -- Micro-dollars of a segment to a contact, and from one.
    sent BIGINT NOT NULL,
    heard BIGINT NOT NULL,
    set_at BIGINT NOT NULL,
    -- The operator's identifier.
    set_by TEXT NOT NULL,
    PRIMARY KEY (carrier, country, since)
) WITHOUT ROWID;
