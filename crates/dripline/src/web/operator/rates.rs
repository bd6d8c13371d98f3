//! `/operator/rates`: what carriers take for a segment, by country and day: set, corrected, removed.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::money::Micros;
use domain::tariff::{Country, Price, Rate};
use engine::tariffs::{self, RateError};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use store::carrier_rates::Entry;
use store::tallies;

use super::Console;
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format;
use crate::web::frame::{Frame, Section};
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/operator/rates";

/// A rate as it is written.
struct Row {
    carrier: String,
    /// How people call the carrier.
    name: String,
    /// The two letters; empty for every other country.
    country: String,
    since: Date,
    sent: String,
    heard: String,
    /// Whether it holds today.
    holds: bool,
    by: String,
}

/// What was typed.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Typed {
    carrier: String,
    country: String,
    sent: String,
    heard: String,
    since: String,
}

/// How people call a kind of carrier.
pub(super) fn name_of(carrier: &str) -> String {
    let all = tariffs::carriers();
    let found = all.iter().find(|(word, _)| *word == carrier);
    found.map_or_else(|| "an account that is gone".to_owned(), |(_, name)| (*name).to_owned())
}

/// A country as a page shows it.
pub(super) fn country_name(country: Country) -> String {
    if country == Country::NONE { "no country".to_owned() } else { country.to_string() }
}

/// Two letters, or nothing for every other country; else the field that cannot be read.
fn country(text: &str) -> Result<Option<Country>, Fault> {
    match text.trim() {
        "" => Ok(None),
        letters => {
            let read = Country::read(letters).map(Some);
            read.ok_or_else(|| Fault::says("country", "Write the two letters of the country, such as US, or nothing."))
        }
    }
}

fn day(text: &str) -> Result<i64, Fault> {
    let date = text.trim().parse::<Date>();
    date.map(tallies::number_of).map_err(|_| Fault::says("since", "This is not a date such as 2027-01-31."))
}

fn read(typed: &Typed) -> Result<Rate, Fault> {
    let money = |field, text: &str| text.trim().parse::<Micros>().map_err(|error| Fault::at(field, &error));
    Ok(Rate {
        carrier: typed.carrier.clone(),
        country: country(&typed.country)?,
        price: Price { sent: money("sent", &typed.sent)?, heard: money("heard", &typed.heard)? },
        since: day(&typed.since)?,
    })
}

/// The rates as rows; which of each carrier and country holds today.
fn rows(all: &[Entry], today: i64) -> Vec<Row> {
    let key = |entry: &Entry| (entry.rate.carrier.clone(), entry.rate.country);
    let holds = |entry: &Entry| {
        let later =
            |other: &Entry| key(other) == key(entry) && (entry.rate.since + 1..=today).contains(&other.rate.since);
        entry.rate.since <= today && !all.iter().any(later)
    };
    let row = |entry: &Entry| Row {
        carrier: entry.rate.carrier.clone(),
        name: name_of(&entry.rate.carrier),
        country: entry.rate.country.map(|country| country.to_string()).unwrap_or_default(),
        since: tallies::date_of(entry.rate.since),
        sent: format::money(entry.rate.price.sent),
        heard: format::money(entry.rate.price.heard),
        holds: holds(entry),
        by: format::capital(&entry.set_by),
    };
    all.iter().map(row).collect()
}

#[derive(Template)]
#[template(path = "operator/rates.html")]
struct RatesPage<'v> {
    frame: Frame<'v>,
    rows: Vec<Row>,
    carriers: Vec<(&'static str, &'static str)>,
    typed: Typed,
    fault: Fault,
}

async fn page<'v>(parts: &Parts, console: &'v Console, typed: Typed, fault: Fault) -> Result<RatesPage<'v>, Wrong> {
    let all = parts.engine.rates(&console.operator).await?;
    let today = TimeZone::UTC.to_datetime(console.viewer.now).date();
    let since = if typed.since.is_empty() { today.to_string() } else { typed.since.clone() };
    Ok(RatesPage {
        frame: Frame::new("Carriers’ rates", Section::Operator, &console.viewer),
        rows: rows(&all, tallies::number_of(today)),
        carriers: tariffs::carriers(),
        typed: Typed { since, ..typed },
        fault,
    })
}

pub(super) async fn show(State(parts): State<Parts>, console: Console) -> Result<Response, Wrong> {
    let typed = Typed { heard: "0".to_owned(), ..Typed::default() };
    Ok(html(&page(&parts, &console, typed, Fault::default()).await?))
}

pub(super) async fn set(
    State(parts): State<Parts>,
    console: Console,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    let fault = match read(&typed) {
        Ok(rate) => match parts.engine.set_rate(&console.operator, rate.clone()).await {
            Ok(Entry { rate, .. }) => {
                let place = rate.country.map_or_else(|| "every other country".to_owned(), country_name);
                let (name, since) = (name_of(&rate.carrier), tallies::date_of(rate.since));
                let said = format!("{name} takes {} in {place} from {since} on", format::money(rate.price.sent));
                return Ok(Done::to(HERE).saying(said).into_response());
            }
            Err(error @ (RateError::Carrier(_) | RateError::TooMany)) => Fault::at("carrier", &error),
            Err(error @ RateError::Country(_)) => Fault::at("country", &error),
            Err(error @ RateError::Price(given)) if given == rate.price.sent => Fault::at("sent", &error),
            Err(error @ RateError::Price(_)) => Fault::at("heard", &error),
            Err(error @ RateError::Since) => Fault::at("since", &error),
            Err(RateError::Failure(failure)) => return Err(failure.into()),
        },
        Err(fault) => fault,
    };
    Ok(refused(&page(&parts, &console, typed, fault).await?))
}

/// Which rate goes.
#[derive(Deserialize)]
pub(super) struct Which {
    carrier: String,
    country: String,
    since: String,
}

pub(super) async fn remove(
    State(parts): State<Parts>,
    console: Console,
    Form(which): Form<Which>,
) -> Result<Response, Wrong> {
    let (Ok(country), Ok(since)) = (country(&which.country), day(&which.since)) else {
        return Err(Wrong::not_found("the rate"));
    };
    if !parts.engine.remove_rate(&console.operator, &which.carrier, country, since).await? {
        return Err(Wrong::not_found("the rate"));
    }
    Ok(Done::to(HERE).saying("The rate is gone; what was there before it holds again".to_owned()).into_response())
}
