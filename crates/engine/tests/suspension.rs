//! A suspended workspace sends nothing, on any node and by any way; nothing of it is lost, and it goes on where it was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use carrier::Carrier;
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{EventId, WorkflowId, WorkspaceId};
use domain::refusal::Refusal;
use engine::bulk::{Many, Selection};
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::manual::SendError;
use engine::suspension::SuspensionError;
use engine::{Carriers, Engine, Operator};
use jiff::SignedDuration;
use store::{DbError, Sql};

use crate::world::{Plan, World, on_both};

const ANN: &str = "+12125550101";
const BOB: &str = "+12125550102";

fn request(world_contact: domain::ids::ContactId) -> EnrollRequest {
    EnrollRequest { contact: world_contact, workflow: WorkflowId(77), from_step: 1, quote: None, key: None }
}

async fn suspend(world: &World, reason: &str) {
    let by = Operator::at_command_line();
    world.engine.suspend_workspace(&by, world.workspace(), reason).await.unwrap();
}

async fn resume(world: &World) {
    world.engine.resume_workspace(&Operator::at_command_line(), world.workspace(), "").await.unwrap();
}

async fn hours(world: &World, hours: i64) {
    let until = world.engine.now() + SignedDuration::from_hours(hours);
    world.engine.play(&world.simulator, until).await.unwrap();
}

/// What the history tells of the workspace itself, oldest first.
async fn told(world: &World) -> Vec<(String, String)> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    let events = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    let ours = events.into_iter().filter(|event| event.kind.starts_with("workspace."));
    ours.map(|event| (event.kind, event.payload)).collect()
}

async fn end(world: World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    world.end().await;
}

#[test]
fn nothing_is_sent_or_started_while_it_is_suspended_and_what_waited_goes_on() {
    on_both(Plan::default, async |world| {
        world.workflow(&[(0, "One"), (1, "Two")]).await;
        let (ann, bob) = (world.contact(1, ANN, &[]).await, world.contact(2, BOB, &[]).await);
        world.engine.enroll(&world.actor, request(ann)).await.unwrap();
        // A message that nobody has claimed yet, so that a turn is taken and finds the step that is due too.
        world.engine.send_message(&world.actor, bob, "Hello").await.unwrap();
        let held = world.balance("prepaid").await;
        suspend(&world, "complaints").await;
        world.engine.round().await.unwrap();
        hours(&world, 5).await;
        assert_eq!((world.texts(ANN).len(), world.texts(BOB).len()), (0, 0));
        assert_eq!(world.engine.backlog().await.unwrap().workspaces, 0, "what waits so is no lag");
        assert_eq!(world.balance("prepaid").await, held, "money stays");
        match world.engine.enroll(&world.actor, request(bob)).await {
            Err(EnrollError::Refused(refusals)) => {
                assert_eq!(refusals, [Refusal::WorkspaceSuspended { reason: "complaints".to_owned() }]);
            }
            other => panic!("{other:?}"),
        }
        let preview =
            world.engine.preview_many(&world.actor, Many::at_once(WorkflowId(77), Selection::All)).await.unwrap();
        assert_eq!((preview.starts, preview.refusals), (0, 2));
        let refused = world.engine.send_message(&world.actor, bob, "Hello again").await.unwrap_err();
        assert!(matches!(&refused, SendError::Suspended { reason } if reason == "complaints"), "{refused:?}");
        let sentence = refused.to_string();
        assert_eq!(sentence, "this workspace is suspended: complaints; ask who runs this installation");
        resume(&world).await;
        world.engine.round().await.unwrap();
        assert_eq!((world.texts(ANN), world.texts(BOB)), (vec!["One".to_owned()], vec!["Hello".to_owned()]));
        hours(&world, 30).await;
        assert_eq!(world.texts(ANN), ["One", "Two"], "the gap after the late one is kept");
        let kinds: Vec<_> = told(&world).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["workspace.suspended", "workspace.resumed"]);
        end(world).await;
    });
}

#[test]
fn replies_and_opt_outs_are_taken_meanwhile_and_answered_by_nothing() {
    on_both(Plan::default, async |world| {
        world.workflow(&[(0, "One"), (1, "Two"), (1, "Three")]).await;
        let (ann, bob) = (world.contact(1, ANN, &[]).await, world.contact(2, BOB, &[]).await);
        let started = world.engine.enroll(&world.actor, request(ann)).await.unwrap();
        world.engine.enroll(&world.actor, request(bob)).await.unwrap();
        world.engine.round().await.unwrap();
        suspend(&world, "complaints").await;
        // Receipts of what went before are taken, and the reply ends what runs, with its refund.
        hours(&world, 1).await;
        world.reply(ANN, "STOP").await;
        world.reply(BOB, "yes, call me").await;
        assert_eq!(world.balance("prepaid").await, (0, 0), "what was not sent came back");
        assert_eq!(
            world.engine.enrollment(&world.actor, started.enrollment).await.unwrap().state,
            EnrollmentState::Stopped(StopReason::OptedOut)
        );
        hours(&world, 2).await;
        assert_eq!((world.texts(ANN), world.texts(BOB)), (vec!["One".to_owned()], vec!["One".to_owned()]));
        resume(&world).await;
        hours(&world, 48).await;
        assert_eq!(world.texts(ANN), ["One"], "a confirmation that is hours late would be a text after the STOP");
        let refused = world.engine.enroll(&world.actor, request(ann)).await;
        assert!(matches!(refused, Err(EnrollError::Refused(_))), "{refused:?}");
        end(world).await;
    });
}

#[test]
fn a_reason_is_needed_and_both_may_be_said_twice() {
    on_both(Plan::default, async |world| {
        let by = Operator::at_command_line();
        for reason in ["", " ", "two\nlines"] {
            let refused = world.engine.suspend_workspace(&by, world.workspace(), reason).await;
            assert!(matches!(refused, Err(SuspensionError::Reason(_))), "{reason:?}");
        }
        let nobody = world.engine.suspend_workspace(&by, WorkspaceId(99), "x").await;
        assert!(matches!(nobody, Err(SuspensionError::Unknown)));
        suspend(&world, "complaints").await;
        let since = world.engine.now();
        world.engine.clock().move_to(since + SignedDuration::from_hours(1));
        suspend(&world, "complaints").await;
        suspend(&world, "unpaid").await;
        let row = world.engine.workspace(&world.actor).await.unwrap().workspace.suspended.unwrap();
        assert_eq!((row.at, row.reason.as_str()), (since, "unpaid"));
        resume(&world).await;
        resume(&world).await;
        assert_eq!(world.engine.workspace(&world.actor).await.unwrap().workspace.suspended, None);
        let kinds: Vec<_> = told(&world).await.into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, ["workspace.suspended", "workspace.suspended", "workspace.resumed"]);
        end(world).await;
    });
}

/// How often anything was claimed so far.
async fn claims(world: &World) -> i64 {
    const ATTEMPTS: Sql = Sql::Same(
        "SELECT CAST(COALESCE(SUM(t.attempts), 0) AS BIGINT) FROM (
            SELECT attempts FROM messages WHERE workspace_id = $1
            UNION ALL SELECT 1 FROM enrollments WHERE workspace_id = $1 AND claimed_at IS NOT NULL) AS t",
    );
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| db.query_one(&ATTEMPTS, &[workspace.0.into()])?.int(0);
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

async fn second_node(world: &World) -> Engine {
    let mut carriers = Carriers::new();
    carriers.insert("simulator".to_owned(), Arc::clone(&world.simulator) as Arc<dyn Carrier>);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap()).await.unwrap()
}

/// Rounds on one node until told to stop.
async fn dispatch(engine: Engine, done: Arc<AtomicBool>) {
    while !done.load(Ordering::SeqCst) {
        engine.round().await.unwrap();
        tokio::task::yield_now().await;
    }
}

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

/// A moment goes by: so little that nobody who has a text in hand is held up.
async fn tick(world: &World) {
    world.engine.clock().move_to(world.engine.now() + SignedDuration::from_millis(100));
    world.engine.next_due().await.unwrap();
    tokio::task::yield_now().await;
}

#[test]
fn once_suspending_has_returned_nothing_more_is_claimed_on_any_node() {
    const CONTACTS: i64 = 240;
    on_both(
        || Plan { per_minute: 240, ..Plan::default() },
        async |world| {
            let workflow = world.workflow(&[(0, "One")]).await;
            for n in 0..CONTACTS {
                world.contact(n, &phone(n), &[]).await;
            }
            let job = world.engine.enroll_many(&world.actor, workflow, Selection::All, None).await.unwrap();
            world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
            let done = Arc::new(AtomicBool::new(false));
            let nodes = [world.engine.clone(), second_node(&world).await];
            let busy = nodes.map(|engine| tokio::spawn(dispatch(engine, Arc::clone(&done))));
            for wave in 1..=5 {
                while claims(&world).await < wave * 40 {
                    tick(&world).await;
                }
                suspend(&world, "complaints").await;
                let before = claims(&world).await;
                for _ in 0..100 {
                    tick(&world).await;
                }
                assert_eq!(claims(&world).await, before, "wave {wave}");
                resume(&world).await;
            }
            while world.simulator.stats().unwrap().texts < CONTACTS.unsigned_abs() {
                tick(&world).await;
            }
            done.store(true, Ordering::SeqCst);
            for task in busy {
                task.await.unwrap();
            }
            assert!((0..CONTACTS).all(|n| world.texts(&phone(n)).len() == 1), "somebody got it twice");
            end(world).await;
        },
    );
}
