//! Every statement of the crate is well formed on both databases and names only what exists.

use store::testing;

#[test]
fn every_statement_prepares_on_both_databases() {
    for db in testing::databases() {
        for (name, sql) in store::statements() {
            let prepared = db.store.read_blocking(move |read| read.prepare(sql));
            prepared.unwrap_or_else(|error| panic!("{name} on {}: {error:?}", db.name));
        }
    }
}

#[test]
fn every_statement_has_a_name_of_its_own() {
    let mut names: Vec<_> = store::statements().map(|(name, _)| name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
}
