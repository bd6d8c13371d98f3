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
    /// The carrier blocks the contact by itself and confirms; we stay silent.
    Carrier,
    /// The carrier only hands the text on; the confirmation is ours.
    Ours,
}

/// The abilities of one carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Who answers STOP.
    pub stop_answer: StopAnswer,
    /// The same attempt submitted again is one text. Even where offered, only the sweep may use it.
    pub idempotency: Support,
    /// An attempt in doubt can be looked up.
    pub find: Support,
    /// Receipts carry our attempt id, so that the first one proves the send after a lost answer.
    pub echo: Support,
}
