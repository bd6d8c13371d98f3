//! Bandwidth: Messaging API v2 over HTTPS.
//!
//! Source: Bandwidth's API reference and error codes, last read in November 2026.
//! - There is no idempotency key. Our attempt is the `tag`, echoed in every callback.
//! - No 4xx and no 5xx is sent or billed, so a 5xx in its own words is tried again. That of a gateway, and a broken
//!   connection, are in doubt all the same.
//! - The list knows neither text nor tag, so a text in doubt is found only if it is the only one of its numbers and time.
//! - A text that has not been sent by `expiration` fails with 4360, one that expires at the phone's network with 4794.
//! - STOP is not acted on for 10DLC numbers: the confirmation is ours.

pub mod codes;
pub mod heard;
pub mod signature;

use std::ops::RangeInclusive;

use futures_util::future::BoxFuture;
use jiff::{Timestamp, ToSpan as _};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::account::Place;
use crate::adapter::{self, After5xx, Listed, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Outcome, Sought, StopAnswer, Submission, Support};

/// Where Bandwidth listens.
pub const BASE: &str = "https://messaging.bandwidth.com";

/// `expiration` has to be in the future, by Bandwidth's clock; how far is not limited.
const VALIDITY: RangeInclusive<i64> = 10..=i64::MAX;

/// An account at Bandwidth.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The account's number.
    pub account: String,
    /// The name of the API user.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// The messaging application, whose numbers send.
    pub application: String,
    /// The name that callbacks bear, as set on the application.
    pub callback_user: String,
    /// The password that callbacks bear.
    pub callback_password: Secret,
    /// The password before it, while both are in use.
    #[serde(default)]
    pub callback_password_before: Secret,
}

/// One account at Bandwidth, to send with.
#[derive(Debug)]
pub struct Bandwidth {
    name: String,
    settings: Settings,
    passwords: Vec<(String, Secret)>,
    /// Where the carrier listens, without a closing slash.
    base: String,
    http: Http,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Taken {
    id: String,
    segment_count: Option<u32>,
}

#[derive(Deserialize)]
struct List {
    messages: Vec<Message>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    message_id: String,
    message_direction: Option<String>,
    receive_time: Option<String>,
}

impl Bandwidth {
    /// An account under a name of ours. The address of our callbacks is set on the application, at Bandwidth.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: Place, http: Http) -> Self {
        let passwords = [&settings.callback_password, &settings.callback_password_before];
        let passwords = passwords.into_iter().filter(|password| !password.is_empty());
        let passwords = passwords.map(|password| (settings.callback_user.clone(), password.clone())).collect();
        Self { name, settings, passwords, base: place.base, http }
    }

    fn messages(&self) -> String {
        format!("{}/api/v2/users/{}/messages", self.base, self.settings.account)
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.basic_auth(&self.settings.user, Some(self.settings.password.reveal()))
    }

    async fn post(&self, submission: &Submission, now: Timestamp) -> Outcome {
        if let Err(late) = adapter::seconds_left(submission, now, VALIDITY) {
            return late;
        }
        let message = json!({
            "applicationId": self.settings.application,
            "from": submission.from,
            "to": [submission.to],
            "text": submission.body,
            "tag": submission.attempt,
            // To the second, and never a later one.
            "expiration": submission.deliver_by.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        match http::send(self.authorized(self.http.post(&self.messages())).json(&message)).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) if reply.status.is_success() => match adapter::accepted::<Taken>(&reply) {
                Err(doubt) => doubt,
                Ok(taken) => Outcome::Accepted { carrier_id: taken.id, segments: taken.segment_count },
            },
            Ok(reply) => adapter::unsuccessful(&reply, refusal(&reply), codes::CODES, After5xx::NotSent),
        }
    }

    async fn look(&self, sought: &Sought) -> Finding {
        let submission = &sought.submission;
        let from = sought.submitted_at.checked_sub(10.minutes()).unwrap_or(Timestamp::MIN);
        let query = [
            ("destinationTn", submission.to.clone()),
            ("sourceTn", submission.from.clone()),
            ("fromDateTime", from.to_string()),
            ("limit", "100".to_owned()),
        ];
        let reply = match http::send(self.authorized(self.http.get(&self.messages())).query(&query)).await {
            Ok(reply) if reply.status.is_success() => reply,
            other => return adapter::unavailable(other),
        };
        let Ok(list) = serde_json::from_str::<List>(&reply.body) else { return adapter::unavailable(Ok(reply)) };
        let listed = list.messages.into_iter().map(|message| Listed {
            // Not by the count of segments: Bandwidth may count fewer than we did.
            fits: message.message_direction.is_none_or(|direction| direction.eq_ignore_ascii_case("outbound")),
            at: message.receive_time.and_then(|at| at.parse().ok()),
            carrier_id: message.message_id,
        });
        adapter::pick(listed, sought.submitted_at)
    }
}

/// `{"type": "request-validation", "description": "…"}`
fn refusal(reply: &Reply) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Refused {
        #[serde(rename = "type")]
        kind: String,
        #[serde(default)]
        description: String,
    }
    let refused: Refused = serde_json::from_str(&reply.body).ok()?;
    Some(Refusal { code: refused.kind, words: refused.description })
}

impl Carrier for Bandwidth {
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
        Box::pin(adapter::checked(self.authorized(self.http.get(&self.messages())).query(&[("limit", "1")])))
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        signature::verify(&self.passwords, callback)?;
        Ok(heard::read(callback))
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            stop_answer: StopAnswer::Ours,
            own_words: &[],
            idempotency: Support::Missing,
            find: Support::Offered,
            expiry: Support::Offered,
            echo: Support::Offered,
        }
    }
}
