//! Vonage: Messages API v1 over HTTPS.
//!
//! Source: Vonage's API reference and its SDK of November 2026.
//! - There is no idempotency key. Our attempt is the `client_ref`, echoed in every status.
//! - There is no search for a text by its numbers: a text in doubt waits for its first status, then for a person.
//! - Vonage tries for `ttl` seconds to hand a text to the phone's network, where it may wait on; what it tells of one that it gave up is not documented.
//! - A text is charged when it is *submitted*; the status tells how many parts it had.

pub mod codes;
pub mod heard;
pub mod signature;

use std::ops::RangeInclusive;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Place;
use crate::adapter::{self, After5xx, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Finding, Held, Outcome, Sought, StopAnswer, Submission, Support};

/// Where Vonage listens.
pub const BASE: &str = "https://api.nexmo.com";
/// For how many seconds Vonage can be told to try: no limit is documented for this API, for the older one they are these.
const VALIDITY: RangeInclusive<i64> = 20..=604_800;
/// Where Vonage lists an account's numbers.
const NUMBERS_BASE: &str = "https://rest.nexmo.com";
/// The largest page of that list.
const NUMBERS_PAGE: u64 = 100;

/// An account at Vonage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The API key.
    pub key: String,
    /// The API secret.
    pub secret: Secret,
    /// The signature secret, with which callbacks are signed.
    pub signature_secret: Secret,
    /// The signature secret before it, while both are in use.
    #[serde(default)]
    pub signature_secret_before: Secret,
}

/// One account at Vonage, to send with.
#[derive(Debug)]
pub struct Vonage {
    name: String,
    settings: Settings,
    secrets: Vec<Secret>,
    callbacks: String,
    /// Where the carrier listens, without a closing slash.
    base: String,
    http: Http,
}

#[derive(Deserialize)]
struct Taken {
    message_uuid: String,
}

impl Vonage {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: Place, http: Http) -> Self {
        let secrets = [&settings.signature_secret, &settings.signature_secret_before];
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).cloned().collect();
        Self { name, settings, secrets, callbacks: place.callbacks, base: place.base, http }
    }

    async fn post(&self, submission: &Submission, now: Timestamp) -> Outcome {
        let validity = match adapter::seconds_left(submission, now, VALIDITY) {
            Ok(seconds) => seconds,
            Err(late) => return late,
        };
        let message = json!({
            "message_type": "text",
            "channel": "sms",
            "from": submission.from.trim_start_matches('+'),
            "to": submission.to.trim_start_matches('+'),
            "text": submission.body,
            "client_ref": submission.attempt,
            "ttl": validity,
            "webhook_url": self.callbacks,
            "webhook_version": "v1",
        });
        let address = format!("{}/v1/messages", self.base);
        let request = self.http.post(&address).basic_auth(&self.settings.key, Some(self.settings.secret.reveal()));
        match http::send(request.json(&message)).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) if reply.status.is_success() => match adapter::accepted::<Taken>(&reply) {
                Err(doubt) => doubt,
                Ok(taken) => Outcome::Accepted { carrier_id: taken.message_uuid, segments: None },
            },
            Ok(reply) => adapter::unsuccessful(&reply, refusal(&reply), codes::CODES, After5xx::Unknown),
        }
    }
}

/// `{"type": "https://…/api-errors/messages#1150", "title": "…", "detail": "…"}`
fn refusal(reply: &Reply) -> Option<Refusal> {
    let problem: Problem = serde_json::from_str(&reply.body).ok()?;
    Some(Refusal { code: problem.code(), words: problem.words() })
}

/// The form in which Vonage writes failures, at the submission and in a status.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: serde_json::Value,
    detail: Option<String>,
}

impl Problem {
    /// The title where it is a number, else what stands behind the `#`.
    pub(super) fn code(&self) -> String {
        let title = self.title.as_str().map_or_else(|| self.title.to_string(), str::to_owned);
        if !title.is_empty() && title.bytes().all(|byte| byte.is_ascii_digit()) {
            return title;
        }
        self.kind.rsplit_once('#').map_or(title, |(_, code)| code.to_owned())
    }

    fn words(&self) -> String {
        let title = || self.title.as_str().unwrap_or_default().to_owned();
        self.detail.clone().filter(|detail| !detail.is_empty()).unwrap_or_else(title)
    }
}

impl Carrier for Vonage {
    fn name(&self) -> &str {
        &self.name
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(self.post(submission, now))
    }

    fn find<'a>(&'a self, _sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::Unsupported })
    }

    fn numbers(&self) -> BoxFuture<'_, Held> {
        // Numbers are of another API than messages, at another host.
        let base = if self.base == BASE { NUMBERS_BASE } else { &self.base };
        let ask = move |index: u64| {
            let list = format!("{base}/account/numbers?size={NUMBERS_PAGE}&index={index}");
            self.http.get(&list).basic_auth(&self.settings.key, Some(self.settings.secret.reveal()))
        };
        let texts = |one: &serde_json::Value| {
            one["features"].as_array().is_none_or(|features| features.iter().any(|feature| feature == "SMS"))
        };
        let read = std::sync::atomic::AtomicU64::new(0);
        Box::pin(adapter::held(ask(1), move |page| {
            // An account without numbers has an empty object.
            let all = page["numbers"].as_array().map_or(&[][..], Vec::as_slice);
            let index = read.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            let more = page["count"].as_u64().unwrap_or(0) > index * NUMBERS_PAGE && !all.is_empty();
            Some((adapter::held_in(all, "msisdn", texts), more.then(|| ask(index + 1))))
        }))
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        signature::verify(&self.secrets, callback)?;
        Ok(heard::read(callback))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop_answer: StopAnswer::Ours,
            own_words: &[],
            idempotency: Support::Missing,
            find: Support::Missing,
            expiry: Support::Offered,
            echo: Support::Offered,
        }
    }
}
