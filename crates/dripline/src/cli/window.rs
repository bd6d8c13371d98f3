//! `dripline window`: whether a number may be texted at an instant by law, and when it next may.
//!
//! Legal rules only: a workspace's own hours are the workspace's matter.

mod report;

use domain::phone::{Phone, PhoneError, Region};
use domain::rules::RuleCode;
use domain::window;
use domain::zip;
use domain::zones::{self, Candidates, Place, UnknownZone, Zone};
use engine::clock::Clock;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::batch::{self, Lines};
use super::parse::{self, ParseError};
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline window +13055550134
  dripline window \"(850) 555-0134\" --zip 32501
  dripline window +12125550134 --state TX --at 2026-11-24T08:30:00-05:00
  dripline window --json +18005550199
  dripline window --jsonl < contacts.jsonl

Where a number may be in several zones, it must be allowed in each of them. Where ZIP, state
and area code name different states, the rules of each hold. A time without --at is now.

With --jsonl:
  in   {\"phone\": \"+17705550134\", \"state\": \"GA\", \"at\": \"2026-11-24T12:00:00Z\"}
  out  {\"allowed\":false,\"next\":\"2026-11-24T13:00:00Z\",\"zones\":[\"America/New_York\"],
        \"rules\":[\"US\"]}   (on one line)
`state`, `zip` and `zone` may be absent; without `at`, the line is answered for --at, or else for
now. `next` is null where it is allowed. A bad line gives {\"error\": \"line 3: …\"}, and the exit
code is 1 at the end.";

/// Say whether a number may be texted now, by which rules, and when it next may
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Window {
    /// The contact's number
    #[arg(required_unless_present = "jsonl", conflicts_with = "jsonl", allow_hyphen_values = true)]
    phone: Option<String>,
    /// The contact's state or province: its code or name
    #[arg(long, value_parser = is_state, conflicts_with = "jsonl")]
    state: Option<String>,
    /// The contact's ZIP or postal code
    #[arg(long, conflicts_with = "jsonl")]
    zip: Option<String>,
    /// The contact's own time zone, such as America/Denver
    #[arg(long, value_name = "NAME", conflicts_with = "jsonl")]
    zone: Option<String>,
    /// The instant with its offset, such as 2026-11-24T08:30:00-05:00 [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse::time)]
    at: Option<Timestamp>,
    #[command(flatten)]
    lines: Lines,
}

/// A contact and an instant.
#[derive(Deserialize)]
struct Question {
    phone: String,
    state: Option<String>,
    zip: Option<String>,
    zone: Option<String>,
    at: Option<String>,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
enum WindowError {
    #[error("{phone:?} is no phone number: {reason}")]
    Phone { phone: String, reason: PhoneError },
    #[error(transparent)]
    Parse(#[from] ParseError),
    #[error(transparent)]
    Zone(#[from] UnknownZone),
}

/// What a line is answered with.
#[derive(Serialize)]
struct Short {
    allowed: bool,
    /// Null where it is allowed, and where the windows do not meet within two weeks.
    next: Option<Timestamp>,
    zones: Vec<Zone>,
    rules: Vec<RuleCode>,
}

/// All that the answer was worked out from.
struct Found {
    phone: Phone,
    at: Timestamp,
    candidates: Candidates,
    next: Option<Timestamp>,
    /// A ZIP code that says nothing: unreadable, not assigned, or a military post.
    unknown_zip: Option<String>,
}

fn is_state(text: &str) -> Result<String, ParseError> {
    parse::state(text).map(|_| text.to_owned())
}

impl Window {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let now = move || self.at.unwrap_or_else(|| Clock::System.now());
        let Some(phone) = self.phone else {
            return batch::answer(answer, |question: Question| {
                let at = question.at.as_deref().map(parse::time).transpose()?.unwrap_or_else(now);
                find(&question, at).map(|found| found.short())
            });
        };
        let question = Question { phone, state: self.state, zip: self.zip, zone: self.zone, at: None };
        let found = find(&question, now()).map_err(Stop::failed)?;
        match answer.format() {
            Format::Json => answer.document(&report::full(&found)),
            Format::Text => answer.text(&report::words(&found)),
        }
    }
}

fn find(question: &Question, at: Timestamp) -> Result<Found, WindowError> {
    let phone = Phone::parse(&question.phone, Region::US)
        .map_err(|reason| WindowError::Phone { phone: question.phone.chars().take(40).collect(), reason })?;
    let state = question.state.as_deref().map(parse::state).transpose()?.flatten();
    let place = Place {
        zone: question.zone.as_deref(),
        state: state.map(|state| state.code),
        zip: question.zip.as_deref(),
        phone,
    };
    let candidates = zones::candidates(&place, None)?;
    let next = window::next_open(&candidates.zones, &candidates.rules, None, at);
    let unknown_zip = question.zip.clone().filter(|zip| !zip.trim().is_empty() && zip::find(zip).is_none());
    Ok(Found { phone, at, candidates, next, unknown_zip })
}

impl Found {
    fn allowed(&self) -> bool {
        self.next == Some(self.at)
    }

    fn short(self) -> Short {
        let allowed = self.allowed();
        let Candidates { zones, rules, .. } = self.candidates;
        Short { allowed, next: self.next.filter(|_| !allowed), zones, rules }
    }
}
