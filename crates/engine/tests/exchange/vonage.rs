//! Vonage, Messages v1: JSON both ways; every call bears a JWT with the hash of its body.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, after, bare, plus, text_of};
use super::http::{Asked, Says};
use super::seal;

pub(crate) struct Vonage;

fn refusal(status: u16, code: u32, title: &str) -> Says {
    let kind = format!("https://developer.vonage.com/api-errors/messages#{code}");
    Says::json(status, &json!({ "type": kind, "title": title, "detail": title, "instance": "bf0ca0bf927b3b52" }))
}

/// A failure of all of Vonage's APIs.
fn problem(kind: &str, detail: &str) -> Says {
    let status = if kind == "#unauthorized" { 401 } else { 404 };
    let kind = format!("https://developer.vonage.com/api-errors{kind}");
    Says::json(status, &json!({ "type": kind, "title": detail, "detail": detail, "instance": "bf0ca0bf" }))
}

impl Dialect for Vonage {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![
            ("key", account.id()),
            ("secret", account.secret("secret")),
            ("signature_secret", account.secret("signature")),
        ]
    }

    fn place(&self, _account: &Account) -> String {
        "/v1/messages".to_owned()
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.header("authorization") == seal::basic(&account.id(), &account.secret("secret"))
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let body = asked.json();
        let (from, to, text) = (text_of(&body, "from"), text_of(&body, "to"), text_of(&body, "text"));
        let is_text = body["message_type"] == "text" && body["channel"] == "sms";
        if from.is_empty() || to.is_empty() || text.is_empty() || !is_text || to.starts_with('+') {
            return Err(refusal(422, 1120, "Invalid params"));
        }
        let news = text_of(&body, "webhook_url");
        let seconds = body["ttl"].as_i64().unwrap_or(72 * 3_600);
        if seconds < 20 {
            return Err(refusal(422, 1130, "Invalid TTL"));
        }
        let deliver_by = after(now, seconds);
        Ok(Wanted {
            from: plus(&from),
            to: plus(&to),
            body: text,
            echo: text_of(&body, "client_ref"),
            news,
            deliver_by,
        })
    }

    fn id(&self, hash: &str) -> String {
        seal::uuid(hash)
    }

    fn taken(&self, text: &Text, _account: &Account) -> Says {
        Says::json(202, &json!({ "message_uuid": text.id }))
    }

    fn refused(&self, why: Why, luck: usize) -> Option<Says> {
        Some(match why {
            Why::Busy => refusal(429, 1000, "Throttled"),
            Why::BadNumber => refusal(422, [1170, 1430][luck % 2], "Invalid recipient"),
            // This comes by a receipt.
            Why::OptedOut => return None,
            Why::Sender if luck.is_multiple_of(2) => refusal(402, 1070, "Partner quota exceeded"),
            Why::Sender => refusal(422, [1060, 1120, 1420][luck % 3], "Partner account barred"),
            Why::Filtered => refusal(422, [1210, 1150][luck % 2], "Not taken"),
            Why::Credentials => problem("#unauthorized", "You did not provide correct credentials."),
            Why::NoAccount => problem("#not-found", "The requested resource does not exist."),
        })
    }

    fn listed(&self, _asked: &Asked, _texts: &[&Text], _account: &Account) -> Option<Says> {
        None
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, now: Timestamp) -> Call {
        let mut body = json!({
            "message_uuid": text.id, "from": bare(&text.from), "to": bare(&text.to), "timestamp": now, "channel": "sms",
        });
        let url = match tale {
            Tale::Inbound => {
                body["message_type"] = if text.media > 0 { "image" } else { "text" }.into();
                body["text"] = text.body.clone().into();
                body["sms"] = json!({ "num_messages": text.segments.to_string() });
                &account.callbacks
            }
            Tale::News { state, failure } => {
                body["status"] = word(state).into();
                body["client_ref"] = text.echo.clone().into();
                body["usage"] = json!({ "currency": "EUR", "price": "0.0333" });
                body["sms"] = json!({ "count_total": text.segments.to_string() });
                if matches!(state, ReceiptState::Undelivered | ReceiptState::Failed) {
                    body["error"] = failed(failure);
                }
                &text.news
            }
        };
        let call = Call::json(url, &body);
        let claims = json!({
            "iat": now.as_second(), "jti": seal::uuid(&seal::hash(format!("{now}{}", text.id).as_bytes())),
            "iss": "Vonage", "payload_hash": seal::hash(call.body.as_bytes()), "api_key": account.id(),
        });
        let token = seal::jwt(&account.secret("signature"), &claims);
        call.with("authorization", format!("Bearer {token}"))
    }

    fn counts_at_once(&self, _account: &Account) -> bool {
        false
    }

    fn counts_later(&self) -> bool {
        true
    }
}

fn failed(failure: Option<FailureClass>) -> Value {
    let code = match failure {
        None => 1330,
        Some(FailureClass::Temporary) => 1180,
        // Which code it has is not documented.
        Some(FailureClass::Expired) => 1330,
        Some(FailureClass::BadNumber) => 1190,
        Some(FailureClass::OptedOut) => 1240,
        Some(FailureClass::Blocked) => 1280,
        Some(FailureClass::Filtered) => 1210,
        Some(FailureClass::SenderProblem) => 1120,
    };
    let kind = format!("https://developer.vonage.com/api-errors/messages#{code}");
    json!({ "type": kind, "title": code, "detail": "Not delivered", "instance": "bf0ca0bf" })
}

fn word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Delivered => "delivered",
        ReceiptState::Undelivered => "undeliverable",
        ReceiptState::Failed => "rejected",
        _ => "submitted",
    }
}
