//! A server without a network: the router on a database in memory and a clock that is moved by hand.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use domain::access::Permissions;
use domain::ids::WorkspaceId;
use domain::money::Micros;
use domain::plan::Terms;
use dripline::wiring::{self, Behaviour, Parts};
use engine::billing::Slip;
use engine::payments::{Secret, Stripe, Till};
use engine::plans::NewPlan;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock, Operator};
use serde_json::{Value, json};
use store::Address;
use tower::ServiceExt as _;

use crate::forms;
use crate::stripe::{Imitation, KEY, SIGNING};

/// The document as it is published.
pub(crate) static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("../../../../openapi.json")).unwrap());

/// Files may have this many bytes.
pub(crate) const MAX_FILE: usize = 6 * 1024 * 1024;
/// JSON bodies may have this many bytes.
pub(crate) const MAX_JSON: usize = 4 * 1024 * 1024;

/// A server.
pub(crate) struct Site {
    app: Router,
    pub(crate) parts: Parts,
    _data: tempfile::TempDir,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    /// The code of a problem; empty for anything else.
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// The answer, which must be good.
    pub(crate) fn good(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.body
    }

    /// The problem, which must have this status and code.
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.code()), (status, code), "{}", self.text);
        self.body
    }
}

/// An operation of the document.
#[derive(Clone)]
pub(crate) struct Operation {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) body: &'static Value,
}

impl Operation {
    pub(crate) fn id(&self) -> &'static str {
        self.body["operationId"].as_str().unwrap()
    }

    /// Whether it needs a key.
    pub(crate) fn is_closed(&self) -> bool {
        self.body.get("x-permission").is_some()
    }
}

/// All operations of the document.
pub(crate) fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, body) in item.as_object().unwrap() {
            all.push(Operation { method: method.to_uppercase(), path: path.clone(), body });
        }
    }
    assert!(all.len() >= 60, "the document has lost operations: {}", all.len());
    all
}

/// The operation that a request meets: one without a parameter goes before one with it.
pub(crate) fn operation(method: &str, path: &str) -> Option<Operation> {
    let path = path.split('?').next().unwrap();
    let fits = |pattern: &str| {
        let (given, known): (Vec<_>, Vec<_>) = (path.split('/').collect(), pattern.split('/').collect());
        given.len() == known.len()
            && given.iter().zip(known).all(|(given, known)| known.starts_with('{') || *given == known)
    };
    let all = operations().into_iter().filter(|operation| operation.method == method && fits(&operation.path));
    all.min_by_key(|operation| operation.path.matches('{').count())
}

impl Site {
    /// A demo: its clock can be moved.
    pub(crate) fn new() -> Self {
        Self::with_clock(Clock::manual("2026-11-24T15:00:00Z".parse().unwrap()))
    }

    pub(crate) fn with_clock(clock: Clock) -> Self {
        let data = tempfile::tempdir().unwrap();
        let outfit = Outfit {
            reach: "none".parse().unwrap(),
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: engine::carriers::Http::new().unwrap(),
            poster: Poster::new("127.0.0.0/8".parse().unwrap()).unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            bases: BTreeMap::new(),
        };
        let (address, behaviour) = (Address::memory(), Behaviour::default());
        let parts = wiring::open_with(&address, data.path(), clock, behaviour, Some(outfit)).unwrap();
        let app = dripline::serve::app(parts.clone(), MAX_FILE, "http://127.0.0.1:8080", None);
        Self { app, parts, _data: data }
    }

    /// Cards are taken from now on, by a Stripe on loopback.
    pub(crate) fn with_cards(&self) -> Imitation {
        let imitation = Imitation::open();
        let (http, address) = (engine::carriers::Http::new().unwrap(), imitation.address.clone());
        let stripe = Stripe::new(http, &address, Secret::new(KEY), Secret::new(SIGNING));
        let till = Till { payments: Arc::new(stripe), public_url: "https://texts.example.com".to_owned() };
        self.parts.engine.take_cards(till);
        imitation
    }

    /// A request as it comes from the network.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status: head.status.as_u16(), headers: head.headers, text, body }
    }

    /// A request to the API; its answer must be one that the document tells.
    pub(crate) async fn ask(&self, request: Ask<'_>) -> Answer {
        let mut builder = Request::builder().method(request.method).uri(format!("/api/v1{}", request.path));
        if let Some(key) = request.key {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {key}"));
        }
        if let Some(kind) = request.kind {
            builder = builder.header(header::CONTENT_TYPE, kind);
        }
        if let Some(key) = request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        let answer = self.send(builder.body(Body::from(request.body)).unwrap()).await;
        if let Some(operation) = operation(request.method, request.path) {
            forms::hold(&operation, &answer);
        }
        answer
    }

    /// A customer with money, a number and a key that may do everything.
    pub(crate) async fn customer(&self, name: &str, number: &str) -> Customer<'_> {
        let engine = &self.parts.engine;
        let new = NewWorkspace {
            name: name.to_owned(),
            zone: "America/New_York".to_owned(),
            rate: Micros(15_000),
            plan_credits: 100,
        };
        let workspace = engine.create_workspace(new).await.unwrap().workspace.id;
        engine.top_up(workspace, Micros(25_000_000), Slip::default()).await.unwrap();
        let (_, key) = engine.create_key(&Actor::operator(workspace), "all", Permissions::all()).await.unwrap();
        let customer = Customer { site: self, workspace, key, number: number.to_owned() };
        customer.post("/numbers", json!({ "phone": number })).await.good();
        customer
    }
}

/// A request.
#[derive(Clone, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) idempotency_key: Option<&'a str>,
    pub(crate) body: Vec<u8>,
}

/// Somebody who asks.
#[derive(Clone)]
pub(crate) struct Customer<'s> {
    pub(crate) site: &'s Site,
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: String,
    pub(crate) number: String,
}

impl Customer<'_> {
    /// Any request with this key.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.site.ask(Ask { method, path, key: Some(&self.key), kind, body, ..Ask::default() }).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask("POST", path, Some(body)).await
    }

    /// A POST under an idempotency key.
    pub(crate) async fn once(&self, path: &str, key: &str, body: Option<Value>) -> Answer {
        let kind = body.as_ref().map(|_| "application/json");
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        let (key, idempotency_key) = (Some(self.key.as_str()), Some(key));
        self.site.ask(Ask { method: "POST", path, key, kind, idempotency_key, body }).await
    }

    /// The same customer with a key that has these permissions.
    pub(crate) async fn with(&self, permissions: Permissions) -> Self {
        let actor = Actor::operator(self.workspace);
        let (_, key) = self.site.parts.engine.create_key(&actor, "some", permissions).await.unwrap();
        Self { key, ..self.clone() }
    }

    /// A plan that the operator offers, which costs nothing and changes no price.
    pub(crate) async fn offered(&self, name: &str) -> String {
        let (price, rate) = (Micros::ZERO, Micros(15_000));
        let terms = Terms { price, credits: 5, rate, numbers: None, trial_days: 0, grace_days: 7 };
        let made = self
            .site
            .parts
            .engine
            .add_plan(&Operator::at_command_line(), NewPlan { name: name.to_owned(), terms })
            .await;
        made.unwrap().id.to_string()
    }

    pub(crate) async fn contact(&self, phone: &str) -> String {
        let fields = json!({ "First Name": "Ann", "Address": "12 Oak Street", "State": "NY" });
        let made = self.post("/contacts", json!({ "phone": phone, "fields": fields })).await.good();
        text(&made["id"])
    }

    pub(crate) async fn workflow(&self, name: &str) -> String {
        let steps = json!([
            { "after_days": 0, "text": "Hi {First Name|there}, is {Address|your house} still for sale?" },
            { "after_days": 3, "text": "Hi {First Name|there}, just checking in." },
        ]);
        text(&self.post("/workflows", json!({ "name": name, "steps": steps })).await.good()["id"])
    }

    /// Pushes the clock.
    pub(crate) async fn wait(&self, seconds: i64) {
        self.post("/simulator/clock", json!({ "seconds": seconds })).await.good();
    }

    /// One of everything, by the name of its identifier in the document.
    pub(crate) async fn belongings(&self, phone: &str) -> BTreeMap<&'static str, String> {
        let csv = format!("Phone,Mobile,First Name\n{phone},{},Pat\n", phone.replace("55501", "55511"));
        let import = Ask {
            method: "POST",
            path: "/contacts/import?no_consent=true",
            key: Some(&self.key),
            kind: Some("text/csv"),
            body: csv.into_bytes(),
            ..Ask::default()
        };
        let imported = self.site.ask(import).await.good();
        let row = self.get("/contacts").await.good()["data"][0].clone();
        let (contact, workflow) = (text(&row["id"]), self.workflow("Leads").await);
        let both = json!({ "contact": contact, "workflow": workflow });
        let quote = self.post("/quotes", both.clone()).await.good();
        let enrollment = self.post("/enrollments", both).await.good();
        let many = json!({ "workflow": workflow, "contacts": [contact] });
        let job = self.post("/enrollments/many", many).await.good();
        let message = self.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Hello" })).await.good();
        let user =
            json!({ "email": "sam@example.com", "name": "Sam", "role": "agent", "password": "long enough for all" });
        let user = self.post("/users", user).await.good();
        let key = self.post("/keys", json!({ "name": "CRM", "permissions": ["read"] })).await.good();
        let brand = self.post("/brands", json!({ "name": "Brand", "state": "draft" })).await.good();
        let campaign = json!({ "name": "Leads", "state": "draft" });
        let campaign = self.post(&format!("/brands/{}/campaigns", text(&brand["id"])), campaign).await.good();
        let list = json!({ "name": "Ours", "kind": "do_not_contact", "source": "office" });
        let list = self.post("/suppression-lists", list).await.good();
        let webhook = self.post("/webhooks", json!({ "url": "https://example.com/hooks" })).await.good();
        let tested = self.post(&format!("/webhooks/{}/test", text(&webhook["id"])), json!({})).await.good();
        let label = self.post("/labels", json!({ "name": "Ours" })).await.good();
        BTreeMap::from([
            ("ContactId", contact),
            ("LabelId", text(&label["id"])),
            ("ImportId", text(&imported["import"])),
            ("WebhookId", text(&webhook["id"])),
            ("ListId", text(&list["id"])),
            ("PersonId", text(&row["person"])),
            ("WorkflowId", workflow),
            ("QuoteId", text(&quote["id"])),
            ("EnrollmentId", text(&enrollment["enrollment"])),
            ("JobId", text(&job["id"])),
            ("MessageId", text(&message["id"])),
            ("UserId", text(&user["id"])),
            ("KeyId", text(&key["id"])),
            ("BrandId", text(&brand["id"])),
            ("CampaignId", text(&campaign["id"])),
            ("NumberId", text(&self.get("/numbers").await.good()["data"][0]["id"])),
            ("EventId", text(&tested["event"])),
            ("PlanId", "pln_7zzzzzzzzzzzz".to_owned()),
            ("WorkspaceId", self.workspace.to_string()),
        ])
    }
}

/// A member that must be text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
