//! Changes of many contacts: by a selection, by a filter, interrupted, undone.

use domain::access::Role;
use domain::ids::{ContactId, JobId, UserId, WorkspaceId};
use domain::suppression::Suppression;
use engine::Actor;
use engine::bulk::BulkError;
use engine::changes::{Change, Whom};
use engine::contacts::list::Filter;
use engine::enrolling::EnrollRequest;
use jiff::SignedDuration;
use store::jobs::Job;

use crate::world::{Plan, World, on_both};

async fn change(world: &World, change: Change, whom: Whom) -> Job {
    let job = world.engine.change_many(&world.actor, change, whom).await.unwrap();
    world.engine.run_changes(&world.actor, job.id).await.unwrap()
}

async fn undo(world: &World, job: JobId) -> Job {
    let undo = world.engine.undo_changes(&world.actor, job).await.unwrap();
    world.engine.run_changes(&world.actor, undo.id).await.unwrap()
}

async fn people(world: &World, count: i64) -> Vec<ContactId> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(world.contact(n, &format!("+1212555{:04}", 200 + n), &[]).await);
    }
    ids
}

async fn labels(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::labels::of_contacts(db, workspace, &[contact]);
    let found = world.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
    found.into_iter().map(|(_, label)| label.name).collect()
}

async fn assignee(world: &World, contact: ContactId) -> Option<UserId> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::conversations::find(db, workspace, contact);
    world.engine.store().read::<_, store::DbError, _>(read).await.unwrap().and_then(|standing| standing.assignee)
}

#[test]
fn deleted_contacts_come_back_with_labels_assignee_and_conversation() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let ids = people(&world, 3).await;
        let user = engine.create_user(actor, "pat@example.com", "Pat", Role::Agent, "correct horse battery").await;
        let user = user.unwrap().id;
        let hot = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        let cold = engine.create_label(actor, "Cold", "blue").await.unwrap().id;
        let give = engine::labels::Labelling::Give;
        engine.label_contacts(actor, hot, ids.clone(), give).await.unwrap();
        engine.label_contacts(actor, cold, vec![ids[0]], give).await.unwrap();
        world.reply("+12125550200", "Hello?").await;
        engine.assign(actor, vec![ids[0]], Some(user)).await.unwrap();
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let request = EnrollRequest { contact: ids[1], workflow, from_step: 1, quote: None, key: None };
        engine.enroll(actor, request).await.unwrap();
        let before = world.balance("prepaid").await;
        assert_ne!(before, (0, 0));
        let done = change(&world, Change::Delete, Whom::These(ids[..2].to_vec())).await;
        assert_eq!((done.state.as_str(), done.started, done.refused), ("done", 2, 0));
        assert_eq!(world.balance("prepaid").await, (0, 0), "what was not sent came back");
        assert_eq!(labels(&world, ids[0]).await, Vec::<String>::new());
        engine.delete_label(actor, cold).await.unwrap();
        let undone = undo(&world, done.id).await;
        assert_eq!((undone.started, undone.refused), (2, 0));
        for id in &ids {
            assert_eq!(labels(&world, *id).await, ["Hot"], "but for what is no label any more");
        }
        assert_eq!(assignee(&world, ids[0]).await, Some(user));
        assert_eq!(world.balance("prepaid").await, (0, 0), "workflows that ended stay ended");
        // Again: what is taken back twice is what was there the last time.
        engine.label_contacts(actor, hot, vec![ids[0]], engine::labels::Labelling::Take).await.unwrap();
        let done = change(&world, Change::Delete, Whom::These(vec![ids[0]])).await;
        undo(&world, done.id).await;
        assert_eq!(labels(&world, ids[0]).await, Vec::<String>::new());
        world.end().await;
    });
}

#[test]
fn a_phone_that_somebody_else_has_by_now_is_not_brought_back() {
    on_both(Plan::default, async |world| {
        let ids = people(&world, 2).await;
        let done = change(&world, Change::Delete, Whom::These(ids.clone())).await;
        let new = engine::contacts::NewContact { phone: "+12125550200".to_owned(), ..Default::default() };
        let other = world.engine.create_contact(&world.actor, new).await.unwrap().id;
        let undone = undo(&world, done.id).await;
        assert_eq!((undone.started, undone.refused), (1, 1));
        assert!(world.engine.contact(&world.actor, ids[0]).await.is_err());
        assert!(world.engine.contact(&world.actor, other).await.is_ok());
        world.end().await;
    });
}

#[test]
fn an_undo_takes_back_only_what_the_change_did() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let ids = people(&world, 3).await;
        engine.suppress(actor, ids[0], Suppression::DoNotContact).await.unwrap();
        let hot = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        engine.label_contacts(actor, hot, vec![ids[0]], engine::labels::Labelling::Give).await.unwrap();
        let all = || Whom::Matching(Filter::default());
        let listed = change(&world, Change::DoNotContact, all()).await;
        assert_eq!((listed.started, listed.refused), (2, 1), "one was on the list");
        undo(&world, listed.id).await;
        for (id, left) in ids.iter().zip([&[Suppression::DoNotContact][..], &[], &[]]) {
            assert_eq!(engine.suppressions(actor, *id).await.unwrap(), left);
        }
        let labelled = change(&world, Change::Label(hot), all()).await;
        assert_eq!((labelled.started, labelled.refused), (2, 1));
        undo(&world, labelled.id).await;
        assert_eq!((labels(&world, ids[0]).await.len(), labels(&world, ids[1]).await.len()), (1, 0));
        world.end().await;
    });
}

#[test]
fn a_change_whose_process_died_goes_on_and_does_nothing_twice() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let ids = people(&world, 250).await;
        for whom in [Whom::These(ids.clone()), Whom::Matching(Filter::default())] {
            // Begun, and nobody works on it: as after a kill between the two.
            let job = engine.change_many(actor, Change::DoNotContact, whom).await.unwrap();
            assert_eq!(engine.resume_changes(SignedDuration::from_mins(1)).await.unwrap(), 0, "its node may be at it");
            assert!(engine.clock().move_to(engine.now() + SignedDuration::from_mins(2)));
            assert_eq!(engine.resume_changes(SignedDuration::from_mins(1)).await.unwrap(), 1);
            let done = engine.job(actor, job.id).await.unwrap();
            assert_eq!((done.state.as_str(), done.total, done.started, done.refused), ("done", 250, 250, 0));
            let again = engine.run_changes(actor, job.id).await.unwrap();
            assert_eq!(again.started, 250, "a job that is done does nothing");
            let undone = undo(&world, job.id).await;
            assert_eq!(undone.started, 250);
        }
        world.end().await;
    });
}

#[test]
fn what_cannot_be_changed_is_refused_and_another_workspace_is_not_there() {
    on_both(Plan::default, async |world| {
        let (engine, actor) = (&world.engine, &world.actor);
        let ids = people(&world, 1).await;
        let nobody = engine.change_many(actor, Change::Delete, Whom::These(Vec::new())).await;
        assert!(matches!(nobody, Err(BulkError::Empty)), "{nobody:?}");
        let hot = engine.create_label(actor, "Hot", "red").await.unwrap().id;
        let stranger = Actor::operator(WorkspaceId(2));
        let theirs = engine.change_many(&stranger, Change::Label(hot), Whom::These(ids.clone())).await;
        assert!(matches!(theirs, Err(BulkError::LabelUnknown)), "{theirs:?}");
        let passed = engine.change_many(&stranger, Change::Delete, Whom::These(ids.clone())).await.unwrap();
        let passed = engine.run_changes(&stranger, passed.id).await.unwrap();
        assert_eq!((passed.started, passed.refused), (0, 1), "another workspace's contact is passed over");
        assert!(engine.contact(actor, ids[0]).await.is_ok());
        let job = engine.change_many(actor, Change::Delete, Whom::These(ids.clone())).await.unwrap();
        let early = engine.undo_changes(actor, job.id).await;
        assert!(matches!(early, Err(BulkError::JobUnknown)), "only what is done is undone: {early:?}");
        engine.run_changes(actor, job.id).await.unwrap();
        let foreign = engine.undo_changes(&stranger, job.id).await;
        assert!(matches!(foreign, Err(BulkError::JobUnknown)), "{foreign:?}");
        let viewer = Actor::user(world.workspace(), UserId(1), Role::Viewer.permissions());
        let refused = engine.change_many(&viewer, Change::Delete, Whom::These(ids)).await;
        assert!(matches!(refused, Err(BulkError::Forbidden(_))), "{refused:?}");
        world.end().await;
    });
}
