//! What carriers take: the rates that the operator has agreed with them, and what they make of the texts of a workspace.
//!
//! A day's texts are counted by country and account as they are sent and received (`tally::Leg`); money is made of that when somebody
//! looks. So a rate that is set late, or corrected, holds for the days that it is for, and the books of the workspaces, which hold
//! what **they** pay, know nothing of it (decision 0031).

use std::collections::{BTreeMap, HashMap};

use carrier::account::Kind;
use domain::ids::{CarrierId, WorkspaceId};
use domain::money::Micros;
use domain::tally::{Count, Leg};
use domain::tariff::{Country, MAX_RATE, Rate, Tariff, Way};
use jiff::tz::TimeZone;
use serde_json::json;
use store::carrier_rates::{self, Entry};
use store::{DbError, Lane, Read, installation, tallies};

use crate::actor::Operator;
use crate::acts;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::installation::DAYS;

/// Most rates: they are shown all at once.
pub const MAX_RATES: usize = 2_000;
/// How many days before today a rate may begin, and how many after.
pub const SPAN: i64 = 1_100;
/// The kind of the installation's own carrier, over which texts go that no account sends.
pub const OWN: &str = "simulator";

/// Why a rate is not set.
#[derive(Debug, thiserror::Error)]
pub enum RateError {
    /// There is no such kind of carrier.
    #[error("there is no carrier {0:?}")]
    Carrier(String),
    /// There is no such country.
    #[error("{0} is no country with phone numbers; it is written in the two letters of ISO 3166, such as US or DE")]
    Country(Country),
    /// It is below zero, or dearer than any carrier is.
    #[error("{0} for a segment is not between $0.00 and {MAX_RATE}")]
    Price(Micros),
    /// It begins too early or too late.
    #[error("a rate begins {SPAN} days before today at the earliest, and {SPAN} after it at the latest")]
    Since,
    /// There are too many.
    #[error("there are {MAX_RATES} rates already; remove those that are no longer needed")]
    TooMany,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for RateError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// What carriers took for some texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// By the rates that are set.
    pub micros: Micros,
    /// Segments for which none is.
    pub unpriced: i64,
}

/// What went over one kind of carrier to one country, or came from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// The kind of carrier.
    pub carrier: String,
    /// The country.
    pub country: Country,
    /// To contacts or from them.
    pub way: Way,
    /// Texts and segments.
    pub count: Count,
    /// What the carrier took.
    pub cost: Cost,
}

/// The kinds of carriers that rates are set for: what the database holds, and how people call it.
#[must_use]
pub fn carriers() -> Vec<(&'static str, &'static str)> {
    let accounts = Kind::ALL.into_iter().map(|kind| (kind.word(), kind.name()));
    accounts.chain([(OWN, "Simulator")]).collect()
}

/// All that is needed to say what a leg cost.
pub(crate) struct Rates {
    tariff: Tariff,
    kinds: HashMap<CarrierId, String>,
}

impl Rates {
    /// The rates, and of which kind the accounts of these workspaces are.
    pub(crate) fn read(db: &Read<'_>, ids: &[WorkspaceId]) -> Result<Self, Failure> {
        let rates = carrier_rates::list(db)?.into_iter().map(|entry| entry.rate).collect();
        Ok(Self { tariff: Tariff::new(rates), kinds: installation::kinds(db, ids)? })
    }

    fn kind(&self, leg: Leg) -> &str {
        leg.account.map_or(OWN, |account| self.kinds.get(&account).map_or("", String::as_str))
    }

    /// What the carrier took for what it carried on a day.
    pub(crate) fn cost(&self, leg: Leg, day: i64, count: Count) -> Cost {
        let price = self.tariff.price(self.kind(leg), leg.country, day).map(|price| price.of(leg.way));
        match price.and_then(|price| price.checked_times(count.segments)) {
            Some(micros) => Cost { micros, unpriced: 0 },
            None => Cost { micros: Micros::ZERO, unpriced: count.segments },
        }
    }
}

impl Cost {
    pub(crate) fn add(&mut self, other: Self) {
        self.micros.0 = self.micros.0.saturating_add(other.micros.0);
        self.unpriced += other.unpriced;
    }
}

impl Engine {
    /// All rates, by carrier, country and day.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn rates(&self, _: &Operator) -> Result<Vec<Entry>, Failure> {
        self.read(|db| Ok::<_, Failure>(carrier_rates::list(db)?)).await
    }

    /// Sets what a carrier takes in a country from a day on; of the same day it takes the place of what was said before.
    ///
    /// # Errors
    /// See [`RateError`].
    pub async fn set_rate(&self, by: &Operator, rate: Rate) -> Result<Entry, RateError> {
        let beat = self.beat_as(WorkspaceId(0), by.name());
        check(&rate, tallies::number_of(TimeZone::UTC.to_datetime(beat.now).date()))?;
        let entry = Entry { rate, set_at: beat.now, set_by: by.name().to_owned() };
        self.write(Lane::Normal, move |tx| {
            if carrier_rates::list(tx)?.len() >= MAX_RATES {
                return Err(RateError::TooMany);
            }
            carrier_rates::put(tx, &entry)?;
            let Rate { carrier, country, since, price } = &entry.rate;
            let facts = json!({ "carrier": carrier, "country": country.map(|country| country.to_string()), "since": since,
                "sent": price.sent, "heard": price.heard });
            acts::note(tx, &beat, "rate_set", &facts)?;
            Ok(entry.clone())
        })
        .await
    }

    /// Removes a rate: what was there before it holds again. Whether there was one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn remove_rate(
        &self,
        by: &Operator,
        carrier: &str,
        country: Option<Country>,
        since: i64,
    ) -> Result<bool, Failure> {
        let (beat, carrier) = (self.beat_as(WorkspaceId(0), by.name()), carrier.to_owned());
        self.write(Lane::Normal, move |tx| {
            let removed = carrier_rates::remove(tx, &carrier, country.as_ref(), since)?;
            if removed {
                let country = country.map(|country| country.to_string());
                let facts = json!({ "carrier": carrier, "country": country, "since": since });
                acts::note(tx, &beat, "rate_removed", &facts)?;
            }
            Ok(removed)
        })
        .await
    }

    /// What carriers carried for a workspace in the last [`DAYS`] and took for it: the dearest first, then what has most segments.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn carried(&self, _: &Operator, workspace: WorkspaceId) -> Result<Vec<Carried>, Failure> {
        let since = tallies::number_of(TimeZone::UTC.to_datetime(self.now()).date()) - (DAYS - 1);
        self.read(move |db| {
            let rates = Rates::read(db, &[workspace])?;
            let mut sums = BTreeMap::<_, (Count, Cost)>::new();
            for (_, day, leg, count) in installation::legs(db, &[workspace], since)? {
                let sum = sums.entry((rates.kind(leg).to_owned(), leg.country, leg.way)).or_default();
                sum.0 = sum.0.plus(count);
                sum.1.add(rates.cost(leg, day, count));
            }
            let row = |((carrier, country, way), (count, cost))| Carried { carrier, country, way, count, cost };
            let mut rows: Vec<Carried> = sums.into_iter().map(row).collect();
            rows.retain(|row| row.count != Count::default());
            rows.sort_by_key(|row| std::cmp::Reverse((row.cost.micros, row.count.segments)));
            Ok(rows)
        })
        .await
    }
}

fn check(rate: &Rate, today: i64) -> Result<(), RateError> {
    if !carriers().iter().any(|(word, _)| *word == rate.carrier) {
        return Err(RateError::Carrier(rate.carrier.clone()));
    }
    if let Some(country) = rate.country.filter(|country| *country != Country::NONE && !country.has_numbers()) {
        return Err(RateError::Country(country));
    }
    for price in [rate.price.sent, rate.price.heard] {
        if !(Micros::ZERO..=MAX_RATE).contains(&price) {
            return Err(RateError::Price(price));
        }
    }
    if (today - SPAN..=today + SPAN).contains(&rate.since) { Ok(()) } else { Err(RateError::Since) }
}
