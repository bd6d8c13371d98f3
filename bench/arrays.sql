-- What PostgreSQL needs to read 256 rows of 16 values, once as one JSON document and once as 16 arrays, as `Each` gives them to it (decision 0036):
--   scripts/postgres bash -c 'psql "$DRIPLINE_TEST_POSTGRES" --quiet --file=bench/arrays.sql'
DO $$
DECLARE
    document text; numbers bigint[]; nulls bigint[]; words text[]; no_words text[];
    begun timestamptz; seen bigint; by_document numeric; by_arrays numeric;
BEGIN
    SELECT json_agg(json_build_object('id', n + 1234567890123456, 'state', 'accepted', 'attempts', n, 'due', NULL, 'claimed', n + 1764000000000000,
            'give_up', n + 1764000000000000, 'sought', n, 'carrier_id', 'SM' || md5(n::text), 'code', NULL, 'detail', NULL,
            'sent', n + 1764000000000000, 'at', n + 1764000000000000, 'credits', n, 'micros', n, 'segments', n, 'number', n + 1234567890123456))::text,
        array_agg(n + 1234567890123456), array_agg(NULL::bigint), array_agg('SM' || md5(n::text)), array_agg(NULL::text)
    INTO document, numbers, nulls, words, no_words FROM generate_series(1, 256) AS n;
    FOR round IN 1..5 LOOP
        begun := clock_timestamp();
        FOR run IN 1..100 LOOP
            SELECT COUNT(id) + COUNT(number) INTO seen FROM jsonb_to_recordset(document::jsonb) AS t (id bigint, state text, attempts bigint, due bigint,
                claimed bigint, give_up bigint, sought bigint, carrier_id text, code text, detail text, sent bigint, at bigint, credits bigint,
                micros bigint, segments bigint, number bigint);
        END LOOP;
        by_document := EXTRACT(EPOCH FROM clock_timestamp() - begun) * 1e6 / 25600;
        begun := clock_timestamp();
        FOR run IN 1..100 LOOP
            SELECT COUNT(id) + COUNT(number) INTO seen FROM UNNEST(numbers, words, numbers, nulls, numbers, numbers, numbers, words, no_words, no_words,
                numbers, numbers, numbers, numbers, numbers, numbers) AS t (id, state, attempts, due, claimed, give_up, sought, carrier_id, code, detail,
                sent, at, credits, micros, segments, number);
        END LOOP;
        by_arrays := EXTRACT(EPOCH FROM clock_timestamp() - begun) * 1e6 / 25600;
        RAISE NOTICE 'a row: % us as a document, % us as arrays, % times as much', round(by_document, 1), round(by_arrays, 1), round(by_document / by_arrays, 1);
    END LOOP;
END $$;
