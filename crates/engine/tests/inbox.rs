//! The Messenger's own: filters, labels, notes, views, assignment, answers that stop a workflow, what is told live. On both
//! databases.

use domain::access::Role;
use domain::ids::{ContactId, LabelId, UserId, WorkspaceId};
use domain::suppression::Suppression;
use engine::Actor;
use engine::conversations::{ConversationError, Mark};
use engine::enrolling::EnrollRequest;
use engine::labels::{LabelError, Labelling};
use engine::live::News;
use engine::manual::SendError;
use engine::notes::NoteError;
use engine::skipping::SkipError;
use engine::views::{Place, ViewError, Whose};
use engine::workflows::{StepInput, WorkflowInput};
use jiff::{SignedDuration, Timestamp};
use store::conversations::list::{self, Counts, Filter, Standing};
use store::{DbError, Lane, Read, Sql};

use crate::world::{Plan, World, on_both};

fn phone(n: i64) -> String {
    format!("+121255501{n:02}")
}

fn stranger() -> Actor {
    Actor::operator(WorkspaceId(2))
}

async fn read<T: Send + 'static>(world: &World, work: impl Fn(&Read<'_>) -> Result<T, DbError> + Send + 'static) -> T {
    world.engine.store().read::<_, DbError, _>(work).await.unwrap()
}

async fn enroll(world: &World, contact: ContactId, workflow: domain::ids::WorkflowId) {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap();
}

/// All contacts of a filter, read in pages of two.
async fn all_of(world: &World, filter: Filter) -> Vec<i64> {
    let workspace = world.workspace();
    let (mut seen, mut before) = (Vec::new(), (Timestamp::MAX, ContactId(i64::MAX)));
    loop {
        let page = read(world, move |db| list::page(db, workspace, filter, before, 2)).await;
        let Some(last) = page.last() else { return seen };
        before = (last.last_at, last.contact);
        seen.extend(page.iter().map(|line| line.contact.0 - 1_000));
    }
}

async fn counts(world: &World, user: Option<UserId>) -> Counts {
    let workspace = world.workspace();
    read(world, move |db| list::counts(db, workspace, user)).await
}

async fn user(world: &World, name: &str, role: Role) -> UserId {
    let email = format!("{name}@example.com");
    world.engine.create_user(&world.actor, &email, name, role, "correct horse battery").await.unwrap().id
}

fn agent(id: UserId) -> Actor {
    Actor::user(WorkspaceId(1), id, Role::Agent.permissions())
}

#[test]
fn the_first_text_of_a_workflow_moves_a_conversation_that_is_there() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let (wrote, silent) = (world.contact(11, &phone(11), &[]).await, world.contact(12, &phone(12), &[]).await);
        world.reply(&phone(11), "Hello?").await;
        let workspace = world.workspace();
        let standing = async |contact| {
            read(&world, move |db| store::conversations::find(db, workspace, contact)).await.unwrap_or_default()
        };
        let before = standing(wrote).await;
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(1));
        for contact in [wrote, silent] {
            enroll(&world, contact, workflow).await;
        }
        let steps = vec![StepInput { gap_days: 0, text: "All of it".to_owned() }];
        let short = WorkflowInput { name: "Short".to_owned(), steps };
        let short = world.engine.create_workflow(&world.actor, short).await.unwrap().summary.workflow.id;
        let done = world.contact(13, &phone(13), &[]).await;
        enroll(&world, done, short).await;
        world.engine.round().await.unwrap();
        let now = Some(world.engine.now());
        let moved = standing(wrote).await;
        assert_eq!((moved.last_outbound_at, moved.last_inbound_at, moved.unread), (now, before.last_inbound_at, 1));
        assert_ne!(before.last_inbound_at, now);
        let opened = standing(silent).await;
        assert_eq!((opened.last_outbound_at, opened.last_inbound_at, opened.unread), (now, None, 0));
        // Whose only text that was is in no workflow any more.
        let mut running = all_of(&world, Filter { standing: Standing::InWorkflow, ..Filter::default() }).await;
        running.sort_unstable();
        assert_eq!((running.as_slice(), standing(done).await.last_outbound_at), ([11, 12].as_slice(), now));
        world.end().await;
    });
}

#[test]
fn each_filter_has_exactly_the_conversations_that_are_so() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        for n in 11..=17 {
            world.contact(n, &phone(n), &[]).await;
        }
        // 11 runs. 12 replied. 13 opted out. 14 wrote by itself. 15 got a text by hand. 16 replied and is deleted. 17 nothing.
        for n in [11, 12, 13, 16] {
            enroll(&world, ContactId(1_000 + n), workflow).await;
        }
        world.play_days(1).await;
        world.reply(&phone(12), "Yes, call me").await;
        world.reply(&phone(13), "STOP").await;
        world.reply(&phone(14), "Hello?").await;
        world.reply(&phone(16), "Who is this?").await;
        world.engine.send_message(&world.actor, ContactId(1_015), "Hi").await.unwrap();
        world.engine.delete_contact(&world.actor, ContactId(1_016)).await.unwrap();
        let ann = user(&world, "ann", Role::Agent).await;
        world.engine.assign(&world.actor, vec![ContactId(1_012), ContactId(1_014)], Some(ann)).await.unwrap();
        world.engine.mark_read(&world.actor, ContactId(1_014)).await.unwrap();
        let of = |standing| Filter { standing, ..Filter::default() };
        let mine = |standing| Filter { standing, assignee: Some(ann), label: None };
        let sorted = async |filter| {
            let mut seen = all_of(&world, filter).await;
            seen.sort_unstable();
            seen
        };
        assert_eq!(sorted(of(Standing::All)).await, [11, 12, 13, 14, 15]);
        assert_eq!(sorted(of(Standing::Unread)).await, [12, 13]);
        assert_eq!(sorted(of(Standing::Unreplied)).await, [12, 14]);
        assert_eq!(sorted(of(Standing::Awaiting)).await, [11, 15]);
        assert_eq!(sorted(of(Standing::InWorkflow)).await, [11]);
        assert_eq!(sorted(of(Standing::OptedOut)).await, [13]);
        assert_eq!(sorted(mine(Standing::All)).await, [12, 14]);
        assert_eq!(sorted(mine(Standing::Unread)).await, [12]);
        assert_eq!(counts(&world, Some(ann)).await, Counts { standings: [5, 2, 2, 2, 1, 1], mine: 2 });
        // START takes the opt-out back, and the last message of a workflow ends it.
        world.reply(&phone(13), "START").await;
        world.play_days(5).await;
        assert_eq!(counts(&world, None).await.standings[4..], [0, 0]);
        world.end().await;
    });
}

#[test]
fn a_label_finds_its_conversations_in_their_order_and_goes_with_its_contact() {
    on_both(Plan::default, async |world| {
        for n in 11..=14 {
            world.contact(n, &phone(n), &[]).await;
        }
        let engine = &world.engine;
        let hot = engine.create_label(&world.actor, "  Hot   lead ", "red").await.unwrap();
        assert_eq!(hot.name, "Hot lead");
        let taken = engine.create_label(&world.actor, "HOT LEAD", "blue").await;
        assert!(matches!(taken, Err(LabelError::Taken(_))), "{taken:?}");
        for (name, colour) in [("", "red"), (&*"x".repeat(41), "red"), ("A", "mauve")] {
            assert!(engine.create_label(&world.actor, name, colour).await.is_err());
        }
        let all: Vec<_> = (11..=14).map(|n| ContactId(1_000 + n)).collect();
        world.reply(&phone(11), "before the label").await;
        assert_eq!(engine.label_contacts(&world.actor, hot.id, all.clone(), Labelling::Give).await.unwrap().len(), 4);
        assert!(engine.label_contacts(&world.actor, hot.id, all.clone(), Labelling::Give).await.unwrap().is_empty());
        world.play_days(1).await;
        world.reply(&phone(12), "after it").await;
        let labelled = Filter { label: Some(hot.id), ..Filter::default() };
        assert_eq!(all_of(&world, labelled).await, [12, 11]);
        world.play_days(1).await;
        world.reply(&phone(11), "again").await;
        assert_eq!(all_of(&world, labelled).await, [11, 12]);
        engine.delete_contact(&world.actor, ContactId(1_012)).await.unwrap();
        let taken = engine.label_contacts(&world.actor, hot.id, vec![all[3]], Labelling::Take).await.unwrap();
        assert_eq!(taken, [all[3]]);
        assert_eq!(all_of(&world, labelled).await, [11]);
        let workspace = world.workspace();
        let counted = read(&world, move |db| list::label_counts(db, workspace)).await;
        assert_eq!(counted, [(hot.id, 1)]);
        engine.label_contacts(&world.actor, hot.id, all.clone(), Labelling::Give).await.unwrap_err();
        let left = vec![all[0], all[2], all[3]];
        engine.label_contacts(&world.actor, hot.id, left.clone(), Labelling::Give).await.unwrap();
        engine.delete_label(&world.actor, hot.id).await.unwrap();
        // Nobody has it from then on, whoever still asks for it, and its name is free; its rows go with the next sweep.
        assert!(all_of(&world, labelled).await.is_empty());
        assert!(matches!(engine.delete_label(&world.actor, hot.id).await, Err(LabelError::Unknown)));
        let by_it = engine::contacts::list::Filter { label: Some(hot.id), ..Default::default() };
        let found = engine.list_contacts(&world.actor, &by_it, Default::default(), "", 9).await.unwrap();
        assert_eq!((found.contacts, found.next), (vec![], None));
        let again = engine.create_label(&world.actor, "hot lead", "blue").await.unwrap();
        let had = read(&world, move |db| store::labels::of_contacts(db, workspace, &left)).await;
        assert_eq!(had, []);
        world.play_days(1).await;
        assert_eq!(engine.sweep_old().await.unwrap(), 4, "three contacts had it, and the label");
        assert_eq!(engine.sweep_old().await.unwrap(), 0);
        assert_eq!(engine.labels(&world.actor).await.unwrap(), [again]);
        world.end().await;
    });
}

#[test]
fn what_is_anothers_is_not_found_and_a_viewer_changes_nothing() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(11, &phone(11), &[]).await;
        world.reply(&phone(11), "Hello").await;
        let engine = &world.engine;
        let label = engine.create_label(&world.actor, "A", "red").await.unwrap().id;
        let note = engine.add_note(&world.actor, contact, " Call after 5 ").await.unwrap();
        assert_eq!(note.body, "Call after 5");
        let view = engine
            .save_view(&world.actor, "Unread", (Place::Messenger, "filter=unread"), Whose::Everybodys)
            .await
            .unwrap();
        let theirs = stranger();
        let marked = engine.mark(&theirs, vec![contact], Mark::Unread).await;
        assert!(matches!(marked, Err(ConversationError::Unknown)), "{marked:?}");
        let labelled = engine.label_contacts(&theirs, label, vec![contact], Labelling::Give).await;
        assert!(matches!(labelled, Err(LabelError::Contacts(ConversationError::Unknown))), "{labelled:?}");
        assert!(matches!(engine.delete_label(&theirs, label).await, Err(LabelError::Unknown)));
        let noted = engine.add_note(&theirs, contact, "x").await;
        assert!(matches!(noted, Err(NoteError::ContactUnknown)), "{noted:?}");
        assert!(matches!(engine.delete_note(&theirs, note.id).await, Err(NoteError::Unknown)));
        assert!(matches!(engine.delete_view(&theirs, view.id).await, Err(ViewError::Unknown)));
        assert!(engine.views(&theirs, Place::Messenger).await.unwrap().is_empty());
        let viewer = Actor::user(WorkspaceId(1), UserId(7), Role::Viewer.permissions());
        assert!(matches!(engine.mark(&viewer, vec![contact], Mark::Read).await, Err(ConversationError::Forbidden(_))));
        assert!(matches!(engine.assign(&viewer, vec![contact], None).await, Err(ConversationError::Forbidden(_))));
        assert!(matches!(engine.create_label(&viewer, "B", "red").await, Err(LabelError::Forbidden(_))));
        assert!(matches!(engine.add_note(&viewer, contact, "x").await, Err(NoteError::Forbidden(_))));
        // An agent deletes their own notes, not those of others; a view of one's own is nobody else's.
        let (ann, bob) = (agent(user(&world, "ann", Role::Agent).await), agent(user(&world, "bob", Role::Agent).await));
        assert!(matches!(engine.delete_note(&ann, note.id).await, Err(NoteError::Forbidden(_))));
        let own = engine.add_note(&ann, contact, "mine").await.unwrap();
        engine.delete_note(&ann, own.id).await.unwrap();
        let hers = engine.save_view(&ann, "Hers", (Place::Messenger, "filter=mine"), Whose::Mine).await.unwrap();
        assert!(matches!(engine.delete_view(&bob, hers.id).await, Err(ViewError::Unknown)));
        assert_eq!(engine.views(&bob, Place::Messenger).await.unwrap().len(), 1);
        assert_eq!(engine.views(&bob, Place::Contacts).await.unwrap().len(), 0, "the lists have views of their own");
        let nobody = engine.assign(&ann, vec![contact], Some(UserId(99))).await;
        assert!(matches!(nobody, Err(ConversationError::UserUnknown)), "{nobody:?}");
        let many = engine.mark(&ann, vec![contact; 501], Mark::Read).await;
        assert!(matches!(many, Err(ConversationError::TooMany(501))), "{many:?}");
        world.end().await;
    });
}

#[test]
fn an_answer_that_stops_sends_and_refunds_together_or_does_neither() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
        let contact = world.contact(11, &phone(11), &[]).await;
        enroll(&world, contact, workflow).await;
        world.play_days(1).await;
        let engine = &world.engine;
        assert!(engine.send_and_stop(&world.actor, contact, "  ").await.is_err());
        assert_eq!(counts(&world, None).await.standings[4], 1, "it still runs");
        let done = engine.send_and_stop(&world.actor, contact, "Thursday at 5?").await.unwrap();
        assert!(done.ended);
        assert_eq!(done.refunded.credits, 2);
        world.play_days(9).await;
        assert_eq!(world.texts(&phone(11)), ["One", "Thursday at 5?"]);
        // With nothing that runs it is a message like any other.
        assert!(!engine.send_and_stop(&world.actor, contact, "Hello?").await.unwrap().ended);
        world.play_days(1).await;
        world.end().await;
    });
}

#[test]
fn an_answer_that_leaves_out_the_next_message_does_both_or_neither() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
        let contact = world.contact(11, &phone(11), &[]).await;
        enroll(&world, contact, workflow).await;
        world.play_days(1).await;
        let engine = &world.engine;
        let before = world.balance("prepaid").await;
        assert!(matches!(engine.send_and_skip(&world.actor, contact, "  ", 2).await, Err(SendError::Empty)));
        // Message 1 went out already: whoever looked at an old page neither sends nor leaves out another one.
        for gone in [0, 1, 3] {
            let refused = engine.send_and_skip(&world.actor, contact, "Hi", gone).await;
            assert!(matches!(refused, Err(SendError::NotSkipped(step)) if step == gone), "{refused:?}");
        }
        assert_eq!(world.balance("prepaid").await, before);
        let done = engine.send_and_skip(&world.actor, contact, "Thursday at 5?", 2).await.unwrap();
        let skipped = done.skipped.unwrap();
        assert_eq!((skipped.step, skipped.refunded.credits), (2, 1));
        world.play_days(9).await;
        assert_eq!(world.texts(&phone(11)), ["One", "Thursday at 5?", "Three"]);
        // With nothing that runs it is a message like any other.
        assert_eq!(engine.send_and_skip(&world.actor, contact, "Hello?", 3).await.unwrap().skipped, None);
        world.play_days(1).await;
        assert!(engine.verify_ledger(world.workspace()).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn a_message_that_is_left_out_comes_back_once_and_the_next_keeps_its_day() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
        let contact = world.contact(11, &phone(11), &[]).await;
        enroll(&world, contact, workflow).await;
        world.play_days(1).await;
        let (workspace, engine) = (world.workspace(), &world.engine);
        let card = read(&world, move |db| store::enrollments::cards(db, workspace, &[contact])).await.remove(0);
        assert_eq!((card.next_step, card.steps), (2, 3));
        let second = card.due_at.unwrap();
        let skipped = engine.skip_step(&world.actor, card.id, 2).await.unwrap();
        assert_eq!(skipped.refunded.credits, 1);
        assert_eq!(skipped.next_due.unwrap().duration_since(second).as_hours(), 72);
        let again = engine.skip_step(&world.actor, card.id, 2).await;
        assert!(matches!(again, Err(SkipError::TooLate(2))), "{again:?}");
        assert!(matches!(engine.skip_step(&stranger(), card.id, 3).await, Err(SkipError::Unknown)));
        world.play_days(9).await;
        assert_eq!(world.texts(&phone(11)), ["One", "Three"]);
        assert!(matches!(engine.skip_step(&world.actor, card.id, 3).await, Err(SkipError::Ended)));
        // Leaving out the last one completes it.
        enroll(&world, contact, workflow).await;
        world.play_days(4).await;
        let card = read(&world, move |db| store::enrollments::cards(db, workspace, &[contact])).await.remove(0);
        let last = engine.skip_step(&world.actor, card.id, 3).await.unwrap();
        assert_eq!(last.next_due, None);
        assert_eq!(counts(&world, None).await.standings[4], 0);
        assert!(engine.verify_ledger(workspace).await.unwrap().is_clean());
        world.end().await;
    });
}

#[test]
fn whoever_watches_is_told_of_their_own_workspace_until_the_process_ends() {
    on_both(Plan::default, async |world| {
        let contact = world.contact(11, &phone(11), &[]).await;
        let mut watch = world.engine.watch(&world.actor).await.unwrap();
        let mut second = world.engine.watch(&world.actor).await.unwrap();
        let mut theirs = world.engine.watch(&stranger()).await.unwrap();
        world.reply(&phone(11), "Hello").await;
        let told = |news: News| match news {
            News::Happened(_, things) => things.iter().map(|(of, kind)| (*of, kind.clone())).collect::<Vec<_>>(),
            News::Much | News::Blind => panic!("little happened"),
        };
        let first = told(watch.next().await.unwrap());
        assert!(first.contains(&(Some(contact), "message.received".to_owned())), "{first:?}");
        assert_eq!(told(second.next().await.unwrap()), first, "two windows see the same");
        world.engine.mark_read(&world.actor, contact).await.unwrap();
        assert_eq!(told(watch.next().await.unwrap()), [(Some(contact), "conversation.read".to_owned())]);
        world.engine.end_watching();
        assert_eq!(theirs.next().await, None, "nothing of another workspace was told");
        assert_eq!(world.engine.watch(&world.actor).await.unwrap().next().await, None);
        world.end().await;
    });
}

#[test]
fn two_who_change_the_same_conversations_at_once_both_succeed() {
    on_both(Plan::default, async |world| {
        let mut contacts = Vec::new();
        for n in 11..=30 {
            contacts.push(world.contact(n, &phone(n), &[]).await);
            world.reply(&phone(n), "Hello").await;
        }
        let (ann, bob) = (user(&world, "ann", Role::Agent).await, user(&world, "bob", Role::Agent).await);
        let label: LabelId = world.engine.create_label(&world.actor, "A", "red").await.unwrap().id;
        let backwards: Vec<_> = contacts.iter().rev().copied().collect();
        let engine = &world.engine;
        let (ann_does, bob_does) = (agent(ann), agent(bob));
        let (one, two, three, four, ()) = tokio::join!(
            engine.assign(&ann_does, contacts.clone(), Some(ann)),
            engine.assign(&bob_does, backwards.clone(), Some(bob)),
            engine.label_contacts(&ann_does, label, contacts.clone(), Labelling::Give),
            engine.mark(&bob_does, backwards, Mark::Read),
            async {
                for n in 11..=14 {
                    world.reply(&phone(n), "And?").await;
                }
            },
        );
        let (one, two, three, four) = (one.unwrap(), two.unwrap(), three.unwrap(), four.unwrap());
        assert_eq!((one.len(), two.len(), three.len(), four.len()), (20, 20, 20, 20));
        let (hers, his) = (counts(&world, Some(ann)).await.mine, counts(&world, Some(bob)).await.mine);
        assert!([(20, 0), (0, 20)].contains(&(hers, his)), "one of them was last: {hers} and {his}");
        let do_not = engine.suppress(&world.actor, contacts[0], Suppression::DoNotContact).await.unwrap();
        assert!(do_not);
        world.end().await;
    });
}

#[test]
fn whoever_watches_is_told_when_nothing_can_be_seen_and_when_it_can_again() {
    const AWAY: Sql = Sql::Same("ALTER TABLE events RENAME TO events_away");
    const BACK: Sql = Sql::Same("ALTER TABLE events_away RENAME TO events");
    on_both(Plan::default, async |world| {
        let mut watch = world.engine.watch(&world.actor).await.unwrap();
        let alter = async |sql: &'static Sql| {
            world.engine.store().write::<_, DbError, _>(Lane::Normal, move |tx| tx.execute(sql, &[])).await.unwrap();
        };
        alter(&AWAY).await;
        assert_eq!(watch.next().await, Some(News::Blind));
        alter(&BACK).await;
        assert_eq!(
            watch.next().await,
            Some(News::Much),
            "told once that it is back, and no more often that it was away"
        );
        world.end().await;
    });
}
