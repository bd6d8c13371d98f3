//! What Bandwidth tells: a list of events in each call.

use serde::Deserialize;
use serde_json::Value;

use super::codes::{CODES, RECEIPT_TIMED_OUT};
use crate::adapter::{attempt_in, e164, if_sound, strange_bytes};
use crate::callback::{Callback, Heard, Strange};
use crate::codes;
use crate::wire::{CarrierEvent, Inbound, Receipt, ReceiptState};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "if_sound")]
    time: Option<jiff::Timestamp>,
    #[serde(default, deserialize_with = "if_sound")]
    to: Option<String>,
    error_code: Option<Value>,
    message: Message,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    #[serde(default, deserialize_with = "if_sound")]
    owner: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    from: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    text: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    tag: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    segment_count: Option<u32>,
    #[serde(default, deserialize_with = "if_sound")]
    media: Option<Vec<Value>>,
}

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let mut heard = Heard::nothing();
    match serde_json::from_slice::<Vec<Value>>(callback.body) {
        Err(error) => heard.push(Err(strange_bytes(callback, error.to_string()))),
        Ok(list) => {
            for one in list {
                let strange = |why: String| Strange {
                    event_id: crate::signed::sha256_hex(one.to_string().as_bytes()),
                    why,
                    raw: one.to_string(),
                };
                let read = Event::deserialize(&one).map_err(|error| error.to_string());
                heard.push(read.and_then(|read| event(&read, callback)).map(Some).map_err(strange));
            }
        }
    }
    heard
}

fn event(event: &Event, callback: &Callback<'_>) -> Result<CarrierEvent, String> {
    let message = &event.message;
    if message.id.is_empty() {
        return Err("message.id is empty".to_owned());
    }
    let at = event.time.unwrap_or(callback.at);
    let phone = |what: &str, text: Option<&String>| {
        let text = text.map_or("", String::as_str);
        e164(text).ok_or_else(|| format!("{what} is {text:?}, not a phone number"))
    };
    if event.kind == "message-received" {
        return Ok(CarrierEvent::Inbound(Inbound {
            event_id: format!("{}:received", message.id),
            from: phone("message.from", message.from.as_ref())?,
            // One call for each of our numbers in a group; `to` says which.
            to: phone("to", event.to.as_ref().or(message.owner.as_ref()))?,
            body: message.text.clone().unwrap_or_default(),
            media: message.media.as_ref().map_or(0, |media| u32::try_from(media.len()).unwrap_or(u32::MAX)),
            signal: None,
            at,
        }));
    }
    let code = event.error_code.as_ref().map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
    let timed_out = code.as_deref() == Some(RECEIPT_TIMED_OUT);
    let state = match event.kind.as_str() {
        "message-sending" => ReceiptState::Sending,
        "message-delivered" => ReceiptState::Delivered,
        "message-failed" if timed_out => ReceiptState::Sent,
        "message-failed" => ReceiptState::Undelivered,
        other => return Err(format!("no such type as {other:?} is known")),
    };
    Ok(CarrierEvent::Receipt(Receipt {
        event_id: format!("{}:{}", message.id, event.kind),
        carrier_id: message.id.clone(),
        from: phone("message.owner", message.owner.as_ref().or(message.from.as_ref()))?,
        attempt: attempt_in(message.tag.clone()),
        state,
        failure: code.as_deref().and_then(|code| codes::failure(CODES, code)),
        code: code.filter(|_| state == ReceiptState::Undelivered),
        segments: message.segment_count.filter(|count| *count > 0),
        cost: None,
        at,
    }))
}
