-- When all that is known of the person was erased; such a contact is deleted too and never lives again.
ALTER TABLE contacts ADD COLUMN erased_at BIGINT;

-- Deleted contacts by the phone that they had: whoever is to be erased may have been deleted long ago.
CREATE INDEX contacts_gone_by_phone ON contacts (workspace_id, phone) WHERE deleted_at IS NOT NULL AND erased_at IS NULL;
