//! What befalls a process's transactions on purpose is what the table of the mishaps says, on both databases.

use store::mishaps::{Mishap, Mishaps, Trouble};
use store::{DbError, Lane, Store, testing};

use crate::common::{LIST, add, names, table};

/// The same database, whose next transaction meets this.
fn befallen(store: &Store, mishap: Mishap) -> Store {
    let mut next = Some(mishap);
    store.with(Mishaps::new(None, move || next.take().unwrap_or(Mishap::None)))
}

/// Writes two rows in one transaction.
async fn write(store: &Store, first: i64) -> Result<(), DbError> {
    let work = move |tx: &mut store::Tx<'_>| {
        add(tx, first, "one")?;
        add(tx, first + 1, "two")
    };
    store.write(Lane::Normal, work).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_mishap_keeps_and_tells_what_it_should() {
    use Mishap::{AnswerLost, CommitLost, DiesAfter, DiesAt, Fails};
    let cases = [
        (Mishap::None, true, "Ok(())", true),
        (Fails(0, Trouble::Timeout), false, "Err(Timeout(\"on purpose\"))", true),
        (Fails(1, Trouble::DiskFull), false, "Err(DiskFull(\"on purpose\"))", true),
        (Fails(5, Trouble::Timeout), true, "Ok(())", true),
        (AnswerLost, true, "Err(CommitUnknown(\"on purpose\"))", true),
        (CommitLost, false, "Err(CommitUnknown(\"on purpose\"))", true),
        (DiesAt(1), false, "Err(Closed)", false),
        (DiesAfter, true, "Err(Closed)", false),
    ];
    for (mishap, kept, told, lives) in cases {
        for db in testing::databases() {
            table(&db.store);
            let process = befallen(&db.store, mishap);
            assert_eq!(format!("{:?}", write(&process, 1).await), told, "{mishap:?} on {}", db.name);
            let found = names(&db.store);
            assert_eq!(found.len(), if kept { 2 } else { 0 }, "{mishap:?} on {}", db.name);
            let again = process.read(|read| read.query(&LIST, &[])).await;
            assert_eq!(again.is_ok(), lives, "{mishap:?} on {}", db.name);
            assert!(write(&db.store, 11).await.is_ok(), "another process goes on after {mishap:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_on_purpose_is_met_as_any_other() {
    for db in testing::databases() {
        table(&db.store);
        let told = write(&befallen(&db.store, Mishap::Fails(1, Trouble::Conflict)), 1).await;
        // PostgreSQL runs such a transaction again; on SQLite there is nobody to be in its way.
        assert_eq!(told.is_ok(), db.name == "postgres", "{told:?}");
        assert_eq!(names(&db.store).is_empty(), db.name == "sqlite");
    }
}
