//! What the API lists and marks, on both databases: refusals of a job by the page, unread conversations, the backlog,
//! messages in doubt.

use carrier::simulator::{Behaviour, Faults, Receipts};
use domain::ids::{ContactId, JobId, MessageId, WorkspaceId};
use engine::Actor;
use engine::bulk::{BulkError, Selection};
use engine::conversations::ConversationError;
use jiff::SignedDuration;

use crate::world::{Plan, World, on_both};

fn phone(n: i64) -> String {
    format!("+121255501{n:02}")
}

async fn job(world: &World, workflow: domain::ids::WorkflowId, selection: Selection) -> JobId {
    let job = world.engine.enroll_many(&world.actor, workflow, selection, None).await.unwrap();
    world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap().id
}

#[test]
fn the_refusals_of_a_job_come_by_the_page_without_those_that_started() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        let mut ids = Vec::new();
        for n in 10..20 {
            ids.push(world.contact(n, &phone(n), &[]).await);
        }
        // Every second one runs already, so that started and refused ones take turns.
        let some = ids.iter().copied().step_by(2).collect();
        job(&world, workflow, Selection::These(some)).await;
        for selection in [Selection::These(ids.clone()), Selection::All] {
            let refused = if matches!(selection, Selection::All) { 10 } else { 5 };
            let job = job(&world, workflow, selection).await;
            let (mut seen, mut after) = (Vec::new(), i64::MIN);
            loop {
                let page = world.engine.job_refusals(&world.actor, job, after, 2).await.unwrap();
                let Some(last) = page.last() else { break };
                after = last.item;
                seen.extend(page.iter().filter_map(store::jobs::contact_of));
            }
            assert_eq!(seen.len(), refused);
            assert!(seen.is_sorted(), "{seen:?}");
            let stranger = Actor::operator(WorkspaceId(2));
            let theirs = world.engine.job_refusals(&stranger, job, i64::MIN, 2).await;
            assert!(matches!(theirs, Err(BulkError::JobUnknown)), "{theirs:?}");
        }
        let jobs = world.engine.jobs(&world.actor, JobId(i64::MAX), 2).await.unwrap();
        let older = world.engine.jobs(&world.actor, jobs[1].id, 2).await.unwrap();
        assert_eq!((jobs.len(), older.len()), (2, 1));
        assert!(jobs[0].id > jobs[1].id && jobs[1].id > older[0].id);
        world.end().await;
    });
}

#[test]
fn a_conversation_is_marked_as_read_by_its_own_people() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(1, &phone(11), &[]).await;
        assert!(!world.engine.mark_read(&world.actor, contact).await.unwrap());
        world.reply(&phone(11), "Hello?").await;
        let workspace = world.workspace();
        let unread = async || {
            let first = (jiff::Timestamp::MAX, ContactId(i64::MAX));
            let read = move |db: &store::Read<'_>| store::conversations::page(db, workspace, first, 10);
            world.engine.store().read::<_, store::DbError, _>(read).await.unwrap()[0].unread
        };
        assert_eq!(unread().await, 1);
        let stranger = world.engine.mark_read(&Actor::operator(WorkspaceId(2)), contact).await;
        assert!(matches!(stranger, Err(ConversationError::Unknown)));
        assert!(world.engine.mark_read(&world.actor, contact).await.unwrap());
        assert_eq!(unread().await, 0);
        world.end().await;
    });
}

#[test]
fn the_backlog_and_the_doubts_are_counted() {
    let faults = Faults { lost_before: 1.0, find_unavailable: 1.0, ..Faults::default() };
    let receipts = Receipts { missing: 1.0, ..Receipts::default() };
    let plan = move || Plan { behaviour: Behaviour { faults, receipts, ..Behaviour::default() }, ..Plan::default() };
    on_both(plan, async |world| {
        let contact = world.contact(1, &phone(11), &[]).await;
        let before = world.engine.backlog().await.unwrap();
        assert_eq!((before.workspaces, before.oldest, before.in_doubt), (0, None, 0));
        let sent = world.engine.send_message(&world.actor, contact, "Hello").await.unwrap();
        let since = world.engine.now();
        world.engine.clock().move_to(since + SignedDuration::from_secs(60));
        let due = world.engine.backlog().await.unwrap();
        assert_eq!((due.workspaces, due.oldest), (1, Some(since)));
        let until = world.engine.now() + SignedDuration::from_mins(5);
        world.engine.play(&world.simulator, until).await.unwrap();
        assert_eq!(world.engine.backlog().await.unwrap().in_doubt, 1);
        let workspace = world.workspace();
        let read = move |db: &store::Read<'_>| store::messages::in_doubt(db, workspace, MessageId(i64::MIN), 10);
        let listed = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
        assert_eq!(listed.iter().map(|message| message.id).collect::<Vec<_>>(), [sent.id]);
        let counts = world.engine.counts();
        assert_eq!(counts.claimed, 1);
        assert!(counts.answers.contains(&("unknown", 1)), "{counts:?}");
        world.end().await;
    });
}

#[test]
fn a_key_tells_which_job_it_began_and_for_whom() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One")]).await;
        let ids = vec![world.contact(1, &phone(11), &[]).await, world.contact(2, &phone(12), &[]).await];
        let these = Selection::These(ids.clone());
        let begun = async |selection: &Selection| world.engine.begun_job(&world.actor, workflow, selection, "k").await;
        assert!(begun(&these).await.unwrap().is_none());
        let key = Some("k".to_owned());
        let job = world.engine.enroll_many(&world.actor, workflow, these.clone(), key.clone()).await.unwrap();
        world.engine.run_job(&world.actor, job.id, |_| {}).await.unwrap();
        assert_eq!(begun(&these).await.unwrap().map(|job| (job.id, job.started)), Some((job.id, 2)));
        let others = Selection::These(ids[..1].to_vec());
        assert!(matches!(begun(&others).await, Err(BulkError::KeyReused(_))));
        let refused = world.engine.enroll_many(&world.actor, workflow, others, key).await;
        assert!(matches!(refused, Err(BulkError::KeyReused(_))), "{refused:?}");
        let stranger = Actor::operator(WorkspaceId(2));
        assert!(world.engine.begun_job(&stranger, workflow, &these, "k").await.unwrap().is_none());
        world.end().await;
    });
}
