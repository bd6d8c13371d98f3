//! Ending many enrollments at once: in which portions, and what came back in all.

use domain::enrollment::StopReason;
use domain::ids::EnrollmentId;
use domain::ledger::Amounts;
use serde::{Serialize, Serializer};
use store::Tx;

use crate::beat::Beat;
use crate::ending::{self, Ended};
use crate::failure::Failure;

/// How many enrollments are ended by one round of statements.
pub(crate) const ENDS_PER_CHUNK: usize = 500;

/// How many contacts were taken out of workflows, and what came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Removal {
    /// How many contacts.
    pub contacts: i64,
    /// What was refunded in all; as `{credits, micros}`.
    #[serde(serialize_with = "amounts")]
    pub refunded: Amounts,
}

fn amounts<S: Serializer>(amounts: &Amounts, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Both {
        credits: i64,
        micros: i64,
    }
    Both { credits: amounts.credits, micros: amounts.micros.0 }.serialize(serializer)
}

impl Removal {
    /// One more contact and what it got back.
    #[must_use]
    pub(crate) fn and(self, refunded: Amounts) -> Self {
        Self { contacts: self.contacts + 1, refunded: self.refunded.plus(refunded) }
    }

    /// Both together.
    #[must_use]
    pub(crate) fn plus(self, other: Self) -> Self {
        Self { contacts: self.contacts + other.contacts, refunded: self.refunded.plus(other.refunded) }
    }

    fn of(ended: &[Ended]) -> Self {
        ended.iter().fold(Self::default(), |sum, one| sum.and(one.refunded))
    }
}

/// Ends those of these enrollments that still run, in this transaction.
///
/// All rows are locked, in the order of their keys, before the first posting locks an account: a
/// claim locks its rows first too, so the two wait for each other in one direction only.
pub(crate) fn stop_all(
    tx: &mut Tx<'_>,
    beat: &Beat,
    ids: &[EnrollmentId],
    reason: StopReason,
) -> Result<Removal, Failure> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    for chunk in ids.chunks(ENDS_PER_CHUNK) {
        store::enrollments::lock(tx, beat.workspace, chunk)?;
    }
    ids.chunks(ENDS_PER_CHUNK)
        .try_fold(Removal::default(), |sum, chunk| Ok(sum.plus(Removal::of(&ending::stop(tx, beat, chunk, reason)?))))
}
