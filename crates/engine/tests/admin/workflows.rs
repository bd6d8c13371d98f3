//! Workflows: saving, order, copies, and the ends that pausing and deleting bring.

use std::sync::Mutex;
use std::sync::mpsc::channel;

use domain::access::Role;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{NumberId, WorkspaceId};
use domain::ledger::Amounts;
use domain::message::MessageState;
use domain::money::Micros;
use domain::workflow::{ChangeError, WorkflowError};
use engine::pauses::PauseError;
use engine::workflows::{SaveError, Status};
use store::{Lane, Sql};

use crate::admin::office::{enroll, input, offices, role};

#[tokio::test]
async fn a_workflow_is_saved_in_canonical_form_and_shown_with_its_sums() {
    for office in offices().await {
        let id = office.workflow().await;
        let view = office.engine.workflow(&office.owner, id).await.unwrap();
        assert_eq!(view.steps[0].template, "Hi {First Name|there}", "{}", office.db.name);
        let list = office.engine.workflows(&office.owner).await.unwrap();
        assert_eq!(list, std::slice::from_ref(&view.summary));
        assert_eq!((list[0].messages, list[0].total_days, list[0].status()), (3, 7, Status::Inactive));
        office.enroll(id, NumberId(1), 2);
        let list = office.engine.workflows(&office.owner).await.unwrap();
        assert_eq!((list[0].active_contacts, list[0].status()), (2, Status::Active));
        assert_eq!(office.events("workflow.created"), 1);
    }
}

#[tokio::test]
async fn all_that_is_wrong_is_told_together_and_nothing_is_saved() {
    for office in offices().await {
        let bad = input(" ", &[(0, "Hi {Nonsense Field}"), (0, "")]);
        let Err(SaveError::Invalid(faults)) = office.engine.create_workflow(&office.owner, bad).await else {
            panic!("it was saved");
        };
        assert_eq!(faults.len(), 4, "{faults:?}");
        assert_eq!(faults[0], WorkflowError::NameEmpty);
        let nul = office.engine.create_workflow(&office.owner, input("Nul", &[(0, "a\0b")])).await;
        assert!(matches!(nul, Err(SaveError::Nul { step: 1 })));
        assert!(office.engine.workflows(&office.owner).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn an_active_workflow_and_an_old_version_cannot_be_edited() {
    for office in offices().await {
        let id = office.workflow().await;
        let edit = |version| office.engine.edit_workflow(&office.owner, id, version, input("New", &[(1, "Hello")]));
        let edited = edit(1).await.unwrap();
        assert_eq!((edited.summary.workflow.version, edited.steps.len()), (2, 1));
        let stale = edit(1).await;
        assert!(matches!(stale, Err(SaveError::Change(ChangeError::Stale { expected: 1, now: 2 }))));
        office.enroll(id, NumberId(1), 3);
        let active = edit(2).await;
        assert!(matches!(active, Err(SaveError::Change(ChangeError::Active { contacts: 3 }))), "{active:?}");
        assert_eq!(office.engine.workflow(&office.owner, id).await.unwrap().summary.workflow.version, 2);
    }
}

#[tokio::test]
async fn an_edit_that_meets_an_enrolling_waits_and_is_refused() {
    for office in offices().await {
        let id = office.workflow().await;
        let (kept, go_on) = (channel(), channel::<()>());
        let (go, kept_sender) = (Mutex::new(go_on.1), Mutex::new(kept.0));
        let (store, workspace, ids, now) =
            (office.db.store.clone(), office.workspace, office.ids.clone(), office.clock.now());
        let enrolling = std::thread::spawn(move || {
            store.write_blocking(Lane::Normal, move |tx| {
                store::workflows::keep(tx, workspace, id)?;
                kept_sender.lock().unwrap().send(()).unwrap();
                go.lock().unwrap().recv().unwrap();
                enroll(tx, workspace, id, NumberId(1), &ids, now, 1)
            })
        });
        kept.1.recv().unwrap();
        let (engine, owner) = (office.engine.clone(), office.owner.clone());
        let editing =
            tokio::spawn(async move { engine.edit_workflow(&owner, id, 1, input("New", &[(0, "Hello")])).await });
        tokio::task::yield_now().await;
        go_on.0.send(()).unwrap();
        let refused = editing.await.unwrap();
        enrolling.join().unwrap().unwrap();
        assert!(matches!(refused, Err(SaveError::Change(ChangeError::Active { contacts: 1 }))), "{}", office.db.name);
    }
}

#[tokio::test]
async fn a_name_is_taken_without_regard_to_case_until_its_workflow_is_deleted() {
    for office in offices().await {
        let id = office.workflow().await;
        let same = || office.engine.create_workflow(&office.owner, input(" SPRING leads ", &[(0, "Hi")]));
        assert!(matches!(same().await, Err(SaveError::NameTaken { .. })));
        let other = office.engine.create_workflow(&office.owner, input("Other", &[(0, "Hi")])).await.unwrap();
        let other = other.summary.workflow.id;
        let renamed = office.engine.edit_workflow(&office.owner, other, 1, input("spring leads", &[(0, "Hi")])).await;
        assert!(matches!(renamed, Err(SaveError::NameTaken { .. })));
        office.engine.delete_workflow(&office.owner, id).await.unwrap();
        same().await.unwrap();
        assert!(matches!(office.engine.workflow(&office.owner, id).await, Err(SaveError::Unknown)));
    }
}

#[tokio::test]
async fn of_two_that_take_a_name_at_once_one_learns_that_it_is_taken() {
    for office in offices().await {
        let create = || office.engine.create_workflow(&office.owner, input("Same", &[(0, "Hi")]));
        let (a, b) = tokio::join!(create(), create());
        let refused = [&a, &b].into_iter().filter(|made| matches!(made, Err(SaveError::NameTaken { .. }))).count();
        assert_eq!((refused, a.is_ok() || b.is_ok()), (1, true), "{}: {a:?} {b:?}", office.db.name);
    }
}

#[tokio::test]
async fn an_order_names_every_workflow_once() {
    for office in offices().await {
        let first = office.workflow().await;
        let copy = office.engine.duplicate_workflow(&office.owner, first).await.unwrap();
        assert_eq!((copy.summary.workflow.name.as_str(), copy.steps.len()), ("Spring leads (copy)", 3));
        let again = office.engine.duplicate_workflow(&office.owner, first).await.unwrap().summary.workflow;
        assert_eq!(again.name, "Spring leads (copy 2)");
        let copy = copy.summary.workflow.id;
        for wrong in [vec![first, copy], vec![first, copy, copy], vec![first, copy, again.id, first]] {
            let refused = office.engine.order_workflows(&office.owner, &wrong).await;
            assert!(matches!(refused, Err(SaveError::Order { .. })));
        }
        office.engine.order_workflows(&office.owner, &[again.id, first, copy]).await.unwrap();
        let list = office.engine.workflows(&office.owner).await.unwrap();
        let ids: Vec<_> = list.iter().map(|row| row.workflow.id).collect();
        assert_eq!(ids, [again.id, first, copy]);
    }
}

#[tokio::test]
async fn a_pause_removes_everybody_and_refunds_what_its_preview_said() {
    for office in offices().await {
        let id = office.workflow().await;
        let enrolled = office.enroll(id, NumberId(1), 5);
        // One message is with the carrier and counts as sent; one waits for its retry and does not.
        office.claimed(enrolled[0], MessageState::Sending);
        let waiting = office.claimed(enrolled[1], MessageState::Queued);
        assert_eq!(office.faults().await, Vec::<String>::new());
        let preview = office.engine.pause_preview(&office.owner, id).await.unwrap();
        let paused = office.engine.pause_workflow(&office.owner, id).await.unwrap();
        assert_eq!(preview, paused, "{}", office.db.name);
        // Ten credits paid ten of fifteen segments; the one in flight keeps its credit.
        assert_eq!((paused.contacts, paused.refunded), (5, Amounts { credits: 9, micros: Micros(75_000) }));
        for id in enrolled {
            assert_eq!(office.stored(id).state, EnrollmentState::Stopped(StopReason::WorkflowPaused));
        }
        let workspace = office.workspace;
        let message = office.db.store.read_blocking(move |read| store::messages::find(read, workspace, waiting));
        assert_eq!(message.unwrap().unwrap().state, MessageState::Canceled);
        let balances = office.engine.balances(&office.owner).await.unwrap();
        assert_eq!((balances.credits, balances.wallet, balances.held_credits), (9, Micros(100_000_000), 1));
        assert_eq!(office.faults().await, Vec::<String>::new());
        assert_eq!((office.events("enrollment.stopped"), office.events("workflow.paused")), (5, 1));
        office.engine.edit_workflow(&office.owner, id, 1, input("New", &[(0, "Hello")])).await.unwrap();
    }
}

#[tokio::test]
async fn a_refund_that_fails_leaves_everybody_in_the_workflow() {
    static TAKE: Sql = Sql::Same(
        "UPDATE accounts SET balance = $2 WHERE workspace_id = $1 AND account = 'prepaid' AND unit = 'micros'",
    );
    for office in offices().await {
        let id = office.workflow().await;
        let enrolled = office.enroll(id, NumberId(1), 601);
        // Enough for the first portion of five hundred, not for all.
        office.corrupt(&TAKE, vec![office.workspace.0.into(), (510 * 45_000).into()]);
        let before = office.engine.balances(&office.owner).await.unwrap();
        let failed = office.engine.pause_workflow(&office.owner, id).await;
        assert!(matches!(failed, Err(PauseError::Failure(_))), "{}: {failed:?}", office.db.name);
        for id in [enrolled[0], enrolled[600]] {
            assert_eq!(office.stored(id).state, EnrollmentState::Active);
        }
        assert_eq!(office.engine.balances(&office.owner).await.unwrap(), before);
        assert_eq!((office.events("enrollment.stopped"), office.events("workflow.paused")), (0, 0));
        office.corrupt(&TAKE, vec![office.workspace.0.into(), (601 * 45_000 - 150_000).into()]);
        let paused = office.engine.delete_workflow(&office.owner, id).await.unwrap();
        assert_eq!(paused.contacts, 601);
        assert_eq!(office.stored(enrolled[600]).state, EnrollmentState::Stopped(StopReason::WorkflowDeleted));
        assert_eq!(office.faults().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn another_workspace_finds_nothing_and_an_agent_may_not() {
    for office in offices().await {
        let id = office.workflow().await;
        let stranger = role(WorkspaceId(office.workspace.0 + 1), Role::Owner);
        assert!(matches!(office.engine.workflow(&stranger, id).await, Err(SaveError::Unknown)));
        assert!(matches!(office.engine.pause_workflow(&stranger, id).await, Err(PauseError::Unknown)));
        assert!(matches!(office.engine.duplicate_workflow(&stranger, id).await, Err(SaveError::Unknown)));
        let agent = role(office.workspace, Role::Agent);
        assert!(matches!(office.engine.pause_workflow(&agent, id).await, Err(PauseError::Forbidden(_))));
        assert!(matches!(office.engine.order_workflows(&agent, &[id]).await, Err(SaveError::Forbidden(_))));
    }
}
