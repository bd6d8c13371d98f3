//! What a carrier can do and what it does by itself, so that the engine need not know its name.

use serde::{Deserialize, Serialize};

/// Whether a carrier offers something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// It does.
    Offered,
    /// It does not.
    Missing,
}

/// Who sends the one confirmation that follows STOP; two parties would send two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopAnswer {
    /// The carrier blocks the contact by itself and confirms, after its own words; we stay silent then.
    Carrier,
    /// The carrier only hands the text on; the confirmation is ours.
    Ours,
}

/// The abilities of one carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Who answers STOP.
    pub stop_answer: StopAnswer,
    /// The words on which the carrier acts and which it answers, in lower case: opt-outs, opt-ins, questions for help. A wish in
    /// any other words is ours to answer.
    pub own_words: &'static [&'static str],
    /// The same attempt submitted again is one text. Even where offered, only the sweep may use it.
    pub idempotency: Support,
    /// An attempt in doubt can be looked up.
    pub find: Support,
    /// A text can be given a time by which it is delivered or not at all. Where that is missing, it may lie in the carrier's queue for as
    /// long as the carrier likes, into closed hours too.
    pub expiry: Support,
    /// Receipts carry our attempt id, so that the first one proves the send after a lost answer.
    pub echo: Support,
}

impl Capabilities {
    /// Whether the carrier itself answers this text. It takes a word for its own only if that stands alone.
    #[must_use]
    pub fn answers(&self, body: &str) -> bool {
        let word = body.trim().to_lowercase();
        self.stop_answer == StopAnswer::Carrier && self.own_words.contains(&word.as_str())
    }
}
