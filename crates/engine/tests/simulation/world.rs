//! One seed: who takes part, and how its time passes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use carrier::simulator::{Behaviour, Delay, Faults, Receipts, Replies, ReplyText};
use carrier::{CarrierEvent, Outcome, ReceiptState, Simulator, StopAnswer, Support};
use domain::ids::{NumberId, WorkflowId};
use domain::money::Micros;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Engine};
use futures_util::future::{join, join_all};
use jiff::SignedDuration;
use store::Store;
use store::mishaps::Turns;

use crate::simulation::model::{self, Books, Both, Contact, Place};
use crate::simulation::street::{Handed, Node, Street, Tally, Told};
use crate::simulation::verdict;
use crate::story::dice::Dice;

const START: &str = "2026-01-05T14:00:00Z";
/// How many times something happens.
const TICKS: usize = 90;
/// After so many more everything has ended.
const PATIENCE: usize = 3_000;
/// The contacts of a world at most; each workspace may know all of them.
const PHONES: usize = 6;
/// Runs of a workspace have numbers from this many times its own.
pub(crate) const APART: usize = 10_000;

/// A workflow as the model knows it.
pub(crate) struct Flow {
    pub(crate) id: WorkflowId,
    pub(crate) name: String,
    /// Which words each step has.
    pub(crate) kinds: Vec<usize>,
}

/// A workspace, and what should be in it.
pub(crate) struct House {
    pub(crate) actor: Actor,
    pub(crate) numbers: Vec<(NumberId, String)>,
    /// The number that the workspace has lost; one it keeps.
    pub(crate) lost: Option<NumberId>,
    pub(crate) flows: Vec<Flow>,
    pub(crate) books: Books,
}

/// Everything at hand.
pub(crate) struct World {
    pub(crate) street: Arc<Street>,
    pub(crate) houses: Vec<House>,
    pub(crate) dice: Dice,
    /// No process dies and no transaction fails.
    pub(crate) is_calm: bool,
    heard: HashSet<String>,
    /// How many of the texts that were handed over the model has heard of.
    heard_to: usize,
    /// The state of each message when it was looked at last.
    pub(crate) states: HashMap<(usize, i64), String>,
}

/// What a text is, by its tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    Step { run: usize, step: usize },
    Note(usize),
}

impl Tag {
    /// Reads the end of a text; the product's own answers have none.
    pub(crate) fn of(body: &str) -> Option<Self> {
        let (_, tag) = body.rsplit_once('#')?;
        if let Some(note) = tag.strip_prefix('m') {
            return Some(Self::Note(note.parse().unwrap()));
        }
        let (run, step) = tag.split_once('/').unwrap();
        Some(Self::Step { run: run.parse().unwrap(), step: step.parse().unwrap() })
    }

    /// In which workspace.
    pub(crate) fn house(self) -> usize {
        let (Self::Step { run: nth, .. } | Self::Note(nth)) = self;
        nth / APART
    }
}

/// Lives one seed to its end; says what happened.
pub(crate) fn live(store: Store, seed: u64) -> Tally {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut world = World::begin(store, seed).await;
        for _ in 0..TICKS {
            world.tick().await;
        }
        world.end().await;
        verdict::pronounce(&world).await;
        std::mem::take(&mut world.street.tape().tally)
    })
}

fn behaviour(dice: &mut Dice) -> Behaviour {
    let mut rate =
        |most: usize| if dice.happens(60) { f64::from(u32::try_from(dice.below(most)).unwrap()) / 100.0 } else { 0.0 };
    let faults = Faults {
        temporary: rate(12),
        throttled: rate(12),
        permanent: rate(5),
        opted_out: rate(5),
        sender_problem: rate(4),
        rejected: rate(5),
        lost_after: rate(15),
        lost_before: rate(15),
        find_unavailable: rate(30),
        ..Faults::default()
    };
    let receipts = Receipts {
        delay: Delay { min_ms: 0, max_ms: 600_000 },
        missing: rate(20),
        doubled: rate(40),
        out_of_order: rate(40),
        failed: rate(20),
        recovered: rate(50),
        bad_number: rate(40),
        opted_out: rate(40),
    };
    let say = |body: &str, weight| ReplyText { body: body.to_owned(), weight };
    let texts =
        vec![say("Yes, tell me more", 8), say("STOP", 3), say("not interested", 3), say("HELP", 1), say("START", 1)];
    let (rate, doubled) = (rate(50), rate(40));
    let max_ms = [0, 0, 60_000, 200_000_000][dice.below(4)];
    let replies = Replies { rate, delay: Delay { min_ms: 0, max_ms }, texts, doubled };
    let mut either = |a, b| if dice.happens(70) { a } else { b };
    let find = either(Support::Offered, Support::Missing);
    let stop_answer = if dice.happens(50) { StopAnswer::Ours } else { StopAnswer::Carrier };
    // Before the second search, or a text that arrived would count as lost.
    let find_lag_ms = [0, 0, 60_000, 300_000][dice.below(4)];
    // News of a failure tells which attempt it was, or the model could not know whose.
    let echo = Support::Offered;
    Behaviour { faults, receipts, replies, find, stop_answer, find_lag_ms, echo, ..Behaviour::default() }
}

/// The words of the steps of a workflow.
pub(crate) fn kinds(dice: &mut Dice) -> Vec<usize> {
    (0..=dice.below(4)).map(|_| dice.below(4)).collect()
}

/// A workflow with these words.
pub(crate) fn input(name: &str, kinds: &[usize]) -> WorkflowInput {
    let step = |(nth, kind): (usize, &usize)| StepInput {
        gap_days: i64::from(nth > 1),
        text: format!("{} #{{Ref}}/{nth}", model::words(*kind)),
    };
    WorkflowInput { name: name.to_owned(), steps: (1..).zip(kinds).map(step).collect() }
}

impl World {
    async fn begin(store: Store, seed: u64) -> Self {
        let mut dice = Dice::new(seed.wrapping_mul(0x2545_F491_4F6C_DD1D));
        let simulator = Simulator::new(behaviour(&mut dice), seed).unwrap();
        let (nodes, clock) = (2 + dice.below(4), Clock::manual(START.parse().unwrap()));
        let turns = (!store.address().is_server()).then(Turns::default);
        let street = Street::open(store, turns, clock, simulator, nodes, seed);
        let mut houses = Vec::new();
        for nth in 0..=dice.below(2) {
            houses.push(house(&street.node().engine, nth, &mut dice).await);
        }
        let rough = [0, 3, 10, 30][dice.below(4)];
        street.roughen(rough);
        Self { street, houses, dice, is_calm: rough == 0, heard: HashSet::new(), heard_to: 0, states: HashMap::new() }
    }

    /// Something happens, while the nodes dispatch.
    async fn tick(&mut self) {
        self.change_nodes();
        let began = self.street.tape().place();
        let street = Arc::clone(&self.street);
        let serving: Vec<(Node, bool)> = street
            .nodes()
            .into_iter()
            .filter_map(|node| self.dice.happens(60).then(|| (node, self.dice.happens(80))))
            .collect();
        if self.dice.happens(50) {
            street.quick(true);
            let calls = street.simulator.due_events(street.clock.now());
            let tell = async {
                for event in &calls {
                    street.tell(event).await;
                }
            };
            join(serve(&street, serving), tell).await;
            street.quick(false);
        } else {
            join(serve(&street, serving), self.act()).await;
        }
        self.take(began);
        self.look_after().await;
        if self.dice.happens(35) {
            self.check_states().await;
            self.check_purses().await;
        }
        self.pass_time().await;
    }

    /// Some processes are killed, and those that are dead are started again.
    fn change_nodes(&mut self) {
        for nth in self.street.vacant() {
            if self.dice.happens(60) {
                self.street.start(nth);
            }
        }
        if self.street.is_rough() && self.dice.happens(3) {
            let nth = self.dice.below(self.street.places());
            self.street.restart(nth);
            self.street.tape().count("a node was killed");
        }
    }

    async fn pass_time(&mut self) {
        let now = self.street.clock.now();
        let ahead = match self.dice.below(100) {
            0..25 => return,
            25..70 => return self.go_to_next().await,
            70..85 => SignedDuration::from_secs(i64::try_from(self.dice.below(3_600)).unwrap()),
            85..95 => SignedDuration::from_mins(i64::try_from(self.dice.below(30 * 60)).unwrap()),
            95..98 => SignedDuration::from_hours(24 * 5),
            _ => return self.set_clock_back(),
        };
        self.street.clock.move_to(now + ahead);
    }

    /// On to the next time at which something is due.
    async fn go_to_next(&mut self) {
        let now = self.street.clock.now();
        let due = self.street.node().engine.next_due().await.ok().flatten();
        let next = [due, self.street.simulator.next_event_at()].into_iter().flatten().min();
        let soon = now + SignedDuration::from_secs(1);
        self.street.clock.move_to(next.map_or(soon, |next| next.max(soon)));
    }

    /// From here on nothing new happens and nothing goes wrong; whatever runs comes to its end.
    async fn end(&mut self) {
        self.street.calm();
        let replies = Replies::default();
        self.street.simulator.set_behaviour(Behaviour { replies, ..Behaviour::default() }).unwrap();
        let (mut idle, actors): (usize, Vec<Actor>) =
            (0, self.houses.iter().map(|house| house.actor.clone()).collect());
        for _ in 0..PATIENCE {
            for nth in self.street.vacant() {
                self.street.start(nth);
            }
            let began = self.street.tape().place();
            let street = Arc::clone(&self.street);
            serve(&street, street.nodes().into_iter().map(|node| (node, true)).collect()).await;
            for event in street.simulator.due_events(street.clock.now()) {
                street.tell(&event).await;
            }
            self.take(began);
            self.settle_doubts(100).await;
            self.open_numbers(100).await;
            let mut left = 0;
            for actor in &actors {
                left += verdict::unfinished(self.street.store(), actor.workspace()).await;
            }
            idle = if left == 0 && street.simulator.next_event_at().is_none() { idle + 1 } else { 0 };
            if idle > 2 {
                return self.check_states().await;
            }
            self.go_to_next().await;
        }
        panic!("something is due and nobody does it");
    }

    /// The model hears what was handed over and told.
    fn take(&mut self, began: Place) {
        self.take_handed();
        let (told, now) = {
            let mut tape = self.street.tape();
            (tape.told.split_off(0), tape.place())
        };
        told.iter().for_each(|told| self.told(told, began, now));
    }

    /// The model hears what was handed over. Whoever judges an answer hears it first: where the nodes race, the answer may
    /// come from what they learned meanwhile.
    pub(crate) fn take_handed(&mut self) {
        let handed = self.street.tape().handed[self.heard_to..].to_vec();
        self.heard_to += handed.len();
        handed.iter().for_each(|text| self.handed(text));
    }

    fn handed(&mut self, text: &Handed) {
        let count = |what| self.street.tape().count(what);
        match text.outcome {
            Outcome::Temporary { .. } => count("a text was to be tried again"),
            Outcome::InDoubt { .. } => count("a text was in doubt"),
            Outcome::Permanent { .. } | Outcome::OptedOut { .. } | Outcome::Rejected { .. } => {
                count("a text was refused");
            }
            _ => {}
        }
        if text.arrived {
            count("a text arrived");
        }
        if matches!(text.outcome, Outcome::Permanent { .. } | Outcome::OptedOut { .. }) {
            self.refuse(text);
        }
        let Some(tag) = Tag::of(&text.body) else { return };
        let books = &mut self.houses[tag.house()].books;
        match tag {
            Tag::Step { run, step } => {
                let step = &mut books.runs[run % APART].steps[step - 1];
                step.handed.push(text.place);
                step.arrived |= text.arrived;
            }
            Tag::Note(note) => books.notes[note % APART].arrived |= text.arrived,
        }
    }

    /// The workspace that a number belongs to.
    fn books_of(&mut self, number: &str) -> &mut Books {
        let owns = |house: &&mut House| house.numbers.iter().any(|(_, phone)| phone == number);
        &mut self.houses.iter_mut().find(owns).unwrap().books
    }

    /// The carrier has refused a text, at once or later.
    fn refuse(&mut self, text: &Handed) {
        let books = self.books_of(&text.from);
        books.contacts.iter_mut().filter(|contact| contact.phone == text.to).for_each(|contact| contact.tainted = true);
        match Tag::of(&text.body) {
            Some(Tag::Step { run, step }) => books.runs[run % APART].steps[step - 1].refused = true,
            Some(Tag::Note(note)) => books.notes[note % APART].refused = true,
            None => {}
        }
    }

    fn told(&mut self, told: &Told, began: Place, now: Place) {
        match &told.event {
            CarrierEvent::Inbound(inbound) if self.heard.insert(inbound.event_id.clone()) => {
                let books = self.books_of(&inbound.to);
                let contact = books.contacts.iter().position(|contact| contact.phone == inbound.from).unwrap();
                let kin = books.kin(contact);
                let stops = kin.iter().any(|nth| !books.open_of(*nth).is_empty());
                let why = if inbound.body == "STOP" { "opted_out" } else { "replied" };
                books.stop(why, |run| run.contact == contact, told.place, now);
                books.stop(
                    "person_replied",
                    |run| run.contact != contact && kin.contains(&run.contact),
                    told.place,
                    now,
                );
                match inbound.body.as_str() {
                    "STOP" => books.contacts[contact].ban("opted_out", now),
                    "START" => books.contacts[contact].unban("opted_out", began),
                    _ => {}
                }
                if stops {
                    self.street.tape().count("a run was stopped by a text");
                }
            }
            CarrierEvent::Receipt(receipt)
                if matches!(receipt.state, ReceiptState::Undelivered | ReceiptState::Failed) =>
            {
                let handed = |text: &&Handed| Some(text.attempt) == receipt.attempt;
                let text = self.street.tape().handed.iter().find(handed).cloned();
                self.refuse(&text.unwrap());
            }
            _ => {}
        }
    }
}

/// A round of each of these nodes at once; some do not renew their lease.
async fn serve(street: &Arc<Street>, nodes: Vec<(Node, bool)>) {
    let rounds = nodes.into_iter().map(|(node, renews)| async move {
        if !renews {
            street.tape().count("a node slept");
        } else if !node.renew().await {
            return;
        }
        node.begin_round(street.tape().place());
        // What fails is told in a server's log.
        let _ = node.engine.round().await;
    });
    join_all(rounds).await;
}

async fn house(engine: &Engine, nth: usize, dice: &mut Dice) -> House {
    let (credits, wallet) =
        (i64::try_from(dice.below(25)).unwrap(), i64::try_from(dice.below(40)).unwrap() * 10_000 + 10_000);
    let rate = 15_000;
    let new = NewWorkspace {
        name: format!("House {nth}"),
        zone: "America/New_York".to_owned(),
        rate: Micros(rate),
        plan_credits: 0,
    };
    let actor = Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id);
    let slip = || engine::billing::Slip { note: "by hand".to_owned(), idempotency_key: None };
    engine.top_up(actor.workspace(), Micros(wallet), slip()).await.unwrap();
    if credits > 0 {
        engine.grant_credits(actor.workspace(), credits, slip()).await.unwrap();
    }
    let mut books = Books { paid_in: Both { credits, micros: wallet }, rate, ..Books::default() };
    let mut numbers = Vec::new();
    for own in 0..=dice.below(2) {
        let phone = format!("+1{}55501{nth}{own}", [212, 305][nth]);
        let per_minute = [0, 0, 3][dice.below(3)];
        let number = NewNumber { phone: phone.clone(), carrier: "simulator".to_owned(), per_minute, per_day: 0 };
        numbers.push((engine.add_number(&actor, number).await.unwrap().id, phone));
    }
    for who in 0..2 + dice.below(PHONES - 1) {
        let phone = format!("+1{}600{who:04}", [212, 305, 713, 206, 303, 850, 405, 808][who]);
        let fields = vec![("Ref".to_owned(), "0".to_owned())];
        let new = NewContact { phone: phone.clone(), region: None, name: None, fields, person: None };
        let row = engine.create_contact(&actor, new).await.unwrap();
        let (id, hash, person, bans) = (row.id, row.phone_hash, books.new_person(), Default::default());
        books.contacts.push(Contact { id, phone, hash, person, bans, gone: false, reminder: None, tainted: false });
    }
    let mut flows = Vec::new();
    for nth in 0..2 {
        let (name, kinds) = (format!("Flow {nth}"), kinds(dice));
        let id = engine.create_workflow(&actor, input(&name, &kinds)).await.unwrap().summary.workflow.id;
        flows.push(Flow { id, name, kinds });
    }
    House { actor, numbers, lost: None, flows, books }
}
