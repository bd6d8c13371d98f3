//! `dripline phone`: what a typed number is stored as and where it may be, or why it is none.

use domain::areas::{self, Area};
use domain::phone::{Phone as Number, PhoneError, Region};
use domain::zones::Zone;
use serde::{Deserialize, Serialize};

use super::batch::{self, Lines};
use super::parse::{self, ParseError};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline phone \"(212) 555-0134\"
  dripline phone \"020 7946 0018\" --region GB
  dripline phone --json +13055550134
  dripline phone --jsonl < numbers.jsonl

The zones are those of the area code. None means that the number says no place (toll-free
numbers, other countries), not that any hour will do: `dripline window` takes such a
number to be anywhere in its country.

With --jsonl:
  in   {\"raw\": \"(212) 555-0134\", \"region\": \"US\"}
  out  {\"e164\":\"+12125550134\",\"zones\":[\"America/New_York\"],\"reason\":null}
What is no number is answered with its reason, such as \"too_short\"; a line that is no
question gives {\"error\": \"line 3: …\"}, and the exit code is 1 at the end.";

/// Read a phone number as a person typed it
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Phone {
    /// The number, however it is written
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl", allow_hyphen_values = true)]
    raw: Option<String>,
    /// The country of a number without a +, in two letters
    #[arg(long, value_name = "COUNTRY", default_value = "US", value_parser = parse::region)]
    region: Region,
    #[command(flatten)]
    lines: Lines,
}

#[derive(Deserialize)]
struct Question {
    raw: String,
    region: String,
}

/// What a line is answered with.
#[derive(Serialize)]
struct Short {
    e164: Option<Number>,
    zones: &'static [Zone],
    reason: Option<&'static str>,
}

/// The whole answer on one number.
#[derive(Serialize)]
struct Full {
    #[serde(flatten)]
    short: Short,
    extension: Option<String>,
    country: Option<String>,
    area_code: Option<u16>,
    states: Vec<&'static str>,
    /// The likeliest zone.
    primary_zone: Option<&'static str>,
    message: Option<String>,
}

/// The number is none, in words for a person.
#[derive(Debug, thiserror::Error)]
#[error("{raw:?} is not accepted as a phone number of region {region} ({})", .source.code())]
struct NoNumber {
    raw: String,
    region: String,
    source: PhoneError,
}

fn area(phone: Number) -> Option<&'static Area> {
    phone.area_code().and_then(areas::find)
}

fn short(read: Result<Number, PhoneError>) -> Short {
    match read {
        Ok(phone) => Short { e164: Some(phone), zones: area(phone).map_or(&[], |area| &area.zones), reason: None },
        Err(error) => Short { e164: None, zones: &[], reason: Some(error.code()) },
    }
}

impl Phone {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let Some(raw) = self.raw else {
            return batch::answer(answer, |question: Question| {
                let region = parse::region(&question.region)?;
                Ok::<_, ParseError>(short(Number::parse(&question.raw, region)))
            });
        };
        let read = Number::read(&raw, self.region);
        let full = Full::new(&read);
        match (read, answer.format()) {
            (Ok(_), Format::Json) => answer.document(&full),
            (Ok(_), Format::Text) => answer.text(&full.words()),
            (Err(_), Format::Json) => answer.document(&full).and(Err(Stop::Told)),
            (Err(source), Format::Text) => Err(Stop::failed(NoNumber { raw, region: self.region.to_string(), source })),
        }
    }
}

impl Full {
    fn new(read: &Result<domain::phone::Cell, PhoneError>) -> Self {
        let cell = read.as_ref().ok();
        let phone = cell.map(|cell| cell.phone);
        let area = phone.and_then(area);
        Self {
            short: short(read.as_ref().map(|cell| cell.phone).map_err(|error| *error)),
            extension: cell.and_then(|cell| cell.extension.clone()),
            country: area
                .map(|area| area.country.to_owned())
                .or_else(|| phone?.region().map(|region| region.to_string())),
            area_code: phone.and_then(Number::area_code),
            states: area.map_or_else(Vec::new, |area| area.states.iter().map(|state| state.code).collect()),
            primary_zone: area.and_then(|area| area.primary.as_ref()).map(Zone::name),
            message: read.as_ref().err().map(ToString::to_string),
        }
    }

    fn words(&self) -> String {
        let mut table = Table::new::<String>([]);
        let mut row = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                table.row([name.to_owned(), value]);
            }
        };
        row("number", self.short.e164.map(|phone| phone.to_string()));
        row("extension", self.extension.as_ref().map(|digits| format!("{digits} (texts cannot reach it)")));
        row("country", Some(self.country.clone().unwrap_or_else(|| "none: an international service".into())));
        row("area code", self.area_code.map(|code| format!("{code:03}")));
        row("states", Some(self.states.join(", ")).filter(|states| !states.is_empty()));
        row("zones", Some(self.zones()));
        table.text()
    }

    fn zones(&self) -> String {
        let names: Vec<_> = self.short.zones.iter().map(Zone::name).collect();
        match (names.as_slice(), self.area_code) {
            ([], Some(_)) => "none: the number says no place (`dripline window` takes it to be anywhere)".into(),
            ([], None) => "none: zones are known for +1 numbers only".into(),
            ([one], _) => (*one).into(),
            (all, _) => format!("{} (likeliest: {})", all.join(", "), self.primary_zone.unwrap_or("none")),
        }
    }
}
