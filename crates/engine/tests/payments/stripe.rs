//! Stripe's role on loopback: pages, charges, disputes and refunds, by what its documentation says and no code of ours. It
//! remembers what it did under an idempotency key, and can be told to decline, to fail, and to lose its answer after it has charged.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use futures_util::FutureExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::exchange::http::{Answer, Asked, Desk, Says, find, serve};

pub(crate) const KEY: &str = "sk_test_imitated";
pub(crate) const SIGNING: &str = "whsec_imitated";

/// How the next charges go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Good,
    /// The card is declined with this code.
    Declines(&'static str),
    /// The charge is carried out, and the answer is lost.
    LosesAnswer,
    /// Nothing is carried out: 503.
    Down,
    /// The key is refused: 401.
    Refuses,
}

type Form = Vec<(String, String)>;

#[derive(Default)]
struct Books {
    mood: Mood,
    count: u64,
    now: i64,
    /// Pages and payments by their names.
    sessions: BTreeMap<String, Value>,
    intents: BTreeMap<String, Value>,
    disputes: Vec<Value>,
    detached: Vec<String>,
    /// Each key with what was asked under it and what was answered.
    done: BTreeMap<String, (Form, (u16, Value))>,
    asked: Vec<String>,
}

/// The account at Stripe.
#[derive(Clone)]
pub(crate) struct Imitation {
    pub(crate) address: String,
    books: Arc<Mutex<Books>>,
}

impl Imitation {
    /// Opens it; within a runtime.
    pub(crate) fn open() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let books = Arc::new(Mutex::new(Books { now: 1_795_532_400, ..Books::default() }));
        let desk: Desk = {
            let books = Arc::clone(&books);
            Arc::new(move |asked| {
                let answer = books.lock().unwrap().answer(&asked);
                async move { answer }.boxed()
            })
        };
        serve(TcpListener::from_std(listener).unwrap(), desk);
        Self { address, books }
    }

    fn books(&self) -> std::sync::MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    pub(crate) fn mood(&self, mood: Mood) {
        self.books().mood = mood;
    }

    /// The person pays on the page, with a card that ends so.
    pub(crate) fn pay(&self, session: &str, last_four: &str) -> String {
        self.books().pay(session, last_four)
    }

    pub(crate) fn expire(&self, session: &str) {
        self.books().sessions.get_mut(session).unwrap()["status"] = json!("expired");
    }

    /// Its clock is so many seconds behind from now on.
    pub(crate) fn lag(&self, seconds: i64) {
        self.books().now -= seconds;
    }

    pub(crate) fn dispute(&self, intent: &str, cents: i64, status: &str) {
        let mut books = self.books();
        books.count += 1;
        let (id, created) = (format!("dp_{}", books.count), books.now + i64::try_from(books.count).unwrap());
        books.intents.get_mut(intent).unwrap()["latest_charge"]["disputed"] = json!(true);
        let row = json!({ "object": "dispute", "id": id, "payment_intent": intent, "amount": cents, "status": status,
            "created": created, "currency": "usd" });
        books.disputes.insert(0, row);
    }

    /// The bank decides the dispute opened last.
    pub(crate) fn decide(&self, status: &str) {
        self.books().disputes[0]["status"] = json!(status);
    }

    pub(crate) fn refund(&self, intent: &str, cents: i64) {
        let mut books = self.books();
        let charge = &mut books.intents.get_mut(intent).unwrap()["latest_charge"];
        charge["amount_refunded"] = json!(charge["amount_refunded"].as_i64().unwrap() + cents);
    }

    /// How many payments were charged, and how much in cents.
    pub(crate) fn charged(&self) -> (usize, i64) {
        let books = self.books();
        let paid = books.intents.values().filter(|one| one["status"] == "succeeded");
        paid.fold((0, 0), |(count, sum), one| (count + 1, sum + one["amount"].as_i64().unwrap()))
    }

    /// The names of the payments, oldest first.
    pub(crate) fn intents(&self) -> Vec<String> {
        self.books().intents.keys().cloned().collect()
    }

    /// What was asked, such as `POST /v1/payment_intents`.
    pub(crate) fn asked(&self, what: &str) -> usize {
        self.books().asked.iter().filter(|asked| *asked == what).count()
    }

    pub(crate) fn detached(&self) -> Vec<String> {
        self.books().detached.clone()
    }

    /// A call about an object, signed at this second.
    pub(crate) fn event(&self, object: &Value, second: i64) -> (String, String) {
        let body = json!({ "id": "evt_1", "object": "event", "type": "any", "data": { "object": object } }).to_string();
        (signature(SIGNING, second, &body), body)
    }

    pub(crate) fn session(&self, id: &str) -> Value {
        self.books().sessions[id].clone()
    }

    pub(crate) fn intent(&self, id: &str) -> Value {
        self.books().intents[id].clone()
    }
}

pub(crate) fn signature(secret: &str, second: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let code = hmac::sign(&key, format!("{second}.{body}").as_bytes());
    let hex: String = code.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={second},v1={hex},v0=00")
}

fn error(status: u16, kind: &str, code: &str) -> (u16, Value) {
    (status, json!({ "error": { "type": kind, "code": code, "message": "imitated" } }))
}

impl Books {
    fn answer(&mut self, asked: &Asked) -> Answer {
        self.asked.push(format!("{} {}", asked.method, asked.path));
        assert!(!asked.header("stripe-version").is_empty(), "the version of the API is pinned");
        if asked.header("authorization") != format!("Bearer {KEY}") || self.mood == Mood::Refuses {
            return said(error(401, "invalid_request_error", "api_key_invalid"));
        }
        if self.mood == Mood::Down {
            return Answer::Whole(Says::page(503));
        }
        let key = asked.header("idempotency-key").to_owned();
        let form = asked.form();
        if let Some((before, done)) = self.done.get(&key) {
            let same = *before == form;
            return said(if same { done.clone() } else { error(400, "idempotency_error", "idempotency_key_in_use") });
        }
        let path: Vec<&str> = asked.path.trim_start_matches("/v1/").split('/').collect();
        let makes = asked.method == "POST" && path.len() < 3;
        let done = match (asked.method.as_str(), path.as_slice()) {
            ("POST", ["checkout", "sessions"]) => self.page(&form),
            ("POST", ["payment_intents"]) => self.charge(&form),
            ("POST", ["payment_methods", id, "detach"]) => {
                self.detached.push((*id).to_owned());
                (200, json!({ "id": id, "customer": null }))
            }
            ("GET", ["checkout", "sessions", id]) => {
                self.sessions.get(*id).cloned().map_or_else(missing, |mut page| {
                    if let Some(intent) = page["payment_intent"].as_str() {
                        page["payment_intent"] = self.intents[intent].clone();
                    }
                    (200, page)
                })
            }
            ("GET", ["payment_intents", id]) => self.intents.get(*id).cloned().map_or_else(missing, |one| (200, one)),
            ("GET", ["payment_intents"]) => {
                let since: i64 = asked.query("created[gte]").parse().unwrap();
                let late = self.intents.values().filter(|one| one["created"].as_i64().unwrap() >= since);
                list(late, "customer", asked.query("customer"))
            }
            ("GET", ["disputes"]) => list(self.disputes.iter(), "payment_intent", asked.query("payment_intent")),
            _ => missing(),
        };
        if makes || path == ["checkout", "sessions"] && asked.method == "POST" {
            assert!(!key.is_empty(), "what makes something has an idempotency key");
            self.done.insert(key, (form, done.clone()));
            if self.mood == Mood::LosesAnswer {
                return Answer::Drops;
            }
        }
        said(done)
    }

    fn name(&mut self, prefix: &str) -> String {
        self.count += 1;
        format!("{prefix}_{:05}", self.count)
    }

    fn page(&mut self, form: &[(String, String)]) -> (u16, Value) {
        let id = self.name("cs_test");
        let cents: i64 = find(form, "line_items[0][price_data][unit_amount]").parse().unwrap();
        let page = json!({ "object": "checkout.session", "id": id, "url": format!("https://checkout.example.com/{id}"),
            "status": "open", "payment_status": "unpaid", "payment_intent": null, "amount_total": cents,
            "client_reference_id": find(form, "client_reference_id"), "customer": find(form, "customer"),
            "metadata": { "payment": find(form, "metadata[payment]") }, "expires_at": find(form, "expires_at"),
            "keeps": find(form, "payment_intent_data[setup_future_usage]"),
            "named": find(form, "payment_intent_data[metadata][payment]") });
        self.sessions.insert(id, page.clone());
        (200, page)
    }

    fn pay(&mut self, session: &str, last_four: &str) -> String {
        let (id, method) = (self.name("pi"), self.name("pm"));
        let page = self.sessions[session].clone();
        assert_eq!(page["status"], "open");
        let keeps = page["keeps"] == "off_session";
        let known = page["customer"].as_str().filter(|name| !name.is_empty()).map(str::to_owned);
        let customer = if keeps { Some(known.unwrap_or_else(|| self.name("cus"))) } else { None };
        let usage = if keeps { json!("off_session") } else { Value::Null };
        let card = json!({ "brand": "visa", "last4": last_four, "exp_year": 2030, "exp_month": 4 });
        let intent = json!({ "object": "payment_intent", "id": id, "status": "succeeded", "currency": "usd",
            "amount": page["amount_total"], "amount_received": page["amount_total"], "customer": customer,
            "setup_future_usage": usage, "metadata": { "payment": page["named"] }, "created": self.now,
            "payment_method": { "object": "payment_method", "id": method, "card": card },
            "latest_charge": charge_of(&id) });
        self.intents.insert(id.clone(), intent);
        let page = self.sessions.get_mut(session).unwrap();
        (page["status"], page["payment_status"], page["payment_intent"]) =
            (json!("complete"), json!("paid"), json!(id));
        id
    }

    fn charge(&mut self, form: &[(String, String)]) -> (u16, Value) {
        let id = self.name("pi");
        let cents: i64 = find(form, "amount").parse().unwrap();
        assert_eq!((find(form, "off_session"), find(form, "confirm"), find(form, "currency")), ("true", "true", "usd"));
        let mut intent = json!({ "object": "payment_intent", "id": id, "status": "succeeded", "currency": "usd",
            "amount": cents, "amount_received": cents, "customer": find(form, "customer"), "setup_future_usage": null,
            "metadata": { "payment": find(form, "metadata[payment]") }, "created": self.now,
            "payment_method": find(form, "payment_method"), "latest_charge": charge_of(&id) });
        if let Mood::Declines(code) = self.mood {
            intent["status"] = json!("requires_payment_method");
            intent["amount_received"] = json!(0);
            let mut error = json!({ "type": "card_error", "code": "card_declined", "decline_code": code });
            intent["last_payment_error"] = error.clone();
            error["payment_intent"] = intent.clone();
            self.intents.insert(id, intent);
            return (402, json!({ "error": error }));
        }
        self.intents.insert(id, intent.clone());
        (200, intent)
    }
}

fn charge_of(intent: &str) -> Value {
    json!({ "object": "charge", "id": format!("ch_{intent}"), "amount_refunded": 0, "disputed": false,
        "payment_intent": intent, "receipt_url": format!("https://pay.example.com/receipts/{intent}") })
}

fn list<'v>(rows: impl Iterator<Item = &'v Value>, name: &str, wanted: &str) -> (u16, Value) {
    let rows: Vec<&Value> = rows.filter(|row| row[name] == wanted).collect();
    (200, json!({ "object": "list", "data": rows, "has_more": false }))
}

fn missing() -> (u16, Value) {
    error(404, "invalid_request_error", "resource_missing")
}

fn said((status, body): (u16, Value)) -> Answer {
    Answer::Whole(Says::json(status, &body))
}
