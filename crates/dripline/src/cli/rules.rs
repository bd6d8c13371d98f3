//! `dripline rules`: the quiet-hours table in force, with its laws and sources.

use domain::holidays;
use domain::rules::{self, Rule};
use domain::states::{self, Country};
use jiff::civil::Date;
use serde::Serialize;

use super::days::{self, Days};
use super::table::Table;
use super::{Answer, Format, Stop};

const EXAMPLES: &str = "\
Examples:
  dripline rules                 the whole table, then the sources of each rule
  dripline rules US US-FL        two rules
  dripline rules Florida         the rules of a state, the federal one included
  dripline rules --json

`CA` is Canada's rule; California's is US-CA, or California.

The hours are those of the recipient's clock; the end is closed already. A message must be
inside the hours of every rule that holds for the contact. Rules are an engineering note
and not legal advice.";

/// Print the quiet-hours rules in force, with their sources
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Rules {
    /// Rules or states, such as US-FL or Florida [default: all]
    #[arg(value_name = "RULE")]
    names: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("there is no rule or state {0:?}; `dripline rules` lists the rules, states are written as FL or Florida")]
struct UnknownName(String);

#[derive(Serialize)]
struct Full {
    as_of: &'static str,
    legal_advice: bool,
    rules: Vec<Law>,
}

#[derive(Serialize)]
struct Law {
    #[serde(flatten)]
    rule: &'static Rule,
    windows: Days<'static>,
    /// The legal holidays that it closes, of the years that are printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed: Option<Closed>,
}

/// The days that a rule closes beside its hours.
#[derive(Serialize)]
struct Closed {
    as_of: &'static str,
    days: Vec<(Date, &'static str)>,
    sources: &'static [String],
    doubt: &'static str,
}

/// The years whose holidays are printed.
const YEARS: std::ops::RangeInclusive<i16> = 2026..=2028;

fn closed(rule: &Rule) -> Option<Closed> {
    let all = holidays::of(rule.code)?;
    let days = YEARS.flat_map(|year| all.of_year(year)).collect();
    Some(Closed { as_of: holidays::as_of(), days, sources: &all.sources, doubt: &all.doubt })
}

impl Rules {
    pub(crate) fn run(self, answer: &mut Answer) -> Result<(), Stop> {
        let rules = chosen(&self.names).map_err(Stop::usage)?;
        match answer.format() {
            Format::Json => {
                let laws =
                    rules.into_iter().map(|rule| Law { rule, windows: Days(&rule.windows), closed: closed(rule) });
                answer.document(&Full { as_of: rules::as_of(), legal_advice: false, rules: laws.collect() })
            }
            Format::Text => answer.text(&words(&rules)),
        }
    }
}

/// The named rules in the order of the table, each once; all of them without a name.
fn chosen(names: &[String]) -> Result<Vec<&'static Rule>, UnknownName> {
    let mut codes = Vec::new();
    for name in names {
        // `CA` is Canada's rule as well as California's letters: a rule's own name comes first.
        let own = rules::find(&name.to_uppercase()).map(|rule| vec![rule.code]);
        let of_state = || states::read(name).map(rules::of_state);
        codes.extend(own.or_else(of_state).ok_or_else(|| UnknownName(name.chars().take(40).collect()))?);
    }
    let is_chosen = |rule: &&Rule| names.is_empty() || codes.contains(&rule.code);
    Ok(rules::all().iter().filter(is_chosen).collect())
}

fn words(rules: &[&Rule]) -> String {
    let mut words =
        format!("Quiet-hours rules as of {}, in the recipient's local time. Not legal advice.\n\n", rules::as_of());
    let mut table = Table::new(["RULE", "NAME", "OPEN HOURS", "CAP"]);
    for rule in rules {
        let cap = rule.cap_24h.map_or_else(String::new, |cap| format!("{cap} in 24 h"));
        table.row([rule.code.to_string(), rule.name.clone(), days::words(&rule.windows), cap]);
    }
    words.push_str(&table.text());
    let states = states::all().iter().filter(|state| state.country == Country::UnitedStates);
    let floor_only = states.filter(|state| rules::of_state(state).len() == 1).count();
    words.push_str(&format!("\n{floor_only} states and territories have the federal rule alone.\n"));
    for rule in rules {
        words.push_str(&sources(rule));
    }
    words
}

/// What the rule stands on.
fn sources(rule: &Rule) -> String {
    let mut words = format!("\n{} {}\n", rule.code, rule.name);
    let mut table = Table::new::<&str>([]);
    table.row(["  law", &rule.statute]);
    table.row(["  reaches texts", &rule.covers_texts]);
    table.row(["  confidence", &rule.confidence]);
    let told = [("  holidays", &rule.holidays), ("  disagreement", &rule.disagreement)];
    for (name, text) in told.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?))) {
        table.row([name, text]);
    }
    let closed = closed(rule);
    let years = YEARS.filter_map(|year| {
        let days = closed.as_ref()?.days.iter().filter(|(day, _)| day.year() == year);
        let days = days.map(|(day, name)| format!("{} {name}", day.strftime("%b %-d")));
        Some((format!("  closed {year}"), days.collect::<Vec<_>>().join(", ")))
    });
    for (name, days) in years {
        table.row([name.as_str(), days.as_str()]);
    }
    if let Some(closed) = &closed {
        table.row(["  days from", &closed.sources.join("; ")]);
        table.row(["  doubt", closed.doubt]);
    }
    for (place, source) in rule.sources.iter().enumerate() {
        table.row([if place == 0 { "  sources" } else { "" }, source]);
    }
    words.push_str(&table.text());
    words
}
