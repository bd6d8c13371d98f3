//! The whole answer of `dripline window` on one number: in words, and as one JSON document.

use domain::rules::{RuleCode, Span, Week};
use domain::window;
use domain::zones::{Zone, ZoneSource};
use jiff::Timestamp;
use serde::Serialize;

use super::Found;
use crate::cli::days::{self, Days};
use crate::cli::table::Table;

/// The whole answer for programs.
#[derive(Serialize)]
pub(super) struct Full {
    phone: String,
    at: Timestamp,
    allowed: bool,
    next: Option<Timestamp>,
    zone_source: ZoneSource,
    primary_zone: Zone,
    zones: Vec<Local>,
    rules: Vec<Law>,
    unknown_zip: Option<String>,
}

/// The wall clock of a zone.
#[derive(Serialize)]
struct Local {
    zone: Zone,
    local: String,
    open: bool,
    /// What all rules together leave open on that day there.
    window: Option<String>,
}

#[derive(Serialize)]
struct Law {
    code: RuleCode,
    name: &'static str,
    windows: Days<'static>,
    statute: &'static str,
    cap_24h: Option<u32>,
    holidays: Option<&'static str>,
}

pub(super) fn full(found: &Found) -> Full {
    let candidates = &found.candidates;
    let law = |code: &RuleCode| {
        let rule = code.rule();
        Law {
            code: *code,
            name: &rule.name,
            windows: Days(&rule.windows),
            statute: &rule.statute,
            cap_24h: rule.cap_24h,
            holidays: rule.holidays.as_deref(),
        }
    };
    Full {
        phone: found.phone.to_string(),
        at: found.at,
        allowed: found.allowed(),
        next: found.next.filter(|_| !found.allowed()),
        zone_source: candidates.source,
        primary_zone: candidates.primary.clone(),
        zones: candidates.zones.iter().map(|zone| local(zone, &candidates.rules, found.at)).collect(),
        rules: candidates.rules.iter().map(law).collect(),
        unknown_zip: found.unknown_zip.clone(),
    }
}

fn local(zone: &Zone, rules: &[RuleCode], at: Timestamp) -> Local {
    Local {
        zone: zone.clone(),
        local: at.to_zoned_datetime(zone.clock().clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        open: window::is_open(std::slice::from_ref(zone), rules, None, at),
        window: day(&domain::rules::week(rules), zone, at).map(|span| days::hours(Some(span))),
    }
}

/// The hours of the day that it is there.
fn day(week: &Week, zone: &Zone, at: Timestamp) -> Option<Span> {
    let weekday = zone.local(at).weekday().to_monday_zero_offset();
    usize::try_from(weekday).ok().and_then(|weekday| week.0[weekday])
}

/// The whole answer for people.
pub(super) fn words(found: &Found) -> String {
    let zip = found.unknown_zip.as_ref().map(|zip| format!("The ZIP code {zip:?} is not known and was ignored.\n"));
    [verdict(found), "\n".into(), clocks(found), source(found), zip.unwrap_or_default(), "\n".into(), laws(found)]
        .concat()
}

fn wall(zone: &Zone, at: Timestamp) -> String {
    zone.local(at).strftime("%a %Y-%m-%d %H:%M:%S").to_string()
}

fn verdict(found: &Found) -> String {
    let (phone, at, primary) = (found.phone, found.at, &found.candidates.primary);
    if found.allowed() {
        return format!("allowed: {phone} may be texted at {at:.0}\n");
    }
    let next = found.next.map_or_else(
        || "none within two weeks: the zones and rules leave no common hour".into(),
        |next| format!("{next}, which is {} in {}", wall(primary, next), primary.name()),
    );
    format!("not allowed: {phone} may not be texted at {at:.0}\nnext opening: {next}\n")
}

/// One line a zone: its wall clock, and the hours of each rule on that day.
fn clocks(found: &Found) -> String {
    let rules = &found.candidates.rules;
    let heads = ["ZONE", "LOCAL TIME", "NOW"].into_iter().chain(rules.iter().map(|code| code.as_str()));
    let mut table = Table::new(heads);
    for zone in &found.candidates.zones {
        let open = window::is_open(std::slice::from_ref(zone), rules, None, found.at);
        let now = if open { "open" } else { "closed" };
        let start = [zone.name().to_owned(), wall(zone, found.at), now.to_owned()];
        let hours = rules.iter().map(|code| days::hours(day(&code.rule().windows, zone, found.at)));
        table.row(start.into_iter().chain(hours));
    }
    table.text()
}

fn source(found: &Found) -> String {
    let from = match found.candidates.source {
        ZoneSource::Contact => "Zone set by --zone".into(),
        ZoneSource::Zip => "Zones known from the ZIP code".into(),
        ZoneSource::State => "Zones known from the state".into(),
        ZoneSource::AreaCode => {
            format!("Zones known from the area code {:03}", found.phone.area_code().unwrap_or_default())
        }
        ZoneSource::Workspace => "Nothing says where the number is: the workspace's zone".to_owned(),
        // None of these is likelier than another.
        ZoneSource::Country if found.phone.area_code().is_some() => {
            return "The number says no place: it may be anywhere in its country, and all must be open.\n".into();
        }
        ZoneSource::Country => {
            return "Zones of other countries are not known: all of the United States must be open.\n".into();
        }
    };
    let several = found.candidates.zones.len() > 1;
    let likeliest = format!("; all must be open; the likeliest is {}", found.candidates.primary.name());
    format!("{from}{}.\n", if several { likeliest } else { String::new() })
}

fn laws(found: &Found) -> String {
    let mut table = Table::new(["RULE", "NAME", "HOURS", "LAW"]);
    for rule in found.candidates.rules.iter().map(|code| code.rule()) {
        table.row([rule.code.as_str(), &rule.name, &days::words(&rule.windows), &rule.statute]);
    }
    table.text()
}
