//! Two contacts that are one person become one record, on both databases: what stays, moves and ends, and that no rule is broken by it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use domain::access::Role;
use domain::consent::{Evidence, Kind};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::{ContactId, EnrollmentId, EventId, MessageId, NoteId, PersonId, UserId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::message::MessageKind;
use domain::suppression::Suppression;
use engine::consents::{NewConsent, OptOut};
use engine::contacts::ContactError;
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::erasing::Person;
use engine::labels::Labelling;
use engine::merging::{MAX_NUMBERS, Merge, MergeError, Plan as Preview, Side};
use engine::reminders::{NewReminder, When};
use engine::{Actor, Engine, IdempotencyKey};
use jiff::SignedDuration;
use store::enrollments::Enrollment;
use store::{DbError, Lane, messages};

use crate::world::{Plan, World, on_both};

const ANN: &str = "+12125550111";
const OFFICE: &str = "+12125550112";
const THIRD: &str = "+12125550113";

fn merge(keep: ContactId, take: ContactId) -> Merge {
    Merge { keep, take, theirs: Vec::new(), goes_on: Side::Keep, seen: None }
}

async fn preview(world: &World, asked: Merge) -> Preview {
    world.engine.merge_preview(&world.actor, asked).await.unwrap()
}

async fn enroll(world: &World, contact: ContactId, workflow: WorkflowId) -> EnrollmentId {
    let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
    world.engine.enroll(&world.actor, request).await.unwrap().enrollment
}

async fn row(world: &World, enrollment: EnrollmentId) -> Enrollment {
    world.engine.enrollment(&world.actor, enrollment).await.unwrap()
}

async fn kinds(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::of_contact(db, workspace, contact, EventId(i64::MAX), 100);
    let events = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    events.into_iter().map(|event| event.kind).collect()
}

async fn notes(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::notes::of_contact(db, workspace, contact, NoteId(i64::MAX), 100);
    let notes = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    notes.into_iter().map(|note| note.body).collect()
}

async fn labels(world: &World, contact: ContactId) -> Vec<String> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::labels::of_contacts(db, workspace, &[contact]);
    let labels = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    labels.into_iter().map(|(_, label)| label.name).collect()
}

async fn clean(world: &World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert!(report.is_clean(), "{:#?}", report.faults);
}

/// Ann twice, with all that there is of a contact beside a run.
async fn twice(world: &World) -> (ContactId, ContactId) {
    let (engine, actor) = (&world.engine, &world.actor);
    let ann = [("city", "Miami"), ("firstname", "Ann"), ("zip", "33101")];
    let office = [("company", "Acme"), ("email", "ann@example.com"), ("firstname", "Anna"), ("zip", "33101")];
    // The newer one is kept, so that the order of the keys is not that of the two.
    let (take, keep) = (world.contact(1, OFFICE, &office).await, world.contact(2, ANN, &ann).await);
    for (name, who) in [("Hot", vec![take]), ("Both", vec![keep, take])] {
        let label = engine.create_label(actor, name, "red").await.unwrap();
        engine.label_contacts(actor, label.id, who, Labelling::Give).await.unwrap();
    }
    engine.add_note(actor, take, "Call the office").await.unwrap();
    for (who, days, note) in [(keep, 9, "later"), (take, 2, "sooner")] {
        let new = NewReminder { when: When::After(days), note: note.to_owned(), workflow: None };
        engine.remind(actor, who, new).await.unwrap();
    }
    world.reply(OFFICE, "It is Ann, from the office").await;
    (keep, take)
}

#[test]
fn two_become_one_person_with_one_record_and_both_numbers() {
    on_both(Plan::default, async |world| {
        let (keep, take) = twice(&world).await;
        let asked = Merge { theirs: vec!["First Name".to_owned()], ..merge(keep, take) };
        let plan = preview(&world, asked.clone()).await;
        let differing: Vec<_> = plan.fields.iter().filter_map(|field| field.dropped()).collect();
        assert_eq!((differing, plan.notes, plan.labels.len()), (vec!["Ann"], 1, 1));
        assert_eq!(kinds(&world, keep).await.iter().filter(|kind| *kind == "contact.merged").count(), 0);
        let merged = world.engine.merge_contacts(&world.actor, Merge { seen: Some(plan.seen), ..asked }).await.unwrap();
        let (one, other) = (
            world.engine.contact(&world.actor, keep).await.unwrap(),
            world.engine.contact(&world.actor, take).await.unwrap(),
        );
        assert_eq!((merged.contact.id, merged.taken, &merged.ended), (keep, take, &Vec::new()));
        assert_eq!((&one, &one.fields, one.name.as_str()), (&merged.contact, &other.fields, "Anna"));
        let value = |key: &str| one.fields.iter().find(|(known, _)| known == key).map(|(_, value)| value.as_str());
        let values = ["city", "company", "email", "firstname", "zip"].map(value);
        assert_eq!(values, [Some("Miami"), Some("Acme"), Some("ann@example.com"), Some("Anna"), Some("33101")]);
        assert!(one.person.is_some() && one.person == other.person);
        assert_eq!((one.phone.as_str(), other.phone.as_str()), (ANN, OFFICE), "no phone has changed");
        let found = world.engine.contacts(&world.actor, None, "acme", 10).await.unwrap().contacts;
        assert_eq!(found.len(), 2, "both are found by it");
        let (mut of_keep, of_take) = (labels(&world, keep).await, labels(&world, take).await);
        of_keep.sort();
        assert_eq!((of_keep, of_take), (vec!["Both".to_owned(), "Hot".to_owned()], Vec::new()));
        let written = notes(&world, keep).await;
        assert!(written[0].contains("First Name: Ann") && written[0].contains("later"), "{written:?}");
        assert_eq!((written[1].as_str(), notes(&world, take).await.len()), ("Call the office", 0));
        let reminder = world.engine.reminder(&world.actor, keep).await.unwrap().unwrap();
        assert_eq!(reminder.note, "sooner");
        assert_eq!(world.engine.reminder(&world.actor, take).await.unwrap(), None);
        for (contact, has) in [(keep, "reminder.set"), (take, "reminder.ended")] {
            let kinds = kinds(&world, contact).await;
            assert!(kinds.iter().any(|kind| kind == has), "{kinds:?}");
            assert_eq!(kinds.iter().filter(|kind| *kind == "contact.merged").count(), 1);
            assert!(kinds.iter().any(|kind| kind == "contact.changed"));
        }
        let workspace = world.workspace();
        let texts = move |db: &store::Read<'_>| messages::thread(db, workspace, take, MessageId(i64::MAX), 10);
        assert_eq!(world.engine.store().read::<_, DbError, _>(texts).await.unwrap().len(), 1, "texts stay");
        let again = world.engine.merge_contacts(&world.actor, merge(keep, take)).await;
        assert!(matches!(again, Err(MergeError::Nothing)), "{again:?}");
        world.end().await;
    });
}

#[test]
fn a_reply_from_either_number_stops_what_went_on_through_the_merge() {
    on_both(Plan::default, async |world| {
        let (keep, take) = (world.contact(1, ANN, &[]).await, world.contact(2, OFFICE, &[]).await);
        let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
        let running = enroll(&world, take, workflow).await;
        world.play_days(1).await;
        let plan = preview(&world, merge(keep, take)).await;
        assert_eq!((plan.going_on.len(), plan.ends.len(), plan.may_choose_run), (1, 0, false));
        world.engine.merge_contacts(&world.actor, merge(keep, take)).await.unwrap();
        assert_eq!(row(&world, running).await.state, EnrollmentState::Active, "it goes on to its own phone");
        world.play_days(3).await;
        world.reply(ANN, "I changed my phone").await;
        assert_eq!(row(&world, running).await.state, EnrollmentState::Stopped(StopReason::PersonReplied));
        world.play_days(9).await;
        assert_eq!((world.texts(OFFICE), world.texts(ANN)), (vec!["One".to_owned(), "Two".to_owned()], Vec::new()));
        assert_eq!(world.balance("prepaid").await, (0, 0));
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn where_both_are_in_a_workflow_one_ends_with_the_refund_that_was_shown() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two"), (3, "Three")]).await;
        for (n, goes_on) in [(1, Side::Keep), (3, Side::Take)] {
            let (keep, take) = (phone(n), phone(n + 1));
            let (keep, take) = (world.contact(n, &keep, &[]).await, world.contact(n + 1, &take, &[]).await);
            let runs = [enroll(&world, keep, workflow).await, enroll(&world, take, workflow).await];
            world.play_days(1).await;
            let asked = Merge { goes_on, ..merge(keep, take) };
            let plan = preview(&world, asked.clone()).await;
            let [end] = plan.ends.as_slice() else { panic!("{:?}", plan.ends) };
            assert_eq!((end.reason, end.run.unsent.credits), (StopReason::Removed, 2));
            assert!(plan.may_choose_run && plan.going_on.len() == 1);
            let before = world.balance("available").await;
            let agent = Role::Agent.permissions();
            let less = agent.iter().filter(|permission| permission.word() != "enroll").collect();
            let weak = Actor::user(world.workspace(), UserId(7), less);
            let forbidden = world.engine.merge_contacts(&weak, asked.clone()).await;
            assert!(matches!(forbidden, Err(MergeError::Forbidden(_))), "{forbidden:?}");
            let user = Actor::user(world.workspace(), UserId(7), agent);
            let asked = Merge { seen: Some(plan.seen.clone()), ..asked };
            let merged = world.engine.merge_contacts(&user, asked).await.unwrap();
            assert_eq!((merged.ended.len(), merged.ended[0].refunded), (1, end.run.unsent));
            let after = world.balance("available").await;
            assert_eq!(after, (before.0 + end.run.unsent.credits, before.1 + end.run.unsent.micros.0));
            let (on, off) = if goes_on == Side::Keep { (runs[0], runs[1]) } else { (runs[1], runs[0]) };
            assert_eq!(row(&world, on).await.state, EnrollmentState::Active);
            assert_eq!(row(&world, off).await.state, EnrollmentState::Stopped(StopReason::Removed));
            assert_eq!((merged.ended[0].enrollment, plan.going_on[0].1.enrollment), (off, on));
        }
        world.play_days(9).await;
        let sent: Vec<usize> = (1..=4).map(|n| world.texts(&phone(n)).len()).collect();
        assert_eq!(sent, [3, 1, 1, 3]);
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn what_changed_since_the_preview_is_shown_anew_and_nothing_is_merged() {
    on_both(Plan::default, async |world| {
        let (keep, take) = (world.contact(1, ANN, &[]).await, world.contact(2, OFFICE, &[("city", "Miami")]).await);
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        enroll(&world, keep, workflow).await;
        enroll(&world, take, workflow).await;
        let seen = preview(&world, merge(keep, take)).await.seen;
        assert_eq!(preview(&world, merge(keep, take)).await.seen, seen, "the same facts have one name");
        let held = Merge { seen: Some(seen), theirs: vec!["City".to_owned()], ..merge(keep, take) };
        // The first text goes, which comes back no more; then the city goes, which was chosen.
        world.play_days(1).await;
        let Err(MergeError::Changed(plan)) = world.engine.merge_contacts(&world.actor, held.clone()).await else {
            panic!("a merge did what was not shown")
        };
        assert_eq!(plan.ends[0].run.unsent.credits, 1);
        world.engine.edit_contact(&world.actor, take, vec![("City".to_owned(), None)]).await.unwrap();
        let held = Merge { seen: Some(plan.seen), ..held };
        let changed = world.engine.merge_contacts(&world.actor, held).await;
        assert!(matches!(changed, Err(MergeError::Changed(_))), "{changed:?}");
        assert_eq!(world.engine.contact(&world.actor, keep).await.unwrap().person, None);
        let wrong = Merge { theirs: vec!["City".to_owned()], ..merge(keep, take) };
        let wrong = world.engine.merge_contacts(&world.actor, wrong).await;
        assert!(matches!(wrong, Err(MergeError::NoValue { .. })), "{wrong:?}");
        world.end().await;
    });
}

#[test]
fn an_opt_out_on_either_number_holds_and_the_other_is_not_texted() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        for (n, stopped) in [(1, Side::Keep), (3, Side::Take)] {
            let pair = [world.contact(n, &phone(n), &[]).await, world.contact(n + 1, &phone(n + 1), &[]).await];
            let (out, free) = if stopped == Side::Keep { (n, pair[1]) } else { (n + 1, pair[0]) };
            world.reply(&phone(out), "STOP").await;
            let running = enroll(&world, free, workflow).await;
            let plan = preview(&world, merge(pair[0], pair[1])).await;
            assert_eq!(plan.listed.iter().map(|number| number.contact).collect::<Vec<_>>(), [free]);
            assert_eq!((plan.ends.len(), plan.ends[0].reason), (1, StopReason::DoNotContact));
            world.engine.merge_contacts(&world.actor, merge(pair[0], pair[1])).await.unwrap();
            assert_eq!(row(&world, running).await.state, EnrollmentState::Stopped(StopReason::DoNotContact));
            let lists = world.engine.suppressions(&world.actor, free).await.unwrap();
            assert_eq!(lists, [Suppression::DoNotContact]);
            let out = if stopped == Side::Keep { pair[0] } else { pair[1] };
            assert_eq!(world.engine.suppressions(&world.actor, out).await.unwrap(), [Suppression::OptedOut]);
            for contact in pair {
                let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
                assert!(matches!(world.engine.enroll(&world.actor, request).await, Err(EnrollError::Refused(_))));
            }
        }
        assert_eq!(world.balance("prepaid").await, (0, 0));
        clean(&world).await;
        world.end().await;
    });
}

#[test]
fn persons_with_several_numbers_join_and_are_erased_as_one() {
    on_both(Plan::default, async |world| {
        let ann = world.contact_of(1, ANN, PersonId(50)).await;
        let office = world.contact_of(2, OFFICE, PersonId(60)).await;
        let third = world.contact_of(3, THIRD, PersonId(60)).await;
        let gone = world.contact_of(4, "+12125550114", PersonId(60)).await;
        world.engine.delete_contact(&world.actor, gone).await.unwrap();
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let running = enroll(&world, third, workflow).await;
        assert_eq!(preview(&world, merge(ann, office)).await.numbers.len(), 3);
        world.engine.merge_contacts(&world.actor, merge(ann, office)).await.unwrap();
        assert_eq!(world.engine.contact(&world.actor, third).await.unwrap().person, Some(PersonId(50)));
        world.reply(ANN, "Hello").await;
        assert_eq!(row(&world, running).await.state, EnrollmentState::Stopped(StopReason::PersonReplied));
        let whom = world.engine.whom_to_erase(&world.actor, Person::Phone(ANN.to_owned())).await.unwrap();
        assert_eq!(whom.iter().map(|one| one.id).collect::<Vec<_>>(), [ann, office, third, gone]);
        world.end().await;
    });
}

#[test]
fn who_is_elsewhere_deleted_or_one_contact_is_not_merged() {
    on_both(Plan::default, async |world| {
        let (keep, take) = (world.contact(1, ANN, &[]).await, world.contact(2, OFFICE, &[("city", "Miami")]).await);
        let elsewhere = Actor::operator(WorkspaceId(2));
        for asked in [merge(keep, take), merge(take, keep)] {
            let theirs = world.engine.merge_contacts(&elsewhere, asked.clone()).await;
            assert!(matches!(theirs, Err(MergeError::Unknown)), "{theirs:?}");
            assert!(matches!(world.engine.merge_preview(&elsewhere, asked).await, Err(MergeError::Unknown)));
        }
        let same = world.engine.merge_contacts(&world.actor, merge(keep, keep)).await;
        assert!(matches!(same, Err(MergeError::Same)), "{same:?}");
        let viewer = Actor::user(world.workspace(), UserId(7), Role::Viewer.permissions());
        let forbidden = world.engine.merge_contacts(&viewer, merge(keep, take)).await;
        assert!(matches!(forbidden, Err(MergeError::Forbidden(_))), "{forbidden:?}");
        let many = i64::try_from(MAX_NUMBERS).unwrap();
        for n in 10..10 + many {
            world.contact_of(n, &phone(n), PersonId(70)).await;
        }
        let crowd = world.engine.merge_contacts(&world.actor, merge(keep, ContactId(1_010))).await;
        assert!(matches!(crowd, Err(MergeError::TooManyNumbers)), "{crowd:?}");
        let keyed = world.actor.clone().with_key(Some(IdempotencyKey::parse("once").unwrap()));
        let first = world.engine.merge_contacts(&keyed, merge(keep, take)).await.unwrap();
        assert_eq!(world.engine.merge_contacts(&keyed, merge(keep, take)).await.unwrap(), first);
        let other = world.engine.merge_contacts(&keyed, merge(take, keep)).await;
        assert!(matches!(other, Err(MergeError::KeyReused(_))), "{other:?}");
        assert_eq!(kinds(&world, keep).await.iter().filter(|kind| *kind == "contact.merged").count(), 1);
        world.engine.delete_contact(&world.actor, take).await.unwrap();
        let gone = world.engine.merge_contacts(&world.actor, merge(keep, take)).await;
        assert!(matches!(gone, Err(MergeError::Unknown)), "{gone:?}");
        assert!(matches!(world.engine.contact(&world.actor, take).await, Err(ContactError::Unknown)));
        world.end().await;
    });
}

fn phone(n: i64) -> String {
    format!("+1212600{n:04}")
}

type Claims = HashMap<MessageId, i64>;

/// The texts of workflows to a contact, and how often each was handed over.
async fn claims(engine: &Engine, workspace: WorkspaceId, contact: ContactId) -> Claims {
    let texts = engine.texts();
    let read = move |db: &store::Read<'_>| texts.thread(db, workspace, contact, MessageId(i64::MAX), 100);
    let thread = engine.store().read(read).await.unwrap();
    let ours = thread.into_iter().filter(|message| message.kind == MessageKind::Workflow);
    ours.map(|message| (message.id, message.attempts)).collect()
}

/// Merges pairs, and says what was claimed for whom when their run had ended.
async fn merge_all(world: Arc<World>, pairs: Vec<(ContactId, ContactId)>) -> Vec<(ContactId, Claims)> {
    let mut ended = Vec::new();
    for (keep, take) in pairs {
        let merged = world.engine.merge_contacts(&world.actor, merge(keep, take)).await.unwrap();
        for end in merged.ended {
            ended.push((end.contact, claims(&world.engine, world.workspace(), end.contact).await));
        }
    }
    ended
}

/// How many pairs are merged while one of the two answers and both are texted.
const PAIRS: i64 = 30;

#[test]
fn merges_replies_and_claims_at_once_end_each_run_once_and_claim_nothing_after() {
    let plan = || Plan { credits: 1_000, ..Plan::default() };
    on_both(plan, async |world| {
        let workflow = world.workflow(&[(0, "One"), (1, "Two")]).await;
        let (mut pairs, mut runs) = (Vec::new(), Vec::new());
        for n in 0..PAIRS {
            let pair = (
                world.contact(2 * n, &phone(2 * n), &[]).await,
                world.contact(2 * n + 1, &phone(2 * n + 1), &[]).await,
            );
            for contact in [pair.0, pair.1] {
                runs.push((contact, enroll(&world, contact, workflow).await));
            }
            pairs.push(pair);
        }
        let (world, done) = (Arc::new(world), Arc::new(AtomicBool::new(false)));
        let sending = {
            let (engine, done) = (world.engine.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                while !done.load(Ordering::SeqCst) {
                    engine.round().await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        };
        let (some, others) = pairs.split_at(pairs.len() / 2);
        // The other half the other way round, so that the two meet in both orders.
        let turned = others.iter().map(|(keep, take)| (*take, *keep)).collect();
        let merging = [some.to_vec(), turned].map(|pairs| tokio::spawn(merge_all(Arc::clone(&world), pairs)));
        for n in (0..2 * PAIRS).step_by(3) {
            world.reply(&phone(n), "Who is this?").await;
        }
        let mut ended = Vec::new();
        for task in merging {
            ended.extend(task.await.unwrap());
        }
        done.store(true, Ordering::SeqCst);
        sending.await.unwrap();
        assert!(!ended.is_empty(), "no merge ended anything");
        for (keep, _) in &pairs {
            let of_pair = runs.iter().filter(|(contact, _)| contact.0 / 2 == keep.0 / 2);
            let mut active = 0;
            for (_, run) in of_pair {
                active += i64::from(row(&world, *run).await.state == EnrollmentState::Active);
            }
            assert!(active <= 1, "both go on");
        }
        world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(48));
        for _ in 0..5 {
            world.engine.round().await.unwrap();
        }
        for (contact, then) in ended {
            let now = claims(&world.engine, world.workspace(), contact).await;
            assert_eq!(now, then, "{contact} was claimed after its end");
        }
        clean(&world).await;
        Arc::into_inner(world).unwrap().end().await;
    });
}

#[test]
fn an_opt_out_that_waited_for_a_merge_reaches_the_number_that_came_by_it() {
    // On SQLite writers wait for each other anyway.
    let database = store::testing::postgres();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(database.store.clone(), Plan::default()).await;
        let (keep, take) = (world.contact(1, ANN, &[]).await, world.contact(2, OFFICE, &[]).await);
        let workflow = world.workflow(&[(0, "One"), (3, "Two")]).await;
        let running = enroll(&world, keep, workflow).await;
        let (locked, mut reached) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, waits) = std::sync::mpsc::channel();
        let (waits, workspace, now) = (Mutex::new(waits), world.workspace(), world.engine.now());
        // What a merge does with the person, held up before its end.
        let joining = database.store.write(Lane::Normal, move |tx| {
            let both = store::contacts::lock(tx, workspace, &[keep, take])?;
            let row = |contact: store::contacts::Contact| store::contacts::ContactRow {
                id: contact.id,
                phone: contact.phone,
                phone_hash: contact.phone_hash,
                person: Some(PersonId(50)),
                name: contact.name,
                fields: contact.fields,
            };
            let rows: Vec<_> = both.into_iter().map(row).collect();
            store::contacts::update(tx, workspace, &rows, now)?;
            locked.send(()).unwrap();
            waits.lock().unwrap().recv().unwrap();
            Ok::<_, DbError>(())
        });
        let joining = tokio::spawn(joining);
        reached.recv().await.unwrap();
        let (engine, actor) = (world.engine.clone(), world.actor.clone());
        let revoking = tokio::spawn(async move {
            let evidence = Evidence { words: Some("Do not text me".to_owned()), ..Evidence::default() };
            let consent = NewConsent { evidence, ..NewConsent::new(Kind::Revoked, "phone call", "") };
            engine.record_consent(&actor, take, consent, OptOut::Keep).await
        });
        // Reads, until it waits.
        for _ in 0..200 {
            world.engine.contact(&world.actor, keep).await.unwrap();
        }
        go_on.send(()).unwrap();
        joining.await.unwrap().unwrap();
        revoking.await.unwrap().unwrap();
        assert_eq!(row(&world, running).await.state, EnrollmentState::Stopped(StopReason::PersonReplied));
        let back = Amounts { credits: 0, micros: domain::money::Micros(0) };
        assert_eq!(world.balance("prepaid").await, (back.credits, back.micros.0));
        world.end().await;
    });
}
