//! Kannel 1.4.5: `sendsms` by GET, answers in plain words, and calls of the addresses that it was given, which bear a secret and no signature.
//!
//! Its answer says only that it took the text; what the SMSC behind it refuses comes by a receipt of kind 16.

use carrier::{FailureClass, ReceiptState};
use jiff::Timestamp;

use super::dialect::{Account, Call, Dialect, Tale, Text, Wanted, Why, after};
use super::http::{Asked, Says};
use super::seal;

pub(crate) struct Gateway;

const PLACE: &str = "/cgi-bin/sendsms";

fn says(status: u16, words: &str) -> Says {
    Says { status, headers: vec![("content-type", "text/html".to_owned())], body: words.to_owned() }
}

/// The value of a pair.
fn written(bytes: &[u8]) -> String {
    form_urlencoded::byte_serialize(bytes).collect()
}

impl Dialect for Gateway {
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)> {
        vec![
            ("url", format!("{}{PLACE}", account.at)),
            ("user", account.id()),
            ("password", account.secret("password")),
            ("callback_secret", account.secret("hooks")),
        ]
    }

    fn place(&self, _account: &Account) -> String {
        PLACE.to_owned()
    }

    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool {
        asked.query("username") == account.id() && asked.query("password") == account.secret("password")
    }

    fn submits(&self, asked: &Asked) -> bool {
        asked.method == "GET"
    }

    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says> {
        let (from, to, news) = (asked.query("from"), asked.query("to"), asked.query("dlr-url"));
        if to.is_empty() {
            return Err(says(400, "Empty receiver number not allowed, rejected"));
        }
        if from.is_empty() {
            return Err(says(400, "Sender missing and no global set, rejected"));
        }
        // What is outside of GSM 03.38 would be lost without coding 2.
        let is_wide = seal::is_wide(asked.query("text"));
        if asked.query("charset") != "UTF-8" || is_wide != (asked.query("coding") == "2") {
            return Err(says(400, "Charset or body misformed, rejected"));
        }
        let echo = news.split(['?', '&']).find_map(|pair| pair.strip_prefix("attempt=")).unwrap_or_default();
        let news = if asked.query("dlr-mask") == "31" { news } else { "" };
        let (from, to, body) = (from.to_owned(), to.to_owned(), asked.query("text").to_owned());
        // Without a word it is the SMSC's matter.
        let deliver_by = match asked.query("validity").parse::<i64>() {
            Ok(minutes) if minutes >= 0 => after(now, minutes * 60),
            Ok(_) => return Err(says(400, "Validity field misformed, rejected")),
            Err(_) => Timestamp::MAX,
        };
        Ok(Wanted { from, to, body, echo: echo.to_owned(), news: news.to_owned(), deliver_by })
    }

    fn id(&self, hash: &str) -> String {
        seal::uuid(hash)
    }

    fn taken(&self, text: &Text, _account: &Account) -> Says {
        // The other where it has no room in its queue.
        let is_waiting = text.id.ends_with(['0', '1']);
        says(202, if is_waiting { "3: Queued for later delivery" } else { "0: Accepted for delivery" })
    }

    fn refused(&self, why: Why, luck: usize) -> Option<Says> {
        Some(match why {
            Why::Busy => says(503, "Temporal failure, try again later."),
            // These come by a receipt, as far as anybody knows them.
            Why::BadNumber | Why::OptedOut => return None,
            Why::Sender if luck.is_multiple_of(2) => says(400, "Sender missing and no global set, rejected"),
            Why::Sender | Why::Credentials | Why::NoAccount => says(403, "Authorization failed for sendsms"),
            Why::Filtered if luck.is_multiple_of(2) => says(403, "Not routable. Do not try again."),
            Why::Filtered => says(400, "Number(s) has/have been denied by white- and/or black-lists."),
        })
    }

    fn listed(&self, _asked: &Asked, _texts: &[&Text], _account: &Account) -> Option<Says> {
        None
    }

    fn call(&self, account: &Account, text: &Text, tale: Tale, _now: Timestamp) -> Call {
        match tale {
            Tale::Inbound => Call::get(&received(account, text)),
            Tale::News { state, failure } => {
                let (kind, said) = told(state, failure, text);
                Call::get(&borne(&text.news, account).replace("%d", kind).replace("%A", &written(said.as_bytes())))
            }
        }
    }

    fn counts_at_once(&self, _account: &Account) -> bool {
        false
    }

    fn counts_later(&self) -> bool {
        false
    }
}

/// The address of a text's news with the secret of whoever calls; the customer's own stands in it anyway.
fn borne(news: &str, account: &Account) -> String {
    let (before, after) = news.split_once("secret=").unwrap_or((news, ""));
    let rest = after.split_once('&').map_or("", |(_, rest)| rest);
    format!("{before}secret={}&{rest}", account.secret("hooks"))
}

/// The customer has copied the lines that the page shows into `kannel.conf`; the gateway fills in what they ask for.
fn received(account: &Account, text: &Text) -> String {
    let lines = carrier::gateway::lines(&account.callbacks).replace("CALLBACK-SECRET", &account.secret("hooks"));
    let get_url = lines.lines().find_map(|line| line.strip_prefix("get-url = ")).unwrap().trim_matches('"').to_owned();
    let is_wide = seal::is_wide(&text.body);
    let wide: Vec<u8> = text.body.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let (coding, charset) = match (text.media > 0, is_wide) {
        (true, _) => ("1", ""),
        (false, true) => ("2", "UTF-16BE"),
        (false, false) => ("0", "UTF-8"),
    };
    let filled = [
        ("%I", text.id.clone()),
        ("%p", written(text.from.as_bytes())),
        ("%P", written(text.to.as_bytes())),
        ("%c", coding.to_owned()),
        ("%C", charset.to_owned()),
        ("%T", text.at.as_second().to_string()),
        // The last: what a contact writes may look like one of these.
        ("%b", written(if is_wide { &wide } else { text.body.as_bytes() })),
    ];
    // `%p` of a pair, not of what is written in it.
    filled.iter().fold(get_url, |url, (sign, value)| url.replace(&format!("={sign}"), &format!("={value}")))
}

/// The kind of a receipt and its words. The SMSC's own refusals come as such; the rest is the text of its receipt.
fn told(state: ReceiptState, failure: Option<FailureClass>, text: &Text) -> (&'static str, String) {
    let receipt = |stat: &str, err: &str| {
        let id = &text.id[..8];
        let dates = "submit date:2611241500 done date:2611241501";
        format!("id:{id} sub:001 dlvrd:001 {dates} stat:{stat} err:{err} text:{}", text.body)
    };
    let refused = |status: u32, words: &str| ("16", format!("NACK/0x{status:08x}/{words}"));
    let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
    match (state, failure.filter(|_| failed)) {
        (_, Some(FailureClass::BadNumber)) => refused(0x0B, "Invalid Destination Address"),
        (_, Some(FailureClass::Filtered | FailureClass::Blocked)) => refused(0x66, "ESME Receiver Reject Message"),
        (_, Some(FailureClass::SenderProblem)) => refused(0x0A, "Invalid Source Address"),
        // It waited here, or at the SMSC.
        (_, Some(FailureClass::Expired)) if text.id.ends_with(['0', '1', '2', '3']) => {
            ("16", "NACK/validity expired".to_owned())
        }
        (_, Some(FailureClass::Expired)) => ("2", receipt("EXPIRED", "011")),
        (ReceiptState::Delivered, _) => ("1", receipt("DELIVRD", "000")),
        (ReceiptState::Undelivered | ReceiptState::Failed, _) => ("2", receipt("UNDELIV", "001")),
        (ReceiptState::Accepted | ReceiptState::Queued, _) => ("4", String::new()),
        (ReceiptState::Sending | ReceiptState::Sent, _) => ("8", "ACK/".to_owned()),
    }
}
