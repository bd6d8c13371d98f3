-- From where this database is or was filled by `dripline copy`. It is asked before any workspace is known: no server opens
-- an unfinished copy.
CREATE TABLE copies (
    source TEXT NOT NULL PRIMARY KEY,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);
