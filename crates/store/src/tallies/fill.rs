//! Tallies of a database that is older than they are: the days of its transfers, then every count.

use domain::ids::WorkspaceId;
use domain::zones::Zone;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::{put, recount, zone_of};
use crate::{DbError, Sql, Tx, json};

pub(super) static CLEAR: Sql = Sql::Same("DELETE FROM tallies WHERE workspace_id = $1");

pub(super) static SPAN: Sql = Sql::Same("SELECT MIN(at), MAX(at) FROM transfers WHERE workspace_id = $1");

pub(super) static DATE: Sql = Sql::Same(
    "
    UPDATE transfers SET day = (at + $4) / 86400000000
    WHERE workspace_id = $1 AND at >= $2 AND at < $3",
);

/// Gives every transfer its day on the workspace's clock, and replaces every count by what the rows say.
pub fn take_again(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    date_transfers(tx, workspace)?;
    let counted = recount::recount(tx, workspace)?;
    tx.execute(&CLEAR, &[workspace.0.into()])?;
    let mut rows: Vec<_> = counted.iter().collect();
    rows.sort_unstable_by_key(|(key, _)| *key);
    for chunk in rows.chunks(1_000) {
        put(tx, workspace, chunk.iter().copied())?;
    }
    Ok(())
}

/// One statement for each stretch between two changes of the clock, not one for each day.
fn date_transfers(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    let row = tx.query_one(&SPAN, &[workspace.0.into()])?;
    let (Some(first), Some(last)) = (row.opt_int(0)?, row.opt_int(1)?) else { return Ok(()) };
    let zone = zone_of(tx, workspace)?;
    let (mut from, last) = (json::timestamp(first)?, json::timestamp(last)?);
    while from <= last {
        let (ahead, until) = stretch(zone.as_ref(), from, last);
        let params = [workspace.0.into(), json::micros(from).into(), json::micros(until).into(), ahead.into()];
        tx.execute(&DATE, &params)?;
        from = until;
    }
    Ok(())
}

/// How far the clock is ahead of UTC, in microseconds, and until when; no clock is set between two full quarters.
fn stretch(zone: Option<&Zone>, from: Timestamp, last: Timestamp) -> (i64, Timestamp) {
    const QUARTER: i64 = 900_000_000;
    let ahead = ahead_of_utc(zone, from);
    let next = |at: Timestamp| {
        let after = (at.as_microsecond().div_euclid(QUARTER) + 1) * QUARTER;
        Timestamp::from_microsecond(after).unwrap_or(Timestamp::MAX)
    };
    let mut until = next(from);
    while until <= last && ahead_of_utc(zone, until) == ahead {
        until = next(until);
    }
    (ahead, until)
}

fn ahead_of_utc(zone: Option<&Zone>, at: Timestamp) -> i64 {
    let local = zone.and_then(|zone| TimeZone::UTC.to_timestamp(zone.local(at)).ok());
    let ahead = local.map_or(SignedDuration::ZERO, |local| local.duration_since(at));
    i64::try_from(ahead.as_micros()).unwrap_or(0)
}
