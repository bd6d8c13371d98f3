//! Telnyx: Messaging API v2 over HTTPS.
//!
//! Source: Telnyx's API reference of November 2026.
//! - The `Idempotency-Key` header is given, though nothing is repeated here: whoever must repeat by hand is safe for 24 hours.
//! - Our attempt is echoed by a tag in every callback and in the detail records, which are where a text in doubt is looked for.
//! - Telnyx's own smart encoding is a setting of the messaging profile and has to be off there.
//! - No request says how long a text may wait: Telnyx sets that by itself (`valid_until`, hours), and tells of it by 40014.
//! - A 429 was not processed; a 5xx may have been.

pub mod codes;
pub mod heard;
pub mod signature;

use futures_util::future::BoxFuture;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Place;
use crate::adapter::{self, After5xx, Listed, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Held, Outcome, Sought, StopAnswer, Submission, Support};

/// Where Telnyx listens.
pub const BASE: &str = "https://api.telnyx.com";

/// The words on which Telnyx acts and which it answers, unless the account has set others.
const OWN_WORDS: &[&str] = &["stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "start", "unstop"];

/// An account at Telnyx.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The API key, `KEY…`.
    pub key: Secret,
    /// The account's public key, with which callbacks are checked; base64 of 32 bytes.
    pub public_key: String,
    /// The public key before it, while both are in use; may be empty.
    #[serde(default)]
    pub public_key_before: String,
    /// The messaging profile that sends; empty for the number's own.
    #[serde(default)]
    pub profile: String,
}

/// One account at Telnyx, to send with.
#[derive(Debug)]
pub struct Telnyx {
    name: String,
    settings: Settings,
    public_keys: Vec<String>,
    callbacks: String,
    /// Where the carrier listens, without a closing slash.
    base: String,
    http: Http,
}

#[derive(Deserialize)]
struct Answer<T> {
    data: T,
}

#[derive(Deserialize)]
struct Taken {
    id: String,
    parts: Option<u32>,
}

#[derive(Deserialize)]
struct Record {
    uuid: String,
    created_at: Option<String>,
    direction: Option<String>,
    tags: Option<String>,
}

impl Telnyx {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: Place, http: Http) -> Self {
        let keys = [&settings.public_key, &settings.public_key_before].into_iter().filter(|key| !key.is_empty());
        let public_keys = keys.cloned().collect();
        Self { name, settings, public_keys, callbacks: place.callbacks, base: place.base, http }
    }

    fn address(&self, path: &str) -> String {
        format!("{}/v2/{path}", self.base)
    }

    async fn post(&self, submission: &Submission, now: Timestamp) -> Outcome {
        if let Err(late) = adapter::seconds_left(submission, now, 1..=i64::MAX) {
            return late;
        }
        let mut message = json!({
            "from": submission.from,
            "to": submission.to,
            "text": submission.body,
            "type": "SMS",
            "webhook_url": adapter::news_address(&self.callbacks, submission.attempt),
            "use_profile_webhooks": false,
            "tags": [submission.attempt],
        });
        if !self.settings.profile.is_empty() {
            message["messaging_profile_id"] = json!(self.settings.profile);
        }
        let request = self.http.post(&self.address("messages")).bearer_auth(self.settings.key.reveal());
        let request = request.header("Idempotency-Key", submission.attempt.to_string()).json(&message);
        match http::send(request).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) if reply.status.is_success() => match adapter::accepted::<Answer<Taken>>(&reply) {
                Err(doubt) => doubt,
                Ok(Answer { data }) => Outcome::Accepted { carrier_id: data.id, segments: data.parts },
            },
            Ok(reply) => adapter::unsuccessful(&reply, refusal(&reply), codes::CODES, After5xx::Unknown),
        }
    }

    async fn look(&self, sought: &Sought) -> Finding {
        let submission = &sought.submission;
        let day_before = sought.submitted_at.checked_sub(24.hours()).unwrap_or(Timestamp::MIN);
        let query = [
            ("filter[record_type]", "messaging"),
            ("filter[direction]", "outbound"),
            ("filter[cld]", &submission.to),
            ("filter[cli]", &submission.from),
            ("filter[created_at][gte]", &day_before.to_string()),
            ("sort", "-created_at"),
            ("page[size]", "50"),
        ];
        let request = self.http.get(&self.address("detail_records")).bearer_auth(self.settings.key.reveal());
        let reply = match http::send(request.query(&query)).await {
            Ok(reply) if reply.status.is_success() => reply,
            other => return adapter::unavailable(other),
        };
        let Ok(Answer { data }) = serde_json::from_str::<Answer<Vec<Record>>>(&reply.body) else {
            return adapter::unavailable(Ok(reply));
        };
        let tag = submission.attempt.to_string();
        let listed = data.into_iter().map(|record| Listed {
            fits: record.direction.as_deref() != Some("inbound")
                && record.tags.is_some_and(|tags| tags.split(',').any(|one| one.trim() == tag)),
            at: record.created_at.and_then(|at| at.parse().ok()),
            carrier_id: record.uuid,
        });
        adapter::pick(listed, sought.submitted_at)
    }
}

/// `{"errors": [{"code": "40300", "title": "…", "detail": "…"}]}`
fn refusal(reply: &Reply) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Refused {
        errors: Vec<One>,
    }
    #[derive(Deserialize)]
    struct One {
        code: serde_json::Value,
        #[serde(default)]
        title: String,
        #[serde(default)]
        detail: String,
    }
    let refused: Refused = serde_json::from_str(&reply.body).ok()?;
    let one = refused.errors.into_iter().next()?;
    let code = one.code.as_str().map_or_else(|| one.code.to_string(), str::to_owned);
    Some(Refusal { code, words: if one.detail.is_empty() { one.title } else { one.detail } })
}

impl Carrier for Telnyx {
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
            self.http.get(&self.address("messaging_profiles?page%5Bsize%5D=1")).bearer_auth(self.settings.key.reveal()),
        ))
    }

    fn numbers(&self) -> BoxFuture<'_, Held> {
        let ask = |page: u64| {
            let list = format!("phone_numbers/messaging?page%5Bsize%5D=250&page%5Bnumber%5D={page}");
            self.http.get(&self.address(&list)).bearer_auth(self.settings.key.reveal())
        };
        let of_profile = |one: &serde_json::Value| {
            let profile = self.settings.profile.as_str();
            !one["features"]["sms"].is_null() && (profile.is_empty() || one["messaging_profile_id"] == profile)
        };
        Box::pin(adapter::held(ask(1), move |page| {
            let numbers = adapter::held_in(page["data"].as_array()?, "phone_number", of_profile);
            let (this, last) = (page["meta"]["page_number"].as_u64(), page["meta"]["total_pages"].as_u64());
            let next = this.zip(last).filter(|(this, last)| this < last).map(|(this, _)| ask(this + 1));
            Some((numbers, next))
        }))
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        signature::verify(&self.public_keys, callback)?;
        Ok(heard::read(callback))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop_answer: StopAnswer::Carrier,
            own_words: OWN_WORDS,
            idempotency: Support::Offered,
            find: Support::Offered,
            expiry: Support::Missing,
            echo: Support::Offered,
        }
    }
}
