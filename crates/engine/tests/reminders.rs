//! Reminders: set, listed, told once when they are due, done; on both databases.

use domain::access::Role;
use domain::ids::{ContactId, EventId, UserId, WorkflowId, WorkspaceId};
use engine::Actor;
use engine::reminders::{MAX_NOTE, NewReminder, ReminderError, When};
use jiff::SignedDuration;
use store::DbError;

use crate::world::{Plan, World, on_both};

const ANN: &str = "+12125550101";
const BOB: &str = "+12125550102";

fn after(days: u16) -> NewReminder {
    NewReminder { when: When::After(days), note: String::new(), workflow: None }
}

async fn set(world: &World, contact: ContactId, new: NewReminder) {
    world.engine.remind(&world.actor, contact, new).await.unwrap();
}

/// Of whom, in order, and what for.
async fn listed(world: &World) -> Vec<(ContactId, String)> {
    let found = world.engine.reminders(&world.actor, None, 100).await.unwrap();
    found.into_iter().map(|row| (row.reminder.contact, row.reminder.note)).collect()
}

async fn told(world: &World) -> Vec<Option<ContactId>> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    let events = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    events.into_iter().filter(|event| event.kind == "reminder.due").map(|event| event.contact).collect()
}

fn wait(world: &World, hours: i64) {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(hours)));
}

#[test]
fn a_contact_has_one_at_most_and_all_are_listed_by_their_times() {
    on_both(Plan::default, async |world| {
        let (ann, bob) = (world.contact(1, ANN, &[]).await, world.contact(2, BOB, &[]).await);
        let workflow = world.workflow(&[(0, "Hi")]).await;
        let note = |days, note: &str| NewReminder { note: note.to_owned(), ..after(days) };
        set(&world, ann, note(7, "first")).await;
        set(&world, bob, NewReminder { workflow: Some(workflow), ..note(3, "  bob\nis away ") }).await;
        assert_eq!(listed(&world).await, [(bob, "bob is away".to_owned()), (ann, "first".to_owned())]);
        set(&world, ann, note(1, "sooner")).await;
        assert_eq!(listed(&world).await, [(ann, "sooner".to_owned()), (bob, "bob is away".to_owned())]);
        // At nine in the morning in New York, where the workspace is.
        let due = world.engine.reminder(&world.actor, ann).await.unwrap().unwrap().due_at;
        assert_eq!(due.to_string(), "2026-11-25T14:00:00Z");
        let page = world.engine.reminders(&world.actor, Some((due, ann)), 100).await.unwrap();
        assert_eq!((page.len(), page[0].workflow.as_deref()), (1, Some("Leads")));
        world.engine.delete_contact(&world.actor, ann).await.unwrap();
        assert_eq!(listed(&world).await, [(bob, "bob is away".to_owned())]);
        assert!(world.engine.end_reminder(&world.actor, bob).await.unwrap());
        assert!(!world.engine.end_reminder(&world.actor, bob).await.unwrap(), "it was done already");
        assert!(listed(&world).await.is_empty());
        world.end().await;
    });
}

#[test]
fn what_is_due_is_told_once_by_whichever_node_is_first_and_needs_somebody_until_it_is_done() {
    on_both(Plan::default, async |world| {
        let (ann, bob) = (world.contact(1, ANN, &[]).await, world.contact(2, BOB, &[]).await);
        set(&world, ann, after(1)).await;
        set(&world, bob, after(1)).await;
        assert_eq!(world.engine.tell_reminders().await.unwrap(), 0, "neither is due");
        assert_eq!(world.engine.needs(&world.actor).await.unwrap().reminders, 0);
        world.engine.delete_contact(&world.actor, bob).await.unwrap();
        wait(&world, 24);
        let mut nodes = Vec::new();
        for _ in 0..4 {
            let engine = world.engine.clone();
            nodes.push(tokio::spawn(async move { engine.tell_reminders().await.unwrap() }));
        }
        let mut sum = 0;
        for node in nodes {
            sum += node.await.unwrap();
        }
        assert_eq!((sum, told(&world).await), (1, vec![Some(ann)]));
        assert_eq!(world.engine.tell_reminders().await.unwrap(), 0);
        assert_eq!(world.engine.needs(&world.actor).await.unwrap().reminders, 1);
        // Put off, it is told again when it is due again.
        set(&world, ann, after(2)).await;
        assert_eq!(world.engine.needs(&world.actor).await.unwrap().reminders, 0);
        assert_eq!(world.engine.tell_reminders().await.unwrap(), 0);
        wait(&world, 48);
        assert_eq!(world.engine.tell_reminders().await.unwrap(), 1);
        world.engine.end_reminder(&world.actor, ann).await.unwrap();
        assert_eq!(world.engine.needs(&world.actor).await.unwrap().reminders, 0);
        world.end().await;
    });
}

#[test]
fn what_cannot_be_is_refused_and_says_why() {
    on_both(Plan::default, async |world| {
        let ann = world.contact(1, ANN, &[]).await;
        let refused = async |contact, new| match world.engine.remind(&world.actor, contact, new).await {
            Err(error) => error.to_string(),
            Ok(reminder) => panic!("{reminder:?}"),
        };
        let on = |day: &str| NewReminder { when: When::On(day.parse().unwrap()), ..after(1) };
        assert_eq!(refused(ann, on("2026-11-24")).await, "2026-11-24 is not in the future");
        assert_eq!(refused(ann, after(0)).await, "0 days is not in the future");
        assert_eq!(refused(ann, on("2027-11-27")).await, "2027-11-27 is more than a year away");
        assert_eq!(refused(ann, on("9999-12-31")).await, "9999-12-31 is more than a year away");
        assert_eq!(refused(ann, after(u16::MAX)).await, "65535 days is more than a year away");
        set(&world, ann, on("2027-11-25")).await;
        let long = NewReminder { note: "é".repeat(MAX_NOTE + 1), ..after(1) };
        assert!(refused(ann, long).await.contains("281 characters; at most 280"));
        set(&world, ann, NewReminder { note: "é".repeat(MAX_NOTE), ..after(1) }).await;
        assert_eq!(refused(ContactId(9), after(1)).await, "there is no such contact");
        let unknown = NewReminder { workflow: Some(WorkflowId(9)), ..after(1) };
        assert_eq!(refused(ann, unknown).await, "there is no such workflow");
        let viewer = Actor::user(world.workspace(), UserId(9), Role::Viewer.permissions());
        assert!(matches!(world.engine.remind(&viewer, ann, after(1)).await, Err(ReminderError::Forbidden(_))));
        let stranger = Actor::operator(WorkspaceId(2));
        assert!(matches!(world.engine.remind(&stranger, ann, after(1)).await, Err(ReminderError::ContactUnknown)));
        assert!(world.engine.reminders(&stranger, None, 100).await.unwrap().is_empty());
        assert!(matches!(world.engine.end_reminder(&stranger, ann).await, Err(ReminderError::ContactUnknown)));
        world.end().await;
    });
}
