//! E-mails to the people of a workspace: what an answer of the mail server means for one of them.
//!
//! | answer | the mail |
//! |---|---|
//! | taken | sent |
//! | the recipient or the mail itself is refused for good (5xx) | over: refused |
//! | refused for now, no answer, no connection, sender or password refused | again after a wait, until [`PATIENCE`] after it was queued; then given up |
//!
//! Sender and password are the operator's to put right, and no fault of the recipient's: a mail waits for them as for a server that is down.

use jiff::{SignedDuration, Timestamp};

/// The waits after the first try, the second and so on; the last one again and again.
const WAITS: [SignedDuration; 6] = [
    SignedDuration::from_mins(1),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(15),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(4),
];

/// How long a mail is tried. What it says is old by then.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// A text in which nothing begins another line: not in a header, not in a log, not on a screen.
#[must_use]
pub fn one_line(text: &str) -> String {
    let breaks = |sign: char| sign.is_control() || matches!(sign, '\u{2028}' | '\u{2029}');
    let spaced: String = text.chars().map(|sign| if breaks(sign) { ' ' } else { sign }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the mail server said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// It has taken the mail.
    Taken,
    /// It will never take it.
    Refused,
    /// Not now, or nobody knows.
    NotNow,
}

/// What becomes of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is over.
    Over(MailState),
    /// It is tried again at this time.
    Again(Timestamp),
}

/// Decides. `tries` counts this one too; `luck` spreads retries (any number will do).
#[must_use]
pub fn verdict(reply: Reply, tries: i64, queued_at: Timestamp, now: Timestamp, luck: u64) -> Verdict {
    match reply {
        Reply::Taken => Verdict::Over(MailState::Sent),
        Reply::Refused => Verdict::Over(MailState::Refused),
        Reply::NotNow if is_spent(queued_at, now) => Verdict::Over(MailState::GivenUp),
        Reply::NotNow => {
            let (last, next) = (queued_at.saturating_add(PATIENCE), now.saturating_add(wait(tries, luck)));
            Verdict::Again(next.unwrap_or(Timestamp::MAX).min(last.unwrap_or(Timestamp::MAX)))
        }
    }
}

/// Whether a mail of this time is not tried any more.
#[must_use]
pub fn is_spent(queued_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(queued_at) >= PATIENCE
}

fn wait(tries: i64, luck: u64) -> SignedDuration {
    let place = usize::try_from(tries - 1).unwrap_or(0).min(WAITS.len() - 1);
    let spread = i32::try_from(luck % 1_000).expect("below a thousand");
    WAITS[place] + WAITS[place] / 10_000 * spread
}

/// Where a mail stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailState {
    /// It waits for its first try or the next one.
    Pending,
    /// It is under way.
    Sending,
    /// The mail server has taken it.
    Sent,
    /// The mail server has refused it for good.
    Refused,
    /// It was tried for long enough.
    GivenUp,
    /// Whom it was for leads the workspace no more.
    Dropped,
}

impl MailState {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Pending, Self::Sending, Self::Sent, Self::Refused, Self::GivenUp, Self::Dropped];

    /// The word that the database and the metrics hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::Dropped => "dropped",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        "2026-11-24T15:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    #[test]
    fn answers_mean_what_the_table_says() {
        assert_eq!(verdict(Reply::Taken, 1, at(0), at(0), 0), Verdict::Over(MailState::Sent));
        assert_eq!(verdict(Reply::Refused, 1, at(0), at(0), 0), Verdict::Over(MailState::Refused));
        assert_eq!(verdict(Reply::NotNow, 1, at(0), at(0), 0), Verdict::Again(at(1)));
        assert_eq!(verdict(Reply::NotNow, 2, at(0), at(10), 0), Verdict::Again(at(15)));
        assert_eq!(verdict(Reply::NotNow, 99, at(0), at(60), 0), Verdict::Again(at(300)));
    }

    #[test]
    fn the_last_try_is_a_day_after_the_first_and_nothing_comes_after_it() {
        assert_eq!(verdict(Reply::NotNow, 9, at(0), at(24 * 60 - 1), 999), Verdict::Again(at(24 * 60)));
        assert_eq!(verdict(Reply::NotNow, 10, at(0), at(24 * 60), 0), Verdict::Over(MailState::GivenUp));
        assert_eq!(verdict(Reply::Taken, 10, at(0), at(24 * 60), 0), Verdict::Over(MailState::Sent));
        assert!(!is_spent(at(0), at(24 * 60 - 1)) && is_spent(at(0), at(24 * 60)));
    }

    #[test]
    fn luck_makes_a_wait_at_most_a_tenth_longer() {
        for luck in [0, 1, 999, u64::MAX] {
            let Verdict::Again(next) = verdict(Reply::NotNow, 4, at(0), at(0), luck) else { panic!("{luck}") };
            assert!(next >= at(60) && next <= at(66), "{next}");
        }
    }

    #[test]
    fn words_read_back() {
        for state in MailState::ALL {
            assert_eq!(MailState::from_word(state.word()), Some(state));
        }
    }
}
