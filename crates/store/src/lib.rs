//! What is remembered: all SQL, both databases, the migrations.
//!
//! `db` is the face over the two drivers and the only module that names one. Every other module
//! here is a noun of the product with its queries; each lists its statements in `ALL`, and
//! [`statements`] collects them, so that a test prepares every one on both databases.
//! This crate never decides a rule, reads the time or draws chance: they arrive as arguments.

pub mod answers;
pub mod balance_notices;
pub mod bulk_quotes;
pub mod cards;
pub mod carrier_rates;
pub mod carriers;
pub mod checks;
pub mod claims;
pub mod consents;
pub mod contacts;
pub mod conversations;
pub mod copies;
mod db;
pub mod enrollments;
pub mod erasures;
pub mod events;
pub mod export;
pub mod imports;
pub mod installation;
pub mod invitations;
pub mod jobs;
mod json;
pub mod labels;
pub mod ledger;
pub mod mails;
pub mod merges;
pub mod messages;
mod migrations;
pub mod needs;
pub mod notes;
pub mod numbers;
pub mod on_the_way;
pub mod operator_acts;
pub mod payments;
pub mod planned;
pub mod plans;
pub mod quick_replies;
pub mod receipts;
pub mod registrations;
pub mod reminders;
pub mod runs;
pub mod seals;
pub mod search;
pub mod sessions;
pub mod statistics;
pub mod subscriptions;
pub mod suppression_lists;
pub mod suppressions;
pub mod tallies;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod upkeep;
pub mod users;
pub mod views;
pub mod webhooks;
pub mod workflows;
pub mod workspaces;

#[cfg(any(test, feature = "testing"))]
pub use db::mishaps;
pub use db::{Address, ConstraintKind, Copied, DbError, Each, Lane, Later, Read, Row, Sizes, Sql, Store, Tx, Value};

/// Each statement of each module, as (name, statement).
const STATEMENTS: &[&[(&str, &Sql)]] = &[
    answers::ALL,
    balance_notices::ALL,
    bulk_quotes::ALL,
    cards::ALL,
    carrier_rates::ALL,
    carriers::ALL,
    checks::ALL,
    claims::ALL,
    consents::ALL,
    contacts::ALL,
    contacts::custom::ALL,
    contacts::list::ALL,
    contacts::order::ALL,
    contacts::deleted::ALL,
    contacts::restored::ALL,
    contacts::values::ALL,
    conversations::ALL,
    conversations::list::ALL,
    copies::ALL,
    enrollments::ALL,
    erasures::ALL,
    events::ALL,
    imports::ALL,
    imports::changes::ALL,
    installation::ALL,
    invitations::ALL,
    jobs::ALL,
    labels::ALL,
    ledger::ALL,
    mails::ALL,
    merges::ALL,
    messages::ALL,
    messages::counted::ALL,
    notes::ALL,
    needs::ALL,
    numbers::ALL,
    operator_acts::ALL,
    on_the_way::ALL,
    payments::ALL,
    planned::ALL,
    plans::ALL,
    quick_replies::ALL,
    receipts::ALL,
    registrations::ALL,
    reminders::ALL,
    seals::ALL,
    runs::ALL,
    sessions::ALL,
    search::ALL,
    search::due::ALL,
    subscriptions::ALL,
    suppression_lists::ALL,
    suppressions::ALL,
    tallies::ALL,
    statistics::ALL,
    upkeep::ALL,
    users::ALL,
    views::ALL,
    webhooks::ALL,
    webhooks::deliveries::ALL,
    workflows::ALL,
    workspaces::ALL,
    migrations::ALL,
];

/// Every statement that this crate runs, with its name (`module.what`).
pub fn statements() -> impl Iterator<Item = (&'static str, &'static Sql)> {
    STATEMENTS.iter().flat_map(|module| module.iter().copied()).chain(export::all())
}
