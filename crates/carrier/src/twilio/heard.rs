//! What Twilio tells: forms, one event each. A form with `MessageStatus` is news of a text of ours, any other with a text is inbound.
//!
//! Neither kind has a time that can be relied on, so the time of the call is taken. The identifier of an event is the text's with its
//! status: Twilio repeats a call with the same pair.

use crate::adapter::{attempt_of, e164, strange_bytes};
use crate::callback::{Callback, Heard, pairs};
use crate::codes;
use crate::wire::{CarrierEvent, Inbound, Receipt, ReceiptState, Signal};

use super::codes::CODES;

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let form = Form(if callback.method == "POST" { pairs(callback.body) } else { callback.query() });
    let mut heard = Heard::nothing();
    heard.push(event(&form, callback).map_err(|why| strange_bytes(callback, why)));
    heard
}

struct Form(Vec<(String, String)>);

impl Form {
    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    fn phone(&self, name: &str) -> Result<String, String> {
        e164(self.text(name)).ok_or_else(|| format!("{name} is {:?}, not a phone number", self.text(name)))
    }
}

fn event(form: &Form, callback: &Callback<'_>) -> Result<Option<CarrierEvent>, String> {
    let sid = form.get("MessageSid").or_else(|| form.get("SmsSid")).ok_or("it names no MessageSid")?;
    let Some(status) = form.get("MessageStatus") else {
        return inbound(form, sid, callback).map(|inbound| Some(CarrierEvent::Inbound(inbound)));
    };
    let Some(state) = state(status)? else { return Ok(None) };
    let code = form.get("ErrorCode").filter(|code| *code != "0");
    Ok(Some(CarrierEvent::Receipt(Receipt {
        event_id: format!("{sid}:{status}"),
        carrier_id: sid.to_owned(),
        from: form.phone("From")?,
        attempt: attempt_of(callback),
        state,
        code: code.map(str::to_owned),
        failure: code.and_then(|code| codes::failure(CODES, code)),
        segments: form.get("NumSegments").and_then(|count| count.parse().ok()).filter(|count| *count > 0),
        // Twilio's calls tell none.
        cost: None,
        at: callback.at,
    })))
}

fn inbound(form: &Form, sid: &str, callback: &Callback<'_>) -> Result<Inbound, String> {
    if !form.0.iter().any(|(name, _)| name == "Body") {
        return Err("it has neither a MessageStatus nor a Body".to_owned());
    }
    Ok(Inbound {
        event_id: format!("{sid}:received"),
        from: form.phone("From")?,
        to: form.phone("To")?,
        body: form.text("Body").to_owned(),
        media: form.get("NumMedia").and_then(|count| count.parse().ok()).unwrap_or(0),
        signal: match form.get("OptOutType") {
            Some("STOP") => Some(Signal::Stop),
            Some("START") => Some(Signal::Start),
            Some("HELP") => Some(Signal::Help),
            _ => None,
        },
        at: callback.at,
    })
}

/// The common word for a status; nothing for those that concern inbound texts.
fn state(status: &str) -> Result<Option<ReceiptState>, String> {
    Ok(Some(match status {
        "accepted" | "scheduled" => ReceiptState::Accepted,
        "queued" => ReceiptState::Queued,
        "sending" => ReceiptState::Sending,
        "sent" => ReceiptState::Sent,
        // Some of its segments have arrived: it was sent, and will not be sent again.
        "partially_delivered" | "delivered" | "read" => ReceiptState::Delivered,
        "undelivered" => ReceiptState::Undelivered,
        "failed" | "canceled" => ReceiptState::Failed,
        "receiving" | "received" => return Ok(None),
        other => return Err(format!("no such MessageStatus as {other:?} is known")),
    }))
}
