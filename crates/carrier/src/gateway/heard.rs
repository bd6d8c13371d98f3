//! What a gateway tells: parameters of an address that we gave. One with `dlr` is news of a text of ours, one with `text` is inbound.
//!
//! | parameter | Kannel fills in | |
//! |---|---|---|
//! | `dlr` | `%d` | 1 delivered, 2 failed, 4 waits, 8 the SMSC took it, 16 the SMSC refused it |
//! | `said` | `%A` | the receipt's own text |
//! | `id` | `%I` | the inbound text's identifier |
//! | `from`, `to` | `%p`, `%P` | the two numbers; `from` of a receipt is our number, written by us |
//! | `text`, `coding`, `charset` | `%b`, `%c`, `%C` | the text's bytes and how they are to be read |
//! | `time` | `%T` | seconds since 1970 |

use jiff::Timestamp;

use super::codes::GIVEN_UP;
use crate::adapter::{attempt_of, e164, strange_bytes};
use crate::callback::{Callback, Heard, Strange, pairs};
use crate::codes;
use crate::smpp::codes::{STATES, STATUSES};
use crate::smpp::receipt::Told;
use crate::wire::{CarrierEvent, FailureClass, Inbound, Receipt, ReceiptState};

/// Reads a verified call.
#[must_use]
pub fn read(callback: &Callback<'_>) -> Heard {
    let mut heard = Heard::nothing();
    let call = Call::of(callback);
    let strange = |why| Strange { raw: call.shown(), ..strange_bytes(callback, why) };
    heard.push(event(&call, callback).map(Some).map_err(strange));
    heard
}

/// The parameters of the address, and of a form in the body.
struct Call {
    values: Vec<(String, String)>,
    /// The bytes of `text`, which need not be UTF-8.
    text: Option<Vec<u8>>,
}

impl Call {
    fn of(callback: &Callback<'_>) -> Self {
        let query = callback.url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |(_, query)| query);
        let form: &[u8] = if callback.method == "POST" { callback.body } else { &[] };
        let mut values = callback.query();
        values.extend(pairs(form));
        // No database keeps a NUL.
        values
            .iter_mut()
            .filter(|(_, value)| value.contains('\0'))
            .for_each(|(_, value)| *value = value.replace('\0', " "));
        Self { values, text: bytes_of("text", query.as_bytes()).or_else(|| bytes_of("text", form)) }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let found = self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        found.filter(|value| !value.is_empty())
    }

    /// What it says, without the secret: a call by GET has no body to keep.
    fn shown(&self) -> String {
        let open = self.values.iter().filter(|(name, _)| !name.starts_with("secret"));
        open.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n")
    }

    fn phone(&self, name: &str) -> Result<String, String> {
        let text = self.get(name).unwrap_or_default();
        e164(text).ok_or_else(|| format!("{name} is {text:?}, not a phone number"))
    }
}

fn event(call: &Call, callback: &Callback<'_>) -> Result<CarrierEvent, String> {
    match (call.get("dlr"), &call.text) {
        (Some(dlr), _) => receipt(call, callback, dlr),
        (None, Some(text)) => inbound(call, callback, text),
        (None, None) => Err("it has neither a dlr nor a text".to_owned()),
    }
}

fn receipt(call: &Call, callback: &Callback<'_>, dlr: &str) -> Result<CarrierEvent, String> {
    let attempt = attempt_of(callback).ok_or("it names no attempt of ours")?;
    let state = match dlr {
        "1" => ReceiptState::Delivered,
        "2" => ReceiptState::Undelivered,
        "4" => ReceiptState::Queued,
        "8" => ReceiptState::Sent,
        "16" => ReceiptState::Failed,
        other => return Err(format!("no such dlr as {other:?} is known")),
    };
    let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
    let said = call.get("said").filter(|_| failed);
    let told = said.map(Told::read).unwrap_or_default();
    let code = told.code().or_else(|| said.and_then(refusal));
    let of_state = told.stat.as_deref().and_then(|stat| codes::failure(STATES, stat));
    Ok(CarrierEvent::Receipt(Receipt {
        event_id: format!("{attempt}:{dlr}"),
        carrier_id: attempt.to_string(),
        from: call.phone("from")?,
        attempt: Some(attempt),
        state,
        failure: of_state.or_else(|| of_code(code.as_deref()?)),
        code,
        segments: None,
        cost: None,
        at: callback.at,
    }))
}

/// What kind of failure a code is: the gateway's own, or the SMSC's.
fn of_code(code: &str) -> Option<FailureClass> {
    codes::failure(GIVEN_UP, code).or_else(|| codes::failure(STATUSES, code))
}

/// The SMSC's status in `NACK/0x0000000b/words`, as our table writes it.
fn refusal(said: &str) -> Option<String> {
    let status = said.strip_prefix("NACK/")?.split('/').next()?.trim();
    // `NACK/validity expired` before an SMSC was chosen, `NACK/Message rejected by bearerbox, validity expired!` after.
    if let Some(given_up) = GIVEN_UP.iter().find(|row| status.contains(row.code)) {
        return Some(given_up.code.to_owned());
    }
    let number = status.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let code = number.map_or_else(|| status.chars().take(40).collect(), crate::smpp::codes::written);
    (!code.is_empty()).then_some(code)
}

fn inbound(call: &Call, callback: &Callback<'_>, text: &[u8]) -> Result<CarrierEvent, String> {
    // Without `%I` in the address the call itself tells one text from another: it has the second in it.
    let id = call.get("id").map_or_else(|| crate::signed::sha256_hex(callback.url.as_bytes()), str::to_owned);
    let seconds = call.get("time").and_then(|time| time.parse().ok());
    Ok(CarrierEvent::Inbound(Inbound {
        event_id: format!("{id}:received"),
        from: call.phone("from")?,
        to: call.phone("to")?,
        body: written(text, call.get("coding"), call.get("charset")),
        // Coding 1 is data for a machine: a logo, a setting.
        media: u32::from(call.get("coding") == Some("1")),
        signal: None,
        at: seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(callback.at),
    }))
}

/// The text, whichever bytes it came in.
fn written(text: &[u8], coding: Option<&str>, charset: Option<&str>) -> String {
    let charset = charset.unwrap_or_default().to_ascii_lowercase();
    match (coding, charset.as_str()) {
        (Some("1"), _) => String::new(),
        (_, "utf-16be" | "ucs-2" | "ucs-2be") | (Some("2"), "") => crate::smpp::alphabet::utf16(text),
        (_, "iso-8859-1" | "latin1" | "windows-1252") => text.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(text).into_owned(),
    }
}

/// The bytes of a pair's value, decoded but not taken for UTF-8.
fn bytes_of(name: &str, query: &[u8]) -> Option<Vec<u8>> {
    let pairs = query.split(|byte| *byte == b'&');
    let value = pairs.filter_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"=")).next()?;
    let digit =
        |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16)).and_then(|d| u8::try_from(d).ok());
    let (mut bytes, mut place) = (Vec::with_capacity(value.len()), 0);
    while let Some(byte) = value.get(place) {
        match (byte, digit(value.get(place + 1)), digit(value.get(place + 2))) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(high << 4 | low);
                place += 2;
            }
            (b'+', ..) => bytes.push(b' '),
            _ => bytes.push(*byte),
        }
        place += 1;
    }
    Some(bytes)
}
