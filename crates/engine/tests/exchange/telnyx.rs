//! Telnyx, Messaging v2: JSON both ways; every call signed with Ed25519 over a timestamp and the body.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, after, text_of};
use super::http::{Asked, Says};
use super::seal;

pub(crate) struct Telnyx;

fn refusal(status: u16, code: &str, title: &str) -> Says {
    let meta = json!({ "url": format!("https://developers.telnyx.com/docs/overview/errors/{code}") });
    Says::json(status, &json!({ "errors": [{ "code": code, "title": title, "detail": title, "meta": meta }] }))
}

fn party(phone: &str, status: &str) -> Value {
    json!({ "phone_number": phone, "status": status, "carrier": "T-MOBILE USA, INC.", "line_type": "Wireless" })
}

fn payload(text: &Text, status: &str) -> Value {
    json!({
        "record_type": "message", "direction": if text.attempt.is_some() { "outbound" } else { "inbound" },
        "id": text.id, "type": "SMS", "from": party(&text.from, ""), "to": [party(&text.to, status)],
        "text": text.body, "parts": text.segments, "media": [], "errors": [], "encoding": "GSM-7",
        "tags": Some(&text.echo).filter(|echo| !echo.is_empty()).into_iter().collect::<Vec<_>>(),
        "webhook_url": text.news, "received_at": text.at, "cost": null, "valid_until": null,
    })
}

impl Dialect for Telnyx {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![("key", account.secret("KEY")), ("public_key", seal::public_key(account.nth)), ("profile", account.id())]
    }

    fn place(&self, _account: &Account) -> String {
        "/v2/messages".to_owned()
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.header("authorization") == format!("Bearer {}", account.secret("KEY"))
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let body = asked.json();
        let (from, to, text) = (text_of(&body, "from"), text_of(&body, "to"), text_of(&body, "text"));
        if from.is_empty() || to.is_empty() || text.is_empty() {
            return Err(refusal(422, "10004", "Missing required parameter"));
        }
        let echo = body["tags"][0].as_str().unwrap_or_default().to_owned();
        // Nobody can tell Telnyx how long it may try.
        let deliver_by = after(now, 4 * 3_600);
        Ok(Wanted { from, to, body: text, echo, news: text_of(&body, "webhook_url"), deliver_by })
    }

    fn id(&self, hash: &str) -> String {
        seal::uuid(hash)
    }

    fn taken(&self, text: &Text, _account: &Account) -> Says {
        Says::json(200, &json!({ "data": payload(text, "queued") }))
    }

    fn refused(&self, why: Why, luck: usize) -> Option<Says> {
        let pick = |codes: &[&'static str]| codes[luck % codes.len()];
        Some(match why {
            Why::Busy => refusal(429, "10011", "Too many requests"),
            Why::BadNumber => refusal(400, pick(&["40001", "10002"]), "Not routable"),
            Why::OptedOut => refusal(400, "40300", "Blocked due to STOP message"),
            Why::Sender => refusal(403, pick(&["10010", "40010"]), "Authorization failed"),
            Why::Filtered => refusal(400, pick(&["40003", "40099"]), "Message not sent"),
            Why::Credentials => refusal(401, "10009", "Authentication failed"),
            Why::NoAccount => refusal(404, "10005", "Resource not found"),
        })
    }

    fn listed(&self, asked: &Asked, texts: &[&Text], _account: &Account) -> Option<Says> {
        if asked.path != "/v2/detail_records" {
            return None;
        }
        let since: Timestamp = asked.query("filter[created_at][gte]").parse().unwrap_or(Timestamp::MIN);
        let (to, from) = (asked.query("filter[cld]"), asked.query("filter[cli]"));
        let fits = |text: &&&Text| text.to == to && text.from == from && text.at >= since;
        let records: Vec<Value> = texts
            .iter()
            .filter(fits)
            .map(|text| {
                json!({
                    "record_type": "message_detail_record", "uuid": text.id, "created_at": text.at, "cld": text.to,
                    "cli": text.from, "direction": if text.attempt.is_some() { "outbound" } else { "inbound" },
                    "parts": text.segments, "tags": text.echo, "status": "delivered",
                })
            })
            .collect();
        Some(Says::json(200, &json!({ "data": records, "meta": { "total_pages": 1, "page_number": 1 } })))
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, now: Timestamp) -> Call {
        let (kind, status, url) = match tale {
            Tale::Inbound => ("message.received", "webhook_delivered", &account.callbacks),
            Tale::News { state: ReceiptState::Sent, .. } => ("message.sent", "sent", &text.news),
            Tale::News { state, .. } => ("message.finalized", word(state), &text.news),
        };
        let mut payload = payload(text, status);
        if let Tale::News { state: ReceiptState::Undelivered | ReceiptState::Failed, failure } = tale {
            payload["errors"] = json!([{ "code": code(failure), "title": "Not delivered" }]);
        }
        payload["media"] = (0..text.media).map(|nth| json!({ "url": format!("https://x/{nth}") })).collect();
        let event = seal::uuid(&seal::hash(format!("{}{kind}{status}", text.id).as_bytes()));
        let data =
            json!({ "record_type": "event", "id": event, "event_type": kind, "occurred_at": now, "payload": payload });
        let call = Call::json(url, &json!({ "data": data, "meta": { "attempt": 1, "delivered_to": url } }));
        let stamp = now.as_second().to_string();
        let signature = seal::ed25519(account.nth, &format!("{stamp}|{}", call.body));
        call.with("telnyx-timestamp", stamp).with("telnyx-signature-ed25519", signature)
    }

    fn counts_at_once(&self, _account: &Account) -> bool {
        true
    }

    fn counts_later(&self) -> bool {
        true
    }
}

fn word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Delivered => "delivered",
        ReceiptState::Undelivered => "delivery_failed",
        ReceiptState::Failed => "sending_failed",
        _ => "sent",
    }
}

fn code(failure: Option<FailureClass>) -> &'static str {
    match failure {
        None => "40008",
        Some(FailureClass::Temporary) => "40006",
        Some(FailureClass::Expired) => "40014",
        Some(FailureClass::BadNumber) => "40001",
        Some(FailureClass::OptedOut) => "40300",
        Some(FailureClass::Blocked | FailureClass::Filtered) => "40003",
        Some(FailureClass::SenderProblem) => "40010",
    }
}
