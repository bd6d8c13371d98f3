//! Everything at once, by seed: carriers that fail in every way, receipts of any try in any order, replies,
//! and people who remove, pause, delete, suppress, lose numbers and change rates and settings.
//!
//! Whatever happened: every enrollment ends, once, and says so once; prepaid drains; the books are clean; nobody is
//! texted by an enrollment after its end.

use std::collections::HashMap;

use carrier::simulator::{Behaviour, Delay, Faults, Receipts, Replies};
use carrier::{CarrierEvent, FailureClass, Receipt, ReceiptState, StopAnswer, Support};
use domain::ids::{ContactId, EnrollmentId, EventId, MessageId, NumberId, PersonId};
use domain::message::MessageKind;
use domain::money::Micros;
use domain::suppression::Suppression;
use engine::bulk::Selection;
use engine::doubts::{Doubts, Fate};
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::workspaces::SettingsChange;
use engine::{Settings, Switch};
use jiff::SignedDuration;
use store::events::Event;
use store::messages::{self, Message};

use crate::world::{Plan, World, on_both};

const CONTACTS: i64 = 30;
const TURNS: u64 = 32;

/// Chance by seed (Knuth's multiplier): the same seed attacks in the same way.
struct Luck(u64);

impl Luck {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).unwrap()]
    }

    fn switch(&mut self) -> Switch {
        self.of(&[Switch::On, Switch::Off])
    }
}

fn phone(n: i64) -> String {
    format!("+1305600{n:04}")
}

fn hostile(echo: Support, stop_answer: StopAnswer) -> Behaviour {
    let faults = Faults {
        temporary: 0.15,
        throttled: 0.05,
        permanent: 0.02,
        opted_out: 0.02,
        sender_problem: 0.02,
        rejected: 0.02,
        lost_after: 0.08,
        lost_before: 0.08,
        find_unavailable: 0.3,
        fewer_segments: 0.3,
        ..Faults::default()
    };
    let receipts = Receipts {
        delay: Delay { min_ms: 0, max_ms: 400_000 },
        missing: 0.2,
        doubled: 0.3,
        out_of_order: 0.3,
        failed: 0.3,
        recovered: 0.3,
        bad_number: 0.1,
        opted_out: 0.1,
    };
    let replies = Replies { rate: 0.05, delay: Delay { min_ms: 0, max_ms: 90_000_000 }, ..Replies::default() };
    Behaviour { faults, receipts, replies, echo, stop_answer, find_lag_ms: 30_000, ..Behaviour::default() }
}

async fn all_events(world: &World) -> Vec<Event> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| {
        let mut all = Vec::new();
        for n in 0..CONTACTS {
            all.extend(store::events::of_contact(db, workspace, ContactId(1_000 + n), EventId(i64::MAX), 100_000)?);
        }
        Ok::<_, store::DbError>(all)
    };
    world.engine.store().read(read).await.unwrap()
}

async fn thread(world: &World, contact: ContactId) -> Vec<Message> {
    let workspace = world.workspace();
    let texts = world.engine.texts();
    let read = move |db: &store::Read<'_>| texts.thread(db, workspace, contact, MessageId(i64::MAX), 1_000);
    world.engine.store().read(read).await.unwrap()
}

/// A receipt that may be of any try, of any kind, true or not.
async fn forge(world: &World, luck: &mut Luck, turn: u64) {
    let contact = ContactId(1_000 + i64::try_from(luck.below(CONTACTS.unsigned_abs())).unwrap());
    let thread = thread(world, contact).await;
    let Some(message) = thread.iter().find(|message| message.kind != MessageKind::Inbound) else { return };
    let states = [ReceiptState::Sent, ReceiptState::Delivered, ReceiptState::Undelivered, ReceiptState::Failed];
    let failures =
        [None, None, Some(FailureClass::Temporary), Some(FailureClass::BadNumber), Some(FailureClass::OptedOut)];
    let tried = i64::try_from(luck.below(4)).unwrap();
    let receipt = Receipt {
        event_id: format!("forged-{turn}"),
        carrier_id: format!("forged-{}", luck.below(10)),
        from: world.number.clone(),
        attempt: (tried > 0).then(|| messages::attempt(message.id, tried)),
        state: luck.of(&states),
        code: Some("forged".to_owned()),
        failure: luck.of(&failures),
        segments: luck.of(&[None, Some(1)]),
        cost: None,
        at: world.engine.now(),
    };
    world.engine.receive("simulator", CarrierEvent::Receipt(receipt)).await.unwrap();
}

/// One thing that somebody does; what is refused is refused.
async fn act(world: &World, luck: &mut Luck, turn: u64, workflow: domain::ids::WorkflowId, spare: NumberId) {
    let n = i64::try_from(luck.below(CONTACTS.unsigned_abs())).unwrap();
    let (contact, engine, actor) = (ContactId(1_000 + n), &world.engine, &world.actor);
    match luck.below(20) {
        0 | 1 => {
            let job = engine.enroll_many(actor, workflow, Selection::All, None).await.unwrap();
            engine.run_job(actor, job.id, |_| {}).await.unwrap();
        }
        2..=4 => {
            let text =
                luck.of(&["hello", "STOP", "START", "wrong number", "Auto-reply: away", "stop texting me", "yes"]);
            world.reply(&phone(n), text).await;
        }
        5 => drop(engine.send_message(actor, contact, &"by hand ".repeat(30)).await),
        6 => drop(engine.suppress(actor, contact, Suppression::DoNotContact).await),
        7 | 8 => drop(
            engine.unsuppress(actor, contact, luck.of(&[Suppression::DoNotContact, Suppression::Undeliverable])).await,
        ),
        9 => {
            let state = luck.of(&[NumberState::Live, NumberState::Live, NumberState::Paused, NumberState::Lost]);
            let change = NumberChange { state: Some(state), ..NumberChange::default() };
            engine.change_number(actor, luck.of(&[NumberId(5), spare]), change).await.unwrap();
        }
        10 | 11 => make_live(world, spare).await,
        12 => {
            let rate = Micros(i64::try_from(1_000 * (1 + luck.below(40))).unwrap());
            engine.change_rate(world.workspace(), rate).await.unwrap();
        }
        13 => {
            let settings = Settings {
                refund_refused: luck.switch(),
                stop_person: luck.switch(),
                automatic_answers_stop: luck.switch(),
                ..Settings::default()
            };
            let change = SettingsChange { settings: Some(settings), ..SettingsChange::default() };
            engine.change_settings(actor, change).await.unwrap();
        }
        14 if luck.below(8) == 0 => drop(engine.pause_workflow(actor, workflow).await),
        15 => drop(engine.delete_contact(actor, ContactId(1_000 + n % 4)).await),
        _ => {
            for doubt in engine.doubts(actor, Doubts::ForAPerson, None, 50).await.unwrap() {
                engine.settle_by_hand(actor, doubt.id, luck.of(&[Fate::Sent, Fate::NotSent])).await.unwrap();
            }
        }
    }
    for nth in 0..3 {
        forge(world, luck, 3 * turn + nth).await;
    }
}

async fn attack(world: World, seed: u64) {
    let mut luck = Luck(seed);
    let long = "a long one ".repeat(20);
    let workflow = world.workflow(&[(0, "One"), (1, &long), (2, "Three"), (1, "Four")]).await;
    for n in 0..CONTACTS {
        // Some persons have two phones.
        if n % 5 < 2 {
            world.contact_of(n, &phone(n), PersonId(100 + n / 5)).await;
        } else {
            world.contact(n, &phone(n), &[]).await;
        }
    }
    let new =
        NewNumber { phone: "+13055550177".to_owned(), carrier: "simulator".to_owned(), per_minute: 60, per_day: 0 };
    let spare = world.engine.add_number(&world.actor, new).await.unwrap().id;
    for turn in 0..TURNS {
        act(&world, &mut luck, turn, workflow, spare).await;
        let until = world.engine.now() + SignedDuration::from_mins(i64::try_from(luck.below(900)).unwrap());
        world.engine.play(&world.simulator, until).await.unwrap();
        if turn % 4 > 0 {
            continue;
        }
        let report = world.engine.verify_ledger(world.workspace()).await.unwrap();
        assert!(report.is_clean(), "seed {seed}, turn {turn}: {:?}", report.faults);
    }
    settle_down(&world, spare).await;
    check(&world, seed).await;
    world.end().await;
}

async fn make_live(world: &World, spare: NumberId) {
    for number in [NumberId(5), spare] {
        let live = NumberChange { state: Some(NumberState::Live), ..NumberChange::default() };
        world.engine.change_number(&world.actor, number, live).await.unwrap();
    }
}

/// The carrier is well again, the numbers are live, people settle what is left, and time passes.
async fn settle_down(world: &World, spare: NumberId) {
    world.simulator.set_behaviour(Behaviour::default()).unwrap();
    make_live(world, spare).await;
    for _ in 0..4 {
        world.play_days(15).await;
        for doubt in world.engine.doubts(&world.actor, Doubts::ForAPerson, None, 200).await.unwrap() {
            world.engine.settle_by_hand(&world.actor, doubt.id, Fate::NotSent).await.unwrap();
        }
    }
}

async fn check(world: &World, seed: u64) {
    let workspace = world.workspace();
    let ends = move |db: &store::Read<'_>| store::enrollments::ends(db, workspace);
    let ends = world.engine.store().read::<_, store::DbError, _>(ends).await.unwrap();
    assert!(ends.iter().all(|(state, ..)| state != "active"), "seed {seed}: something hangs: {ends:?}");
    assert_eq!(world.balance("prepaid").await, (0, 0), "seed {seed}: prepaid does not drain");
    let report = world.engine.verify_ledger(workspace).await.unwrap();
    assert!(report.is_clean(), "seed {seed}: {:?}", report.faults);
    assert_eq!(world.engine.next_due().await.unwrap(), None, "seed {seed}: something is due for ever");
    let events = all_events(world).await;
    let mut ended = HashMap::<EnrollmentId, Vec<&Event>>::new();
    let (mut started, mut sent) = (0, HashMap::<String, usize>::new());
    for event in &events {
        let payload: serde_json::Value = serde_json::from_str(&event.payload).unwrap();
        match event.kind.as_str() {
            "enrollment.started" => started += 1,
            "enrollment.stopped" | "enrollment.completed" => {
                let id = payload["enrollment"].as_str().unwrap().parse().unwrap();
                ended.entry(id).or_default().push(event);
            }
            "message.sent" => *sent.entry(payload["message"].as_str().unwrap().to_owned()).or_default() += 1,
            _ => {}
        }
    }
    assert_eq!(ended.len(), started, "seed {seed}: an end was not told");
    assert!(ended.values().all(|told| told.len() == 1), "seed {seed}: an end was told twice");
    assert!(sent.values().all(|told| *told == 1), "seed {seed}: a send was told twice");
    println!("seed {seed}: {started} enrollments, {} events, {ends:?}", events.len());
    for n in 0..CONTACTS {
        for message in thread(world, ContactId(1_000 + n)).await {
            let Some(end) = message.enrollment.and_then(|id| ended.get(&id)) else { continue };
            assert!(
                message.claimed_at.is_none_or(|at| at <= end[0].at),
                "seed {seed}: claimed after the end: {message:?}"
            );
        }
    }
}

fn plan(seed: u64) -> Plan {
    let echo = if seed.is_multiple_of(2) { Support::Offered } else { Support::Missing };
    let stop_answer = if seed.is_multiple_of(3) { StopAnswer::Carrier } else { StopAnswer::Ours };
    Plan { behaviour: hostile(echo, stop_answer), seed, credits: 100, wallet: Micros(1_000_000_000), ..Plan::default() }
}

#[test]
fn whatever_happens_every_enrollment_ends_once_and_prepaid_drains() {
    on_both(|| plan(5), async |world| attack(world, 5).await);
}

/// More seeds on the database in memory: what a night of attacks would find, in seconds.
#[test]
fn heavy_many_seeds_in_memory() {
    for seed in seeds() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let opened = tokio::task::spawn_blocking(|| store::Store::open(&store::Address::memory()).unwrap());
            attack(World::new(opened.await.unwrap(), plan(seed)).await, seed).await;
        });
    }
}

fn seeds() -> std::ops::Range<u64> {
    2..5
}
