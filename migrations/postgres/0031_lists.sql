-- What contacts are put on by name: a label, which the Messenger shows, or a list, which it does not.
ALTER TABLE labels ADD COLUMN kind TEXT NOT NULL DEFAULT 'label';
-- One that is deleted is gone for everybody at once; whose it was is let go of by and by, and then the row.
ALTER TABLE labels ADD COLUMN deleted_at BIGINT;
