-- What a claim and an advance cost PostgreSQL for each text, by where the due time is kept (decision 0039):
--   scripts/postgres bash -c 'psql "$DRIPLINE_TEST_POSTGRES" --quiet --file=bench/hot.sql'
-- `apart`: what changes with each text is a narrow row of its own, and what is due is a row of another table, so an update leaves the indexes alone.
\set ON_ERROR_STOP on
SET client_min_messages = notice;
CREATE TABLE whole (
    workspace_id BIGINT NOT NULL, enrollment_id BIGINT NOT NULL, contact_id BIGINT NOT NULL, workflow_id BIGINT NOT NULL, version BIGINT NOT NULL,
    state TEXT NOT NULL, reason TEXT, number_id BIGINT NOT NULL, place TEXT NOT NULL, field_values TEXT NOT NULL, prices TEXT NOT NULL, rate_micros BIGINT NOT NULL,
    next_step BIGINT NOT NULL, due_at BIGINT, message_id BIGINT, hour_minute BIGINT, started_by TEXT NOT NULL, started_at BIGINT NOT NULL, ended_at BIGINT,
    stopped_after BIGINT, PRIMARY KEY (workspace_id, enrollment_id));
CREATE UNIQUE INDEX ON whole (workspace_id, contact_id) WHERE state = 'active';
CREATE INDEX ON whole (workspace_id, workflow_id) WHERE state = 'active';
CREATE INDEX ON whole (workspace_id, contact_id, enrollment_id);
CREATE INDEX ON whole (workspace_id, workflow_id, contact_id) WHERE state <> 'active';
CREATE INDEX ON whole (workspace_id, number_id, due_at, workflow_id, version, next_step) WHERE due_at IS NOT NULL;
CREATE TABLE runs (
    workspace_id BIGINT NOT NULL, enrollment_id BIGINT NOT NULL, next_step BIGINT NOT NULL, due_at BIGINT, message_id BIGINT, hour_minute BIGINT,
    PRIMARY KEY (workspace_id, enrollment_id)) WITH (fillfactor = 45);
CREATE TABLE dues (
    workspace_id BIGINT NOT NULL, number_id BIGINT NOT NULL, due_at BIGINT NOT NULL, enrollment_id BIGINT NOT NULL, workflow_id BIGINT NOT NULL,
    version BIGINT NOT NULL, next_step BIGINT NOT NULL, PRIMARY KEY (workspace_id, number_id, due_at, enrollment_id));
INSERT INTO whole SELECT 1, n * 32, n * 32, 77, 1, 'active', NULL, 88, '[["America/New_York"],"America/New_York",["US"],"state","on"]',
    '[["First Name","Ann"],["Address","12 Oak Street"]]', '[[1,0,15000],[1,0,15000],[1,0,15000]]', 15000, 1, n, NULL, NULL, 'user', 0 FROM generate_series(1, 200000) n;
INSERT INTO runs SELECT workspace_id, enrollment_id, next_step, due_at FROM whole;
INSERT INTO dues SELECT workspace_id, number_id, due_at, enrollment_id, workflow_id, version, next_step FROM whole;
VACUUM ANALYZE;
CREATE PROCEDURE whole(claims INT) LANGUAGE plpgsql AS $$
DECLARE ids BIGINT[]; begun TIMESTAMPTZ := clock_timestamp();
BEGIN
    FOR claim IN 1..claims LOOP
        SELECT array_agg(x.enrollment_id) INTO ids FROM (SELECT enrollment_id FROM whole WHERE workspace_id = 1 AND number_id = 88 AND state = 'active'
            AND due_at IS NOT NULL AND due_at < 1000000 ORDER BY due_at LIMIT 200 FOR UPDATE SKIP LOCKED) x;
        UPDATE whole SET due_at = NULL, message_id = t.id + 5 FROM UNNEST(ids) AS t (id) WHERE workspace_id = 1 AND enrollment_id = t.id AND state = 'active';
        COMMIT;
        PERFORM 1 FROM whole WHERE workspace_id = 1 AND enrollment_id = ANY (ids) ORDER BY enrollment_id FOR UPDATE;
        UPDATE whole SET next_step = 2, due_at = t.id + 1000000, message_id = NULL, hour_minute = 5 FROM UNNEST(ids) AS t (id)
            WHERE workspace_id = 1 AND enrollment_id = t.id;
        COMMIT;
    END LOOP;
    RAISE NOTICE 'whole: % us a text', round((EXTRACT(EPOCH FROM clock_timestamp() - begun) * 1e6 / claims / 200)::numeric, 1);
END $$;
CREATE PROCEDURE apart(claims INT) LANGUAGE plpgsql AS $$
DECLARE ids BIGINT[]; dues_at BIGINT[]; begun TIMESTAMPTZ := clock_timestamp();
BEGIN
    FOR claim IN 1..claims LOOP
        SELECT array_agg(x.enrollment_id), array_agg(x.due_at) INTO ids, dues_at FROM (SELECT e.enrollment_id, d.due_at FROM dues d
            JOIN whole e ON e.workspace_id = d.workspace_id AND e.enrollment_id = d.enrollment_id
            WHERE d.workspace_id = 1 AND d.number_id = 88 AND d.due_at < 1000000 AND e.state = 'active' ORDER BY d.due_at LIMIT 200 FOR UPDATE OF e SKIP LOCKED) x;
        UPDATE runs SET due_at = NULL, message_id = t.id + 5 FROM UNNEST(ids) AS t (id) WHERE workspace_id = 1 AND enrollment_id = t.id;
        DELETE FROM dues USING UNNEST(ids, dues_at) AS t (id, due) WHERE workspace_id = 1 AND number_id = 88 AND due_at = t.due AND enrollment_id = t.id;
        COMMIT;
        PERFORM 1 FROM whole e JOIN runs r ON r.workspace_id = e.workspace_id AND r.enrollment_id = e.enrollment_id
            WHERE e.workspace_id = 1 AND e.enrollment_id = ANY (ids) ORDER BY e.enrollment_id FOR UPDATE OF e;
        UPDATE runs SET next_step = 2, due_at = t.id + 1000000, message_id = NULL, hour_minute = 5 FROM UNNEST(ids) AS t (id)
            WHERE workspace_id = 1 AND enrollment_id = t.id;
        INSERT INTO dues SELECT 1, 88, t.id + 1000000, t.id, 77, 1, 2 FROM UNNEST(ids) AS t (id);
        COMMIT;
    END LOOP;
    RAISE NOTICE 'apart: % us a text', round((EXTRACT(EPOCH FROM clock_timestamp() - begun) * 1e6 / claims / 200)::numeric, 1);
END $$;
CALL whole(150);
CALL apart(150);
CALL whole(150);
CALL apart(150);
CALL whole(150);
CALL apart(150);
SELECT relname, pg_relation_size(oid) / 200000 AS bytes_a_row, pg_indexes_size(oid) / 200000 AS of_indexes FROM pg_class WHERE relname IN ('whole', 'runs', 'dues');
DROP TABLE whole, runs, dues;
DROP PROCEDURE whole, apart;
