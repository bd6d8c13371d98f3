//! Plivo: Message API v1 over HTTPS.
//!
//! Source: Plivo's API reference and its SDKs of November 2026.
//! - There is no idempotency key. Our attempt is echoed by the callback address, one for each text.
//! - The list knows no text, so a text in doubt is found only if it is the only one of its numbers and time.
//! - A text that has not left Plivo's queue after `message_expiry` seconds (5 to 10,799; without it three hours) fails with 420 and costs nothing.
//! - Callbacks of texts are signed by V2, which does not sign what they say (see [`signature`]): each nonce counts once.

pub mod codes;
pub mod heard;
pub mod signature;

use std::ops::RangeInclusive;

use futures_util::future::BoxFuture;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Place;
use crate::adapter::{self, After5xx, Listed, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Held, Outcome, Sought, StopAnswer, Submission, Support};

/// Where Plivo listens.
pub const BASE: &str = "https://api.plivo.com";

/// For how many seconds Plivo can be told to keep a text.
const VALIDITY: RangeInclusive<i64> = 5..=10_799;
/// The words on which Plivo acts and which it answers, unless the account has set others.
const OWN_WORDS: &[&str] = &["stop", "stopall", "unsubscribe", "cancel", "end", "quit"];

/// An account at Plivo.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The auth ID.
    pub id: String,
    /// The auth token: callbacks are signed with it.
    pub token: Secret,
    /// The auth token before it, while both are in use.
    #[serde(default)]
    pub token_before: Secret,
}

/// One account at Plivo, to send with.
#[derive(Debug)]
pub struct Plivo {
    name: String,
    settings: Settings,
    tokens: Vec<Secret>,
    callbacks: String,
    /// Where the carrier listens, without a closing slash.
    base: String,
    http: Http,
}

#[derive(Deserialize)]
struct Taken {
    message_uuid: Vec<String>,
}

#[derive(Deserialize)]
struct List {
    objects: Vec<Message>,
}

#[derive(Deserialize)]
struct Message {
    message_uuid: String,
    message_direction: Option<String>,
    message_time: Option<String>,
}

impl Plivo {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: Place, http: Http) -> Self {
        let tokens = [&settings.token, &settings.token_before].into_iter().filter(|token| !token.is_empty());
        let tokens = tokens.cloned().collect();
        Self { name, settings, tokens, callbacks: place.callbacks, base: place.base, http }
    }

    fn messages(&self) -> String {
        format!("{}/v1/Account/{}/Message/", self.base, self.settings.id)
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth(&self.settings.id, Some(self.settings.token.reveal()))
    }

    async fn post(&self, submission: &Submission, now: Timestamp) -> Outcome {
        let validity = match adapter::seconds_left(submission, now, VALIDITY) {
            Ok(seconds) => seconds,
            Err(late) => return late,
        };
        let message = json!({
            "src": bare(&submission.from),
            "dst": bare(&submission.to),
            "text": submission.body,
            "type": "sms",
            "url": adapter::news_address(&self.callbacks, submission.attempt),
            "method": "POST",
            "message_expiry": validity,
        });
        match http::send(self.authorized(self.http.post(&self.messages())).json(&message)).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) if reply.status.is_success() => match adapter::accepted::<Taken>(&reply) {
                Err(doubt) => doubt,
                Ok(taken) => match taken.message_uuid.into_iter().next() {
                    Some(carrier_id) => Outcome::Accepted { carrier_id, segments: None },
                    None => Outcome::InDoubt { reason: "Plivo's answer names no text".to_owned() },
                },
            },
            Ok(reply) => adapter::unsuccessful(&reply, refusal(&reply), codes::CODES, After5xx::Unknown),
        }
    }

    async fn look(&self, sought: &Sought) -> Finding {
        let submission = &sought.submission;
        let since = sought.submitted_at.checked_sub(10.minutes()).unwrap_or(Timestamp::MIN);
        let query = [
            ("to_number", bare(&submission.to).to_owned()),
            ("from_number", bare(&submission.from).to_owned()),
            ("message_time__gte", since.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            ("limit", "20".to_owned()),
        ];
        let reply = match http::send(self.authorized(self.http.get(&self.messages())).query(&query)).await {
            Ok(reply) if reply.status.is_success() => reply,
            other => return adapter::unavailable(other),
        };
        let Ok(list) = serde_json::from_str::<List>(&reply.body) else { return adapter::unavailable(Ok(reply)) };
        let listed = list.objects.into_iter().map(|message| Listed {
            // Not by the count of units: Plivo may count fewer than we did.
            fits: message.message_direction.as_deref() != Some("inbound"),
            at: message.message_time.as_deref().and_then(time),
            carrier_id: message.message_uuid,
        });
        adapter::pick(listed, sought.submitted_at)
    }
}

/// Plivo writes numbers without the plus.
fn bare(phone: &str) -> &str {
    phone.trim_start_matches('+')
}

/// `2026-11-24 02:00:00.000000` or `2026-11-24 02:00:00+00:00`; UTC where it does not say.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    if let Ok(at) = text.replacen(' ', "T", 1).parse::<Timestamp>() {
        return Some(at);
    }
    let at: DateTime = text.replacen(' ', "T", 1).parse().ok()?;
    TimeZone::UTC.to_timestamp(at).ok()
}

/// `{"api_id": "…", "error": "…"}`: there is no code, so the status is one.
fn refusal(reply: &Reply) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Refused {
        error: serde_json::Value,
    }
    let refused: Refused = serde_json::from_str(&reply.body).ok()?;
    let words = refused.error.as_str().map_or_else(|| refused.error.to_string(), str::to_owned);
    Some(Refusal { code: format!("http_{}", reply.status.as_u16()), words })
}

impl Carrier for Plivo {
    fn name(&self) -> &str {
        &self.name
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(self.post(submission, now))
    }

    fn find<'a>(&'a self, sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(self.look(sought))
    }

    fn check(&self) -> BoxFuture<'_, Checked> {
        Box::pin(adapter::checked(
            self.authorized(self.http.get(&format!("{}/v1/Account/{}/", self.base, self.settings.id))),
        ))
    }

    fn numbers(&self) -> BoxFuture<'_, Held> {
        let own = format!("/v1/Account/{}/Number/?limit=20", self.settings.id);
        let ask = |path: &str| self.authorized(self.http.get(&format!("{}{path}", self.base)));
        Box::pin(adapter::held(ask(&own), move |page| {
            let numbers = adapter::held_in(page["objects"].as_array()?, "number", |one| one["sms_enabled"] != false);
            let next = page["meta"]["next"].as_str().filter(|next| next.starts_with('/'));
            Some((numbers, next.map(ask)))
        }))
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        let nonce = signature::verify(&self.tokens, callback)?;
        Ok(Heard { once: Some(nonce.to_owned()), ..heard::read(callback) })
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop_answer: StopAnswer::Carrier,
            own_words: OWN_WORDS,
            idempotency: Support::Missing,
            find: Support::Offered,
            expiry: Support::Offered,
            echo: Support::Offered,
        }
    }
}
