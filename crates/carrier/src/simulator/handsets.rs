//! The handsets: what each received and wrote, and the counts by which a test sees a double send.
//!
//! Counting is at the receiving end and complete; the texts themselves are kept up to
//! [`KEPT_TEXTS`] for each handset, the oldest going first.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;

use domain::ids::AttemptId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::E164;

/// How many received texts a handset keeps; older ones are only counted.
pub const KEPT_TEXTS: usize = 1_000;

/// A text that reached a handset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandsetText {
    /// The attempt that brought it.
    pub attempt: AttemptId,
    /// The how-manieth text of that attempt, from 1: above 1 is a double send.
    pub nth: u32,
    /// The number of ours that sent it.
    pub from: E164,
    /// The text.
    pub body: String,
    /// The segments that we counted.
    pub segments: u32,
    /// When it arrived.
    pub at: Timestamp,
}

/// The carrier's id of the `nth` text of an attempt.
pub(super) fn carrier_id(attempt: AttemptId, nth: u32) -> String {
    format!("sim_{attempt}_{nth}")
}

impl HandsetText {
    /// The carrier's id of this text.
    #[must_use]
    pub fn carrier_id(&self) -> String {
        carrier_id(self.attempt, self.nth)
    }
}

/// One line of the list of handsets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HandsetSummary {
    /// The handset's number.
    pub phone: E164,
    /// How many texts it received, kept or not.
    pub received: u64,
    /// How many texts it sent by [`reply`](super::Simulator::reply).
    pub written: u64,
    /// When the last text arrived.
    pub last_at: Option<Timestamp>,
}

/// What was counted at the receiving end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Texts that reached a handset.
    pub texts: u64,
    /// Attempts that brought at least one text.
    pub attempts: u64,
    /// The most texts that one attempt brought: above 1 is a double send.
    pub most_per_attempt: u32,
    /// Texts beyond the first of their attempt.
    pub duplicates: u64,
    /// Texts beyond the first with the same handset and body.
    pub repeated_bodies: u64,
    /// Handsets that received or wrote anything.
    pub handsets: u64,
    /// Texts that the carrier took and whose time was over before their turn came.
    pub expired: u64,
    /// Events that the carrier has still to tell.
    pub events_pending: u64,
    /// Events lost because too many waited.
    pub events_lost: u64,
    /// Journal lines that could not be read, such as one torn by a kill.
    pub torn_lines: u64,
}

#[derive(Debug, Default)]
struct Handset {
    texts: VecDeque<HandsetText>,
    received: u64,
    written: u64,
    opted_out: bool,
}

/// What the carrier took of an attempt.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    /// Texts that reached a handset.
    pub(super) arrived: u32,
    /// Texts whose time was over before their turn came.
    pub(super) expired: u32,
    /// When the first was taken.
    pub(super) first_at: Timestamp,
}

/// All handsets.
#[derive(Debug, Default)]
pub(super) struct Handsets {
    by_phone: BTreeMap<E164, Handset>,
    by_attempt: HashMap<AttemptId, Taken>,
    by_text: HashMap<u64, u32>,
    stats: Stats,
}

impl Handsets {
    /// A text that was taken at this time arrives; `digest` stands for its handset and body.
    pub(super) fn receive(&mut self, to: &str, digest: u64, text: HandsetText, taken_at: Timestamp) {
        let taken = self.taken_mut(text.attempt, taken_at);
        taken.arrived += 1;
        let arrived = taken.arrived;
        let same = self.by_text.entry(digest).or_insert(0);
        *same += 1;
        self.stats.texts += 1;
        self.stats.duplicates += u64::from(arrived > 1);
        self.stats.repeated_bodies += u64::from(*same > 1);
        self.stats.most_per_attempt = self.stats.most_per_attempt.max(arrived);
        let handset = handset_mut(&mut self.by_phone, to);
        handset.received += 1;
        if handset.texts.len() == KEPT_TEXTS {
            handset.texts.pop_front();
        }
        handset.texts.push_back(text);
    }

    /// A text that was taken at this time will not arrive.
    pub(super) fn expire(&mut self, attempt: AttemptId, taken_at: Timestamp) {
        self.taken_mut(attempt, taken_at).expired += 1;
        self.stats.expired += 1;
    }

    fn taken_mut(&mut self, attempt: AttemptId, at: Timestamp) -> &mut Taken {
        self.by_attempt.entry(attempt).or_insert(Taken { arrived: 0, expired: 0, first_at: at })
    }

    /// A person wrote by hand; answers which text of this handset that was, from 1.
    pub(super) fn wrote(&mut self, from: &str) -> u64 {
        let handset = handset_mut(&mut self.by_phone, from);
        handset.written += 1;
        handset.written
    }

    /// Notes what a carrier that answers STOP by itself reads in a text from a handset.
    pub(super) fn hear(&mut self, from: &str, body: &str) {
        let word = body.trim();
        if word.eq_ignore_ascii_case("STOP") {
            handset_mut(&mut self.by_phone, from).opted_out = true;
        } else if word.eq_ignore_ascii_case("START") {
            handset_mut(&mut self.by_phone, from).opted_out = false;
        }
    }

    /// Whether the last word of this handset to the carrier was STOP.
    pub(super) fn is_opted_out(&self, phone: &str) -> bool {
        self.by_phone.get(phone).is_some_and(|handset| handset.opted_out)
    }

    pub(super) fn taken(&self, attempt: AttemptId) -> Option<Taken> {
        self.by_attempt.get(&attempt).copied()
    }

    /// How many texts with this digest arrived.
    pub(super) fn count_of(&self, digest: u64) -> u32 {
        self.by_text.get(&digest).copied().unwrap_or(0)
    }

    /// Kept texts of a handset, oldest first, after the first `skip`.
    pub(super) fn inbox(&self, phone: &str, skip: usize, limit: usize) -> Vec<HandsetText> {
        let texts = self.by_phone.get(phone).into_iter().flat_map(|handset| &handset.texts);
        texts.skip(skip).take(limit).cloned().collect()
    }

    /// Kept texts of a handset that these numbers sent, newest first.
    pub(super) fn newest(&self, phone: &str, senders: &[E164], limit: usize) -> Vec<HandsetText> {
        let texts = self.by_phone.get(phone).into_iter().flat_map(|handset| handset.texts.iter().rev());
        texts.filter(|text| senders.contains(&text.from)).take(limit).cloned().collect()
    }

    /// Handsets in order of their numbers, after this one.
    pub(super) fn list(&self, after: Option<&str>, limit: usize) -> Vec<HandsetSummary> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let handsets = self.by_phone.range::<str, _>((from, Bound::Unbounded)).take(limit);
        handsets
            .map(|(phone, handset)| HandsetSummary {
                phone: phone.clone(),
                received: handset.received,
                written: handset.written,
                last_at: handset.texts.back().map(|text| text.at),
            })
            .collect()
    }

    pub(super) fn stats(&self) -> Stats {
        let attempts = self.by_attempt.values().filter(|taken| taken.arrived > 0).count() as u64;
        let handsets = self.by_phone.len() as u64;
        Stats { attempts, handsets, ..self.stats }
    }
}

/// The handset, made on first sight; the number is only copied then.
fn handset_mut<'a>(by_phone: &'a mut BTreeMap<E164, Handset>, phone: &str) -> &'a mut Handset {
    if !by_phone.contains_key(phone) {
        by_phone.insert(phone.to_owned(), Handset::default());
    }
    by_phone.get_mut(phone).expect("inserted above")
}
