//! One text and one fault of the line, for each carrier that the exchange speaks, over real connections: what became of it, by the handset's word.
//!
//! The year of the story meets all of these by chance; here each has a name.

use std::collections::BTreeMap;
use std::sync::Arc;

use carrier::account::Kind;
use carrier::simulator::{Answer, Behaviour, Reaction};
use carrier::{Http, ReceiptState, Simulator};
use domain::enrollment::{EnrollmentState, StopReason};
use domain::ids::EnrollmentId;
use domain::money::Micros;
use engine::contacts::NewContact;
use engine::doubts::{Doubts, Fate};
use engine::enrolling::EnrollRequest;
use engine::hear::HearError;
use engine::numbers::{NewNumber, NumberChange, NumberState};
use engine::receive::Received;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use jiff::SignedDuration;
use store::{Address, Store};

use crate::exchange::{self, smpp::Hurry};
use crate::exchange::{Account, Exchange, Habits, Wire, dialect, smpp};
use crate::registered::register;

const OURS: &str = "+12125550100";
const THEIRS: &str = "+12125550111";

/// A customer of one carrier, with one contact and a workflow of two messages.
struct Town {
    engine: Engine,
    actor: Actor,
    exchange: Exchange,
    account: Account,
    enrollment: EnrollmentId,
    _hurry: Option<Hurry>,
}

impl Town {
    async fn found(kind: Kind) -> Self {
        let simulator = Arc::new(Simulator::new(Behaviour::default(), 1).unwrap());
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let mut exchange = Exchange::open(simulator, clock.clone(), Habits::default()).await;
        let hurry = (kind == Kind::Smpp).then(smpp::hurry);
        if kind == Kind::Smpp {
            exchange.also_smpp().await;
        }
        let outfit = Outfit {
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: Http::new().unwrap(),
            poster: Poster::new("none".parse().unwrap()).unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            reach: "127.0.0.1".parse().unwrap(),
            bases: BTreeMap::from([(kind, exchange.address.clone())]),
        };
        let open = move || {
            let store = Store::open(&Address::memory()).unwrap();
            Engine::open_with(store, clock, Carriers::new(), Some(outfit)).unwrap()
        };
        let engine = tokio::task::spawn_blocking(open).await.unwrap();
        engine.open_links();
        let (name, zone) = ("Acme".to_owned(), "America/New_York".to_owned());
        let new = NewWorkspace { name, zone, rate: Micros(15_000), plan_credits: 100 };
        let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
        let account = exchange.account(kind, &[OURS]);
        let typed = dialect::typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let added = engine.add_carrier(&actor, kind.word(), "Ours", typed).await.unwrap();
        exchange.call_at(&account, &added.callbacks);
        exchange.serve(&account, &engine, actor.workspace());
        exchange.linked().await;
        let number = NewNumber { phone: OURS.to_owned(), carrier: added.id.to_string(), per_minute: 0, per_day: 0 };
        let number = engine.add_number(&actor, number).await.unwrap();
        register(&engine, &actor, number.id).await;
        let step = |gap_days, text: &str| StepInput { gap_days, text: text.to_owned() };
        let steps = vec![step(0, "One"), step(3, "Two")];
        let workflow = WorkflowInput { name: "Leads".to_owned(), steps };
        let workflow = engine.create_workflow(&actor, workflow).await.unwrap().summary.workflow.id;
        let fields = vec![("State".to_owned(), "NY".to_owned())];
        let new = NewContact { phone: THEIRS.to_owned(), region: None, name: None, fields, person: None };
        let contact = engine.create_contact(&actor, new).await.unwrap().id;
        let request = EnrollRequest { contact, workflow, from_step: 1, quote: None, key: None };
        let enrollment = engine.enroll(&actor, request).await.unwrap().enrollment;
        Self { engine, actor, exchange, account, enrollment, _hurry: hurry }
    }

    /// Lives on for so many hours; whoever is asked about a text in doubt looks at the handset.
    async fn live(&self, hours: i64) {
        let until = self.engine.now() + SignedDuration::from_hours(hours);
        loop {
            self.exchange.linked().await;
            let mut touched = self.engine.round().await.unwrap().touched;
            for event in self.exchange.simulator.due_events(self.engine.now()) {
                self.exchange.tell(&self.engine, &event).await;
                touched += 1;
            }
            for message in self.engine.doubts(&self.actor, Doubts::ForAPerson, None, 50).await.unwrap() {
                let attempt = store::messages::attempt(message.id, message.attempts);
                let has_arrived = self.exchange.simulator.texts_of(attempt).unwrap() > 0;
                let fate = if has_arrived { Fate::Sent } else { Fate::NotSent };
                self.engine.settle_by_hand(&self.actor, message.id, fate).await.unwrap();
            }
            let now = self.engine.now();
            if touched == 0 && now >= until {
                return;
            }
            if touched == 0 {
                self.engine.clock().move_to(until.min(now + SignedDuration::from_mins(10)));
            }
        }
    }

    /// What the handset has.
    fn texts(&self) -> Vec<String> {
        self.exchange.simulator.inbox(THEIRS, 0, 50).unwrap().into_iter().map(|text| text.body).collect()
    }

    async fn state(&self) -> EnrollmentState {
        self.engine.enrollment(&self.actor, self.enrollment).await.unwrap().state
    }

    /// The kinds of what happened to the contact, oldest first.
    async fn history(&self) -> Vec<String> {
        const KINDS: store::Sql = store::Sql::Same("SELECT kind FROM events WHERE workspace_id = $1 ORDER BY event_id");
        let workspace = self.actor.workspace().0;
        let read = move |db: &store::Read<'_>| -> Result<Vec<String>, store::DbError> {
            db.query(&KINDS, &[workspace.into()])?.iter().map(|row| row.text(0).map(str::to_owned)).collect()
        };
        self.engine.store().read(read).await.unwrap()
    }

    /// The books are right, and what was not sent was paid back.
    async fn balances(&self, segments: i64) {
        let report = self.engine.verify_ledger(self.actor.workspace()).await.unwrap();
        assert!(report.is_clean(), "{:#?}", report.faults);
        let workspace = self.actor.workspace();
        let read = move |db: &store::Read<'_>| store::ledger::balances(db, workspace);
        let all = self.engine.store().read::<_, store::DbError, _>(read).await.unwrap();
        let earned = all.iter().find(|row| row.account == "earned" && row.unit == "segments").unwrap();
        assert_eq!(earned.amount, segments, "{:?}", self.account.kind);
    }
}

/// Runs a story for each carrier.
fn for_each<Fut: Future<Output = ()>>(story: impl Fn(Town) -> Fut) {
    for kind in dialect::KINDS.into_iter().chain([Kind::Smpp]) {
        println!("with {}", kind.name());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { story(Town::found(kind).await).await });
    }
}

/// Answers from which nobody can tell whether the text was taken.
const WORTHLESS: [Wire; 6] =
    [Wire::Drops, Wire::Breaks, Wire::Garbles, Wire::Page(500), Wire::Page(502), Wire::Page(307)];

#[test]
fn a_text_that_was_taken_under_a_lost_answer_arrives_once_and_is_paid_once() {
    for wire in WORTHLESS {
        for_each(async |town| {
            // And without news, which would prove the send by themselves.
            town.exchange.simulator.script(THEIRS, vec![Reaction::answering(Answer::LostAfter)]);
            town.exchange.wires(THEIRS, &[wire]);
            town.live(24 * 5).await;
            assert_eq!(town.texts(), ["One", "Two"], "{wire:?}");
            assert_eq!(town.state().await, EnrollmentState::Completed, "{wire:?}");
            town.balances(2).await;
        });
    }
}

#[test]
fn a_text_that_was_lost_with_its_request_is_not_sent_again_and_costs_nothing() {
    for wire in WORTHLESS {
        for_each(async |town| {
            town.exchange.simulator.script(THEIRS, vec![Reaction::answering(Answer::LostBefore)]);
            town.exchange.wires(THEIRS, &[wire]);
            town.live(24 * 5).await;
            assert_eq!(town.texts(), ["Two"], "{wire:?}");
            town.balances(1).await;
        });
    }
}

#[test]
fn a_text_that_its_carrier_keeps_for_too_long_does_not_arrive_and_is_not_sent_again() {
    for_each(async |town| {
        // It is ten in the morning: each carrier has four hours, by our word or by its own.
        let (late, in_time) = (Reaction::delivered().waiting(14_400_001), Reaction::delivered().waiting(7_200_000));
        town.exchange.simulator.script(THEIRS, vec![late, in_time]);
        town.live(24 * 5).await;
        assert_eq!(town.texts(), ["Two"], "{:?}", town.account.kind);
        assert_eq!(town.state().await, EnrollmentState::Completed);
        let history = town.history().await;
        let told = |kind: &str| history.iter().filter(|one| *one == kind).count();
        assert_eq!((told("message.sent"), told("message.undelivered"), told("message.delivered")), (2, 1, 1));
        town.balances(2).await;
    });
}

#[test]
fn an_answer_that_comes_in_drops_or_on_a_connection_that_closes_is_an_answer() {
    for wire in [Wire::Drips, Wire::ThenGone] {
        for_each(async |town| {
            town.exchange.wires(THEIRS, &[wire, wire]);
            town.engine.round().await.unwrap();
            assert!(!town.history().await.contains(&"message.in_doubt".to_owned()), "{wire:?}");
            town.live(24 * 5).await;
            assert_eq!(town.texts(), ["One", "Two"], "{wire:?}");
        });
    }
}

#[test]
fn an_answer_after_the_time_out_leaves_the_text_in_doubt_and_is_not_waited_for() {
    for_each(async |town| {
        town.exchange.wires(THEIRS, &[Wire::Waits]);
        let engine = town.engine.clone();
        let round = tokio::spawn(async move { engine.round().await.unwrap() });
        while town.exchange.handed().is_empty() {
            tokio::task::yield_now().await;
        }
        // The thirty seconds of real time pass at once; over SMPP it is 45, which hurry anyway.
        let is_smpp = town.account.kind == Kind::Smpp;
        if !is_smpp {
            tokio::time::pause();
        }
        round.await.unwrap();
        if !is_smpp {
            tokio::time::resume();
        }
        assert!(town.history().await.contains(&"message.in_doubt".to_owned()));
        town.exchange.release();
        town.live(24 * 5).await;
        assert_eq!(town.texts(), ["One", "Two"]);
        town.balances(2).await;
    });
}

#[test]
fn a_storm_of_429_is_waited_out_as_long_as_the_carrier_asks() {
    for_each(async |town| {
        let storm = vec![Reaction::answering(Answer::Throttled); 3];
        town.exchange.simulator.script(THEIRS, storm);
        let mut behaviour = Behaviour::default();
        behaviour.faults.retry_after_seconds = 7_200;
        town.exchange.simulator.set_behaviour(behaviour).unwrap();
        // An SMSC has no word for how long.
        if town.account.kind != Kind::Smpp {
            town.live(1).await;
            assert_eq!(town.exchange.handed().len(), 1, "it came again before its time");
            town.live(4).await;
            assert_eq!((town.exchange.handed().len(), town.texts()), (3, Vec::new()));
        }
        town.live(24 * 5).await;
        assert!(!town.history().await.contains(&"message.in_doubt".to_owned()));
        assert_eq!(town.texts(), ["One", "Two"]);
        town.balances(2).await;
    });
}

#[test]
fn an_account_that_is_gone_burns_no_text_and_sends_when_it_is_back() {
    for_each(async |town| {
        if town.account.kind == Kind::Smpp {
            return not_let_in(town).await;
        }
        town.exchange.close(&town.account);
        town.engine.round().await.unwrap();
        let number = town.engine.numbers(&town.actor).await.unwrap().remove(0);
        assert_eq!(number.state, "paused");
        assert_eq!(town.state().await, EnrollmentState::Active);
        town.exchange.reopen(&town.account);
        let live = NumberChange { state: Some(NumberState::Live), ..NumberChange::default() };
        town.engine.change_number(&town.actor, number.id, live).await.unwrap();
        town.live(24 * 5).await;
        assert_eq!(town.texts(), ["One", "Two"]);
        town.balances(2).await;
    });
}

/// No text leaves, so none is in doubt and no number is to blame.
async fn not_let_in(town: Town) {
    town.exchange.shut(true);
    town.live(6).await;
    let number = town.engine.numbers(&town.actor).await.unwrap().remove(0);
    assert_eq!((number.state.as_str(), town.exchange.handed().len()), ("live", 0));
    assert_eq!(town.state().await, EnrollmentState::Active);
    town.exchange.shut(false);
    town.live(24 * 5).await;
    let history = town.history().await;
    assert_eq!(town.texts(), ["One", "Two"], "{history:?}");
    assert!(!history.contains(&"message.in_doubt".to_owned()), "{history:?}");
    town.balances(2).await;
}

#[test]
fn a_reply_in_the_same_instant_stops_the_workflow_before_the_answer_to_the_send_is_there() {
    for lost in [false, true] {
        for_each(async |town| {
            let fate = if lost { Answer::LostAfter } else { Answer::Accept };
            let news = Reaction::answering(fate).receipt(ReceiptState::Sent, 0).receipt(ReceiptState::Delivered, 0);
            town.exchange.simulator.script(THEIRS, vec![news.reply("Yes", 0)]);
            town.exchange.always_early();
            let mut early = town.exchange.early();
            let (engine, exchange) = (town.engine.clone(), town.exchange.clone());
            let teller = tokio::spawn(async move {
                let call = early.recv().await.unwrap();
                for event in &call.events {
                    exchange.tell(&engine, event).await;
                }
                call.taken.send(()).unwrap();
                call.events.len()
            });
            town.engine.round().await.unwrap();
            assert_eq!(teller.await.unwrap(), 3);
            assert_eq!(town.state().await, EnrollmentState::Stopped(StopReason::Replied));
            assert!(town.history().await.contains(&"message.delivered".to_owned()));
            town.live(24 * 5).await;
            assert_eq!(town.texts(), ["One"]);
            town.balances(1).await;
        });
    }
}

#[test]
fn receipts_that_come_twice_and_backwards_never_take_a_state_back() {
    for_each(async |town| {
        let news = Reaction::answering(Answer::Accept);
        let news = news.receipt(ReceiptState::Delivered, 0).receipt(ReceiptState::Sent, 60_000);
        let news = news.receipt(ReceiptState::Undelivered, 120_000).receipt(ReceiptState::Sent, 180_000);
        town.exchange.simulator.script(THEIRS, vec![news]);
        town.engine.round().await.unwrap();
        town.engine.clock().move_to(town.engine.now() + SignedDuration::from_mins(5));
        let events = town.exchange.simulator.due_events(town.engine.now());
        assert_eq!(events.len(), 4);
        for event in [&events[..], &events[..]].concat() {
            town.exchange.tell(&town.engine, &event).await;
        }
        let told = town.history().await;
        let told: Vec<_> = told.iter().filter(|kind| kind.starts_with("message.")).collect();
        assert_eq!(told, ["message.sent", "message.delivered"]);
    });
}

#[test]
fn a_contact_whom_the_carrier_has_blocked_is_opted_out_here_too() {
    // The others tell it by a receipt.
    for kind in [Kind::Twilio, Kind::Telnyx] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let town = Town::found(kind).await;
            town.exchange.simulator.script(THEIRS, vec![Reaction::answering(Answer::OptedOut)]);
            town.live(24 * 5).await;
            assert_eq!(town.state().await, EnrollmentState::Stopped(StopReason::OptedOut));
            assert!(town.texts().is_empty());
        });
    }
    for_each(async |town| {
        if matches!(town.account.kind, Kind::Gateway | Kind::Smpp) {
            // Neither Kannel nor SMPP has a word for it.
            return;
        }
        let news = Reaction::answering(Answer::Accept).failing(carrier::FailureClass::OptedOut, 0);
        town.exchange.simulator.script(THEIRS, vec![news]);
        town.live(24 * 5).await;
        assert_eq!(town.state().await, EnrollmentState::Stopped(StopReason::OptedOut));
        assert_eq!(town.texts(), ["One"]);
    });
}

#[test]
fn a_call_that_was_changed_on_its_way_or_signed_by_another_is_refused_and_counted() {
    for_each(async |town| {
        if town.account.kind == Kind::Smpp {
            // Nobody calls; the year has strangers who try.
            return;
        }
        let now = town.engine.now();
        let reply = town.exchange.simulator.reply(THEIRS, OURS, "Call me", now).unwrap();
        let (account, call) = town.exchange.call(&reply);
        let mut refused = 0;
        let stranger = town.exchange.call_of(&account.stranger(), &reply);
        let mut changed = call.clone();
        changed.body = changed.body.replace("Call", "Cull");
        changed.url = changed.url.replace("Call", "Cull");
        let bare = call.clone().bare();
        for forged in [stranger, bare, changed] {
            let takes_all = matches!(account.kind, Kind::Bandwidth | Kind::Plivo | Kind::Gateway);
            let says_anything = takes_all && (forged.body.contains("Cull") || forged.url.contains("Cull"));
            if says_anything {
                // They sign nothing of what they say; Plivo's word counts once, and the others' is a password.
                continue;
            }
            let heard = exchange::hear(&town.engine, &forged).await;
            assert!(matches!(heard, Err(HearError::Unverified(_))), "{heard:?}");
            refused += 1;
        }
        assert_eq!(town.state().await, EnrollmentState::Active);
        let shown = town.engine.carrier_accounts(&town.actor).await.unwrap().remove(0);
        assert_eq!(shown.refused, refused);
        let heard = exchange::hear(&town.engine, &call).await.unwrap();
        assert!(matches!(heard[..], [Received::Stored { .. }]), "{heard:?}");
        assert_eq!(town.state().await, EnrollmentState::Stopped(StopReason::Replied));
        if account.kind == Kind::Telnyx {
            town.engine.clock().move_to(now + SignedDuration::from_secs(301));
            let late = exchange::hear(&town.engine, &call).await;
            assert!(matches!(late, Err(HearError::Unverified(_))), "{late:?}");
        }
    });
}
