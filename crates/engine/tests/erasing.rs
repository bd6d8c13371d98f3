//! A person who is erased is in no column of no table any more, and whatever must outlive them holds: on both databases.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::sync::Arc;

use carrier::{Capabilities, Carrier, Finding, Outcome, Simulator, Sought, Submission};
use domain::access::Role;
use domain::consent::{Evidence, Kind};
use domain::ids::{ContactId, UserId};
use domain::message::{MessageKind, MessageState};
use domain::suppression::Suppression;
use engine::bulk::BulkError;
use engine::changes::{Change, Whom};
use engine::consents::{NewConsent, OptOut};
use engine::contacts::{ContactError, NewContact};
use engine::enrolling::{EnrollError, EnrollRequest};
use engine::erasing::{EraseError, Erasure, Person};
use engine::idempotency::IdempotencyKey;
use engine::import::{ImportOptions, ImportOutlets, OnDuplicate};
use engine::labels::Labelling;
use engine::reminders::{NewReminder, When};
use engine::{Actor, Carriers, Engine};
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use store::messages::Message;
use store::{DbError, Lane, Sql};

use crate::world::{Plan, World, on_both};

const ANN: &str = "+12125550111";
const OFFICE: &str = "+12125550112";
const BOB: &str = "+12125550119";
/// What is known of Ann, each in a spelling that nothing else has.
const OF_ANN: [&str; 7] = ["2125550111", "2125550112", "annabel", "quagmire", "xylophone", "zebulon", "10.11.12.13"];

static COLUMNS: Sql = Sql::Twin {
    sqlite: "
        SELECT m.name, p.name FROM sqlite_master m, pragma_table_info(m.name) p
        WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' ORDER BY 1, 2",
    postgres: "
        SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT) FROM information_schema.columns
        WHERE table_schema = CURRENT_SCHEMA() ORDER BY 1, 2",
};

/// The columns, as `table.column`, that hold any of these words in any row, however they are spelt.
async fn holding(world: &World, words: &'static [&'static str]) -> BTreeSet<String> {
    let read = move |db: &store::Read<'_>| {
        let mut found = BTreeSet::new();
        for row in db.query(&COLUMNS, &[])? {
            let (table, column) = (row.text(0)?, row.text(1)?);
            for word in words {
                let text = format!("SELECT COUNT(*) FROM {table} WHERE LOWER(CAST({column} AS TEXT)) LIKE '%{word}%'");
                let text: &'static str = text.leak();
                if db.query_one(&Sql::Same(text), &[])?.int(0)? > 0 {
                    found.insert(format!("{table}.{column}"));
                }
            }
        }
        Ok(found)
    };
    world.engine.store().read::<_, DbError, _>(read).await.unwrap()
}

/// A carrier that takes nothing, and names the phone when it says so.
struct Naming(Arc<Simulator>);

impl Carrier for Naming {
    fn name(&self) -> &'static str {
        "simulator"
    }

    fn submit<'a>(&'a self, submission: &'a Submission, _: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(async move {
            let reason = format!("the number {} cannot be reached just now", submission.to);
            Outcome::Rejected { code: "30003".to_owned(), reason }
        })
    }

    fn find<'a>(&'a self, sought: &'a Sought, now: Timestamp) -> BoxFuture<'a, Finding> {
        self.0.find(sought, now)
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }
}

/// Another engine on the same database, whose carrier refuses and names the phone.
async fn with_a_naming_carrier(world: &World) -> Engine {
    let naming = Naming(Arc::clone(&world.simulator));
    let carriers = Carriers::from([("simulator".to_owned(), Arc::new(naming) as Arc<dyn Carrier>)]);
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, carriers).unwrap()).await.unwrap()
}

fn by(key: &str, world: &World) -> Actor {
    world.actor.clone().with_key(Some(IdempotencyKey::parse(key).unwrap()))
}

fn ann() -> NewContact {
    let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    NewContact {
        phone: ANN.to_owned(),
        fields: vec![
            field("First Name", "Annabel"),
            field("Last Name", "Quagmire"),
            field("Address", "7 Xylophone Road"),
        ],
        ..NewContact::default()
    }
}

async fn seconds(engine: &Engine, world: &World, seconds: i64) {
    engine.play(&world.simulator, world.engine.now() + SignedDuration::from_secs(seconds)).await.unwrap();
}

async fn contact_of(world: &World, phone: &str) -> ContactId {
    let found = world.engine.contacts(&world.actor, None, phone, 10).await.unwrap().contacts;
    found.into_iter().find(|contact| contact.phone == phone).unwrap().id
}

/// Ann with two phones, one contact that was deleted long ago, and all that there is of a contact; answers the contact that lives.
async fn known(world: &World) -> ContactId {
    let (engine, actor) = (&world.engine, &world.actor);
    let gone = engine.create_contact(&by("first", world), ann()).await.unwrap().id;
    let deleted = engine.change_many(actor, Change::Delete, Whom::These(vec![gone])).await.unwrap();
    engine.run_changes(actor, deleted.id).await.unwrap();
    // The second file changes what the first has made.
    for address in ["1 Xylophone Lane", "7 Xylophone Road"] {
        let file = format!("Phone,Phone 2,First Name,Last Name,Address\n{ANN},{OFFICE},Annabel,Quagmire,{address}\n");
        let on_duplicate = OnDuplicate::Overwrite;
        let options = ImportOptions { on_duplicate, no_consent: true, ..ImportOptions::default() };
        engine.import_file(actor, Cursor::new(file), options, ImportOutlets::default()).await.unwrap();
    }
    let id = contact_of(world, ANN).await;
    let evidence = Evidence { ip: Some("10.11.12.13".to_owned()), ..Evidence::default() };
    let consent = NewConsent { evidence, ..NewConsent::new(Kind::Written, "web form", "I agree to get texts.") };
    engine.record_consent(actor, id, consent, OptOut::Keep).await.unwrap();
    let label = engine.create_label(actor, "Hot", "red").await.unwrap();
    engine.label_contacts(actor, label.id, vec![id], Labelling::Give).await.unwrap();
    engine.add_note(&by("note", world), id, "Zebulon is her husband").await.unwrap();
    let later = NewReminder { when: When::After(7), note: "Ask Zebulon".to_owned(), workflow: None };
    engine.remind(actor, id, later).await.unwrap();
    let workflow =
        world.workflow(&[(0, "Hi {First Name}, is {Address} for sale?"), (3, "Annabel, still there?")]).await;
    engine.quote(actor, id, workflow, 1).await.unwrap();
    let request = EnrollRequest { contact: id, workflow, from_step: 1, quote: None, key: Some("start".to_owned()) };
    engine.enroll(actor, request).await.unwrap();
    seconds(engine, world, 60).await;
    world.reply(ANN, "Zebulon told me, ask Mrs Quagmire").await;
    engine.send_message(&by("text", world), id, "Thanks, Annabel!").await.unwrap();
    seconds(engine, world, 60).await;
    let naming = with_a_naming_carrier(world).await;
    naming.send_message(actor, id, "Annabel?").await.unwrap();
    seconds(&naming, world, 60).await;
    world.reply(ANN, "STOP, and forget Annabel Quagmire").await;
    seconds(engine, world, 60).await;
    id
}

fn erase(contact: ContactId) -> Erasure {
    Erasure { person: Person::Contact(contact), do_not_contact: false }
}

#[test]
fn nothing_in_any_column_tells_of_a_person_who_is_erased() {
    on_both(Plan::default, async |world| {
        let id = known(&world).await;
        let before = holding(&world, &OF_ANN).await;
        for column in [
            "answers.answer",
            "consents.evidence",
            "contact_words.word",
            "contacts.fields",
            "contacts.name",
            "contacts.name_key",
            "contacts.phone",
            "enrollments.field_values",
            "import_changes.what",
            "message_words.word",
            "messages.body",
            "messages.detail",
            "notes.body",
            "quotes.terms",
            "reminders.note",
            "workflow_steps.template",
        ] {
            assert!(before.contains(column), "{column} is not among {before:?}");
        }
        assert!(!before.contains("events.payload"), "the history holds no values");
        let whom = world.engine.whom_to_erase(&world.actor, Person::Phone(OFFICE.to_owned())).await.unwrap();
        assert_eq!(whom.len(), 3, "both phones, and who was deleted: {whom:?}");

        let job = world.engine.erase(&world.actor, erase(id), None).await.unwrap();
        let none = world.engine.contacts(&world.actor, None, "quagmire", 10).await.unwrap();
        assert!(none.contacts.is_empty(), "found by nothing from now on");
        let job = world.engine.run_erasure(&world.actor, job.id).await.unwrap();
        assert_eq!((job.total, job.started), (3, 3));
        // What the workspace wrote for everybody is its own.
        assert_eq!(holding(&world, &OF_ANN).await, BTreeSet::from(["workflow_steps.template".to_owned()]));
        outlives(&world).await;
        stays_erased(&world, id).await;
        end(world).await;
    });
}

/// What must outlive a person.
async fn outlives(world: &World) {
    let (engine, actor, workspace) = (&world.engine, &world.actor, world.workspace());
    let again =
        engine.create_contact(actor, NewContact { phone: ANN.to_owned(), ..NewContact::default() }).await.unwrap();
    assert_eq!(engine.suppressions(actor, again.id).await.unwrap(), [Suppression::OptedOut]);
    let records = engine.consents(actor, again.id, None, 50).await.unwrap().records;
    assert_eq!(records.len(), 2, "the consent and its revocation");
    assert!(records.iter().all(|record| record.contact.is_none() && record.message.is_none()));
    assert!(records.iter().all(|record| record.evidence.erased.is_some() && record.evidence.words.is_none()));
    assert_eq!(records[1].text.as_deref(), Some("I agree to get texts."));
    let request = EnrollRequest {
        contact: again.id,
        workflow: domain::ids::WorkflowId(77),
        from_step: 1,
        quote: None,
        key: None,
    };
    assert!(matches!(engine.enroll(actor, request).await, Err(EnrollError::Refused(_))));
    world.engine.clock().move_to(world.engine.now() + SignedDuration::from_hours(3));
    engine.seal_all().await.unwrap();
    let history = engine.verify_history(workspace, &BTreeSet::new()).await.unwrap();
    assert!(history.is_clean() && history.sealed > 0, "{:?}", history.faults);
}

/// Neither a repeat, nor an undo, nor a second wish brings anything back.
async fn stays_erased(world: &World, id: ContactId) {
    let (engine, actor) = (&world.engine, &world.actor);
    let repeat = engine.create_contact(&by("first", world), ann()).await;
    assert!(matches!(repeat, Err(ContactError::KeyReused(_))), "{repeat:?}");
    assert!(matches!(engine.erase(actor, erase(id), None).await, Err(EraseError::Unknown)));
    let jobs = engine.jobs(actor, domain::ids::JobId(i64::MAX), 50).await.unwrap();
    let deleted = jobs.iter().find(|job| job.kind == "contacts").unwrap().id;
    let undo = engine.undo_changes(actor, deleted).await.unwrap();
    assert_eq!(engine.run_changes(actor, undo.id).await.unwrap().started, 0);
    assert!(matches!(engine.contact(actor, id).await, Err(ContactError::Unknown)));
}

async fn end(world: World) {
    let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
    assert!(report.is_clean(), "{report:?}");
    world.end().await;
}

#[test]
fn who_runs_is_refunded_and_nobody_else_is_touched() {
    on_both(Plan::default, async |world| {
        let workflow = world.workflow(&[(0, "Hi"), (1, "Still there?"), (1, "Last one")]).await;
        let (ann, bob) =
            (world.engine.create_contact(&world.actor, ann()).await.unwrap().id, world.contact(9, BOB, &[]).await);
        for contact in [ann, bob] {
            let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
            world.engine.enroll(&world.actor, request).await.unwrap();
        }
        seconds(&world.engine, &world, 60).await;
        assert_eq!(world.balance("available").await.0, 4);
        let erasure = Erasure { person: Person::Phone("(212) 555-0111".to_owned()), do_not_contact: true };
        let job = world.engine.erase(&by("once", &world), erasure.clone(), None).await.unwrap();
        let again = world.engine.erase(&by("once", &world), erasure, None).await.unwrap();
        assert_eq!(again.id, job.id, "one key, one erasure");
        assert_eq!(world.balance("available").await.0, 6, "her two texts came back, his did not");
        world.engine.run_erasure(&world.actor, job.id).await.unwrap();
        world.play_days(5).await;
        assert_eq!((world.texts(ANN).len(), world.texts(BOB).len()), (1, 3));
        // Her phone writes again: somebody who is not known, and must not be texted.
        world.reply(ANN, "who is this?").await;
        let new = contact_of(&world, ANN).await;
        assert!(new != ann);
        assert_eq!(world.engine.suppressions(&world.actor, new).await.unwrap(), [Suppression::DoNotContact]);
        end(world).await;
    });
}

#[test]
fn while_a_text_is_on_its_way_nothing_is_erased_and_nothing_changes() {
    on_both(Plan::default, async |world| {
        let ann = world.engine.create_contact(&world.actor, ann()).await.unwrap().id;
        world.engine.send_message(&world.actor, ann, "On its way").await.unwrap();
        let early = world.engine.erase(&world.actor, erase(ann), None).await;
        assert!(matches!(early, Err(EraseError::OnTheWay { count: 1 })), "{early:?}");
        assert_eq!(world.engine.contact(&world.actor, ann).await.unwrap().name, "Annabel Quagmire");
        seconds(&world.engine, &world, 60).await;
        world.engine.erase(&world.actor, erase(ann), None).await.unwrap();
        end(world).await;
    });
}

#[test]
fn a_job_that_was_broken_off_goes_on_and_takes_out_every_text() {
    const TEXTS: i64 = 1_201;
    on_both(Plan::default, async |world| {
        let ann = world.engine.create_contact(&world.actor, ann()).await.unwrap().id;
        let (workspace, now) = (world.workspace(), world.engine.now());
        let insert = move |tx: &mut store::Tx<'_>| {
            let text = |n| {
                let (id, number) = (domain::ids::MessageId(n << 8), domain::ids::NumberId(5));
                let body = format!("Annabel writes {n}");
                let message = Message::new(id, ann, MessageKind::Inbound, number, body, 1, now);
                Message { state: MessageState::Received, ..message }
            };
            store::messages::insert(tx, workspace, &(1..=TEXTS).map(text).collect::<Vec<_>>(), now)
        };
        world.engine.store().write::<_, DbError, _>(Lane::Normal, insert).await.unwrap();
        let job = world.engine.erase(&world.actor, erase(ann), None).await.unwrap();
        assert!(holding(&world, &["annabel"]).await.contains("messages.body"), "the texts go behind it");
        assert_eq!(world.engine.resume_erasures(SignedDuration::ZERO).await.unwrap(), 1);
        assert!(holding(&world, &["annabel"]).await.is_empty());
        assert_eq!(world.engine.job(&world.actor, job.id).await.unwrap().state, "done");
        assert_eq!(world.engine.resume_erasures(SignedDuration::ZERO).await.unwrap(), 0);
        end(world).await;
    });
}

#[test]
fn only_an_admin_erases_and_only_in_their_own_workspace() {
    on_both(Plan::default, async |world| {
        let ann = world.engine.create_contact(&world.actor, ann()).await.unwrap().id;
        let role = |role: Role| Actor::user(world.workspace(), UserId(9), role.permissions());
        let refused = world.engine.erase(&role(Role::Agent), erase(ann), None).await;
        assert!(matches!(refused, Err(EraseError::Forbidden(_))));
        let other = Actor::operator(domain::ids::WorkspaceId(2));
        for person in [Person::Contact(ann), Person::Phone(ANN.to_owned())] {
            let erasure = Erasure { person, do_not_contact: true };
            assert!(matches!(world.engine.erase(&other, erasure, None).await, Err(EraseError::Unknown)));
        }
        let wrong = Erasure { person: Person::Phone("12".to_owned()), do_not_contact: false };
        assert!(matches!(world.engine.erase(&world.actor, wrong, None).await, Err(EraseError::Phone(_))));
        let job = world.engine.erase(&role(Role::Admin), erase(ann), None).await.unwrap();
        let foreign = world.engine.run_erasure(&other, job.id).await;
        assert!(matches!(foreign, Err(BulkError::JobUnknown)), "{foreign:?}");
        end(world).await;
    });
}
