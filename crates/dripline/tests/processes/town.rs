//! A carrier that no kill touches: the exchange lives in this process, and the server, another process, sends to it through its adapter for
//! Twilio. What the exchange has taken is the truth of the handsets. News and replies come back as signed calls, and what got no answer is
//! called again, as the carrier does.
//!
//! A demo has no accounts at carriers, and a server whose clock cannot be pushed needs days for a workflow. So what is killed is the test's own
//! program, which puts the server's parts together with both.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::IntoFuture as _;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use carrier::simulator::Behaviour;
use carrier::{CarrierEvent, Simulator};
use domain::ids::AttemptId;
use dripline::{serve, wiring};
use engine::Clock;
use engine::carriers::{Http, Kind};
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use jiff::{SignedDuration, Timestamp};
use store::Address;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::exchange::{Exchange, Habits, dialect};
use crate::handsets::Arrived;
use crate::server::{Client, Server};
use crate::traffic::reply_text;
use crate::world::{self, Office};

/// What the child is told.
const DATABASE: &str = "DRIPLINE_TOWN_DATABASE";
const DATA: &str = "DRIPLINE_TOWN_DATA";
const CARRIER: &str = "DRIPLINE_TOWN_CARRIER";
const KEY: &str = "DRIPLINE_TOWN_KEY";
const AHEAD: &str = "DRIPLINE_TOWN_AHEAD";

const NUMBER: &str = "+12125550900";
const PUBLIC_URL: &str = "https://texts.example.com";
/// In a hundred good answers, how many come badly.
const ROUGH: u64 = 10;
/// Bits of an identifier below its milliseconds.
const BELOW_MILLIS: u32 = 22;

/// The carrier and what it has to tell.
pub(crate) struct Town {
    exchange: Exchange,
    runtime: Runtime,
    key: String,
    /// What happened and was not taken yet, oldest first.
    untold: Mutex<VecDeque<CarrierEvent>>,
    /// Event by event, who replied.
    replies: Mutex<BTreeMap<String, usize>>,
}

/// When an identifier was made.
fn made_at(attempt: AttemptId) -> Timestamp {
    let begin: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
    begin + SignedDuration::from_millis(attempt.0 >> BELOW_MILLIS)
}

fn outfit(carrier: &str, key: &str) -> Outfit {
    Outfit {
        keys: MasterKeys::parse(key).unwrap(),
        http: Http::new().unwrap(),
        poster: Poster::new("none".parse().unwrap()).unwrap(),
        public_url: PUBLIC_URL.to_owned(),
        reach: "localhost".parse().unwrap(),
        bases: BTreeMap::from([(Kind::Twilio, carrier.to_owned())]),
    }
}

impl Town {
    /// Opens the carrier, and lets the office send by an account there.
    pub(crate) fn found(address: &Address, office: &mut Office) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let simulator = Arc::new(Simulator::new(Behaviour::default(), 1).unwrap());
        let habits = Habits { rough: ROUGH, made_at: Some(made_at), ..Habits::default() };
        let exchange = runtime.block_on(Exchange::open(simulator, Clock::manual(Clock::System.now()), habits));
        let account = exchange.account(Kind::Twilio, &[NUMBER]);
        let typed = dialect::of(Kind::Twilio).typed(&account);
        let typed = typed.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let key = MasterKeys::draw();
        let callbacks = world::send_by(address, outfit(&exchange.address, &key), office, (Kind::Twilio, typed), NUMBER);
        exchange.call_at(&account, &callbacks);
        Self { exchange, runtime, key, untold: Mutex::default(), replies: Mutex::default() }
    }

    /// Starts the server, whose clock shows this, in seconds since 1970, or the time of day, if that is later.
    pub(crate) fn serve(&self, database: &str, data: &Path, reached: i64) -> Server {
        let ahead = (reached - Clock::System.now().as_second()).max(0);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "town::child_serves", "--ignored", "--nocapture"])
            .env_clear()
            .envs([(DATABASE, database), (CARRIER, &self.exchange.address), (KEY, &self.key)])
            .envs([(AHEAD, &ahead.to_string())])
            .env(DATA, data);
        Server::spawn(&mut command)
    }

    /// Somebody replies, and the carrier tells it, after all that it has to tell before.
    pub(crate) fn reply(&self, client: &Client, office: &Office, person: usize) -> io::Result<()> {
        let (phone, text) = (&office.people[person].1, reply_text(person));
        let event = self.exchange.simulator.reply(phone, &office.number, &text, self.exchange.now()).unwrap();
        self.replies.lock().unwrap().insert(event.event_id().to_owned(), person);
        self.tell(client).map(drop)
    }

    /// Calls with all that happened, until something gets no answer. Answers whose replies were taken.
    pub(crate) fn tell(&self, client: &Client) -> io::Result<BTreeSet<usize>> {
        let (mut untold, mut taken) = (self.untold.lock().unwrap(), BTreeSet::new());
        untold.extend(self.exchange.simulator.due_events(self.exchange.now()));
        while let Some(event) = untold.front() {
            let (_, call) = self.exchange.call(event);
            let headers: String = call.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let answer = client.call_hook(call.url.strip_prefix(PUBLIC_URL).unwrap(), &headers, &call.body)?;
            assert!(answer.starts_with("HTTP/1.1 204"), "{call:?} was answered {answer}");
            taken.extend(self.replies.lock().unwrap().get(event.event_id()));
            untold.pop_front();
        }
        Ok(taken)
    }

    /// Waits until whatever a dead server had sent has been read.
    pub(crate) fn settle(&self) {
        let metrics = self.runtime.metrics();
        // Connections are taken in their order: when ours is answered, all before it have begun.
        let mut own = TcpStream::connect(self.exchange.address.strip_prefix("http://").unwrap()).unwrap();
        own.write_all(b"GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n").unwrap();
        own.read_exact(&mut [0]).unwrap();
        drop(own);
        while metrics.num_alive_tasks() > 1 {
            std::thread::yield_now();
        }
    }

    /// What reached a handset, in order.
    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        let texts = self.exchange.texts().into_iter();
        texts.map(|(to, body, attempt)| Arrived { to, body, attempt }).collect()
    }
}

/// The server's parts with an account at a carrier and a clock that can be pushed.
#[test]
#[ignore = "runs as the process that another test kills"]
fn child_serves() {
    let told = |name: &str| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (address, data) = (told(DATABASE).parse().unwrap(), told(DATA));
        let clock = Clock::kept_ahead(SignedDuration::from_secs(told(AHEAD).parse().unwrap()), |_| {});
        let outfit = outfit(&told(CARRIER), &told(KEY));
        let open = move || wiring::open_with(&address, Path::new(&data), clock, Behaviour::default(), Some(outfit));
        let parts = tokio::task::spawn_blocking(open).await.unwrap().unwrap();
        let (engine, (_never, stopped)) = (parts.engine.clone(), watch::channel(false));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let app = serve::app(parts, 1024 * 1024, PUBLIC_URL, None);
        println!("serving at http://{place}");
        let _ = tokio::join!(
            engine.dispatch(stopped.clone(), SignedDuration::from_secs(10)),
            engine.hold_node(stopped.clone()),
            engine.keep_house(stopped.clone()),
            engine.adopt_jobs(stopped),
            axum::serve(listener, app).into_future(),
        );
    });
}
