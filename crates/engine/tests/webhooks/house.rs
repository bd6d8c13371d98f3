//! A workspace on a manual clock, and a server that takes its webhooks as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::ids::{ContactId, EventId, WebhookId};
use domain::money::Micros;
use domain::webhook::DeliveryState;
use engine::carriers::Http;
use engine::contacts::NewContact;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::webhooks::log::Logged;
use engine::workspaces::NewWorkspace;
use engine::{Actor, Carriers, Clock, Engine};
use jiff::SignedDuration;
use serde_json::Value;
use store::Store;
use tokio::net::TcpListener;

use crate::exchange::http::{Answer, Asked, Says, serve};

/// How a call is answered, by what it says.
pub(crate) type Manner = Arc<dyn Fn(&Call) -> u16 + Send + Sync>;

/// A call that came.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) contact: String,
    pub(crate) seconds: i64,
    pub(crate) signature: String,
    pub(crate) text: String,
    /// What was answered.
    pub(crate) status: u16,
}

/// The customer's server.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<Call>>>,
    manner: Arc<Mutex<Manner>>,
}

impl Sink {
    pub(crate) async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hooks", listener.local_addr().unwrap());
        let taken: Manner = Arc::new(|_| 204);
        let sink = Self { url, calls: Arc::default(), manner: Arc::new(Mutex::new(taken)) };
        let desk = sink.clone();
        serve(
            listener,
            Arc::new(move |asked| {
                let desk = desk.clone();
                // A manner may wait for its test: on a worker of the runtime it could be the one that
                // looks after the sockets, and nobody would hear the next call.
                Box::pin(async { tokio::task::spawn_blocking(move || desk.take(&asked)).await.unwrap() })
            }),
        );
        sink
    }

    fn take(&self, asked: &Asked) -> Answer {
        let body = asked.json();
        let mut call = Call {
            id: asked.header("webhook-id").to_owned(),
            kind: body["type"].as_str().unwrap_or_default().to_owned(),
            contact: body["data"]["contact"].as_str().unwrap_or_default().to_owned(),
            seconds: asked.header("webhook-timestamp").parse().unwrap(),
            signature: asked.header("webhook-signature").to_owned(),
            text: String::from_utf8(asked.body.clone()).unwrap(),
            status: 0,
        };
        let manner = Arc::clone(&self.manner.lock().unwrap());
        call.status = manner(&call);
        let status = call.status;
        self.calls.lock().unwrap().push(call);
        // Nothing stands for a server that dies in the middle.
        if status == 0 { Answer::Drops } else { Answer::Whole(Says::page(status)) }
    }

    /// From now on calls are answered so.
    pub(crate) fn answers(&self, manner: impl Fn(&Call) -> u16 + Send + Sync + 'static) {
        *self.manner.lock().unwrap() = Arc::new(manner);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// What came since this was asked last.
    pub(crate) fn fresh(&self) -> Vec<Call> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }

    /// The events that were taken of a contact, in the order in which they were.
    pub(crate) fn taken(&self, contact: ContactId) -> Vec<String> {
        let of = |call: &Call| call.contact == contact.to_string() && (200..300).contains(&call.status);
        self.calls().into_iter().filter(of).map(|call| call.id).collect()
    }
}

pub(crate) struct House {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) actor: Actor,
    pub(crate) sink: Sink,
    outfit: Outfit,
}

pub(crate) fn outfit(networks: &str) -> Outfit {
    Outfit {
        reach: "none".parse().unwrap(),
        keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
        http: Http::new().unwrap(),
        poster: Poster::new(networks.parse().unwrap()).unwrap(),
        public_url: "https://texts.example.com".to_owned(),
        bases: BTreeMap::new(),
    }
}

pub(crate) async fn opened(store: &Store, clock: Clock, outfit: Option<Outfit>) -> Engine {
    let store = store.clone();
    let open = move || Engine::open_with(store, clock, Carriers::new(), outfit).unwrap();
    tokio::task::spawn_blocking(open).await.unwrap()
}

/// Runs a story on both databases, each in a runtime of its own.
pub(crate) fn on_both<F, Fut>(story: F)
where
    F: Fn(House) -> Fut,
    Fut: Future<Output = ()>,
{
    for database in store::testing::databases() {
        println!("on {}", database.name);
        on(&database.store, &story);
    }
}

pub(crate) fn on<F, Fut>(store: &Store, story: F)
where
    F: Fn(House) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { story(House::new(store.clone()).await).await });
}

impl House {
    async fn new(store: Store) -> Self {
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let outfit = outfit("127.0.0.0/8");
        let engine = opened(&store, clock, Some(outfit.clone())).await;
        let actor = Self::workspace(&engine, "Acme").await;
        Self { store, engine, actor, sink: Sink::open().await, outfit }
    }

    pub(crate) async fn workspace(engine: &Engine, name: &str) -> Actor {
        let new = NewWorkspace {
            name: name.to_owned(),
            zone: "America/New_York".to_owned(),
            rate: Micros(15_000),
            plan_credits: 10,
        };
        Actor::operator(engine.create_workspace(new).await.unwrap().workspace.id)
    }

    /// Another node on the same database, with the same keys.
    pub(crate) async fn node(&self) -> Engine {
        opened(&self.store, self.engine.clock().clone(), Some(self.outfit.clone())).await
    }

    pub(crate) async fn contact(&self, n: u32) -> ContactId {
        let new = NewContact {
            phone: format!("+1212555{n:04}"),
            region: None,
            name: Some(format!("Ann {n}")),
            fields: Vec::new(),
            person: None,
        };
        self.engine.create_contact(&self.actor, new).await.unwrap().id
    }

    /// Something happens with a contact; answers the text of the event's identifier.
    pub(crate) async fn happens(&self, contact: ContactId) -> String {
        self.happens_on(&self.engine, contact).await
    }

    pub(crate) async fn happens_on(&self, engine: &Engine, contact: ContactId) -> String {
        let note = engine.add_note(&self.actor, contact, "Called back").await.unwrap();
        let workspace = self.actor.workspace();
        let newest =
            move |db: &store::Read<'_>| store::events::of_contact(db, workspace, contact, EventId(i64::MAX), 100);
        let all = self.store.read::<_, store::DbError, _>(newest).await.unwrap();
        let of = |event: &&store::events::Event| event.payload.contains(&note.id.to_string());
        all.iter().find(of).unwrap().id.to_string()
    }

    /// An endpoint at the server, and its secret.
    pub(crate) async fn endpoint(&self, kinds: &[&str]) -> (WebhookId, String) {
        let kinds: Vec<_> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        let (webhook, secret) = self.engine.add_webhook(&self.actor, &self.sink.url, "CRM", &kinds).await.unwrap();
        (webhook.id, secret)
    }

    pub(crate) async fn post(&self) -> usize {
        self.engine.post_due_webhooks().await.unwrap()
    }

    pub(crate) fn wait(&self, seconds: i64) {
        assert!(self.engine.clock().move_to(self.engine.now() + SignedDuration::from_secs(seconds)));
    }

    pub(crate) async fn log(&self, webhook: WebhookId) -> Vec<Logged> {
        self.engine.webhook_log(&self.actor, webhook, None, None, 200).await.unwrap()
    }

    /// How the delivery of an event stands.
    pub(crate) async fn delivery(&self, webhook: WebhookId, event: &str) -> Logged {
        let all = self.log(webhook).await;
        all.into_iter().find(|one| one.event.to_string() == event).unwrap()
    }

    pub(crate) async fn count(&self, webhook: WebhookId, state: DeliveryState) -> usize {
        self.log(webhook).await.iter().filter(|one| one.state == state).count()
    }

    /// The facts of the events of a kind.
    pub(crate) async fn events(&self, kind: &str) -> Vec<Value> {
        let workspace = self.actor.workspace();
        let read = move |db: &store::Read<'_>| store::events::page(db, workspace, EventId(i64::MIN), 1_000);
        let all = self.store.read::<_, store::DbError, _>(read).await.unwrap();
        all.iter()
            .filter(|event| event.kind == kind)
            .map(|event| serde_json::from_str(&event.payload).unwrap())
            .collect()
    }
}
