//! The bytes on the line: a header of four numbers, then what the command holds.
//!
//! Source: SMPP 3.4, §3 to §5. Writing is exact. Reading is total: a string without an end, a parameter that is cut off or too long takes
//! nothing away from the rest. Only a length that cannot be is a fault, because the next PDU cannot be found behind it.

use jiff::Timestamp;

/// What a command asks.
pub(super) mod command {
    pub(crate) const GENERIC_NACK: u32 = 0x8000_0000;
    pub(crate) const BIND_TRANSMITTER: u32 = 0x0000_0002;
    pub(crate) const SUBMIT_SM: u32 = 0x0000_0004;
    pub(crate) const DELIVER_SM: u32 = 0x0000_0005;
    pub(crate) const UNBIND: u32 = 0x0000_0006;
    pub(crate) const BIND_TRANSCEIVER: u32 = 0x0000_0009;
    pub(crate) const ENQUIRE_LINK: u32 = 0x0000_0015;
    /// Makes the answer of a request.
    pub(crate) const ANSWER: u32 = 0x8000_0000;
}

/// What an answer says.
pub(super) mod status {
    pub(crate) const OK: u32 = 0;
    pub(crate) const UNKNOWN_COMMAND: u32 = 0x0000_0003;
    pub(crate) const ALREADY_BOUND: u32 = 0x0000_0005;
    pub(crate) const SYSTEM_ERROR: u32 = 0x0000_0008;
    pub(crate) const QUEUE_FULL: u32 = 0x0000_0014;
    pub(crate) const THROTTLED: u32 = 0x0000_0058;
    /// Our end cannot take it now: the SMSC comes again.
    pub(crate) const TRY_AGAIN: u32 = 0x0000_0064;
}

/// Optional parameters.
pub(super) mod tag {
    pub(crate) const RECEIPTED_MESSAGE_ID: u16 = 0x001E;
    pub(crate) const USER_MESSAGE_REFERENCE: u16 = 0x0204;
    pub(crate) const SAR_REFERENCE: u16 = 0x020C;
    pub(crate) const SAR_COUNT: u16 = 0x020E;
    pub(crate) const SAR_NUMBER: u16 = 0x020F;
    pub(crate) const MESSAGE_PAYLOAD: u16 = 0x0424;
    pub(crate) const MESSAGE_STATE: u16 = 0x0427;
}

/// For how many seconds an SMSC is told to try at the least.
const SHORTEST: i64 = 5;
/// The header, in bytes.
const HEADER: usize = 16;
/// The longest PDU that is read: a payload of 64 KiB with all that may stand around it.
const LONGEST: usize = 128 * 1024;
/// The protocol's version.
const VERSION: u8 = 0x34;

/// A PDU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it asks, or answers.
    pub command: u32,
    /// How a request went; 0 in a request.
    pub status: u32,
    /// Which request it is, or answers.
    pub sequence: u32,
    /// What the command holds.
    pub body: Vec<u8>,
}

/// A length that cannot be: what follows cannot be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the SMSC sent a PDU of {0} bytes")]
pub struct Length(pub u32);

impl Frame {
    pub(super) fn request(command: u32, sequence: u32, body: Vec<u8>) -> Self {
        Self { command, status: status::OK, sequence, body }
    }

    /// The answer to a request.
    pub(super) fn answer(&self, status: u32, body: Vec<u8>) -> Self {
        Self { command: self.command | command::ANSWER, status, sequence: self.sequence, body }
    }

    /// Takes the first PDU out of what has been read, once it is whole.
    pub fn take(inbox: &mut Vec<u8>) -> Result<Option<Self>, Length> {
        let number =
            |at: usize| inbox.get(at..at + 4).map(|four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]));
        let Some(length) = number(0) else { return Ok(None) };
        let whole = usize::try_from(length).ok().filter(|whole| (HEADER..=LONGEST).contains(whole));
        let whole = whole.ok_or(Length(length))?;
        let (Some(command), Some(status), Some(sequence)) = (number(4), number(8), number(12)) else { return Ok(None) };
        if inbox.len() < whole {
            return Ok(None);
        }
        let body = inbox[HEADER..whole].to_vec();
        inbox.drain(..whole);
        Ok(Some(Self { command, status, sequence, body }))
    }

    /// As it goes over the line.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(HEADER + self.body.len()).expect("nothing of ours is so long");
        let mut bytes = Vec::with_capacity(HEADER + self.body.len());
        for number in [length, self.command, self.status, self.sequence] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(&self.body);
        bytes
    }

    /// The string with which an answer to a submission or a bind begins.
    pub(super) fn first_string(&self) -> String {
        Reader(&self.body).string()
    }
}

/// What a bind tells.
pub(super) struct Bind<'a> {
    pub(super) system_id: &'a str,
    pub(super) password: &'a str,
    pub(super) system_type: &'a str,
}

impl Bind<'_> {
    pub(super) fn body(&self) -> Vec<u8> {
        let mut body = Vec::new();
        for text in [self.system_id, self.password, self.system_type] {
            string(&mut body, text);
        }
        body.extend([VERSION, 0, 0]);
        string(&mut body, "");
        body
    }
}

/// One text, or a part of one, on its way out.
pub(super) struct Submit<'a> {
    pub(super) source: (u8, u8, &'a str),
    /// In international form, without the plus.
    pub(super) to: &'a str,
    /// Whether the text begins with a header.
    pub(super) headed: bool,
    pub(super) wants_receipt: bool,
    pub(super) data_coding: u8,
    pub(super) text: &'a [u8],
    pub(super) reference: u16,
    /// Until when the SMSC may try to deliver it.
    pub(super) deliver_by: Timestamp,
}

/// The body of a submission that may have to wait for its turn: how long the SMSC may try is known when it is written.
pub(super) struct Unwritten {
    before: Vec<u8>,
    after: Vec<u8>,
    deliver_by: Timestamp,
}

impl Unwritten {
    /// The body as it is written now; nothing if too little time is left.
    pub(super) fn at(&self, now: Timestamp) -> Option<Vec<u8>> {
        let seconds = self.deliver_by.duration_since(now).as_secs();
        let mut body = self.before.clone();
        string(&mut body, &relative((seconds >= SHORTEST).then_some(seconds)?));
        body.extend(&self.after);
        Some(body)
    }
}

/// A time from now on, up to 99 days: years, months, days, hours, minutes, seconds, tenths, and 00R (SMPP 3.4, §7.1.1.2).
fn relative(seconds: i64) -> String {
    const DAY: i64 = 24 * 60 * 60;
    let seconds = seconds.min(100 * DAY - 1);
    let (days, rest) = (seconds / DAY, seconds % DAY);
    format!("0000{days:02}{:02}{:02}{:02}000R", rest / 3_600, rest / 60 % 60, rest % 60)
}

/// The kind and the plan of a number in E.164 (SMPP 3.4, §5.2.5 and §5.2.6).
const INTERNATIONAL: [u8; 2] = [1, 1];
/// Says in `esm_class` that the text begins with a header.
pub(super) const HEADED: u8 = 0x40;

impl Submit<'_> {
    pub(super) fn unwritten(&self) -> Unwritten {
        let (ton, npi, from) = self.source;
        let mut body = Vec::with_capacity(80 + self.text.len());
        string(&mut body, "");
        body.extend([ton, npi]);
        string(&mut body, from);
        body.extend(INTERNATIONAL);
        string(&mut body, self.to);
        // Protocol and priority, then the time of delivery, which is now, and that of expiry.
        body.extend([if self.headed { HEADED } else { 0 }, 0, 0, 0]);
        let before = std::mem::replace(&mut body, Vec::with_capacity(20 + self.text.len()));
        body.extend([u8::from(self.wants_receipt), 0, self.data_coding, 0]);
        body.push(u8::try_from(self.text.len()).expect("a part is at most 160 bytes"));
        body.extend(self.text);
        body.extend(tag::USER_MESSAGE_REFERENCE.to_be_bytes());
        body.extend([0, 2]);
        body.extend(self.reference.to_be_bytes());
        Unwritten { before, after: body, deliver_by: self.deliver_by }
    }
}

fn string(body: &mut Vec<u8>, text: &str) {
    body.extend(text.bytes().filter(|byte| *byte != 0));
    body.push(0);
}

/// The kind of a number that is written as at home (TON, SMPP 3.4 §5.2.5).
const NATIONAL: u8 = 2;

/// A number with its country: what is dialled before a foreign one is left out, and ten digits of a national one are North American, the only
/// country whose numbers are always written so. Anything else stays as it is.
fn international(kind: u8, text: String) -> String {
    let plain = text.strip_prefix("011").or_else(|| text.strip_prefix("00")).filter(|rest| rest.len() >= 10);
    match plain {
        Some(rest) => rest.to_owned(),
        None if kind == NATIONAL && text.len() == 10 && !text.starts_with('0') => format!("1{text}"),
        None => text,
    }
}

/// What the SMSC delivers: a text of a contact, or a receipt.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivery {
    /// From which number.
    pub source: String,
    /// To which number.
    pub destination: String,
    /// What kind of delivery it is, and whether the text begins with a header.
    pub esm_class: u8,
    /// The alphabet.
    pub data_coding: u8,
    /// The text's bytes, the header included.
    pub text: Vec<u8>,
    /// The optional parameters.
    pub parameters: Vec<(u16, Vec<u8>)>,
}

impl Delivery {
    /// Reads the body of a `deliver_sm`, whatever it is.
    #[must_use]
    pub fn read(body: &[u8]) -> Self {
        let mut reader = Reader(body);
        reader.string();
        let kind = reader.byte();
        reader.skip(1);
        let source = international(kind, reader.string());
        let kind = reader.byte();
        reader.skip(1);
        let destination = international(kind, reader.string());
        let esm_class = reader.byte();
        reader.skip(2);
        reader.string();
        reader.string();
        reader.skip(2);
        let data_coding = reader.byte();
        reader.skip(1);
        let length = reader.byte();
        let mut text = reader.bytes(usize::from(length)).to_vec();
        let parameters = reader.parameters();
        if text.is_empty()
            && let Some((_, payload)) = parameters.iter().find(|(tag, _)| *tag == tag::MESSAGE_PAYLOAD)
        {
            text.clone_from(payload);
        }
        Self { source, destination, esm_class, data_coding, text, parameters }
    }

    /// An optional parameter.
    pub(super) fn parameter(&self, tag: u16) -> Option<&[u8]> {
        self.parameters.iter().find(|(known, _)| *known == tag).map(|(_, value)| value.as_slice())
    }
}

/// Reads as far as there is something.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        bytes
    }

    fn skip(&mut self, count: usize) {
        self.bytes(count);
    }

    fn byte(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// Up to its end, or to the end of all; bytes that are not ASCII are kept as Latin-1.
    fn string(&mut self) -> String {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        let text = self.bytes(end).iter().copied().map(char::from).collect();
        self.skip(1);
        text
    }

    fn parameters(&mut self) -> Vec<(u16, Vec<u8>)> {
        let mut parameters = Vec::new();
        while let [a, b, c, d, ..] = *self.0 {
            self.skip(4);
            let value = self.bytes(usize::from(u16::from_be_bytes([c, d])));
            parameters.push((u16::from_be_bytes([a, b]), value.to_vec()));
        }
        parameters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_from_now_on() {
        for (seconds, told) in [
            (30, "000000000030000R"),
            (4 * 3_600, "000000040000000R"),
            (26 * 3_600 + 61, "000001020101000R"),
            (i64::MAX, "000099235959000R"),
        ] {
            assert_eq!(relative(seconds), told);
        }
    }

    #[test]
    fn a_number_is_that_of_its_country_however_it_is_written() {
        for (kind, written, read) in [
            (1, "13055550123", "13055550123"),
            (NATIONAL, "3055550123", "13055550123"),
            (0, "3055550123", "3055550123"),
            (0, "0013055550123", "13055550123"),
            (NATIONAL, "01113055550123", "13055550123"),
            (NATIONAL, "0301234567", "0301234567"),
            (5, "ACME", "ACME"),
        ] {
            assert_eq!(international(kind, written.to_owned()), read, "{kind} {written}");
        }
    }
}
