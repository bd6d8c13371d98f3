//! Bandwidth, Messaging v2: JSON both ways; calls bear a name and a password, and each is a list of events.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, text_of};
use super::http::{Asked, Says};
use super::seal;

pub(crate) struct Bandwidth;

fn refusal(status: u16, kind: &str, description: &str) -> Says {
    Says::json(status, &json!({ "type": kind, "description": description, "fieldErrors": [] }))
}

fn message(text: &Text, account: &Account) -> Value {
    let inbound = text.attempt.is_none();
    json!({
        "id": text.id, "owner": if inbound { &text.to } else { &text.from }, "applicationId": account.secret("app"),
        "time": text.at, "segmentCount": text.segments, "direction": if inbound { "in" } else { "out" },
        "to": [text.to], "from": text.from, "text": text.body, "tag": text.echo,
        "media": (0..text.media).map(|nth| format!("https://x/{nth}")).collect::<Vec<_>>(),
    })
}

impl Dialect for Bandwidth {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![
            ("account", account.id()),
            ("user", "api".to_owned()),
            ("password", account.secret("password")),
            ("application", account.secret("app")),
            ("callback_user", "hooks".to_owned()),
            ("callback_password", account.secret("hooks")),
        ]
    }

    fn place(&self, account: &Account) -> String {
        format!("/api/v2/users/{}/messages", account.id())
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.header("authorization") == seal::basic("api", &account.secret("password"))
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let body = asked.json();
        let to = body["to"][0].as_str().unwrap_or_default().to_owned();
        let (from, text) = (text_of(&body, "from"), text_of(&body, "text"));
        if to.is_empty() || from.is_empty() || text.is_empty() || text_of(&body, "applicationId").is_empty() {
            return Err(refusal(400, "request-validation", "a field is missing"));
        }
        let expiration = match body["expiration"].as_str().map(str::parse::<Timestamp>) {
            None => Timestamp::MAX,
            Some(Ok(at)) if at > now => at,
            Some(_) => return Err(refusal(400, "request-validation", "'expiration' must be in the future")),
        };
        // Bandwidth tells at the address of the application, whatever a text says.
        Ok(Wanted { from, to, body: text, echo: text_of(&body, "tag"), news: String::new(), deliver_by: expiration })
    }

    fn id(&self, hash: &str) -> String {
        format!("1589228074636{}", &hash[..16])
    }

    fn taken(&self, text: &Text, account: &Account) -> Says {
        Says::json(202, &message(text, account))
    }

    fn refused(&self, why: Why, luck: usize) -> Option<Says> {
        Some(match why {
            Why::Busy if luck.is_multiple_of(2) => refusal(503, "service-unavailable", "Try again later"),
            Why::Busy => refusal(429, "max-message-queue-size-exceeded", "The message queue is full"),
            // These come by a receipt.
            Why::BadNumber | Why::OptedOut => return None,
            Why::Sender if luck.is_multiple_of(2) => refusal(403, "forbidden", "Your account may not use this number"),
            Why::Sender => refusal(403, "from-number-not-associated", "The number is not in your application"),
            Why::Filtered => refusal(400, "request-validation", "'text' was not taken"),
            Why::Credentials => refusal(401, "unauthorized", "Wrong user name or password"),
            Why::NoAccount => refusal(404, "not-found", "No such account"),
        })
    }

    fn listed(&self, asked: &Asked, texts: &[&Text], account: &Account) -> Option<Says> {
        let since: Timestamp = asked.query("fromDateTime").parse().unwrap_or(Timestamp::MIN);
        let (to, from) = (asked.query("destinationTn"), asked.query("sourceTn"));
        let fits = |text: &&&Text| text.to == to && text.from == from && text.at >= since;
        let messages: Vec<Value> = texts
            .iter()
            .filter(fits)
            .map(|text| {
                json!({
                    "messageId": text.id, "accountId": account.id(), "sourceTn": text.from, "destinationTn": text.to,
                    "messageStatus": "DELIVERED", "messageType": "sms", "segmentCount": text.segments, "errorCode": 0,
                    "messageDirection": if text.attempt.is_some() { "OUTBOUND" } else { "INBOUND" },
                    "receiveTime": text.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(), "carrierName": null,
                })
            })
            .collect();
        Some(Says::json(200, &json!({ "totalCount": messages.len(), "messages": messages, "pageInfo": {} })))
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, now: Timestamp) -> Call {
        let (kind, error) = match tale {
            Tale::Inbound => ("message-received", Value::Null),
            Tale::News { state: ReceiptState::Delivered, .. } => ("message-delivered", Value::Null),
            Tale::News { state: ReceiptState::Undelivered | ReceiptState::Failed, failure } => {
                ("message-failed", code(failure).into())
            }
            Tale::News { .. } => ("message-sending", Value::Null),
        };
        let event = json!({
            "type": kind, "time": now, "description": "news", "to": text.to, "errorCode": error,
            "message": message(text, account),
        });
        let bears = seal::basic("hooks", &account.secret("hooks"));
        Call::json(&account.callbacks, &json!([event])).with("authorization", bears)
    }

    fn counts_at_once(&self, _account: &Account) -> bool {
        true
    }

    fn counts_later(&self) -> bool {
        true
    }
}

fn code(failure: Option<FailureClass>) -> u32 {
    match failure {
        None => 9999,
        Some(FailureClass::Temporary) => 4702,
        Some(FailureClass::Expired) => 4360,
        Some(FailureClass::BadNumber) => 4720,
        Some(FailureClass::OptedOut) => 4775,
        Some(FailureClass::Blocked | FailureClass::Filtered) => 4770,
        Some(FailureClass::SenderProblem) => 4773,
    }
}
