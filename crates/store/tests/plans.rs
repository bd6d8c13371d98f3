//! No statement walks through all that a workspace has, on SQLite with the statistics of the migrations.
//!
//! A walk is the scan of a table, or a search by nothing but the workspace whose rows must then be sorted: for a page of
//! fifty rows that reads a million. A search by the workspace alone in the order of the index is how pages are read, and no walk, but
//! for each row of something else it is one.

use store::testing;

/// Statements that walk, each with why it may: what they walk through is small.
const SMALL: &[(&str, &str)] = &[
    ("carrier_rates::LIST", "what carriers take, as the operator has set it: at most some thousand, all shown"),
    ("carriers::ALL_OPEN", "accounts at carriers, a few for each workspace that sends"),
    ("carriers::VERSION", "the same"),
    ("checks::STATE", "one row for each workspace, when the operator's figures are asked for"),
    ("claims::DUE_WORKSPACES", "one row for each workspace that has something due"),
    ("contacts::values::UNFINISHED", "fields that lists are filtered by, at most 20 of a workspace"),
    ("copies::FIND", "at most one row"),
    ("copies::FINISH", "the same"),
    ("copies::SERVED", "one row for each node, before a copy"),
    ("jobs::RUNNING", "by the index that holds running jobs only"),
    ("ledger::export::TRANSFERS", "all of the ledger, oldest first: that is what is asked for, by the operator"),
    ("migrations::IS_THERE", "the schema"),
    ("migrations::LIST_APPLIED", "the migrations"),
    ("migrations::WORKSPACES", "one row for each workspace, when a migration has to fill something"),
    ("plans::LIST", "what the operator offers: a handful"),
    ("quick_replies::LIST", "at most a few hundred, all shown"),
    ("seals::HIGHEST", "the last seal of each workspace, which is the first row from the end of its key"),
    ("subscriptions::DUE", "one row for each workspace that has a plan"),
    ("suppression_lists::REMOVING", "lists from files, a few for each workspace that has any"),
    ("upkeep::STRAYS", "strays are bounded by their age"),
    ("users::ANYBODY", "stops at the first row"),
    ("workflows::TEXTS", "the messages of a few hundred workflows, for the page of fields and who removes one"),
    ("workflows::LIST", "at most a few hundred, all shown"),
    ("webhooks::ALL_OPEN", "endpoints of webhooks, a few for each workspace that has any"),
    ("statistics::STALE", "nothing: on SQLite it asks for no row"),
];

#[test]
fn no_statement_walks_through_all_that_a_workspace_has() {
    let db = testing::sqlite();
    let mut walking = Vec::new();
    for (name, sql) in store::statements() {
        let plan = db.store.read_blocking(move |read| read.plan(sql)).unwrap();
        if walks(&plan) && !SMALL.iter().any(|(small, _)| *small == name) {
            walking.push(format!("{name}\n  {}", plan.join("\n  ")));
        }
    }
    assert!(walking.is_empty(), "these walk through a whole workspace:\n{}", walking.join("\n"));
}

#[test]
fn the_list_of_what_may_walk_names_only_what_does() {
    let db = testing::sqlite();
    for (name, why) in SMALL {
        let (_, sql) = store::statements().find(|(known, _)| known == name).unwrap_or_else(|| panic!("{name} is gone"));
        let plan = db.store.read_blocking(move |read| read.plan(sql)).unwrap();
        assert!(walks(&plan), "{name} ({why}) walks no more");
    }
}

fn walks(plan: &[String]) -> bool {
    let sorts = plan.iter().any(|line| line.contains("TEMP B-TREE FOR ORDER BY"));
    let after = plan.iter().skip_while(|line| !line.starts_with("CORRELATED"));
    let mut for_each_row = after.take_while(|line| *line != "UNION ALL");
    for_each_row.any(|line| all_of_a_workspace(line))
        || plan.iter().any(|line| scans(line) || (sorts && by_workspace_alone(line)))
}

/// `SEARCH e USING PRIMARY KEY (workspace_id=?)`, not of the one row that a workspace itself is.
fn all_of_a_workspace(line: &str) -> bool {
    line.starts_with("SEARCH ") && line.ends_with("(workspace_id=?)") && !line.contains("_workspaces_")
}

/// `SCAN workspaces`; not a list that was given (`VIRTUAL TABLE`), nor what the statement has just made (one letter or a word of its own).
fn scans(line: &str) -> bool {
    let Some(scanned) = line.strip_prefix("SCAN ") else { return false };
    let name = scanned.split(' ').next().unwrap_or_default();
    let made = ["CONSTANT", "found", "given"].contains(&name) || name.len() == 1 || name.starts_with('(');
    !made && !scanned.contains("VIRTUAL TABLE")
}

/// `SEARCH c USING PRIMARY KEY (workspace_id=? AND contact_id<?)`: nothing narrows it but a place in the order.
fn by_workspace_alone(line: &str) -> bool {
    let Some((_, condition)) = line.rsplit_once('(') else { return false };
    let mut terms = condition.trim_end_matches(')').split(" AND ");
    line.starts_with("SEARCH ") && terms.next() == Some("workspace_id=?") && terms.all(|term| !term.contains('='))
}
