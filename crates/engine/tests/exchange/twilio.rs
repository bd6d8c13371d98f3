//! Twilio, API version 2010-04-01: forms in, JSON out; every call signed with HMAC-SHA1 over address and parameters.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, after};
use super::http::{Asked, Says, find};
use super::seal;

pub(crate) struct Twilio;

/// Most texts on a page of the list, so that a search has to turn pages.
const PAGE: usize = 7;

/// Accounts of an odd number send by a messaging service.
fn service(account: &Account) -> String {
    if account.nth % 2 == 1 { format!("MG{:032}", account.nth) } else { String::new() }
}

fn refusal(status: u16, code: u32, message: &str) -> Says {
    let info = format!("https://www.twilio.com/docs/errors/{code}");
    Says::json(status, &json!({ "code": code, "message": message, "more_info": info, "status": status }))
}

fn message(text: &Text, account: &Account, counted: bool) -> Value {
    let inbound = text.attempt.is_none();
    json!({
        "sid": text.id, "account_sid": account.id(), "from": text.from, "to": text.to, "body": text.body,
        "status": if inbound { "received" } else { "queued" },
        "direction": if inbound { "inbound" } else { "outbound-api" },
        "num_segments": if counted { text.segments.to_string() } else { "0".to_owned() },
        "num_media": "0", "api_version": "2010-04-01", "error_code": null, "error_message": null, "price": null,
        "date_created": text.at.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string(), "date_sent": null,
        "messaging_service_sid": Some(service(account)).filter(|service| !service.is_empty()),
        "uri": format!("/2010-04-01/Accounts/{}/Messages/{}.json", account.id(), text.id),
    })
}

impl Dialect for Twilio {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![("account", account.id()), ("token", account.secret("token")), ("service", service(account))]
    }

    fn place(&self, account: &Account) -> String {
        format!("/2010-04-01/Accounts/{}/Messages.json", account.id())
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.header("authorization") == seal::basic(&account.id(), &account.secret("token"))
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let form = asked.form();
        let get = |name: &str| find(&form, name).to_owned();
        let (to, body) = (get("To"), get("Body"));
        if to.is_empty() {
            return Err(refusal(400, 21604, "A 'To' phone number is required."));
        }
        if body.is_empty() {
            return Err(refusal(400, 21602, "Message body is required."));
        }
        if get("From").is_empty() && get("MessagingServiceSid").is_empty() {
            return Err(refusal(400, 21603, "A 'From' phone number is required."));
        }
        // What says how to call is no part of the address that is called and signed.
        let news = get("StatusCallback").split('#').next().unwrap().to_owned();
        let echo = news.rsplit_once("attempt=").map(|(_, echo)| echo.to_owned()).unwrap_or_default();
        let validity = Some(get("ValidityPeriod")).filter(|seconds| !seconds.is_empty());
        let validity = validity.map_or(Ok(36_000), |seconds| seconds.parse());
        let Some(seconds) = validity.ok().filter(|seconds| (1..=36_000).contains(seconds)) else {
            return Err(refusal(400, 21624, "Invalid validity period value"));
        };
        Ok(Wanted { from: get("From"), to, body, echo, news, deliver_by: after(now, seconds) })
    }

    fn id(&self, hash: &str) -> String {
        format!("SM{}", &hash[..32])
    }

    fn taken(&self, text: &Text, account: &Account) -> Says {
        Says::json(201, &message(text, account, self.counts_at_once(account)))
    }

    fn refused(&self, why: Why, luck: usize) -> Option<Says> {
        let pick = |codes: &[u32]| codes[luck % codes.len()];
        Some(match why {
            Why::Busy => refusal(429, 20429, "Too Many Requests"),
            Why::BadNumber => refusal(400, pick(&[21211, 21614]), "Invalid 'To' Phone Number"),
            Why::OptedOut => refusal(400, 21610, "Attempt to send to unsubscribed recipient"),
            Why::Sender => refusal(400, pick(&[21606, 21608]), "The 'From' number is not a valid one"),
            Why::Filtered => refusal(400, pick(&[21617, 30007]), "The message was not taken"),
            Why::Credentials => refusal(401, 20003, "Authenticate"),
            Why::NoAccount => refusal(404, 20404, "The requested resource was not found"),
        })
    }

    fn listed(&self, asked: &Asked, texts: &[&Text], account: &Account) -> Option<Says> {
        let (to, from) = (asked.query("To"), asked.query("From"));
        let fitting: Vec<_> = texts.iter().filter(|text| text.to == to && text.from == from).collect();
        let size = asked.query("PageSize").parse().unwrap_or(50).min(PAGE);
        let page: usize = asked.query("Page").parse().unwrap_or(0);
        let on_it = fitting.iter().skip(page * size).take(size);
        let messages: Vec<Value> = on_it.map(|text| message(text, account, true)).collect();
        let more = fitting.len() > (page + 1) * size;
        let mut next = form_urlencoded::Serializer::new(String::new());
        next.extend_pairs([("To", to), ("From", from), ("PageSize", &size.to_string())]);
        next.extend_pairs([("Page", &(page + 1).to_string()), ("PageToken", &"PA1".to_owned())]);
        let next = more.then(|| format!("{}?{}", asked.path, next.finish()));
        Some(Says::json(200, &json!({ "messages": messages, "page": page, "page_size": size, "next_page_uri": next })))
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, _now: Timestamp) -> Call {
        let mut pairs =
            vec![("MessageSid", text.id.clone()), ("SmsSid", text.id.clone()), ("AccountSid", account.id())];
        pairs.extend([("From", text.from.clone()), ("To", text.to.clone()), ("ApiVersion", "2010-04-01".to_owned())]);
        let url = match tale {
            Tale::Inbound => {
                pairs.extend([("Body", text.body.clone()), ("NumMedia", text.media.to_string())]);
                pairs.extend([("SmsStatus", "received".to_owned()), ("NumSegments", text.segments.to_string())]);
                pairs.extend([("FromCity", "NEW YORK".to_owned()), ("FromZip", String::new())]);
                &account.callbacks
            }
            Tale::News { state, failure } => {
                pairs.push(("MessageStatus", word(state).to_owned()));
                pairs.push(("SmsStatus", word(state).to_owned()));
                if matches!(state, ReceiptState::Undelivered | ReceiptState::Failed) {
                    pairs.push(("ErrorCode", code(failure).to_owned()));
                }
                &text.news
            }
        };
        let mut sorted = pairs.clone();
        sorted.sort();
        let signed: String = sorted.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
        let signature = seal::sha1(&account.secret("token"), &format!("{url}{signed}"));
        Call::form(url, &pairs).with("x-twilio-signature", signature)
    }

    fn counts_at_once(&self, account: &Account) -> bool {
        service(account).is_empty()
    }

    fn counts_later(&self) -> bool {
        false
    }
}

fn word(state: ReceiptState) -> &'static str {
    match state {
        ReceiptState::Accepted => "accepted",
        ReceiptState::Queued => "queued",
        ReceiptState::Sending => "sending",
        ReceiptState::Sent => "sent",
        ReceiptState::Delivered => "delivered",
        ReceiptState::Undelivered => "undelivered",
        ReceiptState::Failed => "failed",
    }
}

fn code(failure: Option<FailureClass>) -> &'static str {
    match failure {
        None => "30008",
        Some(FailureClass::Temporary) => "30003",
        Some(FailureClass::Expired) => "30036",
        Some(FailureClass::BadNumber) => "30005",
        Some(FailureClass::OptedOut) => "21610",
        Some(FailureClass::Blocked) => "30004",
        Some(FailureClass::Filtered) => "30007",
        Some(FailureClass::SenderProblem) => "30034",
    }
}
