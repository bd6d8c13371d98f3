//! Plivo, Message v1: JSON in, JSON out, forms as calls, each signed by V2 over address and nonce.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, after, bare, plus, text_of};
use super::http::{Asked, Says};
use super::seal;

pub(crate) struct Plivo;

fn refusal(status: u16, error: &str) -> Says {
    Says::json(status, &json!({ "api_id": "dac1dcda-8c19-11f0-8a3d-0242ac110004", "error": error }))
}

impl Dialect for Plivo {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![("id", account.id()), ("token", account.secret("token"))]
    }

    fn place(&self, account: &Account) -> String {
        format!("/v1/Account/{}/Message/", account.id())
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.header("authorization") == seal::basic(&account.id(), &account.secret("token"))
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let body = asked.json();
        let (from, to, text) = (text_of(&body, "src"), text_of(&body, "dst"), text_of(&body, "text"));
        if from.is_empty() || to.is_empty() || text.is_empty() {
            return Err(refusal(400, "src, dst and text are mandatory parameters"));
        }
        let news = text_of(&body, "url");
        let echo = news.rsplit_once("attempt=").map(|(_, echo)| echo.to_owned()).unwrap_or_default();
        let seconds = body["message_expiry"].as_i64().unwrap_or(10_800);
        if body.get("message_expiry").is_some() && !(5..=10_799).contains(&seconds) {
            return Err(refusal(400, "message_expiry should be between 5 and 10799"));
        }
        let deliver_by = after(now, seconds);
        Ok(Wanted { from: plus(&from), to: plus(&to), body: text, echo, news, deliver_by })
    }

    fn id(&self, hash: &str) -> String {
        seal::uuid(hash)
    }

    fn taken(&self, text: &Text, _account: &Account) -> Says {
        let body = json!({ "message": "message(s) queued", "message_uuid": [text.id], "api_id": "dac1dcda" });
        Says::json(202, &body)
    }

    fn refused(&self, why: Why, _luck: usize) -> Option<Says> {
        Some(match why {
            Why::Busy => refusal(429, "Rate limit exceeded"),
            // These come by a receipt.
            Why::BadNumber | Why::OptedOut => return None,
            Why::Sender => refusal(402, "insufficient credits"),
            Why::Filtered => refusal(400, "text was not taken"),
            Why::Credentials => {
                Says { status: 401, headers: Vec::new(), body: "Could not verify your access".to_owned() }
            }
            Why::NoAccount => refusal(404, "not found"),
        })
    }

    fn listed(&self, asked: &Asked, texts: &[&Text], account: &Account) -> Option<Says> {
        let since = asked.query("message_time__gte").replacen(' ', "T", 1);
        let since: Timestamp = format!("{since}Z").parse().unwrap_or(Timestamp::MIN);
        let (to, from) = (plus(asked.query("to_number")), plus(asked.query("from_number")));
        let fits = |text: &&&Text| text.to == to && text.from == from && text.at >= since;
        let objects: Vec<Value> = texts
            .iter()
            .filter(fits)
            .take(20)
            .map(|text| {
                json!({
                    "message_uuid": text.id, "from_number": bare(&text.from), "to_number": bare(&text.to),
                    "message_direction": if text.attempt.is_some() { "outbound" } else { "inbound" },
                    "message_time": text.at.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string(), "message_type": "sms",
                    "message_state": "delivered", "units": text.segments, "error_code": "000",
                    "resource_uri": format!("/v1/Account/{}/Message/{}/", account.id(), text.id),
                })
            })
            .collect();
        let meta = json!({ "limit": 20, "offset": 0, "next": null, "previous": null });
        Some(Says::json(200, &json!({ "api_id": "dac1dcda", "meta": meta, "objects": objects })))
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, now: Timestamp) -> Call {
        let mut pairs = vec![("MessageUUID", text.id.clone()), ("From", bare(&text.from)), ("To", bare(&text.to))];
        let url = match tale {
            Tale::Inbound => {
                pairs.extend([("Text", text.body.clone()), ("Type", "sms".to_owned())]);
                pairs.extend([("MediaCount", text.media.to_string()), ("Units", text.segments.to_string())]);
                &account.callbacks
            }
            Tale::News { state, failure } => {
                pairs.extend([("Status", word(state).to_owned()), ("Units", text.segments.to_string())]);
                pairs.extend([("TotalRate", "0.0055".to_owned()), ("TotalAmount", "0.0055".to_owned())]);
                let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
                pairs.push(("ErrorCode", if failed { code(failure) } else { "000" }.to_owned()));
                &text.news
            }
        };
        let call = Call::form(url, &pairs);
        let nonce = seal::hash(format!("{now}{}", call.body).as_bytes())[..20].to_owned();
        let address = url.split('?').next().unwrap();
        let signature = seal::sha256(&account.secret("token"), &format!("{address}{nonce}"));
        call.with("x-plivo-signature-v2", signature).with("x-plivo-signature-v2-nonce", nonce)
    }

    fn counts_at_once(&self, _account: &Account) -> bool {
        false
    }

    fn counts_later(&self) -> bool {
        true
    }
}

fn word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Accepted | ReceiptState::Queued | ReceiptState::Sending => "queued",
        ReceiptState::Sent => "sent",
        ReceiptState::Delivered => "delivered",
        ReceiptState::Undelivered => "undelivered",
        ReceiptState::Failed => "failed",
    }
}

fn code(failure: Option<FailureClass>) -> &'static str {
    match failure {
        None => "300",
        Some(FailureClass::Temporary) => "80",
        Some(FailureClass::Expired) => "420",
        Some(FailureClass::BadNumber) => "90",
        Some(FailureClass::OptedOut) => "200",
        Some(FailureClass::Blocked) => "100",
        Some(FailureClass::Filtered) => "30",
        Some(FailureClass::SenderProblem) => "950",
    }
}
