//! Which deliveries an SMSC may bring again, so that it is one event.
//!
//! `deliver_sm` has no identifier, and a contact may well write STOP twice. So a delivery counts as the same as an earlier one of the same
//! content only while our answer to that one may not have arrived: it was not given, or nothing that the SMSC sent since proves that it
//! came. The proof is an answer of the SMSC to a request that we wrote after ours: the line keeps its order.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

/// Most deliveries that are remembered.
const MOST: usize = 4_096;
/// How long one may come again: SMSCs repeat within minutes after a link has broken.
const FRESH: SignedDuration = SignedDuration::from_mins(10);

/// A delivery's content, as a digest.
pub(super) type Content = [u8; 32];

struct Entry {
    content: Content,
    event_id: String,
    at: Timestamp,
    /// Whether what it told is stored.
    stored: bool,
    /// Our newest request over which link when it was answered.
    answered: Option<(u64, u32)>,
}

/// All that are remembered.
#[derive(Default)]
pub(super) struct Repeats(VecDeque<Entry>);

/// A delivery that has a name.
pub(super) struct Named {
    pub(super) event_id: String,
    /// Whether it came before and is stored already.
    pub(super) stored: bool,
}

impl Repeats {
    /// The name of a delivery: the one that it had before, or a new one.
    pub(super) fn name(&mut self, content: Content, now: Timestamp, new: impl FnOnce() -> String) -> Named {
        self.0.retain(|entry| entry.at.saturating_add(FRESH).unwrap_or(Timestamp::MAX) > now);
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.content == content) {
            entry.answered = None;
            return Named { event_id: entry.event_id.clone(), stored: entry.stored };
        }
        let event_id = new();
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back(Entry { content, event_id: event_id.clone(), at: now, stored: false, answered: None });
        Named { event_id, stored: false }
    }

    /// What these deliveries told is stored.
    pub(super) fn stored(&mut self, event_id: &str) {
        self.0.iter_mut().filter(|entry| entry.event_id == event_id).for_each(|entry| entry.stored = true);
    }

    /// A delivery was answered with yes; `after` is our newest request over that link.
    pub(super) fn answered(&mut self, content: Content, link: u64, after: u32) {
        if let Some(entry) = self.0.iter_mut().find(|entry| entry.content == content) {
            entry.answered = Some((link, after));
        }
    }

    /// Whether confirmations over a link are not proved to have come.
    pub(super) fn waits_for_proof(&self, link: u64) -> bool {
        self.0.iter().any(|entry| entry.answered.is_some_and(|(of, _)| of == link))
    }

    /// The SMSC answered our request: all that we had answered before it has arrived.
    pub(super) fn proved(&mut self, link: u64, request: u32) {
        self.0.retain(|entry| !entry.answered.is_some_and(|(of, after)| of == link && after < request));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        "2026-11-24T15:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_mins(minutes)
    }

    fn name(repeats: &mut Repeats, nth: u8, minutes: i64, new: &str) -> String {
        repeats.name([nth; 32], at(minutes), || new.to_owned()).event_id
    }

    #[test]
    fn a_delivery_is_the_same_only_while_our_answer_may_be_lost() {
        let mut repeats = Repeats::default();
        assert_eq!(name(&mut repeats, 1, 0, "a"), "a");
        assert_eq!(name(&mut repeats, 1, 0, "b"), "a", "never answered");
        repeats.answered([1; 32], 1, 5);
        assert_eq!(name(&mut repeats, 1, 1, "b"), "a", "the answer may not have arrived");
        repeats.answered([1; 32], 1, 5);
        assert!(repeats.waits_for_proof(1) && !repeats.waits_for_proof(2));
        repeats.proved(1, 5);
        repeats.proved(2, 9);
        assert_eq!(name(&mut repeats, 1, 1, "b"), "a", "an older request, another link");
        repeats.answered([1; 32], 1, 5);
        repeats.proved(1, 6);
        assert_eq!(name(&mut repeats, 1, 1, "b"), "b", "written twice");
        assert_eq!(name(&mut repeats, 1, 12, "c"), "c", "too long ago");
    }

    #[test]
    fn what_is_stored_is_known_to_be() {
        let mut repeats = Repeats::default();
        name(&mut repeats, 1, 0, "a");
        repeats.stored("a");
        assert!(repeats.name([1; 32], at(0), String::new).stored);
        for nth in 0..MOST {
            repeats.name(
                [u8::try_from(nth % 251).unwrap(); 32].map(|byte| byte ^ u8::try_from(nth / 251).unwrap()),
                at(0),
                String::new,
            );
        }
        assert!(repeats.0.len() <= MOST);
    }
}
