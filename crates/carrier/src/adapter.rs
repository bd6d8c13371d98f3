//! What the adapters over HTTP share: addresses, numbers, and how an answer becomes an outcome.

use std::ops::RangeInclusive;

use domain::ids::AttemptId;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::codes::{self, Code};
use crate::http::{self, NoReply, Reply};
use crate::wire::{Checked, Cost, E164, Finding, Held, Outcome, Submission};

/// The name of our attempt in the callback addresses that we give.
const ATTEMPT: &str = "attempt";
/// How far a carrier's clock may be from ours when a text is looked up, and how long it may take to write it down.
const SKEW: SignedDuration = SignedDuration::from_secs(120);

/// The address for news of one text: our callback address with the attempt in it, so that the first call proves the send.
pub(crate) fn news_address(callbacks: &str, attempt: AttemptId) -> String {
    let separator = if callbacks.contains('?') { '&' } else { '?' };
    format!("{callbacks}{separator}{ATTEMPT}={attempt}")
}

/// The attempt in an address that [`news_address`] made.
pub(crate) fn attempt_in(asked: Option<String>) -> Option<AttemptId> {
    asked?.parse().ok()
}

/// The attempt of a callback.
pub(crate) fn attempt_of(callback: &crate::Callback<'_>) -> Option<AttemptId> {
    attempt_in(callback.asked(ATTEMPT))
}

/// A number as carriers write it, with or without the plus, in E.164. Nothing for a short code, a name or an empty text.
pub(crate) fn e164(text: &str) -> Option<E164> {
    let digits = text.trim().trim_start_matches('+');
    let fits = (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then(|| format!("+{digits}"))
}

/// A price of a JSON document, whose amount may be a text or a number.
pub(crate) fn price(amount: &Value, currency: &Value) -> Option<Cost> {
    let amount = match amount {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    Cost::read(&amount, currency.as_str()?)
}

/// For how many whole seconds from now the carrier may try to deliver a text, no more than it can be told. Fewer than it can be told are too
/// few: the text is not handed over.
pub(crate) fn seconds_left(submission: &Submission, now: Timestamp, told: RangeInclusive<i64>) -> Result<i64, Outcome> {
    let left = submission.deliver_by.duration_since(now).as_secs();
    if left < *told.start() { Err(too_late()) } else { Ok(left.min(*told.end())) }
}

/// The text was not handed over: nothing but to claim it anew, if it still may go.
pub(crate) fn too_late() -> Outcome {
    let reason = "too little time was left to deliver it in".to_owned();
    Outcome::Temporary { code: "too_late".to_owned(), reason, retry_after: None }
}

/// What became of a submission without an answer.
pub(crate) fn unanswered(no: NoReply) -> Outcome {
    match no {
        NoReply::NotSent(reason) => Outcome::Temporary { code: "not_connected".to_owned(), reason, retry_after: None },
        NoReply::Unknown(reason) => Outcome::InDoubt { reason },
    }
}

/// A refusal in the carrier's own code and words.
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) words: String,
}

/// What a status that is not a success means, with the refusal that its body holds, if it does.
///
/// | status | outcome |
/// |---|---|
/// | 429 | not processed: tried again after the carrier's wait |
/// | 401, 402, 403 | our account: the number is paused |
/// | 404, 405, 410 | we ask at the wrong place, as of a wrong account: the number is paused |
/// | other 4xx | by the carrier's code |
/// | any of these with a code that the table has | by the code |
/// | 5xx | in doubt, unless this carrier itself says that nothing was sent |
/// | anything else | in doubt |
pub(crate) fn unsuccessful(reply: &Reply, refusal: Option<Refusal>, table: &[Code], after_5xx: After5xx) -> Outcome {
    let status = reply.status;
    let http = format!("http_{}", status.as_u16());
    let in_its_words = refusal.is_some();
    let Refusal { code, words } = refusal.unwrap_or(Refusal { code: http.clone(), words: String::new() });
    let known = codes::class(table, &code) != codes::Class::Unknown;
    let said = |usual: &str| if words.is_empty() { usual.to_owned() } else { codes::words(table, &code, &words) };
    match status.as_u16() {
        429 => {
            let reason = said("too many requests");
            Outcome::Temporary { code, reason, retry_after: reply.retry_after }
        }
        401..=403 if !known => {
            let reason = said("the carrier does not take our credentials, or our account is blocked");
            Outcome::SenderProblem { code, reason }
        }
        // Not the text is at fault but whoever sends it: every other text would fare the same.
        404 | 405 | 410 if !known => {
            let reason = said("the carrier does not know the account, or not this way of sending");
            Outcome::SenderProblem { code, reason }
        }
        // A balancer before the carrier gave up on the request: nobody says how far it had come.
        408 | 425 if !known => Outcome::InDoubt { reason: format!("the carrier answered {status}") },
        400..=499 => codes::refused(table, &code, &words, reply.retry_after),
        // The promise is the carrier's own: a gateway before it, which knows only its own page, promises nothing.
        500..=599 if after_5xx == After5xx::NotSent && in_its_words => {
            let reason = said("the carrier is out of order");
            Outcome::Temporary { code, reason, retry_after: reply.retry_after }
        }
        _ => Outcome::InDoubt { reason: format!("the carrier answered {status}") },
    }
}

/// What a 5xx of a carrier says about the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After5xx {
    /// The carrier promises that it was not sent.
    NotSent,
    /// Nothing: it may have been sent.
    Unknown,
}

/// An answer's body; a success that cannot be read leaves the text in doubt.
pub(crate) fn accepted<T: DeserializeOwned>(reply: &Reply) -> Result<T, Outcome> {
    serde_json::from_str(&reply.body).map_err(|error| Outcome::InDoubt {
        reason: format!("the carrier answered {}, but not as documented: {error}", reply.status),
    })
}

/// What a search that did not work means.
pub(crate) fn unavailable(reply: Result<Reply, NoReply>) -> Finding {
    let reason = match reply {
        Ok(reply) => format!("the carrier answered {}", reply.status),
        Err(NoReply::NotSent(reason) | NoReply::Unknown(reason)) => reason,
    };
    Finding::Unavailable { reason }
}

/// What the answer to a harmless question says of the account.
pub(crate) async fn checked(question: reqwest::RequestBuilder) -> Checked {
    match http::send(question).await {
        Ok(reply) if reply.status.is_success() => Checked::Works,
        Ok(reply) if matches!(reply.status.as_u16(), 401 | 403 | 404) => {
            Checked::Refused { reason: format!("the carrier answered {}", reply.status) }
        }
        Ok(reply) => Checked::Unavailable { reason: format!("the carrier answered {}", reply.status) },
        Err(NoReply::NotSent(reason) | NoReply::Unknown(reason)) => Checked::Unavailable { reason },
    }
}

/// Most pages of a list of numbers that are read.
const NUMBER_PAGES: usize = 40;

/// Reads a list of numbers page by page: `read` gives the numbers of a page and the request for the next one, or nothing if the page is not
/// as documented.
pub(crate) async fn held(
    first: reqwest::RequestBuilder,
    read: impl Fn(&Value) -> Option<(Vec<E164>, Option<reqwest::RequestBuilder>)> + Send,
) -> Held {
    let (mut all, mut next) = (Vec::new(), Some(first));
    for _ in 0..NUMBER_PAGES {
        let Some(request) = next.take() else { break };
        let reply = match http::send(request).await {
            Ok(reply) if reply.status.is_success() => reply,
            Ok(reply) => return Held::Unavailable { reason: format!("the carrier answered {}", reply.status) },
            Err(NoReply::NotSent(reason) | NoReply::Unknown(reason)) => return Held::Unavailable { reason },
        };
        let page = serde_json::from_str::<Value>(&reply.body).ok();
        let Some((numbers, after)) = page.as_ref().and_then(&read) else {
            return Held::Unavailable { reason: "the carrier's list is not as documented".to_owned() };
        };
        all.extend(numbers);
        next = after;
    }
    all.sort_unstable();
    all.dedup();
    Held::Numbers(all)
}

/// The numbers of a page: of each entry that can text, the one under this key.
pub(crate) fn held_in(entries: &[Value], key: &str, can_text: impl Fn(&Value) -> bool) -> Vec<E164> {
    entries.iter().filter(|entry| can_text(entry)).filter_map(|entry| e164(entry[key].as_str()?)).collect()
}

/// A text in a carrier's list.
pub(crate) struct Listed {
    pub(crate) carrier_id: String,
    /// When the carrier took it.
    pub(crate) at: Option<Timestamp>,
    /// Whether text, tag or count fit, as far as this carrier lists them.
    pub(crate) fits: bool,
}

/// Which of the listed texts is the one that was handed over at `submitted_at`. If several could be, none is taken; one whose
/// time cannot be read could be, so it does not count as missing.
pub(crate) fn pick(listed: impl IntoIterator<Item = Listed>, submitted_at: Timestamp) -> Finding {
    let earliest = submitted_at.saturating_sub(SKEW).unwrap_or(Timestamp::MIN);
    let latest = submitted_at.saturating_add(SKEW).unwrap_or(Timestamp::MAX);
    let fits = |one: &Listed| one.fits && one.at.is_none_or(|at| (earliest..=latest).contains(&at));
    let mut fitting = listed.into_iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (None, _) => Finding::NotFound,
        (Some(Listed { at: None, .. }), None) => {
            Finding::Unavailable { reason: "the carrier lists a text that could be this one without a time".to_owned() }
        }
        (Some(one), None) => Finding::Sent { carrier_id: one.carrier_id },
        (Some(_), Some(_)) => {
            Finding::Unavailable { reason: "the carrier lists several texts that could be this one".to_owned() }
        }
    }
}

/// A field that an event can do without: taken if it is as documented and passed over if not, so that it loses no event.
pub(crate) fn if_sound<'de, D, T>(field: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: DeserializeOwned,
{
    let value = Value::deserialize(field)?;
    Ok(serde_json::from_value(value).ok())
}

/// A whole call that was not understood, known by its bytes.
pub(crate) fn strange_bytes(callback: &crate::Callback<'_>, why: String) -> crate::Strange {
    crate::Strange {
        event_id: crate::signed::sha256_hex(&[callback.url.as_bytes(), callback.body].concat()),
        why,
        raw: String::from_utf8_lossy(callback.body).into_owned(),
    }
}
