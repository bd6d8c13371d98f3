//! Twilio: Programmable Messaging over HTTPS.
//!
//! Source: Twilio's API reference and its SDKs of November 2026 (API version 2010-04-01).
//! - There is no idempotency key. Our attempt is echoed by the address of the status callback, one for each text.
//! - Smart encoding is off: the text is sent as it was priced.
//! - A text that has not left Twilio's queue after `ValidityPeriod` seconds (1 to 36,000) fails with 30036. On the phone's network it may wait on.
//! - A text in doubt is looked for in the list by its two numbers, then by its text and its time.
//! - A 429 was never processed (error 20429). A 5xx may have been.

pub mod codes;
pub mod heard;
pub mod signature;

use std::ops::RangeInclusive;

use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::signature::Keys;
use crate::account::Place;
use crate::adapter::{self, After5xx, Listed, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Held, Outcome, Sought, StopAnswer, Submission, Support};

/// Where Twilio listens.
pub const BASE: &str = "https://api.twilio.com";
/// For how many seconds Twilio can be told to keep a text.
const VALIDITY: RangeInclusive<i64> = 1..=36_000;
/// Texts in one page of the list, and pages that are read of it.
const PAGE: usize = 100;
const PAGES: usize = 5;

/// The words on which Twilio acts and which it answers, unless the account has set others.
const OWN_WORDS: &[&str] = &[
    "stop",
    "stopall",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "start",
    "unstop",
    "yes",
    "help",
    "info",
];

/// An account at Twilio.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// The account's identifier, `AC…`.
    pub account: String,
    /// The identifier of an API key, `SK…`; empty if the auth token itself is used.
    #[serde(default)]
    pub key: String,
    /// The secret of the API key; empty if the auth token itself is used.
    #[serde(default)]
    pub key_secret: Secret,
    /// The auth token: callbacks are signed with it.
    pub token: Secret,
    /// The auth token before it, while both are in use.
    #[serde(default)]
    pub token_before: Secret,
    /// Shared keys that sign callbacks, by identifier.
    #[serde(default)]
    pub shared_keys: Vec<(String, Secret)>,
    /// A messaging service whose numbers send, `MG…`; empty for none.
    #[serde(default)]
    pub service: String,
}

/// At the end of an address of ours: a call that finds us not there, too slow or with a 5xx is made up to five times more, within
/// Twilio's 15 seconds. By itself Twilio repeats, once, only a call for which there was no connection, and a reply that met a
/// restart would be lost. It is neither sent nor signed. Source: Twilio, *Webhooks: connection overrides*.
pub(crate) const AGAIN: &str = "#rc=5&rp=ct,rt,5xx";

/// One account at Twilio, to send with.
#[derive(Debug)]
pub struct Twilio {
    name: String,
    settings: Settings,
    keys: Keys,
    /// The address of ours that Twilio calls.
    callbacks: String,
    /// Where the carrier listens, without a closing slash.
    base: String,
    http: Http,
}

#[derive(Deserialize)]
struct Taken {
    sid: String,
    num_segments: Option<String>,
}

#[derive(Deserialize)]
struct List {
    messages: Vec<Message>,
    next_page_uri: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    sid: String,
    body: Option<String>,
    direction: Option<String>,
    date_created: Option<String>,
}

impl Twilio {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: Place, http: Http) -> Self {
        let tokens = [&settings.token, &settings.token_before].into_iter().filter(|token| !token.is_empty());
        let keys = Keys { tokens: tokens.cloned().collect(), shared: settings.shared_keys.clone() };
        Self { name, settings, keys, callbacks: place.callbacks, base: place.base, http }
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        let settings = &self.settings;
        if settings.key.is_empty() {
            return request.basic_auth(&settings.account, Some(settings.token.reveal()));
        }
        request.basic_auth(&settings.key, Some(settings.key_secret.reveal()))
    }

    fn messages(&self) -> String {
        format!("{}/2010-04-01/Accounts/{}/Messages.json", self.base, self.settings.account)
    }

    async fn post(&self, submission: &Submission, now: Timestamp) -> Outcome {
        let validity = match adapter::seconds_left(submission, now, VALIDITY) {
            Ok(seconds) => seconds.to_string(),
            Err(late) => return late,
        };
        let news = format!("{}{AGAIN}", adapter::news_address(&self.callbacks, submission.attempt));
        let mut form = vec![
            ("To", submission.to.as_str()),
            ("From", submission.from.as_str()),
            ("Body", submission.body.as_str()),
            ("StatusCallback", news.as_str()),
            ("SmartEncoded", "false"),
            ("ValidityPeriod", validity.as_str()),
        ];
        if !self.settings.service.is_empty() {
            form.push(("MessagingServiceSid", self.settings.service.as_str()));
        }
        let request = self.authorized(self.http.post(&self.messages())).form(&form);
        match http::send(request).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) if reply.status.is_success() => match adapter::accepted::<Taken>(&reply) {
                Err(doubt) => doubt,
                Ok(taken) => Outcome::Accepted {
                    carrier_id: taken.sid,
                    // Twilio writes "0" for a messaging service, whose count comes later.
                    segments: taken.num_segments.and_then(|count| count.parse().ok()).filter(|count| *count > 0),
                },
            },
            Ok(reply) => adapter::unsuccessful(&reply, refusal(&reply), codes::CODES, After5xx::Unknown),
        }
    }

    async fn look(&self, sought: &Sought) -> Finding {
        let submission = &sought.submission;
        let query = [("To", &submission.to), ("From", &submission.from), ("PageSize", &PAGE.to_string())];
        let mut request = self.authorized(self.http.get(&self.messages())).query(&query);
        let mut listed = Vec::new();
        for _ in 0..PAGES {
            let reply = match http::send(request).await {
                Ok(reply) if reply.status.is_success() => reply,
                other => return adapter::unavailable(other),
            };
            let Ok(list) = serde_json::from_str::<List>(&reply.body) else { return adapter::unavailable(Ok(reply)) };
            listed.extend(list.messages.into_iter().map(|message| {
                Listed {
                    fits: message.body.as_deref() == Some(submission.body.as_str())
                        && message.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound")),
                    at: message
                        .date_created
                        .as_deref()
                        .and_then(|at| jiff::fmt::rfc2822::parse(at).ok())
                        .map(|at| at.timestamp()),
                    carrier_id: message.sid,
                }
            }));
            let Some(next) = list.next_page_uri.filter(|next| next.starts_with('/')) else { break };
            request = self.authorized(self.http.get(&format!("{}{next}", self.base)));
        }
        adapter::pick(listed, sought.submitted_at)
    }
}

/// `{"code": 21211, "message": "…", "more_info": "…", "status": 400}`
fn refusal(reply: &Reply) -> Option<Refusal> {
    #[derive(Deserialize)]
    struct Refused {
        code: i64,
        #[serde(default)]
        message: String,
    }
    let refused: Refused = serde_json::from_str(&reply.body).ok()?;
    Some(Refusal { code: refused.code.to_string(), words: refused.message })
}

impl Carrier for Twilio {
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
            self.authorized(
                self.http.get(&format!("{}/2010-04-01/Accounts/{}.json", self.base, self.settings.account)),
            ),
        ))
    }

    fn numbers(&self) -> BoxFuture<'_, Held> {
        let own = format!("/2010-04-01/Accounts/{}/IncomingPhoneNumbers.json?PageSize=1000", self.settings.account);
        let ask = |path: &str| self.authorized(self.http.get(&format!("{}{path}", self.base)));
        Box::pin(adapter::held(ask(&own), move |page| {
            let numbers = page["incoming_phone_numbers"].as_array()?;
            let numbers = adapter::held_in(numbers, "phone_number", |one| one["capabilities"]["sms"] != false);
            let next = page["next_page_uri"].as_str().filter(|next| next.starts_with('/'));
            Some((numbers, next.map(ask)))
        }))
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        signature::verify(&self.keys, callback)?;
        Ok(heard::read(callback))
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
