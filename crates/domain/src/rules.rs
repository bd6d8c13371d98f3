//! Quiet hours by law: which rule holds where, its weekly windows, its cap, its sources.
//!
//! The table is `data/quiet_hours.json`, an engineering note and not legal advice. The federal rule
//! holds for every number but Canada's. Rules are never widened; `window` applies them.
//! Six rules also close legal holidays, whose days are in [`crate::holidays`].

use std::fmt;
use std::str::FromStr;
use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::states::{Country, State};

/// Minutes of a day.
pub const DAY: u16 = 24 * 60;

/// A span of one day in minutes since midnight, half-open: `end` is closed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first open minute, 0 to 1439.
    pub start: u16,
    /// The first closed minute, 1 to 1440.
    pub end: u16,
}

/// At most one open span for each weekday, Monday first, in the recipient's local time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Week(pub [Option<Span>; 7]);

impl Week {
    /// Open at all times.
    pub const ALWAYS: Self = Self([Some(Span { start: 0, end: DAY }); 7]);

    /// What is open in both.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let both = |a: Option<Span>, b: Option<Span>| {
            let (a, b) = (a?, b?);
            let span = Span { start: a.start.max(b.start), end: a.end.min(b.end) };
            (span.start < span.end).then_some(span)
        };
        Self(std::array::from_fn(|day| both(self.0[day], other.0[day])))
    }
}

/// The name of a rule: `US`, `US-FL`, `CA`. Sorts as the table does, the federal rule first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleCode(u8);

/// One rule with what is known about it.
#[derive(Debug, Serialize)]
pub struct Rule {
    /// Its name.
    pub code: RuleCode,
    /// The country or state in words.
    pub name: String,
    /// The open hours; federal and state rule must both be open.
    #[serde(skip)]
    pub windows: Week,
    /// Messages (not segments) to one person in any 24 hours; none where the law sets no number.
    pub cap_24h: Option<u32>,
    /// A zone that the statute itself names, as Mississippi's does. Told, not applied: hours are
    /// always counted in the recipient's zones, which for Mississippi is the same.
    pub fixed_zone: Option<&'static str>,
    /// The law.
    pub statute: String,
    /// Where it was read.
    pub sources: Vec<String>,
    /// How sure the reading is.
    pub confidence: String,
    /// Whether it reaches texts.
    pub covers_texts: String,
    /// What the law says about holidays; which days those are says [`crate::holidays`].
    pub holidays: Option<String>,
    /// Where sources differ.
    pub disagreement: Option<String>,
}

/// The text names no rule of the table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no quiet-hours rule {0:?}")]
pub struct UnknownRule(String);

#[derive(Deserialize)]
struct File {
    as_of: String,
    rules: Vec<Line>,
}

/// A rule as the file has it.
#[derive(Deserialize)]
struct Line {
    code: String,
    name: String,
    windows: Days,
    cap_24h: Option<u32>,
    statute: String,
    sources: Vec<String>,
    confidence: String,
    covers_texts: String,
    holidays: Option<String>,
    disagreement: Option<String>,
    tz: Option<String>,
}

#[derive(Deserialize)]
struct Days {
    mon: Hours,
    tue: Hours,
    wed: Hours,
    thu: Hours,
    fri: Hours,
    sat: Hours,
    sun: Hours,
}

type Hours = Option<(String, String)>;

struct Table {
    as_of: String,
    codes: Vec<String>,
    rules: Vec<Rule>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let file: File =
        serde_json::from_str(include_str!("../data/quiet_hours.json")).expect("quiet_hours.json is well formed");
    let codes = file.rules.iter().map(|line| line.code.clone()).collect();
    let rules = (0..).zip(file.rules).map(|(place, line)| read_line(RuleCode(place), line)).collect();
    Table { as_of: file.as_of, codes, rules }
});

fn read_line(code: RuleCode, line: Line) -> Rule {
    let days = line.windows;
    let windows = [days.mon, days.tue, days.wed, days.thu, days.fri, days.sat, days.sun];
    Rule {
        code,
        name: line.name,
        windows: Week(windows.map(|day| day.map(|(start, end)| Span { start: minutes(&start), end: minutes(&end) }))),
        cap_24h: line.cap_24h,
        fixed_zone: line.tz.filter(|tz| tz == "fixed: Central").map(|_| "America/Chicago"),
        statute: line.statute,
        sources: line.sources,
        confidence: line.confidence,
        covers_texts: line.covers_texts,
        holidays: line.holidays,
        disagreement: line.disagreement,
    }
}

fn minutes(text: &str) -> u16 {
    let read = |part: &str| part.parse::<u16>().expect("quiet_hours.json writes hours as 08:00");
    let (hour, minute) = text.split_once(':').expect("quiet_hours.json writes hours as 08:00");
    read(hour) * 60 + read(minute)
}

/// All rules, the federal one first.
pub fn all() -> &'static [Rule] {
    &TABLE.rules
}

/// The day on which the table was made, as `2026-11-24`.
pub fn as_of() -> &'static str {
    &TABLE.as_of
}

/// The rule of a code such as `US-FL`.
pub fn find(code: &str) -> Option<&'static Rule> {
    code.parse::<RuleCode>().ok().map(RuleCode::rule)
}

/// The federal floor of the United States, which holds for every number but Canada's.
pub fn federal() -> RuleCode {
    RuleCode(0)
}

/// The rules of a state or province, floor included.
pub fn of_state(state: &State) -> Vec<RuleCode> {
    match state.country {
        Country::Canada => find("CA").map(|rule| rule.code).into_iter().collect(),
        Country::UnitedStates => {
            let own = find(&format!("US-{}", state.code)).map(|rule| rule.code);
            std::iter::once(federal()).chain(own).collect()
        }
    }
}

/// The smallest cap of these rules: messages to one person in any 24 hours.
pub fn cap(rules: &[RuleCode]) -> Option<u32> {
    rules.iter().filter_map(|code| code.rule().cap_24h).min()
}

/// The hours that all of these rules leave open.
pub fn week(rules: &[RuleCode]) -> Week {
    rules.iter().fold(Week::ALWAYS, |week, code| week.meet(&code.rule().windows))
}

impl RuleCode {
    /// The rule itself.
    pub fn rule(self) -> &'static Rule {
        &TABLE.rules[usize::from(self.0)]
    }

    /// The text, such as `US-FL`.
    pub fn as_str(self) -> &'static str {
        &TABLE.codes[usize::from(self.0)]
    }
}

impl FromStr for RuleCode {
    type Err = UnknownRule;
    fn from_str(text: &str) -> Result<Self, UnknownRule> {
        let place = TABLE.codes.iter().position(|code| code == text);
        place
            .and_then(|place| u8::try_from(place).ok())
            .map(Self)
            .ok_or_else(|| UnknownRule(text.chars().take(32).collect()))
    }
}

impl fmt::Display for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text, as in a log line.
impl fmt::Debug for RuleCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RuleCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RuleCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::states;

    #[test]
    fn the_table_has_every_rule_with_its_sources_and_real_spans() {
        assert_eq!((all().len(), as_of(), federal().as_str()), (26, "2026-11-24", "US"));
        for rule in all() {
            assert!(!rule.sources.is_empty() && !rule.statute.is_empty() && !rule.confidence.is_empty(), "{rule:?}");
            assert!(rule.windows.0.iter().flatten().all(|span| span.start < span.end && span.end <= DAY), "{rule:?}");
            let state = rule.code.as_str().strip_prefix("US-");
            assert!(state.is_none_or(|code| states::find(code).is_some()), "{rule:?}");
        }
        assert_eq!(find("US-MS").unwrap().fixed_zone, Some("America/Chicago"));
        assert!(find("US-GA").is_none() && find("").is_none());
    }

    #[test]
    fn the_strictest_of_several_rules_holds() {
        let codes = ["US", "US-FL", "US-RI"].map(|code| code.parse::<RuleCode>().unwrap());
        assert_eq!(cap(&codes), Some(3));
        assert_eq!(cap(&codes[..1]), None);
        let week = week(&codes);
        assert_eq!(week.0[0], Some(Span { start: 9 * 60, end: 18 * 60 }));
        assert_eq!(week.0[6], None);
    }

    #[test]
    fn a_state_without_a_rule_of_its_own_has_the_federal_floor() {
        let codes = |state| of_state(states::find(state).unwrap()).iter().map(|code| code.as_str()).collect::<Vec<_>>();
        assert_eq!(codes("GA"), ["US"]);
        assert_eq!(codes("FL"), ["US", "US-FL"]);
        assert_eq!(codes("PR"), ["US"]);
        assert_eq!(codes("ON"), ["CA"]);
        // California's letters are Canada's too.
        assert_eq!(codes("CA"), ["US", "US-CA"]);
    }
}
