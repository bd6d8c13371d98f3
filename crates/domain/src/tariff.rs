//! What carriers take for a segment: by carrier, by country, from a day on.
//!
//! It is what the operator has agreed with a carrier, and says nothing about what a workspace pays: that is its plan's one rate
//! (SPEC §7). The rate of the country itself goes before the rate of all others, and of several the one that began last.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::areas;
use crate::money::Micros;
use crate::phone::Phone;

/// The most that a carrier takes for a segment, in micro-dollars: dearer is a slip of the pen.
pub const MAX_RATE: Micros = Micros(1_000_000);

/// A country or territory in the two letters of ISO 3166-1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// A number of no country, such as an international freephone (`+800`): two letters that ISO 3166-1 leaves to everybody.
    pub const NONE: Self = Self(*b"ZZ");

    /// Where the number belongs: by its area code in North America, else as libphonenumber knows it.
    #[must_use]
    pub fn of(phone: Phone) -> Self {
        let area = phone.area_code().and_then(areas::find).map(|area| area.country);
        let known = area.and_then(Self::read);
        let looked_up = || phone.region().and_then(|region| Self::read(&region.to_string()));
        known.or_else(looked_up).unwrap_or(Self::NONE)
    }

    /// The same of a number as it is stored.
    #[must_use]
    pub fn of_stored(phone: &str) -> Self {
        Phone::stored(phone).map_or(Self::NONE, Self::of)
    }

    /// Reads two letters, large or small. Whether there is such a country is not looked up.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let letters: [u8; 2] = text.as_bytes().try_into().ok()?;
        let is_read = letters.iter().all(u8::is_ascii_alphabetic);
        is_read.then(|| Self(letters.map(|letter| letter.to_ascii_uppercase())))
    }

    /// Whether numbers of that country exist, as far as libphonenumber knows.
    #[must_use]
    pub fn has_numbers(self) -> bool {
        crate::phone::has_numbers(self.as_str())
    }

    /// The two letters, large.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("ZZ")
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Country {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::read(&text).ok_or_else(|| serde::de::Error::custom("not the two letters of a country"))
    }
}

/// To or from the contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// To the contact.
    Out,
    /// From the contact.
    In,
}

/// What a carrier takes for one segment, in micro-dollars.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Of a text to a contact.
    pub sent: Micros,
    /// Of a text from a contact.
    pub heard: Micros,
}

impl Price {
    /// The price of one way.
    #[must_use]
    pub fn of(self, way: Way) -> Micros {
        match way {
            Way::Out => self.sent,
            Way::In => self.heard,
        }
    }
}

/// A rate as the operator has set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rate {
    /// The kind of carrier, such as `twilio`.
    pub carrier: String,
    /// Of which country; of every other one if nothing is said.
    pub country: Option<Country>,
    /// From which day on, as days since 1970 on each workspace's calendar.
    pub since: i64,
    /// What it is.
    pub price: Price,
}

/// All rates.
#[derive(Debug, Clone, Default)]
pub struct Tariff(Vec<Rate>);

impl Tariff {
    /// Of these rates, in any order.
    #[must_use]
    pub fn new(rates: Vec<Rate>) -> Self {
        Self(rates)
    }

    /// What a carrier takes for a segment on a day; nothing if nobody has said.
    #[must_use]
    pub fn price(&self, carrier: &str, country: Country, day: i64) -> Option<Price> {
        let latest = |of: Option<Country>| {
            let fit = |rate: &&Rate| rate.carrier == carrier && rate.country == of && rate.since <= day;
            self.0.iter().filter(fit).max_by_key(|rate| rate.since)
        };
        latest(Some(country)).or_else(|| latest(None)).map(|rate| rate.price)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(phone: &str) -> String {
        Country::of_stored(phone).to_string()
    }

    #[test]
    fn a_number_is_of_its_country() {
        let known = [
            ("+12125550134", "US"),
            ("+18005550134", "US"),
            ("+17875550134", "US"),
            ("+14165550134", "CA"),
            ("+18095550134", "DO"),
            ("+447400123456", "GB"),
            ("+4915123456789", "DE"),
            ("+77012345678", "KZ"),
            ("+79161234567", "RU"),
            ("+80012345678", "ZZ"),
            ("nonsense", "ZZ"),
        ];
        for (phone, country) in known {
            assert_eq!(of(phone), country, "{phone}");
        }
    }

    #[test]
    fn countries_are_read_in_large_and_small_letters_and_nothing_else_is() {
        assert_eq!(Country::read("de").map(|country| country.to_string()).as_deref(), Some("DE"));
        for bad in ["", "D", "DEU", "D1", "É", "* "] {
            assert_eq!(Country::read(bad), None, "{bad:?}");
        }
        let has = |text| Country::read(text).is_some_and(Country::has_numbers);
        assert!(has("US") && has("DE") && has("kz"));
        assert!(!has("ZZ") && !has("QX") && !has("UK"), "Britain is GB");
    }

    #[test]
    fn the_country_goes_before_all_others_and_the_later_before_the_earlier() {
        let rate = |carrier: &str, country: &str, since, sent| Rate {
            carrier: carrier.to_owned(),
            country: Country::read(country),
            since,
            price: Price { sent: Micros(sent), heard: Micros(sent / 2) },
        };
        let tariff = Tariff::new(vec![
            rate("twilio", "US", 100, 8_000),
            rate("twilio", "US", 10, 7_000),
            rate("twilio", "", 0, 50_000),
            rate("twilio", "", 90, 60_000),
            rate("telnyx", "US", 0, 4_000),
        ]);
        let sent = |carrier, country, day| {
            let price = tariff.price(carrier, Country::read(country).unwrap(), day)?;
            Some((price.of(Way::Out).0, price.of(Way::In).0))
        };
        assert_eq!(sent("twilio", "US", 9), Some((50_000, 25_000)), "before its own began");
        assert_eq!(sent("twilio", "US", 10), Some((7_000, 3_500)));
        assert_eq!(sent("twilio", "US", 99), Some((7_000, 3_500)));
        assert_eq!(sent("twilio", "US", 100), Some((8_000, 4_000)));
        assert_eq!(sent("twilio", "GB", 89), Some((50_000, 25_000)));
        assert_eq!(sent("twilio", "GB", 90), Some((60_000, 30_000)));
        assert_eq!(sent("telnyx", "US", 0), Some((4_000, 2_000)));
        assert_eq!(sent("telnyx", "GB", 200), None, "nobody has said");
        assert_eq!(sent("vonage", "US", 200), None);
    }
}
