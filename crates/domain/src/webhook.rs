//! Outgoing webhooks: what an answer means for a delivery and for its endpoint, and which events an endpoint wants.
//!
//! | answer | the delivery | the endpoint |
//! |---|---|---|
//! | 2xx | delivered | has taken something |
//! | 410 | failed | disabled at once: it asks for that |
//! | anything else, or none | again after a wait, up to [`MOST_TRIES`] tries and [`PATIENCE`] after it was queued; then failed | disabled when nothing was taken for [`PATIENCE`] |
//!
//! Waits are those that Standard Webhooks recommends (section *deliverability and reliability*), each up to a tenth longer.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

/// The waits after the first try, the second and so on.
const WAITS: [SignedDuration; 9] = [
    SignedDuration::from_secs(5),
    SignedDuration::from_mins(5),
    SignedDuration::from_mins(30),
    SignedDuration::from_hours(2),
    SignedDuration::from_hours(5),
    SignedDuration::from_hours(10),
    SignedDuration::from_hours(14),
    SignedDuration::from_hours(20),
    SignedDuration::from_hours(24),
];

/// Most tries of one delivery: at once, and after each wait.
pub const MOST_TRIES: i64 = 10;

/// How long a delivery is tried, and how long an endpoint may take nothing before it is disabled. What has waited so long behind an
/// earlier delivery of its contact is still tried once.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// For how long the secret before signs beside the new one.
pub const OLD_SECRET: SignedDuration = SignedDuration::from_hours(24);

const GONE: u16 = 410;

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// It is tried again at this time.
    Again(Timestamp),
    /// It is not tried any more.
    Failed,
    /// The same, and nothing more may be sent there.
    Gone,
}

/// Decides. `tries` counts this one too; `luck` spreads retries (any number will do).
#[must_use]
pub fn verdict(status: Option<u16>, tries: i64, queued_at: Timestamp, now: Timestamp, luck: u64) -> Verdict {
    match status {
        Some(200..=299) => Verdict::Delivered,
        Some(GONE) => Verdict::Gone,
        _ if tries >= MOST_TRIES || now.duration_since(queued_at) >= PATIENCE => Verdict::Failed,
        _ => Verdict::Again(now.saturating_add(wait(tries, luck)).unwrap_or(Timestamp::MAX)),
    }
}

fn wait(tries: i64, luck: u64) -> SignedDuration {
    let place = usize::try_from(tries - 1).unwrap_or(0).min(WAITS.len() - 1);
    let spread = i32::try_from(luck % 1_000).expect("below a thousand");
    WAITS[place] + WAITS[place] / 10_000 * spread
}

/// Whether an endpoint that has taken nothing since a failure at this time is disabled.
#[must_use]
pub fn is_spent(failing_since: Timestamp, now: Timestamp) -> bool {
    now.duration_since(failing_since) >= PATIENCE
}

/// Whether an endpoint gets what happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointState {
    /// It does.
    On,
    /// A user switched it off.
    Off,
    /// It was disabled because it took nothing, or said that it is gone.
    Disabled,
}

impl EndpointState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::On, Self::Off, Self::Disabled];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Off => "off",
            Self::Disabled => "disabled",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryState {
    /// It waits for its first try, for the next one, or for an earlier one of its contact.
    Pending,
    /// It is under way.
    Sending,
    /// It was taken.
    Delivered,
    /// It was tried for long enough.
    Failed,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Sending, Self::Delivered, Self::Failed];

    /// The word that the database and the API hold.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

/// Which events an endpoint wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kinds {
    /// All, those of later versions too.
    All,
    /// Those of these kinds.
    Only(BTreeSet<String>),
}

/// A kind that no event has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no event {0:?}; docs/webhooks.md has the list")]
pub struct NoSuchKind(pub String);

impl Kinds {
    /// These kinds; all if there is none.
    ///
    /// # Errors
    /// If no event has such a kind.
    pub fn of<T: AsRef<str>>(kinds: &[T]) -> Result<Self, NoSuchKind> {
        let known = |kind: &T| {
            let kind = kind.as_ref().trim();
            if crate::kinds::is_kind(kind) {
                Ok(kind.to_owned())
            } else {
                Err(NoSuchKind(kind.chars().take(64).collect()))
            }
        };
        let only = kinds.iter().map(known).collect::<Result<BTreeSet<_>, _>>()?;
        Ok(if only.is_empty() { Self::All } else { Self::Only(only) })
    }

    /// Whether an event of this kind is wanted.
    #[must_use]
    pub fn want(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(kind),
        }
    }

    /// As the database holds them: nothing for all, else each with a comma on either side.
    #[must_use]
    pub fn stored(&self) -> Option<String> {
        match self {
            Self::All => None,
            Self::Only(kinds) => Some(kinds.iter().fold(",".to_owned(), |text, kind| text + kind + ",")),
        }
    }

    /// Reads that back.
    #[must_use]
    pub fn read(stored: Option<&str>) -> Self {
        let Some(text) = stored else { return Self::All };
        Self::Only(text.split(',').filter(|kind| !kind.is_empty()).map(str::to_owned).collect())
    }

    /// The kinds; none for all.
    #[must_use]
    pub fn list(&self) -> Vec<String> {
        match self {
            Self::All => Vec::new(),
            Self::Only(kinds) => kinds.iter().cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-24T15:00:00Z".parse().unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        now() + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn an_answer_says_what_becomes_of_a_delivery() {
        let again = Verdict::Again(after(5));
        for (status, wanted) in [
            (Some(200), Verdict::Delivered),
            (Some(204), Verdict::Delivered),
            (Some(299), Verdict::Delivered),
            (Some(410), Verdict::Gone),
            (Some(199), again),
            (Some(301), again),
            (Some(302), again),
            (Some(400), again),
            (Some(404), again),
            (Some(429), again),
            (Some(500), again),
            (None, again),
        ] {
            assert_eq!(verdict(status, 1, now(), now(), 0), wanted, "{status:?}");
        }
    }

    #[test]
    fn the_waits_are_the_recommended_ones_and_make_three_days() {
        for (luck, wanted) in [(0, [5, 305, 2_105, 9_305, 27_305, 63_305, 113_705, 185_705, 272_105]), (999, [0; 9])] {
            let (mut at, mut tries, mut seen) = (now(), 1, Vec::new());
            while let Verdict::Again(next) = verdict(None, tries, now(), at, luck) {
                let wait = next.duration_since(at);
                let least = WAITS[usize::try_from(tries).unwrap() - 1];
                assert!(wait >= least && wait < least + least / 10, "{wait:?} after try {tries}");
                (at, tries) = (next, tries + 1);
                seen.push(at.duration_since(now()).as_secs());
            }
            assert_eq!(tries, MOST_TRIES);
            assert!(luck != 0 || seen == wanted, "{seen:?}");
            assert!((72 * 3_600..84 * 3_600).contains(seen.last().unwrap()), "{seen:?}");
        }
    }

    #[test]
    fn what_waited_three_days_behind_another_is_tried_once() {
        let late = after(72 * 3_600);
        assert_eq!(verdict(Some(500), 1, now(), late, 0), Verdict::Failed);
        assert_eq!(verdict(Some(200), 1, now(), late, 0), Verdict::Delivered);
        assert!(matches!(verdict(Some(500), 1, now(), after(72 * 3_600 - 1), 0), Verdict::Again(_)));
    }

    #[test]
    fn an_endpoint_is_spent_after_three_days_of_nothing() {
        assert!(!is_spent(now(), after(72 * 3_600 - 1)) && is_spent(now(), after(72 * 3_600)));
    }

    #[test]
    fn kinds_are_known_ones_and_read_back() {
        let kinds = Kinds::of(&["message.received", " enrollment.stopped "]).unwrap();
        assert_eq!(kinds.stored().as_deref(), Some(",enrollment.stopped,message.received,"));
        assert_eq!(Kinds::read(kinds.stored().as_deref()), kinds);
        assert!(kinds.want("message.received") && !kinds.want("message.sent") && Kinds::All.want("message.sent"));
        assert_eq!((Kinds::of::<&str>(&[]), Kinds::read(None)), (Ok(Kinds::All), Kinds::All));
        assert_eq!(Kinds::of(&["message.*"]), Err(NoSuchKind("message.*".to_owned())));
        assert_eq!(Kinds::of(&["a,b"]), Err(NoSuchKind("a,b".to_owned())));
    }

    #[test]
    fn words_read_back() {
        assert!(EndpointState::ALL.iter().all(|one| EndpointState::from_word(one.word()) == Some(*one)));
        assert!(DeliveryState::ALL.iter().all(|one| DeliveryState::from_word(one.word()) == Some(*one)));
    }
}
