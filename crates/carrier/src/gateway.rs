//! A gateway of one's own that is asked over HTTP as Kannel's `sendsms` is.
//!
//! Source: Kannel 1.4.5, *User's Guide*, and its smsbox, which the tests run.
//! - Its answer names no identifier. Our attempt stands in the address of the receipt, so that the first one proves the send;
//!   it is also the text's identifier.
//! - It cuts and joins long texts by itself, and does not tell how many parts it made.
//! - It is told for how many minutes it and its SMSC may try. What it gave up by itself it reports as refused, "validity expired".
//! - There is no search: a text in doubt waits for its first receipt, then for a person.
//! - A 503 in its own words was not taken ("Temporal failure"); any other 5xx may have been.

pub mod codes;
pub mod heard;
pub mod secret;

use std::ops::RangeInclusive;

use domain::segments::{self, Encoding};
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};

use crate::account::Place;
use crate::adapter::{self, After5xx, Refusal};
use crate::callback::{Callback, Heard, Unverified};
use crate::http::{self, Http, NoReply, Reply};
use crate::signed::Secret;
use crate::{Capabilities, Carrier, Checked, Finding, Outcome, Sought, StopAnswer, Submission, Support};

/// All that a gateway can tell of a text: delivered, failed, waiting, taken and refused by the SMSC.
const EVERY_RECEIPT: &str = "31";

/// For how many seconds a gateway can be told to try: it counts in minutes, and 0 of them would be none.
const VALIDITY: RangeInclusive<i64> = 60..=i64::MAX;

/// The lines for `kannel.conf` by which texts reach us at this address. A reply of its own Kannel must not send, and a call that
/// is not answered it has to repeat, which it does only if it is told to (in the group `smsbox`).
#[must_use]
pub fn lines(callbacks: &str) -> String {
    format!(
        "group = sms-service\nkeyword = default\ncatch-all = yes\nmax-messages = 0\n\
         get-url = \"{callbacks}?secret=CALLBACK-SECRET&id=%I&from=%p&to=%P&text=%b&coding=%c&charset=%C&time=%T\"\n\n\
         # In the group smsbox:\nhttp-request-retry = 30000\nhttp-queue-delay = 10\n"
    )
}

/// An account at a gateway.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Settings {
    /// Where it takes texts, `http://127.0.0.1:13013/cgi-bin/sendsms`.
    pub url: String,
    /// The name of the user who sends.
    pub user: String,
    /// The user's password.
    pub password: Secret,
    /// The SMSC through which it shall send; empty if it chooses.
    #[serde(default)]
    pub smsc: String,
    /// What its calls bear.
    pub callback_secret: Secret,
    /// What they bore before, while both are in use.
    #[serde(default)]
    pub callback_secret_before: Secret,
}

/// One account at a gateway, to send with.
#[derive(Debug)]
pub struct Gateway {
    name: String,
    settings: Settings,
    secrets: Vec<Secret>,
    callbacks: String,
    http: Http,
}

impl Gateway {
    /// An account under a name of ours.
    #[must_use]
    pub fn new(name: String, settings: Settings, place: &Place, http: Http) -> Self {
        let secrets = [&settings.callback_secret, &settings.callback_secret_before];
        let secrets = secrets.into_iter().filter(|secret| !secret.is_empty()).cloned().collect();
        Self { name, settings, secrets, callbacks: place.callbacks.clone(), http }
    }

    fn credentials(&self) -> [(&'static str, &str); 2] {
        [("username", &self.settings.user), ("password", self.settings.password.reveal())]
    }

    /// The address for receipts of one text. The gateway fills in `%d` and `%A`; nothing else in it may look like that.
    fn news(&self, submission: &Submission) -> String {
        let news = adapter::news_address(&self.callbacks, submission.attempt);
        let ours = submission.from.trim_start_matches('+');
        let secret = self.settings.callback_secret.reveal();
        format!("{news}&secret={secret}&from={ours}&dlr=%d&said=%A")
    }

    async fn ask(&self, submission: &Submission, now: Timestamp) -> Outcome {
        let validity = match adapter::seconds_left(submission, now, VALIDITY) {
            Ok(seconds) => (seconds / 60).to_string(),
            Err(late) => return late,
        };
        let news = self.news(submission);
        let mut query = self.credentials().to_vec();
        query.extend([
            ("from", submission.from.as_str()),
            ("to", submission.to.as_str()),
            ("text", submission.body.as_str()),
            ("charset", "UTF-8"),
            ("dlr-mask", EVERY_RECEIPT),
            ("dlr-url", news.as_str()),
            ("validity", validity.as_str()),
        ]);
        if segments::count(&submission.body).encoding == Encoding::Ucs2 {
            query.push(("coding", "2"));
        }
        if !self.settings.smsc.is_empty() {
            query.push(("smsc", &self.settings.smsc));
        }
        match http::send(self.http.get(&self.settings.url).query(&query)).await {
            Err(no) => adapter::unanswered(no),
            Ok(reply) => judged(&reply, submission),
        }
    }

    async fn question(&self) -> Checked {
        let reply = match http::send(self.http.get(&self.settings.url).query(&self.credentials())).await {
            Ok(reply) => reply,
            Err(NoReply::NotSent(reason) | NoReply::Unknown(reason)) => return Checked::Unavailable { reason },
        };
        match reply.status.as_u16() {
            // Nobody is named who should get a text, which it says only to those whom it lets in.
            400 => Checked::Works,
            401 | 403 | 404 => Checked::Refused { reason: format!("the gateway answered {}", reply.status) },
            _ => Checked::Unavailable { reason: format!("the gateway answered {}", reply.status) },
        }
    }
}

/// What an answer means. A success is one only in the gateway's own words: an accepting status may come from another page.
///
/// | answer | outcome |
/// |---|---|
/// | 2xx `0: Accepted for delivery`, `3: Queued for later delivery` | accepted |
/// | 2xx in other words | in doubt |
/// | 503 `Temporal failure, try again later.` | tried again |
/// | 4xx in its words | by the table |
/// | 401, 403 | our account |
/// | anything else | in doubt |
fn judged(reply: &Reply, submission: &Submission) -> Outcome {
    let body = reply.body.trim();
    if reply.status.is_success() {
        let taken = ["0:", "3:"].iter().any(|code| body.starts_with(code));
        return if taken {
            Outcome::Accepted { carrier_id: submission.attempt.to_string(), segments: None }
        } else {
            Outcome::InDoubt { reason: format!("the gateway answered {}, but not as documented", reply.status) }
        };
    }
    if reply.status == StatusCode::SERVICE_UNAVAILABLE && codes::is_temporal(body) {
        let (code, reason) = ("http_503".to_owned(), "the gateway has no room, or its SMSC is away".to_owned());
        return Outcome::Temporary { code, reason, retry_after: reply.retry_after };
    }
    let refusal = codes::of_words(body).map(|code| Refusal { code: code.code.to_owned(), words: body.to_owned() });
    adapter::unsuccessful(reply, refusal, codes::WORDS, After5xx::Unknown)
}

impl Carrier for Gateway {
    fn name(&self) -> &str {
        &self.name
    }

    fn submit<'a>(&'a self, submission: &'a Submission, now: Timestamp) -> BoxFuture<'a, Outcome> {
        Box::pin(self.ask(submission, now))
    }

    fn find<'a>(&'a self, _sought: &'a Sought, _now: Timestamp) -> BoxFuture<'a, Finding> {
        Box::pin(async { Finding::Unsupported })
    }

    fn check(&self) -> BoxFuture<'_, Checked> {
        Box::pin(self.question())
    }

    fn hear(&self, callback: &Callback<'_>) -> Result<Heard, Unverified> {
        secret::verify(&self.secrets, callback)?;
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
