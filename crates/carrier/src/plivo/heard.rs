//! What Plivo tells: forms, one event each. One with `Status` is news of a text of ours, any other with a text is inbound.

use crate::adapter::{attempt_of, e164, strange_bytes};
use crate::callback::{Callback, Heard, pairs};
use crate::codes;
use crate::wire::{CarrierEvent, Cost, Inbound, Receipt, ReceiptState};

use super::codes::CODES;
use super::time;

/// Plivo's word for "no failure".
const DELIVERED: &str = "000";

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let form = if callback.method == "POST" { pairs(callback.body) } else { callback.query() };
    let mut heard = Heard::nothing();
    heard.push(event(&form, callback).map(Some).map_err(|why| strange_bytes(callback, why)));
    heard
}

fn event(form: &[(String, String)], callback: &Callback<'_>) -> Result<CarrierEvent, String> {
    let get = |name: &str| {
        let found = form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    };
    let phone = |name: &str| {
        let text = get(name).unwrap_or_default();
        e164(text).ok_or_else(|| format!("{name} is {text:?}, not a phone number"))
    };
    let uuid = get("MessageUUID").ok_or("it names no MessageUUID")?;
    let at = get("MessageTime").and_then(time).unwrap_or(callback.at);
    let Some(status) = get("Status") else {
        if !form.iter().any(|(name, _)| name == "Text" || name == "Type") {
            return Err("it has neither a Status nor a Text".to_owned());
        }
        return Ok(CarrierEvent::Inbound(Inbound {
            event_id: format!("{uuid}:received"),
            from: phone("From")?,
            to: phone("To")?,
            body: get("Text").unwrap_or_default().to_owned(),
            media: get("MediaCount").and_then(|count| count.parse().ok()).unwrap_or(0),
            signal: None,
            at,
        }));
    };
    let state = match status {
        "queued" => ReceiptState::Queued,
        "sent" => ReceiptState::Sent,
        "delivered" | "read" => ReceiptState::Delivered,
        "undelivered" => ReceiptState::Undelivered,
        "failed" | "rejected" => ReceiptState::Failed,
        other => return Err(format!("no such Status as {other:?} is known")),
    };
    let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
    let code = get("ErrorCode").filter(|code| failed && *code != DELIVERED);
    Ok(CarrierEvent::Receipt(Receipt {
        event_id: format!("{uuid}:{status}"),
        carrier_id: uuid.to_owned(),
        from: phone("From")?,
        attempt: attempt_of(callback),
        state,
        code: code.map(str::to_owned),
        failure: code.and_then(|code| codes::failure(CODES, code)),
        segments: get("Units").and_then(|count| count.parse().ok()).filter(|count| *count > 0),
        // Plivo's prices are in dollars.
        cost: get("TotalAmount").and_then(|amount| Cost::read(amount, "USD")),
        // The time of the text, not of its news.
        at: callback.at,
    }))
}
