//! What may be wrong with the history or with its seals, in words with identifiers. How it is found is in `verify`.

use domain::ids::EventId;

/// What is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistoryFault {
    /// An event is another than was sealed.
    #[error("{event} was changed after it was sealed (seal {seal})")]
    Changed {
        /// Which event.
        event: EventId,
        /// The number of the seal that holds it.
        seal: i64,
    },
    /// An event was deleted.
    #[error("{event} is missing: it was there when it was sealed (seal {seal})")]
    Missing {
        /// Which event.
        event: EventId,
        /// The number of the seal that holds it.
        seal: i64,
    },
    /// An event was put among sealed ones.
    #[error("{event} was added among events that were sealed without it (seal {seal})")]
    Added {
        /// Which event.
        event: EventId,
        /// The number of the seal in whose range it lies.
        seal: i64,
    },
    /// Events differ, and the marks that would tell which were changed too.
    #[error(
        "seal {seal}: the events after {after} until {until} are not the {sealed} that were sealed ({now} now); which \
         of them differ cannot be told, because the marks of the seal were changed too"
    )]
    Unlike {
        /// The number of the seal.
        seal: i64,
        /// Its range begins after this event.
        after: EventId,
        /// Its last event.
        until: EventId,
        /// How many events were sealed.
        sealed: i64,
        /// How many there are.
        now: i64,
    },
    /// The marks were changed, the events were not.
    #[error("seal {seal}: its marks were changed; its events are as they were sealed")]
    Marks {
        /// The number of the seal.
        seal: i64,
    },
    /// A seal does not have its own hash.
    #[error("seal {seal} was changed: its hash is not that of what it says")]
    Seal {
        /// Its number.
        seal: i64,
    },
    /// Seals are missing in the chain.
    #[error("the chain is broken: {count} seals are missing before seal {seal}")]
    SealsMissing {
        /// The number of the seal after them.
        seal: i64,
        /// How many.
        count: i64,
    },
    /// A seal does not hold the one before it.
    #[error("the chain is broken: seal {seal} does not follow the seal before it")]
    Link {
        /// Its number.
        seal: i64,
    },
}

impl HistoryFault {
    /// The kind of it, in a word for logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Changed { .. } => "event_changed",
            Self::Missing { .. } => "event_missing",
            Self::Added { .. } => "event_added",
            Self::Unlike { .. } => "events_unlike",
            Self::Marks { .. } => "marks_changed",
            Self::Seal { .. } => "seal_changed",
            Self::SealsMissing { .. } => "seals_missing",
            Self::Link { .. } => "link_broken",
        }
    }
}
