//! Plans, and where a workspace stands with the one that it has: what is paid and granted, when, and when it ends.
//!
//! | at | the wallet covers the price | it does not |
//! |---|---|---|
//! | the end of a trial or of a period | the next period begins: price paid, credits granted | past due, until the grace is over |
//! | any time while past due | the period that was not paid is paid, its credits are granted | it goes on until the grace is over |
//! | the end of the period of a plan that was canceled | it ends | it ends |
//! | the end of the grace | the period is paid | it ends |
//!
//! What is left of a period's credits ends with the period; what comes back later, of texts that were not sent, comes
//! back as credits of the period that runs then. Terms never change: other terms are another plan. Periods are months
//! on the workspace's calendar, counted from the first paid one, and a month without that day ends on its last. A period
//! that nobody served, because no server ran, is not charged.

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::money::Micros;
use crate::zones::Zone;

/// The highest price of a month.
pub const MAX_PRICE: Micros = Micros(100_000_000_000);
/// The most credits that a month can include.
pub const MAX_CREDITS: i64 = 100_000_000;
/// The highest price of a segment: one dollar, which no carrier comes near.
pub const MAX_RATE: Micros = Micros(1_000_000);
/// The most numbers that a plan can include.
pub const MAX_NUMBERS: i64 = 10_000;
/// The longest trial, in days.
pub const MAX_TRIAL_DAYS: i64 = 90;
/// The longest grace, in days: shorter than any month, so that what is owed is one month.
pub const MAX_GRACE_DAYS: i64 = 27;
/// How many days before its end a plan's end is announced, farthest first.
pub const WARNINGS: [i64; 2] = [14, 3];

/// What a plan costs and gives in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The price of a month, taken from the wallet when it begins.
    pub price: Micros,
    /// The credits of a month: free segments.
    pub credits: i64,
    /// The price of a segment that no credit covers.
    pub rate: Micros,
    /// How many sending numbers a workspace may have; nothing for as many as it likes.
    pub numbers: Option<i64>,
    /// The days of a first, free period; 0 for none. Its credits are those of a month.
    pub trial_days: i64,
    /// For how many days what is not paid goes on.
    pub grace_days: i64,
}

/// Why terms cannot be those of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TermsError {
    /// The price.
    #[error("a price of {0} a month is not between $0.00 and {MAX_PRICE}")]
    Price(Micros),
    /// The credits.
    #[error("{0} credits a month are not between 0 and {MAX_CREDITS}")]
    Credits(i64),
    /// The rate.
    #[error("the rate of {0} for a segment is not between $0.00 and {MAX_RATE}")]
    Rate(Micros),
    /// The numbers.
    #[error("{0} numbers are not between 1 and {MAX_NUMBERS}")]
    Numbers(i64),
    /// The trial or the grace.
    #[error("a {what} of {days} days is not between 0 and {most}")]
    Days {
        /// `trial` or `grace`.
        what: &'static str,
        /// How many were given.
        days: i64,
        /// How many are allowed.
        most: i64,
    },
}

impl Terms {
    /// Whether these can be the terms of a plan.
    ///
    /// # Errors
    /// The first that is out of its limits.
    pub fn check(&self) -> Result<(), TermsError> {
        if !(Micros::ZERO..=MAX_PRICE).contains(&self.price) {
            return Err(TermsError::Price(self.price));
        }
        if !(0..=MAX_CREDITS).contains(&self.credits) {
            return Err(TermsError::Credits(self.credits));
        }
        if !(Micros::ZERO..=MAX_RATE).contains(&self.rate) {
            return Err(TermsError::Rate(self.rate));
        }
        if let Some(numbers) = self.numbers.filter(|numbers| !(1..=MAX_NUMBERS).contains(numbers)) {
            return Err(TermsError::Numbers(numbers));
        }
        let days = [("trial", self.trial_days, MAX_TRIAL_DAYS), ("grace", self.grace_days, MAX_GRACE_DAYS)];
        let wrong = days.into_iter().find(|(_, days, most)| !(0..=*most).contains(days));
        wrong.map_or(Ok(()), |(what, days, most)| Err(TermsError::Days { what, days, most }))
    }
}

/// A month of a plan, or its trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// From 1; 0 is the trial.
    pub number: i64,
    /// When it begins.
    pub from: Timestamp,
    /// When it is over: the first instant that is not in it.
    pub until: Timestamp,
}

/// Where a workspace stands with its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// In its trial, which is free.
    Trialing,
    /// Paid.
    Active,
    /// The period's price is owed; what runs goes on until the grace is over.
    PastDue {
        /// When the grace is over.
        until: Timestamp,
    },
    /// Over; what ran is being ended, with its refunds.
    Closing,
    /// Over.
    Ended,
}

impl Standing {
    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Trialing => "trialing",
            Self::Active => "active",
            Self::PastDue { .. } => "past_due",
            Self::Closing => "closing",
            Self::Ended => "ended",
        }
    }

    /// Reads the word back, with the end of the grace where there is one.
    #[must_use]
    pub fn from_word(word: &str, grace: Option<Timestamp>) -> Option<Self> {
        match (word, grace) {
            ("trialing", _) => Some(Self::Trialing),
            ("active", _) => Some(Self::Active),
            ("past_due", Some(until)) => Some(Self::PastDue { until }),
            ("closing", _) => Some(Self::Closing),
            ("ended", _) => Some(Self::Ended),
            _ => None,
        }
    }

    /// Whether the workspace may enroll and send.
    #[must_use]
    pub fn serves(self) -> bool {
        matches!(self, Self::Trialing | Self::Active | Self::PastDue { .. })
    }
}

/// What happens when the period is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AtEnd {
    /// The next one begins.
    Renew,
    /// The plan ends: somebody canceled it.
    End,
}

impl AtEnd {
    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::End => "end",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Renew, Self::End].into_iter().find(|at_end| at_end.word() == word)
    }
}

/// What is to be done with a plan now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Say that it ends within so many days: one of [`WARNINGS`].
    Warn(i64),
    /// Begin this period, paid or owed.
    Renew(Period),
    /// End it.
    End,
    /// End what still runs.
    Close,
}

/// A workspace's plan over time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// Where it stands.
    pub standing: Standing,
    /// The first day of the first paid period, from which months are counted.
    pub anchor: Date,
    /// The period that runs.
    pub period: Period,
    /// What happens when that is over.
    pub at_end: AtEnd,
    /// The nearest of [`WARNINGS`] that was written of the coming end; 0 for none.
    pub warned: i64,
}

impl Course {
    /// A plan that begins now: with its trial, if it has one and the workspace has had none.
    #[must_use]
    pub fn begin(trial_days: i64, zone: &Zone, now: Timestamp) -> Self {
        let today = zone.local(now).date();
        let anchor = today.saturating_add(days(trial_days));
        let (standing, period) = if trial_days > 0 {
            (Standing::Trialing, Period { number: 0, from: now, until: midnight(zone, anchor) })
        } else {
            (Standing::Active, Period { number: 1, from: now, until: boundary(anchor, 1, zone) })
        };
        Self { standing, anchor, period, at_end: AtEnd::Renew, warned: 0 }
    }

    /// When the plan ends, if nobody does anything about it.
    #[must_use]
    pub fn ends_at(&self) -> Option<Timestamp> {
        match (self.standing, self.at_end) {
            (Standing::PastDue { until }, _) => Some(until),
            (Standing::Trialing | Standing::Active, AtEnd::End) => Some(self.period.until),
            _ => None,
        }
    }

    /// What is to be done now. Whoever does it asks again.
    #[must_use]
    pub fn due(&self, zone: &Zone, now: Timestamp) -> Option<Due> {
        match self.standing {
            Standing::Ended => return None,
            Standing::Closing => return Some(Due::Close),
            Standing::PastDue { until } if now >= until => return Some(Due::End),
            Standing::Trialing | Standing::Active if now >= self.period.until => {
                return Some(match self.at_end {
                    AtEnd::End => Due::End,
                    AtEnd::Renew => Due::Renew(self.following(zone, now)),
                });
            }
            _ => {}
        }
        let warning = |within: &i64| self.warning_at(*within).is_some_and(|at| at <= now);
        WARNINGS.into_iter().rev().find(warning).map(Due::Warn)
    }

    /// When something is to be done next.
    #[must_use]
    pub fn next_at(&self) -> Option<Timestamp> {
        let ends = match self.standing {
            Standing::Ended => return None,
            Standing::Closing => return Some(self.period.from),
            Standing::PastDue { until } => until,
            Standing::Trialing | Standing::Active => self.period.until,
        };
        WARNINGS.into_iter().filter_map(|within| self.warning_at(within)).chain([ends]).min()
    }

    /// When the end is to be announced so many days ahead; nothing if it was, or is not to come.
    fn warning_at(&self, within: i64) -> Option<Timestamp> {
        let ends = self.ends_at().filter(|_| self.warned == 0 || within < self.warned)?;
        Some(ends.saturating_sub(SignedDuration::from_hours(24 * within)).unwrap_or(Timestamp::MIN))
    }

    /// The period after this one, if it is begun when this one is over.
    #[must_use]
    pub fn next_period(&self, zone: &Zone) -> Period {
        self.following(zone, self.period.until)
    }

    /// The period after this one that is not over: those that are, nobody served.
    fn following(&self, zone: &Zone, now: Timestamp) -> Period {
        let mut number = self.period.number + 1;
        while boundary(self.anchor, number, zone) <= now {
            number += 1;
        }
        let from = boundary(self.anchor, number - 1, zone).max(self.period.until);
        Period { number, from, until: boundary(self.anchor, number, zone) }
    }

    /// The next period has begun and is paid.
    #[must_use]
    pub fn renewed(self, period: Period) -> Self {
        Self { standing: Standing::Active, period, warned: 0, ..self }
    }

    /// The next period has begun and is owed.
    #[must_use]
    pub fn owed(self, period: Period, grace_days: i64, zone: &Zone) -> Self {
        let last = zone.local(period.from).date().saturating_add(days(grace_days));
        // Whoever gives no grace ends it at once.
        let until = midnight(zone, last).max(period.from);
        Self { standing: Standing::PastDue { until }, period, warned: 0, ..self }
    }

    /// What was owed is paid.
    #[must_use]
    pub fn recovered(self) -> Self {
        Self { standing: Standing::Active, warned: 0, ..self }
    }

    /// It ends when the period is over; what is owed is not waited for.
    #[must_use]
    pub fn canceled(self) -> Self {
        match self.standing {
            Standing::PastDue { .. } => self.over(),
            _ => Self { at_end: AtEnd::End, warned: 0, ..self },
        }
    }

    /// It goes on after all.
    #[must_use]
    pub fn resumed(self) -> Self {
        Self { at_end: AtEnd::Renew, warned: 0, ..self }
    }

    /// It is over; what runs is to be ended.
    #[must_use]
    pub fn over(self) -> Self {
        Self { standing: Standing::Closing, ..self }
    }
}

fn days(count: i64) -> Span {
    Span::new().try_days(count).unwrap_or_default()
}

/// The beginning of a day on the zone's clock.
fn midnight(zone: &Zone, date: Date) -> Timestamp {
    let start = date.at(0, 0, 0, 0);
    zone.clock().to_ambiguous_timestamp(start).compatible().unwrap_or(Timestamp::MAX)
}

/// When the period of this number is over: so many months after the first day. A month without that day ends on its last.
fn boundary(anchor: Date, number: i64, zone: &Zone) -> Timestamp {
    let months = Span::new().try_months(number).unwrap_or_default();
    midnight(zone, anchor.saturating_add(months))
}

#[cfg(test)]
mod tests;
