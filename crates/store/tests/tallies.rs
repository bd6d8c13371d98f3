//! A database that is older than its tallies gets them when it is opened.

use domain::ids::{EnrollmentId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use domain::tally::What;
use jiff::Timestamp;
use store::{Lane, Sql, tallies, testing, workspaces};

/// As in a database that is older than its tallies.
const FORGET: Sql = Sql::Same("UPDATE transfers SET day = 0");

const WORKSPACE: WorkspaceId = WorkspaceId(7);

/// Half past midnight in UTC, the evening before in New York.
fn at() -> Timestamp {
    "2026-11-25T00:30:00Z".parse().unwrap()
}

pub(crate) fn workspace() -> workspaces::Workspace {
    workspaces::Workspace {
        id: WORKSPACE,
        name: "Acme".to_owned(),
        zone: "America/New_York".to_owned(),
        plan: "active".to_owned(),
        rate: Micros(15_000),
        settings: "{}".to_owned(),
        messages_per_minute: 0,
        paced_until: at(),
        created_at: at(),
        suspended: None,
    }
}

#[test]
fn what_is_posted_counts_on_the_day_of_the_workspace_once_for_both_units() {
    for db in testing::databases() {
        db.store
            .write_blocking(Lane::Normal, |tx| {
                workspaces::insert(tx, &workspace())?;
                store::ledger::open_accounts(tx, WORKSPACE)?;
                let amounts = Amounts { credits: 3, micros: Micros(45_000) };
                let coming = ledger::transfers(Cause::enrollment(EnrollmentId(9)), Reason::TopUp, amounts);
                assert!(store::ledger::post(tx, WORKSPACE, &coming, at()).unwrap());
                assert!(!store::ledger::post(tx, WORKSPACE, &coming, at()).unwrap(), "a repeat posts nothing");
                Ok::<_, store::DbError>(())
            })
            .unwrap();
        let rows = db.store.read_blocking(|read| tallies::days(read, WORKSPACE, 0, 1_000_000)).unwrap();
        assert_eq!(rows.len(), 1, "{}: {rows:?}", db.name);
        assert_eq!(tallies::date_of(rows[0].day).to_string(), "2026-11-24");
        assert_eq!((rows[0].what, rows[0].count.count), (What::Moved(Reason::TopUp), 1));
        assert_eq!(rows[0].count.amounts, Amounts { credits: 3, micros: Micros(45_000) });
    }
}

#[test]
fn a_transaction_that_fails_counts_nothing() {
    for db in testing::databases() {
        let failed = db.store.write_blocking(Lane::Normal, |tx| {
            workspaces::insert(tx, &workspace())?;
            store::ledger::open_accounts(tx, WORKSPACE)?;
            let amounts = Amounts { credits: 3, micros: Micros::ZERO };
            let coming = ledger::transfers(Cause::enrollment(EnrollmentId(9)), Reason::TopUp, amounts);
            store::ledger::post(tx, WORKSPACE, &coming, at()).unwrap();
            Err::<(), _>(store::DbError::Closed)
        });
        failed.unwrap_err();
        let rows = db.store.read_blocking(|read| tallies::all(read, WORKSPACE)).unwrap();
        assert!(rows.is_empty(), "{}", db.name);
    }
}

#[test]
fn counts_taken_again_are_those_that_were_counted() {
    for db in testing::databases() {
        db.store
            .write_blocking(Lane::Normal, |tx| {
                workspaces::insert(tx, &workspace())?;
                store::ledger::open_accounts(tx, WORKSPACE)?;
                let amounts = Amounts { credits: 3, micros: Micros(45_000) };
                let coming = ledger::transfers(Cause::enrollment(EnrollmentId(9)), Reason::TopUp, amounts);
                store::ledger::post(tx, WORKSPACE, &coming, at()).unwrap();
                Ok::<_, store::DbError>(())
            })
            .unwrap();
        let before = db.store.read_blocking(|read| tallies::all(read, WORKSPACE)).unwrap();
        db.store.write_blocking(Lane::Normal, |tx| tx.execute(&FORGET, &[])).unwrap();
        db.store.write_blocking(Lane::Normal, |tx| tallies::take_again(tx, WORKSPACE)).unwrap();
        let after = db.store.read_blocking(|read| tallies::all(read, WORKSPACE)).unwrap();
        assert_eq!((before.len(), &before), (1, &after), "{}", db.name);
    }
}
