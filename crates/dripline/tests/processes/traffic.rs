//! What goes on at once while something is broken on purpose, and what must be true of it afterwards.
//!
//! | acknowledged before the blow | must hold after it |
//! |---|---|
//! | a start with a key | the same key gives the same answer, and charged once |
//! | a start of many | the job goes on by itself, and starts everybody once |
//! | a reply | it is stored once, and no further step of the run is claimed or arrives |
//! | a push of the clock | what was sent is not sent again |
//!
//! What got no answer is asked for again with the same key, as a client does. Each contact is started in
//! one round and may reply in a later one, so that a text and its handset tell which step it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use store::{Address, Store};

use crate::handsets::Arrived;
use crate::server::Client;
use crate::world::{Office, Plan};
use crate::{books, handsets, world};

/// How many contacts a round starts one by one, and how many at once.
const ONES: usize = 6;
const MANY: usize = 8;
/// How many seconds the clock is pushed at a time.
pub(crate) const PUSH_SECONDS: i64 = 30_000;
/// How often in a round at most: 14 days together, since a key is asked for again at its end and is kept for 30 (`engine/src/upkeep.rs`).
const PUSHES: usize = 40;
/// The blow comes at most so long after the first answer.
const LIFE_MILLIS: u64 = 150;
/// Far more days than all texts take.
const LAST_DAYS: i64 = 60;
/// Looks at a job before the test gives up.
const LOOKS: usize = 10_000;

/// What the server has acknowledged.
pub(crate) enum Ack {
    One(usize, Value),
    Many(Value),
    Reply(usize),
    Pushed(i64),
}

/// What was acknowledged in all rounds.
#[derive(Default)]
pub(crate) struct Kept {
    ones: BTreeMap<usize, Value>,
    /// Who replied, and how many texts had arrived when nothing was under way any more.
    pub(crate) replies: BTreeMap<usize, usize>,
    /// What the clock may have shown at most.
    pub(crate) reached: i64,
}

/// An office with people for so many rounds, before any process is started.
pub(crate) fn office(address: &Address, rounds: usize) -> Office {
    let plan = Plan { offices: 1, people: rounds * (ONES + MANY), gaps: &[0, 1, 2], zone: "" };
    world::make(address, plan).pop().unwrap()
}

fn ones(round: usize) -> Range<usize> {
    let first = round * (ONES + MANY);
    first..first + ONES
}

fn many(round: usize) -> Range<usize> {
    let first = round * (ONES + MANY) + ONES;
    first..first + MANY
}

/// Those of the two rounds before, every other one.
fn repliers(round: usize) -> impl Iterator<Item = usize> {
    let first = round.saturating_sub(2) * (ONES + MANY);
    (first..round * (ONES + MANY)).filter(move |person| person % 4 == round % 4)
}

impl Office {
    fn start_one(&self, client: &Client, person: usize) -> io::Result<Value> {
        let body = json!({ "contact": self.people[person].0, "workflow": self.workflow });
        client.post_once("/enrollments", &format!("one-{person}"), &body)
    }

    fn start_many(&self, client: &Client, round: usize) -> io::Result<Value> {
        let contacts: Vec<_> = many(round).map(|person| self.people[person].0).collect();
        let body = json!({ "contacts": contacts, "workflow": self.workflow });
        client.post_once("/enrollments/many", &format!("many-{round}"), &body)
    }

    fn reply(&self, client: &Client, person: usize) -> io::Result<()> {
        let body = json!({ "from": self.people[person].1, "to": self.number, "body": reply_text(person) });
        client.post("/simulator/replies", &body).map(drop)
    }
}

/// How somebody's reply comes in.
pub(crate) type Reply<'r> = dyn Fn(&Client, usize) -> io::Result<()> + Sync + 'r;

pub(crate) fn reply_text(person: usize) -> String {
    format!("This is P{person}, call me")
}

/// One round, and who works in it.
struct Round<'r> {
    office: &'r Office,
    client: &'r Client,
    round: usize,
    reply: &'r Reply<'r>,
    over: &'r AtomicBool,
}

type Acks = mpsc::Sender<Ack>;

/// What goes on at once. An error means that nobody knows what became of the request; its worker does nothing further.
const WORK: [fn(&Round<'_>, &Acks) -> io::Result<()>; 4] = [
    |at, acks| {
        ones(at.round).try_for_each(|person| {
            let _ = acks.send(Ack::One(person, at.office.start_one(at.client, person)?));
            Ok(())
        })
    },
    |at, acks| {
        let _ = acks.send(Ack::Many(at.office.start_many(at.client, at.round)?));
        Ok(())
    },
    |at, acks| {
        repliers(at.round).try_for_each(|person| {
            (at.reply)(at.client, person)?;
            let _ = acks.send(Ack::Reply(person));
            Ok(())
        })
    },
    |at, acks| {
        for _ in 0..PUSHES {
            if at.over.load(Ordering::Relaxed) {
                break;
            }
            let _ = acks.send(Ack::Pushed(at.client.push(PUSH_SECONDS)?));
        }
        Ok(())
    },
];

/// Everything at once, and the blow in the middle of it. Answers what was acknowledged.
pub(crate) fn struck(client: &Client, office: &Office, round: usize, blow: impl FnOnce()) -> Vec<Ack> {
    struck_by(client, office, round, &|client, person| office.reply(client, person), blow)
}

/// The same, where replies come in by another way than the simulator's.
pub(crate) fn struck_by(
    client: &Client,
    office: &Office,
    round: usize,
    reply: &Reply<'_>,
    blow: impl FnOnce(),
) -> Vec<Ack> {
    let (acks, acked) = mpsc::channel();
    let over = &AtomicBool::new(false);
    let mut kept = Vec::new();
    thread::scope(|scope| {
        for work in WORK {
            let acks = acks.clone();
            scope.spawn(move || work(&Round { office, client, round, reply, over }, &acks));
        }
        drop(acks);
        kept.extend(acked.recv());
        wait(u64::try_from(round * 7_919 + 13).unwrap() % LIFE_MILLIS);
        blow();
        over.store(true, Ordering::Relaxed);
    });
    kept.extend(acked);
    kept
}

/// What the clock may show after a round that began at this time. A push that was not answered may have been made all the same.
pub(crate) fn reached(acks: &[Ack], began: i64) -> i64 {
    let pushed = acks.iter().filter_map(|ack| if let Ack::Pushed(now) = ack { Some(*now) } else { None });
    pushed.max().unwrap_or(began) + PUSH_SECONDS
}

/// The instant of a blow is left to chance: nothing waits for it, and nothing depends on it.
pub(crate) fn wait(millis: u64) {
    let (_silent, nothing) = mpsc::channel::<()>();
    let _ = nothing.recv_timeout(Duration::from_millis(millis));
}

/// What was acknowledged holds, what was not is asked for again, and the books are right.
pub(crate) fn check_round(
    client: &Client,
    office: &Office,
    round: usize,
    acks: Vec<Ack>,
    kept: &mut Kept,
    arrived: usize,
) {
    let mut job = None;
    for ack in acks {
        match ack {
            Ack::One(person, answer) => drop(kept.ones.insert(person, answer)),
            Ack::Many(answer) => job = Some(answer),
            Ack::Reply(person) => drop(kept.replies.insert(person, arrived)),
            Ack::Pushed(_) => {}
        }
    }
    for person in ones(round) {
        let again = office.start_one(client, person).unwrap();
        let first = kept.ones.entry(person).or_insert_with(|| again.clone());
        assert_eq!(*first, again, "the same key got another answer");
    }
    let again = office.start_many(client, round).unwrap();
    assert!(job.is_none_or(|job| job["id"] == again["id"]), "the same key began another job");
    let path = format!("/jobs/{}", again["id"].as_str().unwrap());
    let done = (0..LOOKS).map(|_| client.get(&path).unwrap()).find(|job| job["state"] == "done");
    assert_eq!(done.expect("the job goes on")["started"], json!(MANY));
    let ledger = client.get("/ledger").unwrap();
    assert_eq!(ledger["clean"], true, "{ledger}");
}

/// Lets time pass until nothing is due any more.
pub(crate) fn play_to_the_end(client: &Client) {
    let mut days = 0..LAST_DAYS;
    while !client.get("/simulator/clock").unwrap()["next_due"].is_null() {
        days.next().expect("everything ends");
        client.push(86_400).unwrap();
    }
    assert_eq!(client.get("/ledger").unwrap()["clean"], true);
}

/// Whatever reached a handset was claimed before: the database knows its message.
pub(crate) fn check_known(store: &Store, texts: &[Arrived], office: &Office) {
    let known: BTreeSet<i64> = books::messages(store, office.workspace).iter().map(|message| message.id).collect();
    let stray = texts.iter().find(|text| !known.contains(&store::messages::of_attempt(text.attempt).0.0));
    assert!(stray.is_none(), "{stray:?} arrived, and the database does not know it");
}

/// Counts at the receiving end against the database, when everything has ended; how many texts were lost.
pub(crate) fn check_end(store: &Store, data: &Path, office: &Office, kept: &Kept, rounds: usize) -> usize {
    check_texts(store, &handsets::arrived(data), office, kept, rounds)
}

/// The same with these texts, in the order in which they arrived.
pub(crate) fn check_texts(store: &Store, texts: &[Arrived], office: &Office, kept: &Kept, rounds: usize) -> usize {
    let people = office.people.len();
    books::check(store, office.workspace, people);
    handsets::check_once(texts);
    let messages = books::messages(store, office.workspace);
    for (person, arrived) in &kept.replies {
        let (contact, phone) = &office.people[*person];
        let late = texts.iter().skip(*arrived).find(|text| text.to == *phone);
        assert!(late.is_none(), "{late:?} came after the end of the round whose reply was acknowledged");
        let thread = || messages.iter().filter(|message| message.contact == contact.0);
        let said = reply_text(*person);
        let replies: Vec<_> = thread().filter(|message| message.kind == "inbound" && message.body == said).collect();
        let [reply] = replies.as_slice() else { panic!("the reply of {phone} was stored {} times", replies.len()) };
        // Identifiers are drawn under the lock of the contact or its enrollment, so they tell who came first.
        let late = thread().find(|message| message.kind == "workflow" && message.id > reply.id);
        assert!(late.is_none(), "{late:?} was made after the reply of {phone}");
    }
    check_known(store, texts, office);
    check_truth(store, texts, office);
    let lost = messages.iter().filter(|message| message.code.as_deref() == Some("lost")).count();
    let (replies, starts) = (kept.replies.len(), kept.ones.len());
    println!(
        "{rounds} rounds: {} texts arrived, none twice; {replies} replies and {starts} starts acknowledged, all kept; {lost} texts lost",
        texts.len()
    );
    assert!(texts.len() > people, "only {} texts arrived", texts.len());
    assert!(replies > rounds / 2, "only {replies} replies were acknowledged");
    lost
}

/// The carrier's word against ours: what it took counts as sent, whatever it told of it later, and nothing else does.
fn check_truth(store: &Store, texts: &[Arrived], office: &Office) {
    let taken: BTreeSet<i64> = texts.iter().map(|text| store::messages::of_attempt(text.attempt).0.0).collect();
    for message in books::messages(store, office.workspace).iter().filter(|message| message.kind == "workflow") {
        let is_sent = ["sent", "delivered", "undelivered"].contains(&message.state.as_str());
        assert_eq!(is_sent, taken.contains(&message.id), "the carrier says otherwise of {message:?}");
    }
}
