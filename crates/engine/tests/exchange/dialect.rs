//! What the exchange has to know of a carrier's language; each carrier has a file of its own.
//!
//! Written from the carriers' descriptions and not from our adapters: where the two disagree, the story fails.

use carrier::account::Kind;
use carrier::{FailureClass, ReceiptState};
use domain::ids::AttemptId;
use jiff::Timestamp;
use serde_json::Value;

use super::http::{Asked, Says};
use super::{bandwidth, gateway, plivo, smpp, telnyx, twilio, vonage};

/// A customer's account at the carrier.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) kind: Kind,
    /// All its names and secrets come of this number.
    pub(crate) nth: u8,
    /// Where the carrier listens.
    pub(crate) at: String,
    /// The address that the customer has copied into the carrier's console.
    pub(crate) callbacks: String,
    pub(crate) numbers: Vec<String>,
}

impl Account {
    pub(crate) fn id(&self) -> String {
        format!("AC{:032}", self.nth)
    }

    pub(crate) fn secret(&self, of: &str) -> String {
        format!("{of}-{}-of-{}", "s3cret", self.nth)
    }

    /// The same, but for its secrets: who would like to be the carrier.
    pub(crate) fn stranger(&self) -> Self {
        Self { nth: self.nth + 100, ..self.clone() }
    }
}

/// A text that the customer wants to be sent, as the carrier has read it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) body: String,
    /// What the customer wants to be echoed; it names the attempt.
    pub(crate) echo: String,
    /// Where the customer wants to be told of it.
    pub(crate) news: String,
    /// Until when the carrier may try to deliver it: as the customer says, or as long as this carrier tries by itself.
    pub(crate) deliver_by: Timestamp,
}

/// A text that the carrier has taken, or that a handset has written.
#[derive(Debug, Clone)]
pub(crate) struct Text {
    /// The carrier's identifier.
    pub(crate) id: String,
    /// Nothing for one from a handset.
    pub(crate) attempt: Option<AttemptId>,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) body: String,
    pub(crate) media: u32,
    pub(crate) segments: u32,
    pub(crate) echo: String,
    pub(crate) news: String,
    pub(crate) at: Timestamp,
}

/// What a carrier tells.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tale {
    /// The handset wrote it.
    Inbound,
    /// It has come this far.
    News { state: ReceiptState, failure: Option<FailureClass> },
}

/// A call of the carrier.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: &'static str,
    pub(crate) url: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Call {
    pub(crate) fn new(url: &str, kind: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { method: "POST", url: url.to_owned(), headers, body }
    }

    /// All that it says stands in its address.
    pub(crate) fn get(url: &str) -> Self {
        Self { method: "GET", url: url.to_owned(), headers: Vec::new(), body: String::new() }
    }

    /// The same without what shows who calls.
    pub(crate) fn bare(mut self) -> Self {
        self.headers.truncate(1);
        if let Some((before, after)) = self.url.split_once("secret=") {
            self.url = format!("{before}no={after}");
        }
        self
    }

    pub(crate) fn json(url: &str, body: &Value) -> Self {
        Self::new(url, "application/json", body.to_string())
    }

    pub(crate) fn form(url: &str, pairs: &[(&str, String)]) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs);
        Self::new(url, "application/x-www-form-urlencoded", form.finish())
    }

    pub(crate) fn with(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }
}

/// Why a carrier takes no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// Too much at once.
    Busy,
    BadNumber,
    OptedOut,
    /// The account or its number may not send.
    Sender,
    /// Taken for spam, or of no known reason.
    Filtered,
    /// Name or password are wrong.
    Credentials,
    /// There is no such account.
    NoAccount,
}

/// A carrier's language.
pub(crate) trait Dialect: Send + Sync {
    /// What the customer types into Dripline.
    fn typed(&self, account: &Account) -> Vec<(&'static str, String)>;

    /// Where the account's texts are handed in.
    fn place(&self, account: &Account) -> String;

    /// Whether this account is the one that asks, by its credentials.
    fn is_asked_by(&self, asked: &Asked, account: &Account) -> bool;

    /// Whether a text is handed in; else something is asked.
    fn submits(&self, asked: &Asked) -> bool {
        asked.method == "POST"
    }

    /// Reads a submission that comes at this time; the answer to one that lacks something.
    fn wanted(&self, asked: &Asked, now: Timestamp) -> Result<Wanted, Says>;

    /// The carrier's identifier for what has this hash (64 hexadecimal digits).
    fn id(&self, hash: &str) -> String;

    /// The text was taken.
    fn taken(&self, text: &Text, account: &Account) -> Says;

    /// It was not; `luck` chooses among several codes.
    fn refused(&self, why: Why, luck: usize) -> Option<Says>;

    /// The answer to a search, newest first; nothing where there is no search.
    fn listed(&self, asked: &Asked, texts: &[&Text], account: &Account) -> Option<Says>;

    /// Tells something, signed as by this account's carrier, at this time.
    fn call(&self, account: &Account, text: &Text, tale: Tale, now: Timestamp) -> Call;

    /// Whether the answer to the submission says how many segments the text has.
    fn counts_at_once(&self, account: &Account) -> bool;

    /// Whether the news of a text say so.
    fn counts_later(&self) -> bool;
}

/// The carriers with an API and a client of their own.
pub(crate) const FIRMS: [Kind; 5] = [Kind::Bandwidth, Kind::Plivo, Kind::Telnyx, Kind::Twilio, Kind::Vonage];
/// All that are spoken here over HTTP.
pub(crate) const KINDS: [Kind; 6] =
    [Kind::Bandwidth, Kind::Plivo, Kind::Telnyx, Kind::Twilio, Kind::Vonage, Kind::Gateway];

/// The language of a carrier.
pub(crate) fn of(kind: Kind) -> &'static dyn Dialect {
    match kind {
        Kind::Bandwidth => &bandwidth::Bandwidth,
        Kind::Plivo => &plivo::Plivo,
        Kind::Telnyx => &telnyx::Telnyx,
        Kind::Twilio => &twilio::Twilio,
        Kind::Vonage => &vonage::Vonage,
        Kind::Gateway => &gateway::Gateway,
        other => panic!("{} is not spoken here", other.name()),
    }
}

/// What the customer types into Dripline.
pub(crate) fn typed(account: &Account) -> Vec<(&'static str, String)> {
    if account.kind == Kind::Smpp { smpp::typed(account) } else { of(account.kind).typed(account) }
}

/// The carrier's identifier for what has this hash.
pub(super) fn id(account: &Account, hash: &str) -> String {
    if account.kind == Kind::Smpp { smpp::id(account, hash) } else { of(account.kind).id(hash) }
}

/// The carrier that a path belongs to, and whether it is the one for texts.
pub(crate) fn spoken_at(path: &str) -> Option<Kind> {
    Some(match path.split('/').nth(1)? {
        "2010-04-01" => Kind::Twilio,
        "v2" => Kind::Telnyx,
        "api" => Kind::Bandwidth,
        "cgi-bin" => Kind::Gateway,
        "v1" if path.starts_with("/v1/Account/") => Kind::Plivo,
        "v1" => Kind::Vonage,
        _ => return None,
    })
}

/// Without the plus.
pub(crate) fn bare(phone: &str) -> String {
    phone.trim_start_matches('+').to_owned()
}

/// With it.
pub(crate) fn plus(phone: &str) -> String {
    format!("+{}", bare(phone))
}

/// So many seconds later.
pub(crate) fn after(now: Timestamp, seconds: i64) -> Timestamp {
    now + jiff::SignedDuration::from_secs(seconds)
}

/// A text of a JSON object; empty if there is none.
pub(crate) fn text_of(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}
