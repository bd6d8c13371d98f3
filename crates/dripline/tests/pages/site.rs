//! A server without a network, and people who are signed in to it.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use domain::access::Role;
use domain::ids::{ContactId, WorkspaceId};
use domain::money::Micros;
use dripline::wiring::{self, Behaviour, Parts};
use engine::billing::Slip;
use engine::contacts::NewContact;
use engine::numbers::NewNumber;
use engine::roll::Outfit;
use engine::sealed::MasterKeys;
use engine::webhooks::Poster;
use engine::workflows::{StepInput, WorkflowInput};
use engine::workspaces::NewWorkspace;
use engine::{Actor, Clock};
use store::Address;
use tower::ServiceExt as _;

const MAX_FILE: usize = 6 * 1024 * 1024;
/// The password of everybody.
const PASSWORD: &str = "correct horse battery";

/// A server.
pub(crate) struct Site {
    app: Router,
    pub(crate) parts: Parts,
    _data: tempfile::TempDir,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) path: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// A header's text; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// The page, which must be there.
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.status, 200, "{}: {}", self.path, self.text);
        self
    }

    /// Whether the page has this text.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }
}

/// A customer of the house.
pub(crate) struct Customer {
    pub(crate) workspace: WorkspaceId,
    pub(crate) operator: Actor,
    pub(crate) contacts: Vec<ContactId>,
}

/// Somebody who is signed in.
pub(crate) struct Person<'s> {
    pub(crate) site: &'s Site,
    cookie: String,
}

impl Site {
    /// A demo, whose clock can be moved: a Tuesday at ten in New York.
    pub(crate) fn new() -> Self {
        Self::with(Clock::manual("2026-11-24T15:00:00Z".parse().unwrap()))
    }

    /// A server that is no demo, started for the first time.
    pub(crate) fn fresh() -> Self {
        Self::with(Clock::System)
    }

    /// A demo that stands behind these proxies.
    pub(crate) fn behind(proxies: &str) -> Self {
        let site = Self::new();
        let parts = Parts { proxies: proxies.parse().unwrap(), ..site.parts.clone() };
        let app = dripline::serve::app(parts.clone(), MAX_FILE, "http://127.0.0.1:8080", None);
        Self { app, parts, ..site }
    }

    /// A demo whose accounts at this carrier send to another address than the carrier's.
    pub(crate) fn over(kind: engine::carriers::Kind, address: &str, clock: Clock) -> Self {
        Self::built(clock, BTreeMap::from([(kind, address.to_owned())]))
    }

    fn with(clock: Clock) -> Self {
        Self::built(clock, BTreeMap::new())
    }

    fn built(clock: Clock, bases: BTreeMap<engine::carriers::Kind, String>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let outfit = Outfit {
            reach: "127.0.0.1".parse().unwrap(),
            keys: MasterKeys::parse(&MasterKeys::draw()).unwrap(),
            http: engine::carriers::Http::new().unwrap(),
            poster: Poster::new("127.0.0.0/8".parse().unwrap()).unwrap(),
            public_url: "https://texts.example.com".to_owned(),
            bases,
        };
        let (address, behaviour) = (Address::memory(), Behaviour::default());
        let parts = wiring::open_with(&address, data.path(), clock, behaviour, Some(outfit)).unwrap();
        let app = dripline::serve::app(parts.clone(), MAX_FILE, "http://127.0.0.1:8080", None);
        Self { app, parts, _data: data }
    }

    /// A request as it comes from the network.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let path = request.uri().to_string();
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Answer { path, status: head.status.as_u16(), headers: head.headers, text, bytes: bytes.into() }
    }

    /// A form that is sent by somebody who is not signed in.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header("sec-fetch-site", "same-origin");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// Whoever an answer has signed in.
    pub(crate) fn signed_in(&self, answer: &Answer) -> Person<'_> {
        let cookies = answer.headers.get_all(header::SET_COOKIE).iter().map(|value| value.to_str().unwrap());
        let cookies = cookies.map(|cookie| cookie.split(';').next().unwrap());
        let kept: Vec<_> = cookies.filter(|one| !one.ends_with('=') && !one.starts_with("dripline_said=")).collect();
        assert!(kept.iter().any(|one| one.starts_with("dripline_session=")), "a session begins");
        Person { site: self, cookie: kept.join("; ") }
    }

    /// A page as somebody sees it who is not signed in.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A workspace with money, a number, a workflow of three messages and three contacts.
    pub(crate) async fn customer(&self, name: &str, number: &str) -> Customer {
        let engine = &self.parts.engine;
        let new = NewWorkspace {
            name: name.to_owned(),
            zone: "America/New_York".to_owned(),
            rate: Micros(15_000),
            plan_credits: 100,
        };
        let workspace = engine.create_workspace(new).await.unwrap().workspace.id;
        engine.top_up(workspace, Micros(25_000_000), Slip::default()).await.unwrap();
        let operator = Actor::operator(workspace);
        let number =
            NewNumber { phone: number.to_owned(), carrier: "simulator".to_owned(), per_minute: 60, per_day: 0 };
        engine.add_number(&operator, number).await.unwrap();
        let step = |gap_days, text: &str| StepInput { gap_days, text: text.to_owned() };
        let steps =
            vec![step(0, "Hi {First Name|there}"), step(3, "Still there?"), step(7, "Goodbye, {First Name|you}")];
        let workflow = WorkflowInput { name: format!("{name} leads"), steps };
        engine.create_workflow(&operator, workflow).await.unwrap();
        let mut contacts = Vec::new();
        for nth in 0..3 {
            let fields = [("First Name", format!("{name}{nth}")), ("State", "NY".to_owned())];
            let fields = fields.map(|(name, value)| (name.to_owned(), value)).to_vec();
            let phone = format!("+1{}555012{nth}", &number_area(&operator, nth));
            let contact = NewContact { phone, region: None, name: None, fields, person: None };
            contacts.push(engine.create_contact(&operator, contact).await.unwrap().id);
        }
        Customer { workspace, operator, contacts }
    }

    /// Somebody with this role in a workspace, signed in.
    pub(crate) async fn person(&self, customer: &Customer, role: Role) -> Person<'_> {
        let email = format!("{}.{}@example.com", role.word(), customer.workspace.0);
        self.parts.engine.create_user(&customer.operator, &email, "Pat Doe", role, PASSWORD).await.unwrap();
        self.sign_in(role.word(), customer).await
    }

    /// The person of this role in a workspace, in one more browser.
    pub(crate) async fn sign_in(&self, role: &str, customer: &Customer) -> Person<'_> {
        let email = format!("{role}.{}@example.com", customer.workspace.0);
        let form = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = self.post("/sign-in", &form).await;
        assert_eq!(answer.status, 303, "{}", answer.text);
        self.signed_in(&answer)
    }
}

/// The area code of a workspace's contacts: New York's or Miami's, so that two customers know different people.
fn number_area(operator: &Actor, _: usize) -> String {
    if operator.workspace().0 % 2 == 0 { "212".to_owned() } else { "305".to_owned() }
}

impl Person<'_> {
    /// What the browser sends along.
    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The same browser with one more cookie.
    pub(crate) fn with_cookie(&self, cookie: &str) -> Self {
        Self { site: self.site, cookie: format!("{}; {cookie}", self.cookie) }
    }

    /// Any request with this session; a body is a form's.
    pub(crate) async fn ask(&self, method: &str, path: &str, form: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &self.cookie);
        let request = request.header("sec-fetch-site", "same-origin").header(header::HOST, "127.0.0.1:8080");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.site.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// A page.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    /// A form that is sent.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Answer {
        self.ask("POST", path, form).await
    }

    /// A request of the page's script.
    pub(crate) async fn script(&self, method: &str, path: &str, form: &str) -> Answer {
        let request = Request::builder().method(method).uri(path).header(header::COOKIE, &self.cookie);
        let request = request.header("sec-fetch-site", "same-origin").header("hx-request", "true");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.site.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    /// The same form, as a page of another site would send it.
    pub(crate) async fn post_from_elsewhere(&self, path: &str, form: &str) -> Answer {
        let request = Request::post(path).header(header::COOKIE, &self.cookie).header("sec-fetch-site", "cross-site");
        let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.site.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }
}
