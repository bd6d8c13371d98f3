//! What this process has done since it began, counted in memory for the operator's graphs. Nothing decides by it.

use std::sync::atomic::{AtomicU64, Ordering};

use domain::attempt::{Answer, Found};
use domain::mail::Verdict;
use domain::webhook;

use crate::receive::Received;
use crate::settle::Said;

/// The counters. They only grow.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    claimed: AtomicU64,
    answers: [AtomicU64; ANSWERS.len()],
    callbacks: [AtomicU64; CALLBACKS.len()],
    mails: [AtomicU64; MAILS.len()],
    webhooks: [AtomicU64; WEBHOOKS.len()],
}

/// What carriers say of a message.
const ANSWERS: [&str; 10] = [
    "accepted",
    "temporary",
    "permanent",
    "opted_out",
    "sender_problem",
    "rejected",
    "unknown",
    "found_sent",
    "found_lost",
    "not_found_out",
];
/// What callbacks bring.
const CALLBACKS: [&str; 7] = ["text", "receipt", "parked", "nothing", "repeat", "stray", "refused"];
/// What became of a try to send an e-mail.
const MAILS: [&str; 5] = ["sent", "again", "refused", "given_up", "dropped"];

/// What became of a call of an endpoint.
const WEBHOOKS: [&str; 4] = ["delivered", "again", "failed", "gone"];

/// The counters at one instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// Messages claimed for sending.
    pub claimed: u64,
    /// What carriers said of them, by word.
    pub answers: Vec<(&'static str, u64)>,
    /// Callbacks taken, by what they brought.
    pub callbacks: Vec<(&'static str, u64)>,
    /// Tries to send e-mails, by what became of them.
    pub mails: Vec<(&'static str, u64)>,
    /// Calls of webhooks' endpoints, by what became of the delivery.
    pub webhooks: Vec<(&'static str, u64)>,
}

impl Counters {
    /// So many messages were claimed.
    pub(crate) fn claimed(&self, count: usize) {
        self.claimed.fetch_add(u64::try_from(count).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// These answers were settled.
    pub(crate) fn settled(&self, answers: &[Said]) {
        for said in answers {
            let word = match said {
                Said::Submitted(Answer::Accepted) => "accepted",
                Said::Submitted(Answer::Temporary { .. }) => "temporary",
                Said::Submitted(Answer::Permanent) => "permanent",
                Said::Submitted(Answer::OptedOut) => "opted_out",
                Said::Submitted(Answer::SenderProblem) => "sender_problem",
                Said::Submitted(Answer::Rejected) => "rejected",
                Said::Submitted(Answer::Unknown) => "unknown",
                Said::Found { found: Found::Sent, .. } => "found_sent",
                Said::Found { found: Found::NotFound, .. } => "found_lost",
                Said::Found { found: Found::Unsupported | Found::Unavailable, .. } => "not_found_out",
            };
            add(&ANSWERS, &self.answers, word);
        }
    }

    /// A callback was taken.
    pub(crate) fn received(&self, received: &Received) {
        let word = match received {
            Received::Stored { .. } => "text",
            Received::Moved(..) => "receipt",
            Received::Parked => "parked",
            Received::Nothing => "nothing",
            Received::Repeat => "repeat",
            Received::Stray => "stray",
        };
        add(&CALLBACKS, &self.callbacks, word);
    }

    /// A callback was not verified, and not read.
    pub(crate) fn refused(&self) {
        add(&CALLBACKS, &self.callbacks, "refused");
    }

    /// This became of a try to send an e-mail.
    pub(crate) fn mailed(&self, verdict: Verdict) {
        let word = match verdict {
            Verdict::Over(state) => state.word(),
            Verdict::Again(_) => "again",
        };
        add(&MAILS, &self.mails, word);
    }

    /// This became of a delivery whose endpoint was called.
    pub(crate) fn posted(&self, verdict: webhook::Verdict) {
        let word = match verdict {
            webhook::Verdict::Delivered => "delivered",
            webhook::Verdict::Again(_) => "again",
            webhook::Verdict::Failed => "failed",
            webhook::Verdict::Gone => "gone",
        };
        add(&WEBHOOKS, &self.webhooks, word);
    }

    pub(crate) fn now(&self) -> Counts {
        Counts {
            claimed: self.claimed.load(Ordering::Relaxed),
            answers: read(&ANSWERS, &self.answers),
            callbacks: read(&CALLBACKS, &self.callbacks),
            mails: read(&MAILS, &self.mails),
            webhooks: read(&WEBHOOKS, &self.webhooks),
        }
    }
}

fn add(words: &[&str], counters: &[AtomicU64], word: &str) {
    if let Some(counter) = words.iter().position(|known| *known == word).and_then(|place| counters.get(place)) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(words: &[&'static str], counters: &[AtomicU64]) -> Vec<(&'static str, u64)> {
    words.iter().zip(counters).map(|(word, counter)| (*word, counter.load(Ordering::Relaxed))).collect()
}
