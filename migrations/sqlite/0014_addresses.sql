-- The address that a carrier called before the account got a new one: both are taken until it is forgotten.
ALTER TABLE carriers ADD COLUMN hook_key_before TEXT;
