//! What Telnyx tells: one event for each call, with an identifier that its repeats share.

use domain::ids::AttemptId;
use serde::Deserialize;
use serde_json::Value;

use super::codes::CODES;
use crate::adapter::{attempt_in, attempt_of, e164, if_sound, price, strange_bytes};
use crate::callback::{Callback, Heard};
use crate::codes;
use crate::wire::{CarrierEvent, Inbound, Receipt, ReceiptState, Signal};

#[derive(Deserialize)]
struct Call {
    data: Event,
}

#[derive(Deserialize)]
struct Event {
    event_type: String,
    id: String,
    #[serde(default, deserialize_with = "if_sound")]
    occurred_at: Option<jiff::Timestamp>,
    #[serde(default)]
    payload: Payload,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Payload {
    id: String,
    #[serde(default, deserialize_with = "if_sound")]
    text: Option<String>,
    from: Option<Party>,
    to: Vec<Party>,
    #[serde(default, deserialize_with = "if_sound")]
    parts: Option<u32>,
    /// Whatever it holds, the event is not lost for it.
    cost: Value,
    #[serde(default, deserialize_with = "if_sound")]
    tags: Option<Vec<String>>,
    #[serde(default, deserialize_with = "if_sound")]
    errors: Option<Vec<Failure>>,
    #[serde(default, deserialize_with = "if_sound")]
    media: Option<Vec<Value>>,
    #[serde(default, deserialize_with = "if_sound")]
    autoresponse_type: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Party {
    phone_number: String,
    #[serde(default, deserialize_with = "if_sound")]
    status: Option<String>,
}

#[derive(Deserialize)]
struct Failure {
    code: Value,
}

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let mut heard = Heard::nothing();
    heard.push(match serde_json::from_slice::<Call>(callback.body) {
        Err(error) => Err(strange_bytes(callback, error.to_string())),
        Ok(call) => event(&call.data, callback).map_err(|why| strange_bytes(callback, why)),
    });
    heard
}

fn event(event: &Event, callback: &Callback<'_>) -> Result<Option<CarrierEvent>, String> {
    if event.id.is_empty() {
        return Err("its id is empty".to_owned());
    }
    let payload = &event.payload;
    let at = event.occurred_at.unwrap_or(callback.at);
    match event.event_type.as_str() {
        "message.received" => Ok(Some(CarrierEvent::Inbound(Inbound {
            event_id: event.id.clone(),
            from: phone("from", payload.from.as_ref())?,
            to: phone("to", payload.to.first())?,
            body: payload.text.clone().unwrap_or_default(),
            media: payload.media.as_ref().map_or(0, |media| u32::try_from(media.len()).unwrap_or(u32::MAX)),
            signal: payload.autoresponse_type.as_deref().and_then(signal),
            at,
        }))),
        "message.sent" | "message.finalized" => {
            let status = payload.to.first().and_then(|party| party.status.as_deref()).unwrap_or_default();
            let code = payload.errors.iter().flatten().next().map(|failure| match &failure.code {
                Value::String(code) => code.clone(),
                other => other.to_string(),
            });
            Ok(Some(CarrierEvent::Receipt(Receipt {
                event_id: event.id.clone(),
                carrier_id: payload.id.clone(),
                from: phone("from", payload.from.as_ref())?,
                attempt: attempt_of(callback).or_else(|| tagged(payload)),
                state: state(status)?,
                failure: code.as_deref().and_then(|code| codes::failure(CODES, code)),
                code,
                segments: payload.parts.filter(|parts| *parts > 0),
                cost: price(&payload.cost["amount"], &payload.cost["currency"]),
                at,
            })))
        }
        other => Err(format!("no such event_type as {other:?} is known")),
    }
}

fn tagged(payload: &Payload) -> Option<AttemptId> {
    payload.tags.iter().flatten().find_map(|tag| attempt_in(Some(tag.clone())))
}

fn phone(what: &str, party: Option<&Party>) -> Result<String, String> {
    let text = party.map_or("", |party| party.phone_number.as_str());
    e164(text).ok_or_else(|| format!("{what} is {text:?}, not a phone number"))
}

fn signal(word: &str) -> Option<Signal> {
    match word.to_ascii_lowercase().as_str() {
        "stop" | "opt_out" | "optout" => Some(Signal::Stop),
        "start" | "opt_in" | "optin" => Some(Signal::Start),
        "help" | "info" => Some(Signal::Help),
        _ => None,
    }
}

fn state(status: &str) -> Result<ReceiptState, String> {
    Ok(match status {
        "queued" => ReceiptState::Queued,
        "sending" => ReceiptState::Sending,
        // The network took it and will not say more.
        "sent" | "delivery_unconfirmed" => ReceiptState::Sent,
        "delivered" => ReceiptState::Delivered,
        "delivery_failed" | "expired" => ReceiptState::Undelivered,
        "sending_failed" => ReceiptState::Failed,
        other => return Err(format!("no such status as {other:?} is known")),
    })
}
