//! Money: an integer of micro-dollars (one millionth of a US dollar), never a float.
//!
//! Arithmetic is checked: a sum that does not fit is an error that the caller must meet, not a
//! wrapped balance.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An amount in micro-dollars; $1.26 is `Micros(1_260_000)`. Serialised as that integer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

/// How many micro-dollars a dollar has.
pub const MICROS_PER_DOLLAR: i64 = 1_000_000;

/// Why a text is not an amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount in dollars, such as 12.50 (at most six decimals)")]
pub struct MoneyError(String);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum, or nothing if it does not fit 64 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, or nothing if it does not fit 64 bits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// So many units at this price, or nothing if it does not fit 64 bits.
    #[must_use]
    pub fn checked_times(self, count: i64) -> Option<Self> {
        self.0.checked_mul(count).map(Self)
    }
}

impl fmt::Display for Micros {
    /// Dollars with at least two decimals and as many of the six as are needed: `$1.26`, `-$0.0079`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let amount = self.0.unsigned_abs();
        let dollars = amount / MICROS_PER_DOLLAR.unsigned_abs();
        let decimals = format!("{:06}", amount % MICROS_PER_DOLLAR.unsigned_abs());
        let kept = decimals.trim_end_matches('0').len().max(2);
        f.pad(&format!("{sign}${dollars}.{}", &decimals[..kept]))
    }
}

impl FromStr for Micros {
    type Err = MoneyError;

    /// Reads dollars: `12`, `12.5`, `$0.0079`, `-3.00`.
    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let error = || MoneyError(text.chars().take(40).collect());
        let trimmed = text.trim();
        let (sign, rest) = trimmed.strip_prefix('-').map_or((1, trimmed), |rest| (-1, rest));
        let rest = rest.strip_prefix('$').unwrap_or(rest);
        let (whole, decimals) = rest.split_once('.').unwrap_or((rest, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && decimals.is_empty()) || decimals.len() > 6 || !digits(whole) || !digits(decimals) {
            return Err(error());
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| error())? };
        let micros: i64 = format!("{decimals:0<6}").parse().map_err(|_| error())?;
        let amount = whole.checked_mul(MICROS_PER_DOLLAR).and_then(|amount| amount.checked_add(micros));
        amount.map(|amount| Self(sign * amount)).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn amounts_read_as_people_write_them() {
        let cases =
            [("12", 12_000_000), ("$0.0079", 7_900), ("-3.00", -3_000_000), (".5", 500_000), (" 1.26 ", 1_260_000)];
        for (text, micros) in cases {
            assert_eq!(text.parse(), Ok(Micros(micros)), "{text}");
        }
        for bad in ["", ".", "$", "1.2345678", "1,000", "1e3", "--1", "9223372036854775807", "１"] {
            assert!(bad.parse::<Micros>().is_err(), "{bad}");
        }
    }

    #[test]
    fn amounts_show_cents_and_no_more_than_is_there() {
        let cases = [(0, "$0.00"), (1_260_000, "$1.26"), (-7_900, "-$0.0079"), (15_000, "$0.015"), (1, "$0.000001")];
        for (micros, text) in cases {
            assert_eq!(Micros(micros).to_string(), text);
        }
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(micros in -9_000_000_000_000_000_000i64..9_000_000_000_000_000_000) {
            prop_assert_eq!(Micros(micros).to_string().parse(), Ok(Micros(micros)));
        }
    }
}
