//! What the simulator's tests share: an epoch, texts, and a call without a runtime.

pub(crate) mod desk;
pub(crate) mod smsc;
pub(crate) mod validity;

use carrier::{Carrier, Finding, Outcome, Simulator, Sought, Submission};
use domain::ids::AttemptId;
use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};

/// The number of ours in all tests.
pub(crate) const OURS: &str = "+12125550100";

/// So many milliseconds after the tests' epoch.
pub(crate) fn at(millis: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_millis(1_800_000_000_000 + millis)
}

/// The `nth` handset.
pub(crate) fn phone(nth: i64) -> String {
    format!("+1305555{nth:04}")
}

/// A text of one segment.
pub(crate) fn text(attempt: i64, to: &str, body: &str) -> Submission {
    Submission {
        attempt: AttemptId(attempt),
        from: OURS.to_owned(),
        to: to.to_owned(),
        body: body.to_owned(),
        segments: 1,
        deliver_by: at(4 * 3_600_000),
    }
}

/// Submits at the epoch.
pub(crate) fn submit(simulator: &Simulator, submission: &Submission) -> Outcome {
    simulator.submit(submission, at(0)).now_or_never().unwrap()
}

/// Looks up at this time.
pub(crate) fn find(simulator: &Simulator, submission: &Submission, now: Timestamp) -> Finding {
    let sought = Sought { submission: submission.clone(), submitted_at: at(0) };
    simulator.find(&sought, now).now_or_never().unwrap()
}
