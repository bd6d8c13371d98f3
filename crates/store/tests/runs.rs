//! Who is in which workflow: one row for each enrollment that runs.

use std::sync::{Arc, Barrier};

use domain::enrollment::{StepPrice, StopReason};
use domain::ids::{ContactId, EnrollmentId, NumberId, WorkflowId, WorkspaceId};
use domain::money::Micros;
use jiff::Timestamp;
use store::claims::{self, Advance};
use store::enrollments::{self, NewEnrollment, Place, Start};
use store::{ConstraintKind, DbError, Lane, Store, runs, testing};

const WORKSPACE: WorkspaceId = WorkspaceId(1);
const WORKFLOW: WorkflowId = WorkflowId(7);

fn start(store: &Store, id: i64, contact: i64) -> Result<(), DbError> {
    store.write_blocking(Lane::Normal, move |tx| {
        let place = Place {
            zones: vec!["America/New_York".to_owned()],
            primary: "America/New_York".to_owned(),
            rules: Vec::new(),
            source: "state".to_owned(),
            smart: "on".to_owned(),
        };
        let row = NewEnrollment {
            id: EnrollmentId(id),
            contact: ContactId(contact),
            number: NumberId(5),
            place,
            values: Vec::new(),
            prices: vec![StepPrice { segments: 1, credits: 0, micros: Micros(0) }; 2],
            due_at: Timestamp::UNIX_EPOCH,
        };
        let start = Start {
            workflow: WORKFLOW,
            version: 1,
            from_step: 1,
            rate: Micros(0),
            by: "test".to_owned(),
            at: Timestamp::UNIX_EPOCH,
        };
        enrollments::insert(tx, WORKSPACE, &start, &[row])
    })
}

fn running(store: &Store) -> Vec<i64> {
    let after = EnrollmentId(0);
    let rows = store.read_blocking(move |db| {
        assert_eq!(runs::drifted(db, WORKSPACE)?, []);
        enrollments::running_in(db, WORKSPACE, WORKFLOW, after, 100)
    });
    rows.unwrap().iter().map(|row| row.id.0).collect()
}

#[test]
fn a_contact_is_in_one_workflow_at_a_time_and_free_after_each_end() {
    for db in testing::databases() {
        start(&db.store, 10, 1).unwrap();
        start(&db.store, 11, 2).unwrap();
        let twice = start(&db.store, 12, 1);
        assert!(
            matches!(twice, Err(DbError::Constraint { kind: ConstraintKind::Unique, .. })),
            "{}: {twice:?}",
            db.name
        );
        assert_eq!(running(&db.store), [10, 11], "{}", db.name);
        let ended = db.store.write_blocking(Lane::Normal, |tx| {
            let stopping =
                enrollments::stop(tx, WORKSPACE, &[EnrollmentId(10)], StopReason::Replied, Timestamp::UNIX_EPOCH)?;
            enrollments::stopped(tx, WORKSPACE, stopping)?;
            let over =
                Advance { enrollment: EnrollmentId(11), step: 3, due: None, hour: None, completes: Some(WORKFLOW) };
            claims::advance(tx, WORKSPACE, &[over], Timestamp::UNIX_EPOCH)
        });
        ended.unwrap();
        assert_eq!(running(&db.store), [] as [i64; 0], "{}", db.name);
        start(&db.store, 13, 1).unwrap();
        // An end of what ended before takes nobody out.
        let again = db.store.write_blocking(Lane::Normal, |tx| {
            let stopping =
                enrollments::stop(tx, WORKSPACE, &[EnrollmentId(10)], StopReason::Replied, Timestamp::UNIX_EPOCH)?;
            enrollments::stopped(tx, WORKSPACE, stopping)?;
            let over = Advance { enrollment: EnrollmentId(10), step: 3, due: None, hour: None, completes: None };
            claims::advance(tx, WORKSPACE, &[over], Timestamp::UNIX_EPOCH)
        });
        again.unwrap();
        assert_eq!(running(&db.store), [13], "{}", db.name);
        let of_contact = |before| {
            let found = db
                .store
                .read_blocking(move |db| enrollments::of_contact(db, WORKSPACE, ContactId(1), EnrollmentId(before), 2));
            found.unwrap().iter().map(|row| row.id.0).collect::<Vec<_>>()
        };
        assert_eq!((of_contact(100), of_contact(13)), (vec![13, 10], vec![10]), "{}", db.name);
    }
}

#[test]
fn of_two_starts_at_once_one_fails() {
    let db = testing::postgres();
    for round in 0..20 {
        let both = Arc::new(Barrier::new(2));
        let racers = [0, 1].map(|racer| {
            let (store, both) = (db.store.clone(), Arc::clone(&both));
            std::thread::spawn(move || {
                both.wait();
                start(&store, 100 + round * 2 + racer, 50 + round)
            })
        });
        let ends = racers.map(|racer| racer.join().unwrap());
        let failed: Vec<_> = ends.iter().filter_map(|end| end.as_ref().err()).collect();
        assert!(matches!(failed[..], [DbError::Constraint { kind: ConstraintKind::Unique, .. }]), "{ends:?}");
    }
    assert_eq!(running(&db.store).len(), 20);
}
