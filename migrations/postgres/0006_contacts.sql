-- Contacts at a million: what they are found, sorted and filtered by, and the files that they came from.

-- The folded name, by which lists are sorted. Keys are compared by their bytes, as SQLite does.
ALTER TABLE contacts ADD COLUMN name_key TEXT COLLATE "C" NOT NULL DEFAULT '';
-- The import that made the contact.
ALTER TABLE contacts ADD COLUMN import_id BIGINT;
UPDATE contacts SET name_key = LOWER(name);
CREATE INDEX contacts_by_name ON contacts (workspace_id, name_key, contact_id) WHERE deleted_at IS NULL;
CREATE INDEX contacts_by_import ON contacts (workspace_id, import_id, contact_id) WHERE import_id IS NOT NULL;

-- The contact that has the phone, while one does: the lists that forbid texting are listed by it. The phone's hash stays
-- what counts.
ALTER TABLE suppressions ADD COLUMN contact_id BIGINT;
UPDATE suppressions SET contact_id = c.contact_id
FROM contacts c
WHERE c.workspace_id = suppressions.workspace_id AND c.phone_hash = suppressions.phone_hash AND c.deleted_at IS NULL;
CREATE INDEX suppressions_by_contact ON suppressions (workspace_id, kind, contact_id) WHERE lifted_at IS NULL;

-- The keys under which contacts are found (domain::search says which), and the words of what people wrote.
CREATE TABLE contact_words (
    workspace_id BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    contact_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, word, contact_id)
);
CREATE TABLE message_words (
    workspace_id BIGINT NOT NULL,
    word TEXT COLLATE "C" NOT NULL,
    message_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, word, message_id)
);
-- Contacts that are there already: by the name from its first and from its second word, and by the end of the phone.
INSERT INTO contact_words (workspace_id, word, contact_id)
SELECT workspace_id, LOWER(SUBSTR(name, 1, 60)), contact_id FROM contacts WHERE deleted_at IS NULL AND name <> ''
UNION
SELECT workspace_id, LOWER(SUBSTR(name, STRPOS(name, ' ') + 1, 60)), contact_id FROM contacts
WHERE deleted_at IS NULL AND name LIKE '_% _%'
UNION
SELECT workspace_id, '#' || SUBSTR(phone, LENGTH(phone) - 6), contact_id FROM contacts WHERE deleted_at IS NULL
UNION
SELECT workspace_id, '#' || SUBSTR(phone, LENGTH(phone) - 3), contact_id FROM contacts WHERE deleted_at IS NULL;

-- A file on its way to contacts: what is to be done with it, how far it is, what became of it.
CREATE TABLE imports (
    workspace_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    file_name TEXT NOT NULL,
    file_bytes BIGINT NOT NULL,
    state TEXT NOT NULL,
    choices TEXT NOT NULL,
    counts TEXT NOT NULL,
    outcome TEXT NOT NULL,
    actor TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, import_id)
);
