//! What an SMSC delivers, read: a receipt, a text, a part of one, or something that is kept for a person.

use jiff::Timestamp;

use super::alphabet::{self, Alphabet};
use super::codes::STATES;
use super::pdu::{Delivery, HEADED, tag};
use super::receipt::Told;
use crate::adapter::e164;
use crate::codes;
use crate::wire::{Receipt, ReceiptState};

/// The kind of a delivery, in `esm_class`.
const KIND: u8 = 0x3C;
const RECEIPT: u8 = 0x04;
const INTERMEDIATE: u8 = 0x20;

/// How the SMSC writes in receipts what it wrote in its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ids {
    /// The same.
    #[default]
    Same,
    /// In decimal, what the answer wrote in hexadecimal.
    Decimal,
    /// In hexadecimal, what the answer wrote in decimal.
    Hexadecimal,
}

impl Ids {
    /// The identifier of an answer, as we keep it.
    #[must_use]
    pub fn answered(self, id: &str) -> String {
        match self {
            Self::Same => id.to_owned(),
            Self::Decimal => number(id, 16),
            Self::Hexadecimal => number(id, 10),
        }
    }

    /// The identifier of a receipt, as we keep it.
    #[must_use]
    pub fn told(self, id: &str) -> String {
        match self {
            Self::Same => id.to_owned(),
            Self::Decimal => number(id, 10),
            Self::Hexadecimal => number(id, 16),
        }
    }
}

/// A number in decimal; what is none stays as it is.
fn number(id: &str, radix: u32) -> String {
    let digits = id.trim().trim_start_matches("0x");
    u128::from_str_radix(digits, radix).map_or_else(|_| id.to_owned(), |number| number.to_string())
}

/// What was delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// News of a text of ours, and the reference that we gave it where that came back.
    Receipt(Receipt, Option<u16>),
    /// A text of a contact, or a part of one.
    Text(Text),
    /// It could not be understood: why.
    Strange(String),
}

/// A text of a contact, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The handset.
    pub from: String,
    /// Our number.
    pub to: String,
    /// The alphabet.
    pub data_coding: u8,
    /// The bytes without a header.
    pub bytes: Vec<u8>,
    /// Which part it is, where it is one of several.
    pub part: Option<Place>,
}

/// The place of a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which parts belong together.
    pub reference: u16,
    /// How many there are.
    pub count: u8,
    /// Which this is, from 1.
    pub number: u8,
}

impl Text {
    /// The text of some bytes; nothing if they are none.
    #[must_use]
    pub fn written(data_coding: u8, bytes: &[u8], default: Alphabet) -> (String, u32) {
        alphabet::read(bytes, data_coding, default).map_or((String::new(), 1), |body| (body, 0))
    }
}

/// Reads a delivery.
#[must_use]
pub fn read(delivery: &Delivery, default: Alphabet, ids: Ids, at: Timestamp) -> Said {
    let is_receipt = matches!(delivery.esm_class & KIND, RECEIPT | INTERMEDIATE);
    let read = if is_receipt || delivery.parameter(tag::RECEIPTED_MESSAGE_ID).is_some() {
        receipt(delivery, default, ids, at)
    } else {
        text(delivery).map(Said::Text)
    };
    read.unwrap_or_else(Said::Strange)
}

fn receipt(delivery: &Delivery, default: Alphabet, ids: Ids, at: Timestamp) -> Result<Said, String> {
    let words = alphabet::read(&delivery.text, delivery.data_coding, default).unwrap_or_default();
    // Receipts are ASCII whatever they claim to be; only the underscore and `@` differ in GSM, and stand in identifiers.
    let plain: String = delivery.text.iter().copied().map(char::from).collect();
    let told = if delivery.data_coding == 8 { Told::read(&words) } else { Told::read(&plain) };
    let by_parameter = delivery.parameter(tag::RECEIPTED_MESSAGE_ID).map(text_of).filter(|id| !id.is_empty());
    let id = by_parameter.or(told.id.clone()).ok_or("the receipt names no text")?;
    let by_parameter = delivery.parameter(tag::MESSAGE_STATE).and_then(|value| stat(*value.first()?));
    let told = Told { stat: by_parameter.map(str::to_owned).or(told.stat), ..told };
    let state =
        told.state().ok_or_else(|| format!("no such state as {:?} is known", told.stat.as_deref().unwrap_or("")))?;
    let failed = matches!(state, ReceiptState::Undelivered | ReceiptState::Failed);
    // Where the SMSC does not turn the two numbers round, ours is the source.
    let from = e164(&delivery.destination).or_else(|| e164(&delivery.source));
    let from = from.ok_or_else(|| format!("the receipt is for {:?}, not a phone number", delivery.destination))?;
    let carrier_id = ids.told(&id);
    let word = told.stat.clone().unwrap_or_default();
    let reference = delivery.parameter(tag::USER_MESSAGE_REFERENCE).and_then(number_of);
    let receipt = Receipt {
        event_id: format!("{carrier_id}:{word}"),
        carrier_id,
        from,
        attempt: None,
        state,
        failure: if failed { codes::failure(STATES, &word) } else { None },
        code: if failed { told.code() } else { None },
        segments: None,
        cost: None,
        at,
    };
    Ok(Said::Receipt(receipt, reference))
}

/// The word for a state that is written as a number (SMPP 3.4, §5.2.28).
fn stat(state: u8) -> Option<&'static str> {
    let words = ["ENROUTE", "DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD"];
    words.get(usize::from(state).checked_sub(1)?).copied()
}

/// The most bytes of a part: a short message's, in an alphabet of one byte for each character.
const LONGEST_PART: usize = 160;

fn text(delivery: &Delivery) -> Result<Text, String> {
    let phone = |what: &str, text: &str| e164(text).ok_or_else(|| format!("{what} is {text:?}, not a phone number"));
    let (from, to) = (phone("the source", &delivery.source)?, phone("the destination", &delivery.destination)?);
    let (place, bytes) =
        if delivery.esm_class & HEADED == 0 { (None, &delivery.text[..]) } else { headed(&delivery.text) };
    let place = place.or_else(|| by_parameters(delivery)).filter(|place| place.count > 1);
    // No network carries a part that long: it is a text by itself, and need not wait in memory for others.
    let place = place.filter(|_| bytes.len() <= LONGEST_PART);
    Ok(Text { from, to, data_coding: delivery.data_coding, bytes: bytes.to_vec(), part: place })
}

/// The header's word on the part, and what follows it. A header that is longer than all there is counts as text.
fn headed(text: &[u8]) -> (Option<Place>, &[u8]) {
    let Some((header, body)) =
        text.split_first().and_then(|(length, rest)| rest.split_at_checked(usize::from(*length)))
    else {
        return (None, text);
    };
    let (mut rest, mut place) = (header, None);
    while let [element, length, others @ ..] = rest {
        let (value, next) = others.split_at(usize::from(*length).min(others.len()));
        let found = match (element, value) {
            (0x00, [reference, count, number]) => Some((u16::from(*reference), *count, *number)),
            (0x08, [high, low, count, number]) => Some((u16::from_be_bytes([*high, *low]), *count, *number)),
            _ => None,
        };
        place = place.or(found.and_then(|(reference, count, number)| valid(reference, count, number)));
        rest = next;
    }
    (place, body)
}

fn by_parameters(delivery: &Delivery) -> Option<Place> {
    let number = |tag| delivery.parameter(tag).and_then(number_of);
    let byte = |tag| number(tag).and_then(|number| u8::try_from(number).ok());
    valid(number(tag::SAR_REFERENCE)?, byte(tag::SAR_COUNT)?, byte(tag::SAR_NUMBER)?)
}

/// A part that there can be.
fn valid(reference: u16, count: u8, number: u8) -> Option<Place> {
    (1..=count).contains(&number).then_some(Place { reference, count, number })
}

fn number_of(value: &[u8]) -> Option<u16> {
    match value {
        [low] => Some(u16::from(*low)),
        [high, low] => Some(u16::from_be_bytes([*high, *low])),
        _ => None,
    }
}

fn text_of(value: &[u8]) -> String {
    value.iter().take_while(|byte| **byte != 0).copied().map(char::from).collect()
}
