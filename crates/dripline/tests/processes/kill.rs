//! `kill -9` at any instant while enrolling, dispatching and receiving go on at once; then a restart.
//!
//! | acknowledged before the kill | must hold after the restart |
//! |---|---|
//! | a start with a key | the same key gives the same answer, and charged once |
//! | a start of many | the job goes on by itself, and starts everybody once |
//! | a reply | it is stored once, and no further step of the run is claimed or arrives |
//! | a push of the clock | what was sent is not sent again |
//!
//! What got no answer is asked for again with the same key, as a client does. Each contact is started in
//! one round and may reply in a later one, so that a text and its handset tell which step it is.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use store::Store;

use crate::server::{Client, Server, address_of};
use crate::world::{Office, Plan};
use crate::{books, handsets, world};

const ROUNDS: usize = 50;
/// How many contacts a round starts one by one, and how many at once.
const ONES: usize = 6;
const MANY: usize = 8;
const PEOPLE: usize = ROUNDS * (ONES + MANY);
/// How many seconds the clock is pushed at a time.
const PUSH_SECONDS: i64 = 30_000;
/// A process lives at most so long after its first answer.
const LIFE_MILLIS: u64 = 150;
/// Far more days than all texts take.
const LAST_DAYS: i64 = 60;

/// What the server has acknowledged.
enum Ack {
    One(usize, Value),
    Many(Value),
    Reply(usize),
    Pushed(i64),
}

/// What was acknowledged in all rounds.
#[derive(Default)]
struct Kept {
    ones: BTreeMap<usize, Value>,
    /// Who replied, and how many texts had arrived when the killed process was gone.
    replies: BTreeMap<usize, usize>,
    /// What the clock may have shown at most.
    reached: i64,
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

    fn reply(&self, client: &Client, person: usize) -> io::Result<Value> {
        let body = json!({ "from": self.people[person].1, "to": self.number, "body": reply_text(person) });
        client.post("/simulator/replies", &body)
    }
}

fn reply_text(person: usize) -> String {
    format!("This is P{person}, call me")
}

type Acks = mpsc::Sender<Ack>;
type Work = fn(&Office, &Client, usize, &Acks) -> io::Result<()>;

/// What goes on at once until the server is gone: an error means that it is.
const WORK: [Work; 4] = [
    |office, client, round, acks| {
        ones(round).try_for_each(|person| {
            let _ = acks.send(Ack::One(person, office.start_one(client, person)?));
            Ok(())
        })
    },
    |office, client, round, acks| {
        let _ = acks.send(Ack::Many(office.start_many(client, round)?));
        Ok(())
    },
    |office, client, round, acks| {
        repliers(round).try_for_each(|person| {
            office.reply(client, person)?;
            let _ = acks.send(Ack::Reply(person));
            Ok(())
        })
    },
    |_, client, _, acks| {
        loop {
            let _ = acks.send(Ack::Pushed(client.push(PUSH_SECONDS)?));
        }
    },
];

/// One life: everything at once until the kill. Answers what was acknowledged.
fn live_and_die(server: Server, office: &Office, round: usize) -> Vec<Ack> {
    let (acks, acked) = mpsc::channel();
    let client = &server.client(&office.key);
    let mut kept = Vec::new();
    thread::scope(|scope| {
        for work in WORK {
            let acks = acks.clone();
            scope.spawn(move || work(office, client, round, &acks));
        }
        drop(acks);
        kept.extend(acked.recv());
        wait(u64::try_from(round * 7_919 + 13).unwrap() % LIFE_MILLIS);
        server.kill();
    });
    kept.extend(acked);
    kept
}

/// The instant of a kill is left to chance: nothing waits for it, and nothing depends on it.
pub(crate) fn wait(millis: u64) {
    let (_silent, nothing) = mpsc::channel::<()>();
    let _ = nothing.recv_timeout(Duration::from_millis(millis));
}

/// Starts anew; the clock goes on where it may have been.
fn restart(address: &str, data: &Path, office: &Office, reached: i64) -> (Server, Client) {
    let server = Server::start(address, data);
    let client = server.client(&office.key);
    let behind = reached - client.clock().unwrap();
    if behind > 0 {
        client.push(behind).unwrap();
    }
    (server, client)
}

/// What was acknowledged holds, what was not is asked for again, and the books are right.
fn check_round(client: &Client, office: &Office, round: usize, acks: Vec<Ack>, kept: &mut Kept, arrived: usize) {
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
    let done = (0..10_000).map(|_| client.get(&path).unwrap()).find(|job| job["state"] == "done");
    assert_eq!(done.expect("the job goes on")["started"], json!(MANY));
    let ledger = client.get("/ledger").unwrap();
    assert_eq!(ledger["clean"], true, "{ledger}");
}

fn be_killed(address: &str, data: &Path) {
    let plan = Plan { offices: 1, people: PEOPLE, gaps: &[0, 1, 2], zone: "" };
    let office = world::make(&address.parse().unwrap(), plan).pop().unwrap();
    let mut kept = Kept::default();
    let (mut server, _) = restart(address, data, &office, 0);
    for round in 0..ROUNDS {
        let began = server.client(&office.key).clock().unwrap();
        let acks = live_and_die(server, &office, round);
        let pushed = acks.iter().filter_map(|ack| if let Ack::Pushed(now) = ack { Some(*now) } else { None });
        // A push that was not answered may have been made all the same.
        kept.reached = pushed.max().unwrap_or(began) + PUSH_SECONDS;
        let arrived = handsets::arrived(data).len();
        let client;
        (server, client) = restart(address, data, &office, kept.reached);
        check_round(&client, &office, round, acks, &mut kept, arrived);
    }
    let client = server.client(&office.key);
    let mut days = 0..LAST_DAYS;
    while !client.get("/simulator/clock").unwrap()["next_due"].is_null() {
        days.next().expect("everything ends");
        client.push(86_400).unwrap();
    }
    assert_eq!(client.get("/ledger").unwrap()["clean"], true);
    server.kill();
    check_end(&Store::open(&address.parse().unwrap()).unwrap(), data, &office, &kept);
}

fn check_end(store: &Store, data: &Path, office: &Office, kept: &Kept) {
    books::check(store, office.workspace, PEOPLE);
    let texts = handsets::arrived(data);
    handsets::check_once(&texts);
    let messages = books::messages(store, office.workspace);
    for (person, arrived) in &kept.replies {
        let (contact, phone) = &office.people[*person];
        let late = texts.iter().skip(*arrived).find(|text| text.to == *phone);
        assert!(late.is_none(), "{late:?} came after the kill that came after an acknowledged reply");
        let thread = || messages.iter().filter(|message| message.contact == contact.0);
        let said = reply_text(*person);
        let replies: Vec<_> = thread().filter(|message| message.kind == "inbound" && message.body == said).collect();
        let [reply] = replies.as_slice() else { panic!("the reply of {phone} was stored {} times", replies.len()) };
        // Identifiers are drawn under the lock of the contact or its enrollment, so they tell who came first.
        let late = thread().find(|message| message.kind == "workflow" && message.id > reply.id);
        assert!(late.is_none(), "{late:?} was made after the reply of {phone}");
    }
    let doubted = messages.iter().filter(|message| message.code.as_deref() == Some("lost")).count();
    println!("{} texts, {} replies acknowledged, {doubted} texts lost by a kill", texts.len(), kept.replies.len());
    assert!(texts.len() > PEOPLE, "only {} texts arrived", texts.len());
    assert!(kept.replies.len() > ROUNDS, "only {} replies were acknowledged", kept.replies.len());
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    be_killed(&format!("sqlite:{}", folder.path().join("killed.db").display()), folder.path());
}

#[test]
fn heavy_fifty_kills_charge_nobody_twice_and_text_nobody_twice_or_after_a_reply_on_postgres() {
    let (database, folder) = (store::testing::postgres(), tempfile::tempdir().unwrap());
    be_killed(&address_of(&database), folder.path());
}
