//! The consent that a file tells of: for all its rows, or row by row in columns of their own.
//!
//! Pure. What a row says goes before what is said of the file. A consent needs its kind, how it came about and its date;
//! what lacks one of them is no record, and the row is told of it. A row that says the person took it back is refused:
//! such phones belong on a list that forbids texting.

use domain::consent::{Evidence, Kind};
use domain::phone::Region;
use domain::template::key;
use domain::zones::Zone;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

use super::columns::{Column, Meaning};

/// A part of a consent that a column may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Its kind.
    Kind,
    /// How it came about.
    Source,
    /// When it was given.
    Date,
    /// The text that the person agreed to.
    Text,
    /// The page on which it was shown.
    Url,
    /// The address from which the person agreed.
    Ip,
    /// The identifier of a certificate.
    Certificate,
}

/// Each part, its name, and the headers that mean it, without digits, blanks and marks.
#[rustfmt::skip]
const PARTS: [(Part, &str, &[&str]); 7] = [
    (Part::Kind, "Consent Kind", &["consent", "consentkind", "consenttype", "optintype", "optin", "smsconsent", "smsoptin"]),
    (Part::Source, "Consent Source", &["consentsource", "optinsource", "optinmethod", "consentmethod"]),
    (Part::Date, "Consent Date", &["consentdate", "optindate", "consenttime", "optintime", "consenttimestamp", "optintimestamp", "consentedat", "optedinat", "consentgivenat"]),
    (Part::Text, "Consent Text", &["consenttext", "optintext", "disclosure", "disclosuretext", "consentlanguage"]),
    (Part::Url, "Consent Page", &["consentpage", "consenturl", "optinurl", "optinpage"]),
    (Part::Ip, "Consent Address", &["consentaddress", "consentip", "optinip", "consentipaddress", "optinipaddress"]),
    (Part::Certificate, "Consent Certificate", &["consentcertificate", "trustedform", "trustedformurl", "trustedformcerturl", "jornaya", "jornayaleadid"]),
];

impl Part {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        PARTS.iter().map(|(part, ..)| *part)
    }

    /// What people read, and may map a column to.
    #[must_use]
    pub fn name(self) -> &'static str {
        PARTS.iter().find(|(part, ..)| *part == self).map_or("", |(_, name, _)| name)
    }

    /// The part of this name, in any spelling.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let wanted = key(name);
        PARTS.iter().find(|(_, name, _)| key(name) == wanted).map(|(part, ..)| *part)
    }

    /// The part that a header means.
    pub(super) fn of_header(header: &str) -> Option<Self> {
        let letters: String = key(header).chars().filter(|letter| letter.is_alphabetic()).collect();
        PARTS.iter().find(|(.., headers)| headers.contains(&letters.as_str())).map(|(part, ..)| *part)
    }
}

/// What a person says of all rows of a file, as they typed it. Empty says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileConsent {
    /// The kind.
    pub kind: Option<Kind>,
    /// How it came about.
    pub source: String,
    /// When it was given, as people write a date.
    pub date: String,
    /// The text that they agreed to.
    pub text: String,
}

/// A consent that is recorded for every phone of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) kind: Kind,
    pub(super) source: String,
    pub(super) text: Option<String>,
    pub(super) given_at: Timestamp,
    pub(super) zone: String,
    pub(super) evidence: Evidence,
}

/// Why a row's consent is not recorded. The text is for the person who uploads the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRecord {
    /// Something is missing.
    #[error("no consent is recorded: nobody says {0}")]
    Without(&'static str),
    /// The kind is none.
    #[error("no consent is recorded: {0:?} is no kind of consent; write express, written, inbound or relationship")]
    Kind(String),
    /// The date is none.
    #[error("no consent is recorded: {0:?} is no date; write it as 2026-03-03")]
    Date(String),
    /// The date is still to come.
    #[error("no consent is recorded: {0:?} is still to come")]
    Future(String),
    /// Something is longer than a record holds.
    #[error("no consent is recorded: its {0} is too long")]
    TooLong(&'static str),
}

/// Why what is said of all rows makes no record of any: a part is said neither of the file nor in a column, or what is said is none.
pub(super) fn fault(premise: &Premise, columns: &[Column]) -> Option<NoRecord> {
    let file = &premise.file;
    let in_column = |part| columns.iter().any(|column| column.meaning == Meaning::Consent(part));
    if *file == FileConsent::default() {
        return None;
    }
    if file.kind.is_none() && !in_column(Part::Kind) {
        return Some(NoRecord::Without("of which kind it is"));
    }
    // A column stands for what the file does not say; each row tells then what it lacks.
    let of = |part| match part {
        Part::Source if file.source.trim().is_empty() && in_column(part) => Some("in a column"),
        Part::Date if file.date.trim().is_empty() && in_column(part) => Some("1991-01-01"),
        _ => None,
    };
    agreed(file.kind.unwrap_or(Kind::Express), &of, premise).err()
}

/// What is known of a file before its rows are read.
#[derive(Debug, Clone)]
pub(super) struct Premise {
    pub(super) file: FileConsent,
    /// The file's own name, which records keep.
    pub(super) name: Option<String>,
    pub(super) region: Region,
    pub(super) zone: Zone,
    pub(super) now: Timestamp,
    /// Whether names in capitals are written as people write them.
    pub(super) recase: bool,
}

/// What a cell says of the kind.
enum Word {
    Kind(Kind),
    /// The person did not agree.
    No,
}

fn kind(text: &str) -> Result<Word, NoRecord> {
    Ok(Word::Kind(match key(text).replace('-', "").as_str() {
        "express" | "yes" | "y" | "true" | "optin" | "optedin" | "1" => Kind::Express,
        "written" | "expresswritten" | "expresswrittenconsent" | "pewc" => Kind::Written,
        "inbound" => Kind::Inbound,
        "relationship" | "ebr" | "existingbusinessrelationship" => Kind::Relationship,
        "no" | "n" | "false" | "0" | "none" => return Ok(Word::No),
        _ => return Err(NoRecord::Kind(text.chars().take(40).collect())),
    }))
}

/// Whether a row says that the person took the consent back.
pub(super) fn is_revoked<S: AsRef<str>>(cells: &[S], columns: &[Column]) -> bool {
    let said = cell(cells, columns, Part::Kind).map(|text| key(text).replace('-', ""));
    said.is_some_and(|said| ["revoked", "optout", "optedout", "unsubscribed", "stop"].contains(&said.as_str()))
}

fn cell<'c, S: AsRef<str>>(cells: &'c [S], columns: &[Column], part: Part) -> Option<&'c str> {
    let place = columns.iter().position(|column| column.meaning == Meaning::Consent(part))?;
    cells.get(place).map(|cell| cell.as_ref().trim()).filter(|cell| !cell.is_empty())
}

/// The consent of a row; nothing if neither the row nor the file says anything of one.
pub(super) fn read<S: AsRef<str>>(
    cells: &[S],
    columns: &[Column],
    premise: &Premise,
) -> Option<Result<Agreed, NoRecord>> {
    let of = |part| cell(cells, columns, part);
    let file = &premise.file;
    let silent = Part::all().all(|part| of(part).is_none());
    if silent && *file == FileConsent::default() {
        return None;
    }
    let kind = match (of(Part::Kind).map(kind), file.kind) {
        (Some(Ok(Word::No)), _) => return None,
        (Some(Ok(Word::Kind(kind))), _) | (None, Some(kind)) => kind,
        (Some(Err(error)), _) => return Some(Err(error)),
        (None, None) => return Some(Err(NoRecord::Without("of which kind it is"))),
    };
    Some(agreed(kind, &of, premise))
}

fn agreed<'c>(kind: Kind, of: &dyn Fn(Part) -> Option<&'c str>, premise: &Premise) -> Result<Agreed, NoRecord> {
    let file = &premise.file;
    let or = |part, all: &str| {
        let text = of(part).unwrap_or(all).replace("\r\n", "\n");
        let text = text.replace(|one: char| one.is_control() && one != '\n', "").trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let source = or(Part::Source, &file.source).ok_or(NoRecord::Without("how it came about"))?;
    let date = or(Part::Date, &file.date).ok_or(NoRecord::Without("when it was given"))?;
    let given_at = date_of(&date, premise).ok_or_else(|| NoRecord::Date(date.chars().take(40).collect()))?;
    if given_at > premise.now {
        return Err(NoRecord::Future(date));
    }
    let text = or(Part::Text, &file.text);
    let (url, ip, certificate) = (of(Part::Url), of(Part::Ip), of(Part::Certificate));
    let long = |text: Option<&str>, most: usize| text.is_some_and(|text| text.chars().count() > most);
    if long(Some(&source), 200) {
        return Err(NoRecord::TooLong("source"));
    }
    if long(text.as_deref(), crate::consents::MAX_TEXT) {
        return Err(NoRecord::TooLong("text"));
    }
    if [url, ip, certificate].into_iter().any(|proof| long(proof, 1_000)) {
        return Err(NoRecord::TooLong("proof"));
    }
    let some = |text: Option<&str>| text.map(str::to_owned);
    let name = premise.name.clone();
    let evidence =
        Evidence { url: some(url), ip: some(ip), certificate: some(certificate), file: name, ..Evidence::default() };
    let zone = premise.zone.name().to_owned();
    Ok(Agreed { kind, source, text, given_at, zone, evidence })
}

/// A date, with or without the time, as files write it: ISO, or with slashes in the order of the region. A date alone is
/// its first moment in the workspace's zone: so early that a STOP of that day goes before it.
fn date_of(text: &str, premise: &Premise) -> Option<Timestamp> {
    let here = |at: DateTime| premise.zone.clock().to_timestamp(at).ok();
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let text = text.replace(" UTC", "Z");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    if let Ok(at) = text.parse::<DateTime>() {
        return here(at);
    }
    let (day, time) = text.split_once(' ').unwrap_or((&text, ""));
    let parts: Vec<i16> = day.split('/').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [first, second, year] = parts[..] else { return None };
    let american = premise.region == Region::US || premise.region == Region::CA;
    let (month, day) = if american { (first, second) } else { (second, first) };
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok().filter(|_| year > 1_990)?;
    here(date.to_datetime(time_of(time)?))
}

/// `16:30`, `4:30 PM`; nothing is midnight.
fn time_of(text: &str) -> Option<jiff::civil::Time> {
    let text = text.trim().to_ascii_uppercase();
    let (clock, half) = match text.strip_suffix("PM") {
        Some(clock) => (clock, Some(12)),
        None => text.strip_suffix("AM").map_or((text.as_str(), None), |clock| (clock, Some(0))),
    };
    let mut parts = clock.trim().split(':');
    let hour: i8 = match parts.next()? {
        "" => return text.is_empty().then(jiff::civil::Time::midnight),
        hour => hour.parse().ok()?,
    };
    let minute: i8 = parts.next().unwrap_or("0").parse().ok()?;
    let second: i8 = parts.next().unwrap_or("0").parse().ok()?;
    let hour = half.map_or(hour, |half| hour % 12 + half);
    jiff::civil::Time::new(hour, minute, second, 0).ok()
}

/// What tests know of a file.
#[cfg(test)]
pub(super) fn premise(file: FileConsent) -> Premise {
    Premise {
        file,
        name: None,
        region: Region::US,
        zone: Zone::named("America/New_York").unwrap(),
        now: "2026-11-24T15:00:00Z".parse().unwrap(),
        recase: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_what_is_said_of_a_file_is_a_fault() {
        let columns = |headers: &[&str]| {
            let headers: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
            super::super::columns::columns(&headers, &[], &[]).unwrap()
        };
        let said = |kind, source: &str, date: &str| {
            premise(FileConsent { kind, source: source.to_owned(), date: date.to_owned(), text: String::new() })
        };
        let plain = columns(&["Phone"]);
        assert_eq!(fault(&premise(FileConsent::default()), &plain), None, "nothing is said");
        assert_eq!(fault(&said(Some(Kind::Written), "Paper", "2026-03-03"), &plain), None);
        for (kind, source, date, told) in [
            (None, "Paper", "2026-03-03", "of which kind it is"),
            (Some(Kind::Written), " ", "2026-03-03", "how it came about"),
            (Some(Kind::Written), "Paper", "", "when it was given"),
            (Some(Kind::Written), "Paper", "2028-03-03", "still to come"),
            (Some(Kind::Written), "Paper", "soon", "is no date"),
        ] {
            let found = fault(&said(kind, source, date), &plain).map(|fault| fault.to_string()).unwrap_or_default();
            assert!(found.contains(told), "{found}");
        }
        let dated = columns(&["Phone", "Consent Date"]);
        assert_eq!(fault(&said(Some(Kind::Written), "Paper", ""), &dated), None, "each row says when");
        assert!(fault(&said(Some(Kind::Written), "", ""), &dated).is_some());
        assert_eq!(fault(&said(None, "Paper", "2026-03-03"), &columns(&["Phone", "Consent"])), None);
    }
    use crate::import::columns::columns;

    fn said(row: &str, file: FileConsent) -> Option<Result<String, String>> {
        let headers = ["Phone", "Consent", "Opt-in Source", "Opt In Date", "Consent Text", "Opt-In IP"];
        let columns = columns(&headers.map(str::to_owned), &[], &[]).unwrap();
        let cells: Vec<&str> = row.split('|').collect();
        let read = read(&cells, &columns, &premise(file))?;
        let shown = |agreed: Agreed| {
            format!("{} {} {} {:?}", agreed.kind.word(), agreed.source, agreed.given_at, agreed.evidence.ip)
        };
        Some(read.map(shown).map_err(|error| error.to_string()))
    }

    #[test]
    fn a_row_goes_before_the_file_and_what_is_missing_is_told() {
        let all = || FileConsent {
            kind: Some(Kind::Written),
            source: "web form".to_owned(),
            date: "2026-03-03".to_owned(),
            text: "I agree.".to_owned(),
        };
        let good = |text: &str| Some(Ok(text.to_owned()));
        let bad = |text: &str| Some(Err(format!("no consent is recorded: {text}")));
        assert_eq!(said("2125550134|||||", FileConsent::default()), None);
        assert_eq!(said("2125550134|||||", all()), good("written web form 2026-03-03T05:00:00Z None"));
        assert_eq!(
            said("2125550134|Yes|call|3/4/2026 4:30 PM||192.0.2.7", all()),
            good("express call 2026-03-04T21:30:00Z Some(\"192.0.2.7\")")
        );
        assert_eq!(
            said("2125550134|PEWC|form|2026-03-04T10:00:00Z||", FileConsent::default()),
            good("written form 2026-03-04T10:00:00Z None")
        );
        assert_eq!(said("2125550134|No||||", all()), None, "who did not agree has no record");
        assert_eq!(said("2125550134|||2026-03-04||", FileConsent::default()), bad("nobody says of which kind it is"));
        assert_eq!(said("2125550134|yes||2026-03-04||", FileConsent::default()), bad("nobody says how it came about"));
        assert_eq!(said("2125550134|yes|form|||", FileConsent::default()), bad("nobody says when it was given"));
        assert_eq!(said("2125550134|yes|form|soon||", all()), bad("\"soon\" is no date; write it as 2026-03-03"));
        assert_eq!(
            said("2125550134|yes|form|13/13/2026||", all()),
            bad("\"13/13/2026\" is no date; write it as 2026-03-03")
        );
        assert_eq!(said("2125550134|yes|form|2027-01-01||", all()), bad("\"2027-01-01\" is still to come"));
        assert!(said("2125550134|perhaps|form|||", all()).unwrap().is_err());
    }
}
