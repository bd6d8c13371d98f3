//! Transfers are posted once, all of them or none.

use domain::ids::{EnrollmentId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason, Transfer};
use domain::money::Micros;
use jiff::Timestamp;
use store::ledger::{PostError, post};
use store::{DbError, Lane, Read, Store, Tx, tallies, testing, workspaces};

use crate::common::{ADD, table};

const WORKSPACE: WorkspaceId = WorkspaceId(7);
const AT: Timestamp = Timestamp::UNIX_EPOCH;

fn transfers(of: i64, reason: Reason, credits: i64) -> Vec<Transfer> {
    let amounts = Amounts { credits, micros: Micros(credits * 15_000) };
    ledger::transfers(Cause::enrollment(EnrollmentId(of)), reason, amounts)
}

fn stored(read: &Read<'_>) -> Result<(Vec<i64>, i64), DbError> {
    let balances = store::ledger::balances(read, WORKSPACE)?.into_iter().map(|balance| balance.amount).collect();
    let counted = tallies::all(read, WORKSPACE)?.values().map(|count| count.count).sum();
    Ok((balances, counted))
}

fn found(store: &Store) {
    let found = |tx: &mut Tx<'_>| {
        workspaces::insert(tx, &crate::tallies::workspace())?;
        store::ledger::open_accounts(tx, WORKSPACE)
    };
    store.write_blocking(Lane::Normal, found).unwrap();
}

#[test]
fn what_is_known_posts_nothing_and_what_is_mixed_or_too_much_says_so() {
    for db in testing::databases() {
        let write = |of: Vec<Transfer>| db.store.write_blocking(Lane::Normal, move |tx| post(tx, WORKSPACE, &of, AT));
        let read = || db.store.read_blocking(stored).unwrap();
        found(&db.store);
        assert!(write(Vec::new()).unwrap());
        assert!(write(transfers(1, Reason::TopUp, 100)).unwrap());
        assert!(!write(transfers(1, Reason::TopUp, 100)).unwrap(), "{}", db.name);
        assert!(write(transfers(2, Reason::Charge, 60)).unwrap());
        let charged = read();
        let mut amounts = charged.0.clone();
        amounts.sort_unstable();
        assert_eq!(amounts, [-1_500_000, -100, 0, 0, 40, 60, 600_000, 900_000], "{}", db.name);
        // Another charge of as much would be too much; this one is known.
        assert!(!write(transfers(2, Reason::Charge, 60)).unwrap(), "{}", db.name);
        assert_eq!(read(), charged, "{}", db.name);
        let too_much = write(transfers(3, Reason::Charge, 60));
        assert!(matches!(too_much, Err(PostError::Floor { account: "available", .. })), "{}: {too_much:?}", db.name);
        let mixed = write([transfers(1, Reason::TopUp, 100), transfers(4, Reason::TopUp, 5)].concat());
        assert!(matches!(mixed, Err(PostError::Mixed { given: 4, posted: 2 })), "{}: {mixed:?}", db.name);
        assert_eq!(read(), charged, "{}", db.name);
    }
}

#[test]
fn a_statement_that_fails_before_them_is_why_they_fail() {
    for db in testing::databases() {
        table(&db.store);
        found(&db.store);
        let write = |ids: [i64; 2]| {
            db.store.write_blocking(Lane::Normal, move |tx| {
                let [first, second] = ids;
                tx.run(&ADD, &[first.into(), "a".into()])?;
                // Nothing of the second has to be asked for or prepared any more, so that all of it is one journey.
                assert!(post(tx, WORKSPACE, &transfers(first, Reason::TopUp, 1), AT)?);
                // SQLite says so at once; PostgreSQL with the next that is waited for.
                let sent = tx.run(&ADD, &[second.into(), "b".into()]);
                let posted = post(tx, WORKSPACE, &transfers(second, Reason::TopUp, 1), AT);
                sent?;
                posted
            })
        };
        assert!(write([1, 2]).unwrap(), "{}", db.name);
        let posted = db.store.read_blocking(stored).unwrap();
        let failed = write([3, 2]);
        assert!(matches!(failed, Err(PostError::Db(DbError::Constraint { .. }))), "{}: {failed:?}", db.name);
        assert_eq!(db.store.read_blocking(stored).unwrap(), posted, "{}", db.name);
    }
}
