//! What Vonage tells: one JSON object for each call. One with `status` is news of a text of ours, any other is inbound.

use serde::Deserialize;

use super::Problem;
use super::codes::CODES;
use crate::adapter::{attempt_in, e164, if_sound, price, strange_bytes};
use crate::callback::{Callback, Heard};
use crate::codes;
use crate::wire::{CarrierEvent, FailureClass, Inbound, Receipt, ReceiptState};

#[derive(Deserialize)]
struct Call {
    message_uuid: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default, deserialize_with = "if_sound")]
    timestamp: Option<jiff::Timestamp>,
    status: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    error: Option<Problem>,
    #[serde(default, deserialize_with = "if_sound")]
    client_ref: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    text: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    message_type: Option<String>,
    #[serde(default, deserialize_with = "if_sound")]
    sms: Option<Sms>,
    #[serde(default)]
    usage: serde_json::Value,
}

#[derive(Deserialize)]
struct Sms {
    count_total: Option<serde_json::Value>,
}

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let mut heard = Heard::nothing();
    let call = serde_json::from_slice::<Call>(callback.body).map_err(|error| error.to_string());
    heard.push(call.and_then(|call| event(&call, callback)).map(Some).map_err(|why| strange_bytes(callback, why)));
    heard
}

fn event(call: &Call, callback: &Callback<'_>) -> Result<CarrierEvent, String> {
    if call.message_uuid.is_empty() {
        return Err("message_uuid is empty".to_owned());
    }
    let at = call.timestamp.unwrap_or(callback.at);
    let phone = |what: &str, text: &str| e164(text).ok_or_else(|| format!("{what} is {text:?}, not a phone number"));
    let Some(status) = &call.status else {
        let kind = call.message_type.as_deref().unwrap_or("text");
        return Ok(CarrierEvent::Inbound(Inbound {
            event_id: format!("{}:received", call.message_uuid),
            from: phone("from", &call.from)?,
            to: phone("to", &call.to)?,
            body: call.text.clone().unwrap_or_default(),
            media: u32::from(kind != "text"),
            signal: None,
            at,
        }));
    };
    let state = match status.as_str() {
        "submitted" => ReceiptState::Sent,
        "delivered" | "read" => ReceiptState::Delivered,
        // `expired` is a word of the older API.
        "undeliverable" | "expired" => ReceiptState::Undelivered,
        "rejected" => ReceiptState::Failed,
        other => return Err(format!("no such status as {other:?} is known")),
    };
    let code = call.error.as_ref().map(Problem::code).filter(|code| !code.is_empty());
    let count = call.sms.as_ref().and_then(|sms| sms.count_total.as_ref());
    Ok(CarrierEvent::Receipt(Receipt {
        event_id: format!("{}:{status}", call.message_uuid),
        carrier_id: call.message_uuid.clone(),
        from: phone("from", &call.from)?,
        attempt: attempt_in(call.client_ref.clone()),
        state,
        failure: if status == "expired" {
            Some(FailureClass::Expired)
        } else {
            code.as_deref().and_then(|code| codes::failure(CODES, code))
        },
        code,
        segments: count.and_then(|count| match count {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|count| u32::try_from(count).ok()),
        }),
        cost: price(&call.usage["price"], &call.usage["currency"]),
        at,
    }))
}
