//! The maker of identifiers and the only source of chance.
//!
//! An identifier is 63 bits: 41 of milliseconds since 2020, 8 of the node's number and 14 of a
//! count within the millisecond. When a millisecond's count is used up the next millisecond's is
//! taken, so identifiers of one node always grow. No chance is in them, so a run on a manual clock
//! makes the same ones again; nodes differ by their number, which the database leases to them.
//! All identifiers of a node lie inside its leases: the first is not before the instant in which the number was taken,
//! and a transaction that made one past the end is rolled back (`Ids::prove`). A number is taken only after its former
//! lease has ended. So two owners of a number never make the same one, whatever their clocks say and however long one slept.
//! No identifier is before the instant at which the transaction that makes it began to run (`Ids::not_before`), whenever its use
//! case began: so what is old enough is complete, and can be sealed (`seals`).
//! The low five bits of a message's identifier are left free for the number of the attempt.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::ids::MessageId;
use jiff::Timestamp;
use rand::RngExt as _;
use store::DbError;
use store::messages::MAX_ATTEMPTS;

/// 2020-01-01T00:00:00Z in milliseconds: where the count of identifiers begins.
const EPOCH_MILLIS: i64 = 1_577_836_800_000;
const COUNT_BITS: u32 = 14;
const NODE_BITS: u32 = 8;

/// Makes identifiers for one node.
#[derive(Debug, Clone)]
pub struct Ids {
    node: i64,
    /// Milliseconds and count of the last identifier, without the node.
    last: Arc<AtomicI64>,
    /// Where the lease ends, counted alike.
    until: Arc<AtomicI64>,
}

impl Ids {
    /// For the node of this number, from 0 to 255, which is nobody else's ever.
    #[must_use]
    pub fn new(node: i64) -> Self {
        Self::leased(node, Timestamp::UNIX_EPOCH, Timestamp::MAX)
    }

    /// For the node of this number, from 0 to 255, which was taken at this time and until that.
    #[must_use]
    pub fn leased(node: i64, taken: Timestamp, until: Timestamp) -> Self {
        let counter = |ticks| Arc::new(AtomicI64::new(ticks));
        // The first is that of the instant itself.
        Self { node: node & ((1 << NODE_BITS) - 1), last: counter(ticks(taken) - 1), until: counter(ticks(until)) }
    }

    /// When the lease ends, as far as is known here.
    pub(crate) fn until(&self) -> Timestamp {
        millisecond(self.until.load(Ordering::Relaxed))
    }

    /// The lease ends then.
    pub(crate) fn end_at(&self, until: Timestamp) {
        self.until.store(ticks(until), Ordering::Relaxed);
    }

    /// The first millisecond in which nothing was made.
    pub(crate) fn unused(&self) -> Timestamp {
        millisecond(self.last.load(Ordering::Relaxed) + (1 << COUNT_BITS))
    }

    /// That all that was made lies inside the lease.
    pub(crate) fn prove(&self) -> Result<(), DbError> {
        if self.last.load(Ordering::Relaxed) < self.until.load(Ordering::Relaxed) {
            return Ok(());
        }
        Err(DbError::Unavailable("the lease on the node's number has ended".into()))
    }

    /// The next identifier.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> i64 {
        self.place(self.take(now, 1))
    }

    /// The next identifier of a message: its low five bits are free.
    #[must_use]
    pub fn message(&self, now: Timestamp) -> MessageId {
        MessageId(self.place(self.take(now, MAX_ATTEMPTS + 1)))
    }

    /// An identifier that nothing made at or after this time is below.
    #[must_use]
    pub fn floor(at: Timestamp) -> i64 {
        ticks(at) << NODE_BITS
    }

    /// The millisecond of an identifier.
    #[must_use]
    pub fn instant(id: i64) -> Timestamp {
        millisecond(id >> NODE_BITS)
    }

    /// Nothing that is made from now on is before this time.
    pub(crate) fn not_before(&self, at: Timestamp) {
        self.last.fetch_max(ticks(at) - 1, Ordering::Relaxed);
    }

    /// An identifier that is this many milliseconds older.
    #[must_use]
    pub fn before(id: i64, millis: i64) -> i64 {
        id.saturating_sub(millis << (COUNT_BITS + NODE_BITS)).max(0)
    }

    /// Takes a count that is a multiple of the step.
    fn take(&self, now: Timestamp, step: i64) -> i64 {
        let least = ticks(now);
        let next = |last: i64| {
            let next = (last + 1).max(least);
            next + (step - next % step) % step
        };
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last) + step - 1));
        next(before.unwrap_or_else(|last| last))
    }

    fn place(&self, ticks: i64) -> i64 {
        let (millis, count) = (ticks >> COUNT_BITS, ticks & ((1 << COUNT_BITS) - 1));
        (millis << (COUNT_BITS + NODE_BITS)) | (self.node << COUNT_BITS) | count
    }
}

fn ticks(at: Timestamp) -> i64 {
    (at.as_millisecond() - EPOCH_MILLIS).max(0) << COUNT_BITS
}

fn millisecond(ticks: i64) -> Timestamp {
    Timestamp::from_millisecond((ticks >> COUNT_BITS) + EPOCH_MILLIS).unwrap_or(Timestamp::MAX)
}

/// A secret of 256 bits from the operating system's generator, in hexadecimal.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that draws chance")]
pub fn secret() -> String {
    let bytes: [u8; 32] = rand::rng().random();
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string");
        text
    })
}

/// So many bytes from the operating system's generator, for keys and nonces.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that draws chance")]
pub(crate) fn bytes<const N: usize>() -> [u8; N] {
    rand::rng().random()
}

/// A salt of 128 bits from the operating system's generator, for hashing a password.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place that draws chance")]
pub(crate) fn salt() -> [u8; 16] {
    rand::rng().random()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_grow_and_never_repeat_even_within_one_instant() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let ids = Ids::new(3);
        let mut last = 0;
        for n in 0..100_000 {
            let id = if n % 3 == 0 { ids.message(now).0 } else { ids.next(now) };
            assert!(id > last);
            last = id;
        }
    }

    #[test]
    fn the_low_bits_of_a_message_are_free_for_attempts() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let ids = Ids::new(255);
        for _ in 0..1_000 {
            let _ = ids.next(now);
            let id = ids.message(now);
            assert_eq!(id.0 & MAX_ATTEMPTS, 0);
            assert_eq!(store::messages::of_attempt(store::messages::attempt(id, 7)), (id, 7));
            assert!(ids.next(now) > id.0 + MAX_ATTEMPTS || ids.next(now) & !MAX_ATTEMPTS != id.0);
        }
    }

    #[test]
    fn nodes_never_make_the_same_identifier() {
        let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
        let (a, b) = (Ids::new(1), Ids::new(2));
        let made: std::collections::HashSet<_> = (0..5_000).flat_map(|_| [a.next(now), b.next(now)]).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| *id >= Ids::floor(now)));
    }

    #[test]
    fn nothing_of_a_number_lies_outside_its_leases() {
        let at = |second: i64| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let first = Ids::leased(1, at(0), at(120));
        assert!(first.next(at(119)) < Ids::floor(at(120)));
        first.prove().unwrap();
        let late = first.next(at(120));
        assert!(first.prove().is_err(), "it was made at the end of the lease");
        first.end_at(at(240));
        first.prove().unwrap();
        // The heir's clock was set back by an hour after it had taken the number.
        let heir = Ids::leased(1, at(240), at(360));
        assert_eq!(Ids::leased(0, at(0), at(120)).next(at(0)), Ids::floor(at(0)));
        assert!(heir.next(at(240 - 3_600)) >= Ids::floor(at(240)));
        assert_eq!((Ids::instant(late), Ids::instant(heir.next(at(300)))), (at(120), at(300)));
        heir.not_before(at(310));
        assert_eq!(
            heir.next(at(250)),
            Ids::leased(1, at(0), at(9)).next(at(310)),
            "its use case began a minute before"
        );
        heir.not_before(at(305));
        assert!(heir.next(at(305)) > Ids::floor(at(310)), "identifiers grow");
        assert!(late < Ids::floor(first.unused()) && first.unused() <= first.until());
    }

    #[test]
    fn secrets_differ() {
        assert_ne!(secret(), secret());
        assert_eq!(secret().len(), 64);
    }
}
