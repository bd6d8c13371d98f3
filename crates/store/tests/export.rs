//! What a workspace's export leaves out, held against the schema: a new table or column is exported, or stands here with its reason.

use std::collections::{BTreeMap, BTreeSet};

use store::export::PARTS;
use store::{Sql, testing};

/// Tables of which nothing is exported.
const TABLES: [(&str, &str); 32] = [
    ("answers", "answers to repeated requests, for a day"),
    ("bulk_parts", "what was shown before a start, of which `jobs` and `enrollments` tell"),
    ("bulk_quotes", "the same"),
    ("carrier_events", "which calls of carriers were taken"),
    ("carrier_messages", "in `messages` as `carrier_id`"),
    ("carrier_rates", "of the server"),
    ("contact_words", "made of contacts"),
    ("copies", "of the server"),
    ("event_seals", "hashes of events"),
    ("filter_fields", "which fields contacts are kept by, to be found"),
    ("filter_values", "made of contacts"),
    ("import_changes", "what an undoing of an import goes by, for 30 days"),
    ("invitations", "links that are secrets"),
    ("mails", "what `events` tell, to be read by people; for 30 days"),
    ("message_words", "made of messages"),
    ("nodes", "of the server"),
    ("number_routes", "in `numbers`"),
    ("operator_acts", "of the server"),
    ("parked_receipts", "what nobody claimed yet"),
    ("plans", "of the server; the workspace's own is in `periods`"),
    ("quotes", "for a quarter of an hour"),
    ("runs", "what runs, of `enrollments`"),
    ("schema_migrations", "of the server"),
    ("self_checks", "of the server"),
    ("sessions", "who is signed in, with secrets"),
    ("sign_ins", "in `users`"),
    ("stray_events", "of the server"),
    ("tallies", "counted from messages"),
    ("webhook_deliveries", "a log of three days"),
    ("word_turns", "who writes what contacts are found by"),
    ("words_due", "whom that was not done for yet"),
    ("words_gone", "what of it is to be removed again"),
];

/// Columns that are not exported, of tables that are.
const COLUMNS: [(&str, &[&str]); 21] = [
    ("api_keys", &["secret_hash"]),
    ("balance_notices", &["armed"]),
    ("brands", &["day_until", "day_count"]),
    ("campaigns", &["paced_until"]),
    ("cards", &["method", "declines", "retry_at"]),
    ("carriers", &["sealed", "hook_key", "hook_key_before"]),
    ("contact_labels", &["last_at"]),
    ("contacts", &["name_key"]),
    ("conversations", &["last_message_id", "side", "enrollment_id"]),
    ("enrollments", &["hour_minute", "stopped_after"]),
    ("jobs", &["payload", "cursor"]),
    ("labels", &["name_key"]),
    ("messages", &["claimed_at", "give_up_at", "sought"]),
    ("numbers", &["area", "paced_until", "day_start", "day_count", "contacts"]),
    ("payments", &["keeps_card", "customer", "method", "postings", "look_at"]),
    ("subscriptions", &["anchor", "warned", "next_at"]),
    ("transfers", &["day"]),
    ("users", &["email_key", "password_hash", "operator_at"]),
    ("webhooks", &["sealed", "old_until", "failing_since", "delivered_at", "turn_at"]),
    ("workflows", &["name_key"]),
    ("workspaces", &["paced_until", "dispatched_at"]),
];

const SCHEMA: Sql = Sql::Same(
    "
    SELECT t.name, c.name FROM pragma_table_list AS t JOIN pragma_table_info(t.name) AS c
    WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%'",
);

#[test]
fn every_table_and_column_is_exported_or_left_out_for_a_reason() {
    let db = testing::sqlite();
    let mut tables = BTreeMap::<String, BTreeSet<String>>::new();
    for row in db.store.read_blocking(|read| read.query(&SCHEMA, &[])).unwrap() {
        tables.entry(row.text(0).unwrap().to_owned()).or_default().insert(row.text(1).unwrap().to_owned());
    }
    let known: BTreeSet<&str> = PARTS.iter().map(|part| part.name).chain(TABLES.map(|(name, _)| name)).collect();
    assert_eq!(known, tables.keys().map(String::as_str).collect());
    for part in PARTS {
        let left_out = COLUMNS.iter().find(|(name, _)| *name == part.name).map_or(&[][..], |(_, columns)| columns);
        let known: BTreeSet<&str> = part.columns().chain(left_out.iter().copied()).collect();
        let mut there: BTreeSet<&str> = tables[part.name].iter().map(String::as_str).collect();
        if !known.contains("workspace_id") {
            there.remove("workspace_id");
        }
        assert_eq!(known, there, "{}", part.name);
    }
}
