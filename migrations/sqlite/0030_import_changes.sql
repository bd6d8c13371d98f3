-- What an import changed of contacts that were there: its undoing goes by it. One row for each contact and import, for 30 days.
CREATE TABLE import_changes (
    workspace_id BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    contact_id BIGINT NOT NULL,
    -- When the contact was changed last: as the import found it, and as it left it.
    found_at BIGINT NOT NULL,
    left_at BIGINT NOT NULL,
    -- Its fields before and after, its person, its labels.
    what TEXT NOT NULL,
    PRIMARY KEY (workspace_id, import_id, contact_id)
) WITHOUT ROWID;
-- For whom erases a person.
CREATE INDEX import_changes_contact ON import_changes (workspace_id, contact_id);
-- Imports that somebody has in hand, or had.
CREATE INDEX imports_in_hand ON imports (workspace_id, import_id) WHERE state = 'running' OR state = 'canceling' OR state = 'undoing';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('import_changes', 'import_changes', '1000000 100000 10000 1'),
    ('import_changes', 'import_changes_contact', '1000000 100000 2'),
    ('imports', 'imports_in_hand', '10 1 1');
ANALYZE sqlite_schema;
