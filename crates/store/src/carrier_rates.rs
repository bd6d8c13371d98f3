//! What carriers take for a segment, as the operator has set it. It belongs to no workspace; there are as many rows as rates ever set.

use domain::money::Micros;
use domain::tariff::{Country, Price, Rate};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// How the rate of every other country is written.
const OTHERS: &str = "*";

/// A rate, and who has set it when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The rate.
    pub rate: Rate,
    /// When it was set.
    pub set_at: Timestamp,
    /// By whom: an operator's identifier.
    pub set_by: String,
}

static LIST: Sql = Sql::Same(
    "
    SELECT carrier, country, since, sent, heard, set_at, set_by FROM carrier_rates ORDER BY carrier, country, since",
);

static PUT: Sql = Sql::Same(
    "
    INSERT INTO carrier_rates (carrier, country, since, sent, heard, set_at, set_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (carrier, country, since) DO UPDATE SET
        sent = excluded.sent, heard = excluded.heard, set_at = excluded.set_at, set_by = excluded.set_by",
);

static REMOVE: Sql = Sql::Same("DELETE FROM carrier_rates WHERE carrier = $1 AND country = $2 AND since = $3");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] =
    &[("carrier_rates::LIST", &LIST), ("carrier_rates::PUT", &PUT), ("carrier_rates::REMOVE", &REMOVE)];

fn word(country: Option<&Country>) -> &str {
    country.map_or(OTHERS, Country::as_str)
}

fn read(row: &Row) -> Result<Entry, DbError> {
    let country = match row.text(1)? {
        OTHERS => None,
        letters => Some(Country::read(letters).ok_or_else(|| json::unreadable("carrier_rates.country", letters))?),
    };
    let price = Price { sent: Micros(row.int(3)?), heard: Micros(row.int(4)?) };
    Ok(Entry {
        rate: Rate { carrier: row.text(0)?.to_owned(), country, since: row.int(2)?, price },
        set_at: json::timestamp(row.int(5)?)?,
        set_by: row.text(6)?.to_owned(),
    })
}

/// All rates: by carrier, every other country first, then by country and day.
pub fn list(db: &Read<'_>) -> Result<Vec<Entry>, DbError> {
    db.query(&LIST, &[])?.iter().map(read).collect()
}

/// Sets a rate; of the same carrier, country and day it takes the place of the one that was there.
pub fn put(tx: &mut Tx<'_>, entry: &Entry) -> Result<(), DbError> {
    let Rate { carrier, country, since, price } = &entry.rate;
    let params = [
        carrier.as_str().into(),
        word(country.as_ref()).into(),
        (*since).into(),
        price.sent.0.into(),
        price.heard.0.into(),
        json::micros(entry.set_at).into(),
        entry.set_by.as_str().into(),
    ];
    tx.execute(&PUT, &params).map(|_| ())
}

/// Removes the rate of a carrier and country that begins on a day; whether there was one.
pub fn remove(tx: &mut Tx<'_>, carrier: &str, country: Option<&Country>, since: i64) -> Result<bool, DbError> {
    Ok(tx.execute(&REMOVE, &[carrier.into(), word(country).into(), since.into()])? > 0)
}
