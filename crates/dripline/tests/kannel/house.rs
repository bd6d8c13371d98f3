//! A server with a workspace that sends by an account of its own, on a clock that the test moves.

use std::collections::BTreeMap;
use std::path::Path;

use domain::enrollment::EnrollmentState;
use domain::ids::{ContactId, EnrollmentId, MessageId};
use domain::money::Micros;
use dripline::wiring::{self, Behaviour, Parts};
use engine::billing::Slip;
use engine::carriers::CarrierAccount;
use engine::contacts::NewContact;
use engine::enrolling::EnrollRequest;
use engine::numbers::NewNumber;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Failure};
use jiff::SignedDuration;
use store::messages::Message;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::registered::register;

pub(crate) const OURS: &str = "+12125550100";
pub(crate) const THEIRS: &str = "+12125550123";
pub(crate) const GATEWAY_PASSWORD: &str = "p ss&w%rd";
pub(crate) const CALLBACK_SECRET: &str = "a_callback-secret_0123";

/// Longest wait for anything that a test waits for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(40);

pub(crate) struct House {
    pub(crate) parts: Parts,
    pub(crate) actor: Actor,
    pub(crate) account: CarrierAccount,
    pub(crate) contact: ContactId,
    server: JoinHandle<()>,
    /// The folder, where it goes with the house.
    _data: Option<tempfile::TempDir>,
}

/// Where carriers call: listening, so that the address is known before there is a server.
pub(crate) async fn door() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

impl House {
    /// Opens at ten in New York, with one number, one contact and an account of this kind.
    pub(crate) async fn open(door: TcpListener, kind: &str, settings: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let house = Self::kept_in(door, kind, settings, data.path(), &MasterKeys::draw()).await;
        Self { _data: Some(data), ..house }
    }

    /// The same in a folder of the test, under its key.
    pub(crate) async fn kept_in(
        door: TcpListener,
        kind: &str,
        settings: &[(&str, &str)],
        data: &Path,
        key: &str,
    ) -> Self {
        let url = format!("http://{}", door.local_addr().unwrap());
        let outfit = Outfit {
            keys: MasterKeys::parse(key).unwrap(),
            http: engine::carriers::Http::new().unwrap(),
            poster: Poster::new("none".parse().unwrap()).unwrap(),
            public_url: url.clone(),
            reach: "127.0.0.1".parse().unwrap(),
            bases: BTreeMap::new(),
        };
        let clock = Clock::manual("2026-11-24T15:00:00Z".parse().unwrap());
        let database = store::Address::file(data.join("dripline.db"));
        let folder = data.to_owned();
        let open = move || wiring::open_with(&database, &folder, clock, Behaviour::default(), Some(outfit)).unwrap();
        let parts = tokio::task::spawn_blocking(open).await.unwrap();
        let app = dripline::serve::app(parts.clone(), 1024 * 1024, &url, None);
        let server = tokio::spawn(async move { axum::serve(door, app).await.unwrap() });
        let engine = &parts.engine;
        let new = NewWorkspace {
            name: "Acme".to_owned(),
            zone: "America/New_York".to_owned(),
            rate: Micros(15_000),
            plan_credits: 3,
        };
        let workspace = engine.create_workspace(new).await.unwrap().workspace.id;
        engine.top_up(workspace, Micros(1_000_000), Slip::default()).await.unwrap();
        let actor = Actor::operator(workspace);
        let typed = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let account = engine.add_carrier(&actor, kind, "Ours", typed).await.unwrap();
        let number =
            NewNumber { phone: OURS.to_owned(), carrier: account.id.to_string(), per_minute: 6_000, per_day: 0 };
        let number = engine.add_number(&actor, number).await.unwrap();
        register(engine, &actor, number.id).await;
        let contact = contact(engine, &actor, THEIRS).await;
        Self { parts, actor, account, contact, server, _data: None }
    }

    /// Closes everything, so that another process may open it.
    pub(crate) async fn shut(self) {
        self.server.abort();
        let _ = self.server.await;
        let parts = self.parts;
        tokio::task::spawn_blocking(move || drop(parts)).await.unwrap();
    }

    /// Starts a workflow of these texts, three days apart, for the contact.
    pub(crate) async fn enroll(&self, texts: &[&str]) -> EnrollmentId {
        let engine = &self.parts.engine;
        let step = |(nth, text): (usize, &&str)| StepInput {
            gap_days: if nth == 0 { 0 } else { 3 },
            text: (**text).to_owned(),
        };
        let steps = texts.iter().enumerate().map(step).collect();
        let name = format!("Leads {}", texts.len());
        let workflow =
            engine.create_workflow(&self.actor, WorkflowInput { name, steps }).await.unwrap().summary.workflow.id;
        let request = EnrollRequest { contact: self.contact, workflow, from_step: 1, quote: None, key: None };
        engine.enroll(&self.actor, request).await.unwrap().enrollment
    }

    /// Moves the clock.
    pub(crate) fn later(&self, by: SignedDuration) {
        let engine = &self.parts.engine;
        assert!(engine.clock().move_to(engine.now() + by));
    }

    pub(crate) async fn state(&self, enrollment: EnrollmentId) -> EnrollmentState {
        self.parts.engine.enrollment(&self.actor, enrollment).await.unwrap().state
    }

    /// The messages to and from the contact, the oldest first.
    pub(crate) async fn thread(&self) -> Vec<Message> {
        let (workspace, contact) = (self.actor.workspace(), self.contact);
        let read = move |db: &store::Read<'_>| {
            Ok::<_, Failure>(store::messages::thread(db, workspace, contact, MessageId(i64::MAX), 100)?)
        };
        let mut thread = self.parts.engine.read(read).await.unwrap();
        thread.sort_by_key(|message| message.id.0);
        thread
    }

    /// Waits until the thread is so.
    pub(crate) async fn until(&self, what: &str, holds: impl Fn(&[Message]) -> bool) -> Vec<Message> {
        let mut news = self.parts.engine.watch(&self.actor).await.unwrap();
        let wait = async {
            loop {
                let thread = self.thread().await;
                if holds(&thread) {
                    return thread;
                }
                news.next().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(thread) => thread,
            Err(_) => panic!("it never came so far: {what}: {:#?}", self.thread().await),
        }
    }
}

async fn contact(engine: &engine::Engine, actor: &Actor, phone: &str) -> ContactId {
    let fields = [("First Name", "Ann"), ("State", "NY")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    let new = NewContact { phone: phone.to_owned(), region: None, name: None, fields: fields.to_vec(), person: None };
    engine.create_contact(actor, new).await.unwrap().id
}
