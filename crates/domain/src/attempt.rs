//! What the answer to an attempt means for its message: the *decide* beat of settling.
//!
//! | answer | verdict |
//! |---|---|
//! | accepted | sent |
//! | temporary | again after a backoff, up to [`RETRY_HOURS`] after the first claim, then given up |
//! | permanent, opted out | refused: the first one ends the enrollment |
//! | rejected | given up: the step fails, the enrollment goes on |
//! | trouble with our number | again later; the number is paused by the caller |
//! | unknown | in doubt: looked up, never sent again by itself |

use jiff::{SignedDuration, Timestamp};

/// For how long temporary failures are retried (SPEC §4).
pub const RETRY_HOURS: i64 = 24;
/// Wait before the first retry.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// Longest wait between retries.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(2);
/// Wait after trouble with our own number.
const SENDER_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// How long an answer is awaited before the attempt is in doubt.
pub const ANSWER_WAIT: SignedDuration = SignedDuration::from_secs(60);
/// How long a callback is awaited before the carrier is asked.
pub const CALLBACK_WAIT: SignedDuration = SignedDuration::from_mins(2);
/// Wait between two questions to the carrier.
pub const SEEK_WAIT: SignedDuration = SignedDuration::from_mins(10);
/// How many times the carrier must not know a text before it counts as lost.
pub const SEEKS: i64 = 2;
/// For how long a carrier that cannot be asked is asked again before a person must settle it.
const SEEK_LIMIT: SignedDuration = SignedDuration::from_hours(72);

/// The carrier's answer, as far as the decision needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The carrier has it.
    Accepted,
    /// Surely not sent; may be tried again.
    Temporary {
        /// How long the carrier asks to wait.
        retry_after: Option<SignedDuration>,
    },
    /// Surely not sent and never will be.
    Permanent,
    /// Surely not sent, and this text never will be; the contact is not to blame.
    Rejected,
    /// Not sent: the carrier knows the contact as opted out.
    OptedOut,
    /// Not sent because of our number or account.
    SenderProblem,
    /// No clear answer.
    Unknown,
}

/// What becomes of the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was sent.
    Sent,
    /// It is tried again at this time.
    Again(Timestamp),
    /// It was tried for long enough, or will not be taken as it is; the step fails and the enrollment goes on.
    GivenUp,
    /// It will never be taken for this contact.
    Refused,
    /// It is in doubt; the carrier is asked at this time.
    Doubt(Timestamp),
}

/// Decides. `tries` counts this attempt too; `luck` spreads retries (any number will do).
#[must_use]
pub fn verdict(
    answer: Answer,
    tries: i64,
    most_tries: i64,
    give_up_at: Timestamp,
    now: Timestamp,
    luck: u64,
) -> Verdict {
    let again = |wait: SignedDuration| {
        let at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        if tries >= most_tries || at > give_up_at { Verdict::GivenUp } else { Verdict::Again(at) }
    };
    match answer {
        Answer::Accepted => Verdict::Sent,
        Answer::Permanent | Answer::OptedOut => Verdict::Refused,
        Answer::Rejected => Verdict::GivenUp,
        Answer::Unknown => Verdict::Doubt(now.saturating_add(CALLBACK_WAIT).unwrap_or(Timestamp::MAX)),
        Answer::SenderProblem => again(SENDER_WAIT),
        Answer::Temporary { retry_after } => again(backoff(tries, luck).max(retry_after.unwrap_or_default())),
    }
}

/// Doubles from a minute to two hours, spread by up to a fifth.
fn backoff(tries: i64, luck: u64) -> SignedDuration {
    let doublings = u32::try_from((tries - 1).clamp(0, 10)).expect("clamped");
    let wait = (FIRST_WAIT * 2i32.pow(doublings)).min(LONGEST_WAIT);
    let spread = i32::try_from(luck % 1_000).expect("below a thousand");
    wait + wait / 5_000 * spread
}

/// What the carrier says of an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// It has it.
    Sent,
    /// It does not know it.
    NotFound,
    /// It could not be asked now.
    Unavailable,
    /// It cannot be asked at all.
    Unsupported,
}

/// What becomes of an attempt in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// It was sent.
    Sent,
    /// It is asked for again at this time.
    Ask(Timestamp),
    /// The carrier did not know it, twice: it counts as never sent. It is not sent again by itself.
    Lost,
    /// Only a person can settle it.
    ForAPerson,
}

/// Decides about an attempt in doubt, made at `since`; `sought` counts this answer too if it was a clear one.
#[must_use]
pub fn doubt(found: Found, sought: i64, since: Timestamp, now: Timestamp) -> Doubt {
    let later = now.saturating_add(SEEK_WAIT).unwrap_or(Timestamp::MAX);
    match found {
        Found::Sent => Doubt::Sent,
        Found::NotFound if sought >= SEEKS => Doubt::Lost,
        Found::Unavailable if now.duration_since(since) >= SEEK_LIMIT => Doubt::ForAPerson,
        Found::NotFound | Found::Unavailable => Doubt::Ask(later),
        Found::Unsupported => Doubt::ForAPerson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> Timestamp {
        "2026-11-24T15:00:00Z".parse().unwrap()
    }

    fn tomorrow() -> Timestamp {
        now() + SignedDuration::from_hours(RETRY_HOURS)
    }

    #[test]
    fn an_unknown_outcome_is_never_tried_again() {
        for tries in 1..40 {
            assert!(matches!(verdict(Answer::Unknown, tries, 31, tomorrow(), now(), 7), Verdict::Doubt(_)));
        }
    }

    #[test]
    fn a_permanent_failure_is_final_on_the_first_one() {
        for answer in [Answer::Permanent, Answer::OptedOut] {
            assert_eq!(verdict(answer, 1, 31, tomorrow(), now(), 0), Verdict::Refused);
        }
    }

    #[test]
    fn a_temporary_failure_is_retried_for_a_day_and_then_given_up() {
        let mut at = now();
        let mut tries = 1;
        while let Verdict::Again(next) =
            verdict(Answer::Temporary { retry_after: None }, tries, 31, tomorrow(), at, 999)
        {
            assert!(next > at && next <= tomorrow());
            (at, tries) = (next, tries + 1);
        }
        assert!((10..31).contains(&tries), "{tries} tries");
    }

    #[test]
    fn the_carriers_wish_to_wait_longer_is_kept() {
        let wish = Answer::Temporary { retry_after: Some(SignedDuration::from_mins(30)) };
        assert_eq!(verdict(wish, 1, 31, tomorrow(), now(), 0), Verdict::Again(now() + SignedDuration::from_mins(30)));
    }

    #[test]
    fn a_text_that_the_carrier_does_not_know_twice_is_lost() {
        assert!(matches!(doubt(Found::NotFound, 1, now(), now()), Doubt::Ask(_)));
        assert_eq!(doubt(Found::NotFound, 2, now(), now()), Doubt::Lost);
        assert_eq!(doubt(Found::Unsupported, 5, now(), now()), Doubt::ForAPerson);
    }

    #[test]
    fn a_carrier_that_cannot_be_asked_for_three_days_leaves_it_to_a_person() {
        let since = now() - SignedDuration::from_hours(71);
        assert!(matches!(doubt(Found::Unavailable, 9, since, now()), Doubt::Ask(_)));
        let since = now() - SignedDuration::from_hours(72);
        assert_eq!(doubt(Found::Unavailable, 0, since, now()), Doubt::ForAPerson);
    }

    proptest! {
        #[test]
        fn waits_stay_within_their_bounds(tries in 0i64..100, luck: u64) {
            let wait = backoff(tries, luck);
            prop_assert!(wait >= FIRST_WAIT && wait < LONGEST_WAIT + LONGEST_WAIT / 5);
        }
    }
}
