//! A low balance is told once for each fall, by whichever node looks; its mails are sent at least once, to those who lead the workspace.

mod mails;
mod told;

use std::sync::{Arc, Mutex};

use carrier::mail::{Letter, Mailer, Unsent};
use domain::ids::{EventId, UserId, WorkspaceId};
use domain::money::Micros;
use engine::Engine;
use engine::billing::Slip;
use engine::mails::Postbox;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::SignedDuration;
use store::users::User;
use store::{DbError, Lane};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::world::{Plan, World};

const DOLLAR: i64 = 1_000_000;

fn plan() -> Plan {
    Plan { credits: 12, wallet: Micros(25 * DOLLAR), ..Plan::default() }
}

type Answers = Box<dyn FnMut(&Letter) -> Result<(), Unsent> + Send>;

/// A mail server that keeps what it takes, and answers as it is told.
#[derive(Clone)]
struct Shelf {
    asked: Arc<Mutex<Vec<Letter>>>,
    answers: Arc<Mutex<Answers>>,
    /// Whoever hears that a mail was taken whose answer never comes.
    hangs: Arc<Mutex<Option<UnboundedSender<()>>>>,
}

impl Mailer for Shelf {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Unsent>> {
        async {
            self.asked.lock().unwrap().push(letter.clone());
            let hangs = self.hangs.lock().unwrap().clone();
            if let Some(taken) = hangs {
                taken.send(()).unwrap();
                std::future::pending::<()>().await;
            }
            let mut answers = self.answers.lock().unwrap();
            answers(letter)
        }
        .boxed()
    }
}

impl Shelf {
    /// Mails of this engine go here.
    fn of(engine: &Engine) -> Self {
        let shelf =
            Self { asked: Arc::default(), answers: Arc::new(Mutex::new(Box::new(|_| Ok(())))), hangs: Arc::default() };
        shelf.takes_from(engine);
        shelf
    }

    fn takes_from(&self, engine: &Engine) {
        let public_url = Some("https://texts.example.com".to_owned());
        engine.send_mails_by(Postbox { mailer: Arc::new(self.clone()), public_url });
    }

    fn answers(&self, answers: impl FnMut(&Letter) -> Result<(), Unsent> + Send + 'static) {
        *self.hangs.lock().unwrap() = None;
        *self.answers.lock().unwrap() = Box::new(answers);
    }

    /// From now on mails are taken, and the answer never comes; who waits for that hears of each.
    fn hangs(&self) -> UnboundedReceiver<()> {
        let (taken, hears) = unbounded_channel();
        *self.hangs.lock().unwrap() = Some(taken);
        hears
    }

    /// What was handed over since this was asked last, whatever was answered.
    fn asked(&self) -> Vec<Letter> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

/// Somebody with this role, whose address says who it is.
async fn person(world: &World, id: i64, role: &str) {
    let user = User {
        id: UserId(id),
        email: format!("{role}{id}@example.com"),
        name: role.to_owned(),
        role: role.to_owned(),
        created_at: world.engine.now(),
        zone: None,
        operator_at: None,
    };
    let workspace = world.workspace();
    let insert = move |tx: &mut store::Tx<'_>| store::users::insert(tx, workspace, &user, None);
    world.engine.store().write::<_, DbError, _>(Lane::Normal, insert).await.unwrap();
}

/// Money comes or goes until the wallet holds so much.
async fn wallet(world: &World, micros: i64) {
    let (slip, now) = (Slip { note: "moved".to_owned(), idempotency_key: None }, world.balance("available").await.1);
    match micros - now {
        0 => {}
        more if more > 0 => drop(world.engine.top_up(world.workspace(), Micros(more), slip).await.unwrap()),
        less => drop(world.engine.withdraw(world.workspace(), Micros(-less), slip).await.unwrap()),
    }
}

/// One look at all workspaces; in how many something was told.
async fn look(engine: &Engine) -> usize {
    engine.tell_low_balances(WorkspaceId(i64::MIN)).await.unwrap().told
}

fn later(world: &World, minutes: i64) {
    assert!(world.engine.clock().move_to(world.engine.now() + SignedDuration::from_mins(minutes)));
}

/// What the history tells of low balances.
async fn lows(world: &World) -> Vec<serde_json::Value> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(0), 1_000);
    let events = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    let lows = events.into_iter().filter(|event| event.kind == "balance.low");
    lows.map(|event| serde_json::from_str(&event.payload).unwrap()).collect()
}

/// The mails of the workspace: for whom, where they stand and how often they were tried.
async fn rows(world: &World) -> Vec<(i64, &'static str, i64)> {
    let workspace = world.workspace();
    let read = move |db: &store::Read<'_>| store::mails::of(db, workspace, EventId(0), 1_000);
    let mails = world.engine.store().read::<_, DbError, _>(read).await.unwrap();
    mails.into_iter().map(|mail| (mail.key.user.0, mail.state.word(), mail.tries)).collect()
}

/// Another node on the same database.
async fn node(world: &World) -> Engine {
    let (store, clock) = (world.engine.store().clone(), world.engine.clock().clone());
    tokio::task::spawn_blocking(move || Engine::open(store, clock, engine::Carriers::new()).unwrap()).await.unwrap()
}
