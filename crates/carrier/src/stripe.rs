//! Stripe, by the few calls that we need: a Checkout page, a charge of a card that is kept, looking for either, forgetting a card.
//!
//! | call | repeat |
//! |---|---|
//! | `POST /v1/checkout/sessions` | `Idempotency-Key` is our payment: the same page again |
//! | `POST /v1/payment_intents` (`off_session`, `confirm`) | is never made: what is not known is looked for |
//! | `GET /v1/checkout/sessions/{id}`, `/v1/payment_intents/{id}`, `/v1/payment_intents?customer=` | harmless |
//! | `GET /v1/disputes?payment_intent=` | harmless; only where the charge says that it is disputed |
//! | `POST /v1/payment_methods/{id}/detach` | "not attached" counts as done |
//!
//! What an answer means is read in `heard`, how Stripe signs in [`signature`]. The version of the API is pinned: what Stripe
//! changes later changes nothing here.

mod heard;
pub mod signature;

use domain::ids::PaymentId;
use domain::money::Micros;
use domain::payment::{CENT, State};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::RequestBuilder;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::Value;

use crate::http::{Http, NoReply, Reply, send};
use crate::payments::{Charge, Hint, NotSigned, Order, Page, Payments, Seen, Trouble, Wanted};
use crate::signed::Secret;

/// Where Stripe is.
pub const ADDRESS: &str = "https://api.stripe.com";
/// The version of the API that this file speaks.
pub const VERSION: &str = "2024-06-20";
/// How many payments of a customer one look reads: far more than are made while one is unknown.
const LOOK: &str = "100";
/// By how much a clock of ours may be ahead of Stripe's when payments are looked for, in seconds: one that is not found counts as never
/// made, and is made anew, so this is more than any clock that is looked after.
const SKEW: i64 = 24 * 3_600;

/// The account at Stripe.
#[derive(Debug, Clone)]
pub struct Stripe {
    http: Http,
    address: String,
    key: Secret,
    signing: Secret,
}

/// A form as it is built.
#[derive(Default)]
struct Fields(Vec<(String, String)>);

impl Fields {
    fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    fn text(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish()
    }
}

fn cents(amount: Micros) -> String {
    (amount.0 / CENT.0).to_string()
}

/// A name of Stripe's as a part of an address. It came from Stripe, and is still not trusted to be none but a name.
fn named(id: &str) -> Result<&str, Trouble> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if plain { Ok(id) } else { Err(Trouble::Misconfigured("a name of Stripe's is not one".to_owned())) }
}

impl Stripe {
    /// The account of a secret key, whose calls are signed with the other secret.
    #[must_use]
    pub fn new(http: Http, address: &str, key: Secret, signing: Secret) -> Self {
        Self { http, address: address.trim_end_matches('/').to_owned(), key, signing }
    }

    fn dressed(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(self.key.reveal()).header("stripe-version", VERSION)
    }

    async fn get(&self, path: &str) -> Result<Value, Trouble> {
        answer(send(self.dressed(self.http.get(&format!("{}{path}", self.address)))).await)
    }

    async fn post(&self, path: &str, once: Option<&str>, fields: &Fields) -> Result<Value, Trouble> {
        let mut request = self.dressed(self.http.post(&format!("{}{path}", self.address)));
        request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        if let Some(once) = once {
            request = request.header("idempotency-key", once);
        }
        answer(send(request.body(fields.text())).await)
    }

    async fn open_page(&self, order: &Order) -> Result<Page, Trouble> {
        let id = order.payment.to_string();
        let mut fields = Fields::default()
            .with("mode", "payment")
            .with("client_reference_id", &id)
            .with("payment_method_types[0]", "card")
            .with("line_items[0][quantity]", "1")
            .with("line_items[0][price_data][currency]", "usd")
            .with("line_items[0][price_data][unit_amount]", cents(order.amount))
            .with("line_items[0][price_data][product_data][name]", &order.about)
            .with("metadata[payment]", &id)
            .with("payment_intent_data[metadata][payment]", &id)
            .with("payment_intent_data[metadata][workspace]", order.workspace.to_string())
            .with("payment_intent_data[description]", &order.about)
            .with("success_url", &order.back)
            .with("cancel_url", &order.back)
            .with("expires_at", order.until.as_second().to_string());
        if order.keeps_card {
            fields = fields.with("payment_intent_data[setup_future_usage]", "off_session");
            fields = match &order.customer {
                Some(customer) => fields.with("customer", customer),
                None => fields.with("customer_creation", "always"),
            };
        }
        let said = match &order.session {
            // It is asked for as it is: what a new form would say of the workspace or its card may be another by now.
            Some(session) => self.get(&format!("/v1/checkout/sessions/{}", named(session)?)).await?,
            None => self.post("/v1/checkout/sessions", Some(&id), &fields).await?,
        };
        let text = |name: &str| said.get(name).and_then(Value::as_str).map(str::to_owned);
        let unclear = || Trouble::Unknown("the answer has no page".to_owned());
        Ok(Page { session: text("id").ok_or_else(unclear)?, url: text("url").ok_or_else(unclear)? })
    }

    async fn charge_card(&self, charge: &Charge) -> Result<Seen, Trouble> {
        let id = charge.payment.to_string();
        let fields = Fields::default()
            .with("amount", cents(charge.amount))
            .with("currency", "usd")
            .with("customer", &charge.customer)
            .with("payment_method", &charge.method)
            .with("payment_method_types[0]", "card")
            .with("off_session", "true")
            .with("confirm", "true")
            .with("error_on_requires_action", "true")
            .with("description", &charge.about)
            .with("metadata[payment]", &id)
            .with("metadata[workspace]", charge.workspace.to_string())
            .with("expand[0]", "latest_charge");
        let said = self.post("/v1/payment_intents", Some(&id), &fields).await?;
        let seen = heard::intent(&said, heard::By::Itself).ok_or_else(|| unread("the payment"))?;
        Ok(seen)
    }

    async fn look(&self, wanted: &Wanted) -> Result<Option<Seen>, Trouble> {
        let found = if let Some(session) = &wanted.session {
            let path = format!(
                "/v1/checkout/sessions/{}?expand[]=payment_intent.latest_charge&expand[]=payment_intent.payment_method",
                named(session)?
            );
            Some(heard::session(&self.get(&path).await?).ok_or_else(|| unread("the page"))?)
        } else if let Some(intent) = &wanted.intent {
            Some(self.intent(intent).await?)
        } else if let Some(customer) = &wanted.customer {
            self.among(customer, wanted).await?
        } else {
            None
        };
        match found {
            Some((seen, true)) => self.disputed(seen).await.map(Some),
            Some((seen, false)) => Ok(Some(seen)),
            None => Ok(None),
        }
    }

    async fn intent(&self, id: &str) -> Result<(Seen, bool), Trouble> {
        let path = format!("/v1/payment_intents/{}?expand[]=latest_charge&expand[]=payment_method", named(id)?);
        let said = self.get(&path).await?;
        let seen = heard::intent(&said, heard::By::Itself).ok_or_else(|| unread("the payment"))?;
        Ok((seen, heard::is_disputed(&said)))
    }

    /// The payment among those of its customer: a list holds what was made before it was asked for.
    async fn among(&self, customer: &str, wanted: &Wanted) -> Result<Option<(Seen, bool)>, Trouble> {
        let since = wanted.since.as_second() - SKEW;
        let path = format!("/v1/payment_intents?customer={}&created[gte]={since}&limit={LOOK}", named(customer)?);
        let said = self.get(&path).await?;
        let all = said.get("data").and_then(Value::as_array).ok_or_else(|| unread("the payments"))?;
        let ours = all.iter().find(|one| heard::ours(one) == Some(wanted.payment));
        match ours.and_then(|one| one.get("id")).and_then(Value::as_str) {
            Some(intent) => self.intent(intent).await.map(Some),
            None if said.get("has_more").and_then(Value::as_bool) == Some(true) => Err(unread("so many payments")),
            None => Ok(None),
        }
    }

    async fn disputed(&self, seen: Seen) -> Result<Seen, Trouble> {
        let Some(intent) = seen.intent.clone().filter(|_| seen.report.state == State::Paid) else { return Ok(seen) };
        let said = self.get(&format!("/v1/disputes?payment_intent={}&limit={LOOK}", named(&intent)?)).await?;
        let all = said.get("data").and_then(Value::as_array).ok_or_else(|| unread("the disputes"))?;
        let mut seen = seen;
        seen.report.dispute = all.iter().filter_map(heard::dispute).max();
        Ok(seen)
    }

    async fn detach(&self, method: &str) -> Result<(), Trouble> {
        let path = format!("/v1/payment_methods/{}/detach", named(method)?);
        match self.post(&path, None, &Fields::default()).await {
            Ok(_) => Ok(()),
            Err(Trouble::Misconfigured(why)) if why.contains("not attached") || why.contains("resource_missing") => {
                Ok(())
            }
            Err(trouble) => Err(trouble),
        }
    }
}

fn unread(what: &str) -> Trouble {
    Trouble::Unknown(format!("{what} cannot be read in Stripe's answer"))
}

/// What an answer is, or why there is none.
fn answer(got: Result<Reply, NoReply>) -> Result<Value, Trouble> {
    let reply = match got {
        Ok(reply) => reply,
        Err(NoReply::NotSent(why)) => return Err(Trouble::Temporary(why)),
        Err(NoReply::Unknown(why)) => return Err(Trouble::Unknown(why)),
    };
    let body: Value = serde_json::from_str(&reply.body).unwrap_or_default();
    let said = |name: &str| body.get("error").and_then(|error| error.get(name)).and_then(Value::as_str);
    let status = reply.status.as_u16();
    match status {
        200..=299 if body.is_object() => Ok(body),
        402 => {
            let code = said("decline_code").or(said("code")).unwrap_or("card_declined").to_owned();
            let intent = body.pointer("/error/payment_intent/id").and_then(Value::as_str).map(str::to_owned);
            Err(Trouble::Declined { code, intent })
        }
        429 => Err(Trouble::Temporary("it is asked too often".to_owned())),
        // The message of an error may quote what was sent, which holds no secret; of the key Stripe shows its end only.
        400 | 401 | 403 | 404 => {
            let what = said("code").or(said("type")).unwrap_or("no reason is given");
            let message: String = said("message").unwrap_or_default().chars().take(300).collect();
            Err(Trouble::Misconfigured(format!("{status} {what}: {message}")))
        }
        _ => Err(Trouble::Unknown(format!("it answered {status}"))),
    }
}

impl Payments for Stripe {
    fn page<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Page, Trouble>> {
        Box::pin(self.open_page(order))
    }

    fn charge<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Seen, Trouble>> {
        Box::pin(self.charge_card(charge))
    }

    fn find<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Option<Seen>, Trouble>> {
        Box::pin(self.look(wanted))
    }

    fn forget<'a>(&'a self, method: &'a str) -> BoxFuture<'a, Result<(), Trouble>> {
        Box::pin(self.detach(method))
    }

    fn hear(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Option<Hint>, NotSigned> {
        signature::verify(signature, &self.signing, body, now)?;
        Ok(serde_json::from_slice(body).ok().as_ref().and_then(heard::hint))
    }
}

/// Our payment that a text names.
fn payment(text: &str) -> Option<PaymentId> {
    text.parse().ok()
}
