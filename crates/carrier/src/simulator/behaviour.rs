//! How the simulated world behaves: rates, delays, texts. Data only; the default is a perfect world.
//!
//! Rates are fractions from 0 to 1. Delays are whole milliseconds of simulated time. It is read
//! from settings and from the API, so unknown fields are refused and [`Behaviour::validate`] names
//! the field that is wrong.

use serde::{Deserialize, Serialize};

use crate::capabilities::{StopAnswer, Support};

/// The longest delay of a receipt or reply: 30 days.
pub const DELAY_LIMIT_MS: u64 = 30 * 24 * 3600 * 1000;
/// The longest latency of an answer: one minute.
pub const LATENCY_LIMIT_MS: u64 = 60_000;
/// The most different reply texts.
pub const TEXTS_LIMIT: usize = 1_000;

/// What the simulator does, unless a handset's script says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// What goes wrong when a text is submitted.
    pub faults: Faults,
    /// How delivery receipts come.
    pub receipts: Receipts,
    /// How texts wait at the carrier before they reach a handset.
    pub backlog: Backlog,
    /// What the people with the handsets do.
    pub replies: Replies,
    /// The same attempt again is accepted again without a second text.
    pub idempotency: Support,
    /// Attempts can be looked up.
    pub find: Support,
    /// Receipts carry the attempt id.
    pub echo: Support,
    /// A text whose time is over is not delivered any more; else it is, however late.
    pub expiry: Support,
    /// Who answers STOP. `carrier` also refuses later texts to that handset, until START.
    pub stop_answer: StopAnswer,
    /// Milliseconds of simulated time until a text taken can be found.
    pub find_lag_ms: u64,
    /// Milliseconds of real time until an answer; only for load tests. 0 does not touch a timer.
    pub latency_ms: u64,
}

/// Rates of what goes wrong at submission. At most one happens to a text, so their sum (without
/// `find_unavailable` and `fewer_segments`) is at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// A temporary error without advice when to come again.
    pub temporary: f64,
    /// An answer 429 that says when to come again.
    pub throttled: f64,
    /// A permanent error of the handset.
    pub permanent: f64,
    /// The carrier knows the contact as opted out.
    pub opted_out: f64,
    /// A problem of our number or account.
    pub sender_problem: f64,
    /// This text is refused, as if taken for spam.
    pub rejected: f64,
    /// The text arrives but the answer is lost.
    pub lost_after: f64,
    /// The request is lost before the carrier takes it; the caller cannot know that.
    pub lost_before: f64,
    /// A search for an attempt fails.
    pub find_unavailable: f64,
    /// The carrier counts one segment less than we (never less than 1).
    pub fewer_segments: f64,
    /// What a 429 asks for, in seconds.
    pub retry_after_seconds: u32,
}

/// How delivery receipts come: sent, then a final one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receipts {
    /// How long after the text.
    pub delay: Delay,
    /// Rate of receipts that never come.
    pub missing: f64,
    /// Rate of receipts that come twice with the same event id.
    pub doubled: f64,
    /// Rate of texts whose receipts come in the reverse order.
    pub out_of_order: f64,
    /// Rate of texts that end undelivered or failed, though they were accepted.
    pub failed: f64,
    /// Rate of failed texts that are reported delivered afterwards all the same.
    pub recovered: f64,
    /// Rate of failed texts whose receipt says that the number is bad for good.
    pub bad_number: f64,
    /// Rate of failed texts whose receipt says that the contact is opted out, where `bad_number` leaves room.
    pub opted_out: f64,
}

/// How texts wait at the carrier. Whether one still reaches its handset is settled when it is taken: if so, it lies there at once, with the
/// time at which it arrives; if not, the carrier tells of it when its time is over, where it tells anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backlog {
    /// Rate of texts that wait.
    pub rate: f64,
    /// For how long.
    pub delay: Delay,
}

/// What the people with the handsets do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Replies {
    /// Rate of texts that are answered.
    pub rate: f64,
    /// How long they take; 0 is an answer in the same instant.
    pub delay: Delay,
    /// What they write.
    pub texts: Vec<ReplyText>,
    /// Rate of answers that the carrier reports twice with the same event id.
    pub doubled: f64,
}

/// Something that people write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyText {
    /// The text; may be empty.
    pub body: String,
    /// How often, against the weights of the others.
    pub weight: u32,
}

/// A range of simulated time, both ends included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delay {
    /// At least, in milliseconds.
    pub min_ms: u64,
    /// At most, in milliseconds; no more than [`DELAY_LIMIT_MS`].
    pub max_ms: u64,
}

/// Why a behaviour cannot be played.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BehaviourError {
    /// A rate is no fraction.
    #[error("{field} is {value}, not a rate from 0 to 1")]
    Rate {
        /// The field's path.
        field: &'static str,
        /// What it was.
        value: f64,
    },
    /// The faults together are more than everything.
    #[error("faults add up to {sum}, more than 1")]
    FaultSum {
        /// The sum.
        sum: f64,
    },
    /// A delay runs backwards or too long.
    #[error("{field} of {min_ms} to {max_ms} ms is not a range within {limit_ms} ms")]
    Delay {
        /// The field's path.
        field: &'static str,
        /// Its lower end.
        min_ms: u64,
        /// Its upper end.
        max_ms: u64,
        /// The limit.
        limit_ms: u64,
    },
    /// People shall answer but have nothing to say, or too many things.
    #[error("replies.texts needs 1 to {TEXTS_LIMIT} texts with a weight above 0, because replies.rate is above 0")]
    Texts,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            faults: Faults::default(),
            receipts: Receipts::default(),
            backlog: Backlog::default(),
            replies: Replies::default(),
            idempotency: Support::Missing,
            find: Support::Offered,
            echo: Support::Offered,
            expiry: Support::Offered,
            stop_answer: StopAnswer::Ours,
            find_lag_ms: 0,
            latency_ms: 0,
        }
    }
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            temporary: 0.0,
            throttled: 0.0,
            permanent: 0.0,
            opted_out: 0.0,
            sender_problem: 0.0,
            rejected: 0.0,
            lost_after: 0.0,
            lost_before: 0.0,
            find_unavailable: 0.0,
            fewer_segments: 0.0,
            retry_after_seconds: 30,
        }
    }
}

impl Default for Receipts {
    fn default() -> Self {
        let delay = Delay { min_ms: 0, max_ms: 0 };
        Self {
            delay,
            missing: 0.0,
            doubled: 0.0,
            out_of_order: 0.0,
            failed: 0.0,
            recovered: 0.0,
            bad_number: 0.0,
            opted_out: 0.0,
        }
    }
}

impl Default for Replies {
    fn default() -> Self {
        let text = |body: &str, weight| ReplyText { body: body.to_owned(), weight };
        let texts = vec![
            text("Yes, tell me more", 30),
            text("who is this?", 20),
            text("Call me tomorrow after 5", 15),
            text("not interested", 15),
            text("STOP", 8),
            text("please stop texting me", 4),
            text("HELP", 2),
            text("", 2),
            text("👍🏽", 4),
        ];
        Self { rate: 0.0, delay: Delay { min_ms: 0, max_ms: 0 }, texts, doubled: 0.0 }
    }
}

impl Behaviour {
    /// A lively world for a demonstration: receipts within seconds, three in ten answer within
    /// two days of simulated time, a little goes wrong.
    #[must_use]
    pub fn demo() -> Self {
        let faults = Faults { temporary: 0.01, permanent: 0.01, ..Faults::default() };
        let receipts = Receipts {
            delay: Delay { min_ms: 500, max_ms: 5_000 },
            failed: 0.01,
            doubled: 0.02,
            ..Receipts::default()
        };
        let delay = Delay { min_ms: 20_000, max_ms: 2 * 24 * 3600 * 1000 };
        Self { faults, receipts, replies: Replies { rate: 0.3, delay, ..Replies::default() }, ..Self::default() }
    }

    /// Checks every rate, delay and text.
    ///
    /// # Errors
    /// The first field that is wrong, by name.
    pub fn validate(&self) -> Result<(), BehaviourError> {
        self.validate_rates()?;
        let Faults {
            temporary,
            throttled,
            permanent,
            opted_out,
            sender_problem,
            rejected,
            lost_after,
            lost_before,
            ..
        } = self.faults;
        let sum = temporary + throttled + permanent + opted_out + sender_problem + rejected + lost_after + lost_before;
        if sum > 1.0 + 1e-9 {
            return Err(BehaviourError::FaultSum { sum });
        }
        let fixed = |ms| Delay { min_ms: 0, max_ms: ms };
        for (field, delay, limit_ms) in [
            ("receipts.delay", self.receipts.delay, DELAY_LIMIT_MS),
            ("backlog.delay", self.backlog.delay, DELAY_LIMIT_MS),
            ("replies.delay", self.replies.delay, DELAY_LIMIT_MS),
            ("find_lag_ms", fixed(self.find_lag_ms), DELAY_LIMIT_MS),
            ("latency_ms", fixed(self.latency_ms), LATENCY_LIMIT_MS),
        ] {
            let Delay { min_ms, max_ms } = delay;
            if min_ms > max_ms || max_ms > limit_ms {
                return Err(BehaviourError::Delay { field, min_ms, max_ms, limit_ms });
            }
        }
        let texts = &self.replies.texts;
        let speechless = texts.iter().all(|text| text.weight == 0);
        if texts.len() > TEXTS_LIMIT || (self.replies.rate > 0.0 && speechless) {
            return Err(BehaviourError::Texts);
        }
        Ok(())
    }

    fn validate_rates(&self) -> Result<(), BehaviourError> {
        let Self { faults, receipts, backlog, replies, .. } = self;
        for (field, value) in [
            ("faults.temporary", faults.temporary),
            ("faults.throttled", faults.throttled),
            ("faults.permanent", faults.permanent),
            ("faults.opted_out", faults.opted_out),
            ("faults.sender_problem", faults.sender_problem),
            ("faults.rejected", faults.rejected),
            ("faults.lost_after", faults.lost_after),
            ("faults.lost_before", faults.lost_before),
            ("faults.find_unavailable", faults.find_unavailable),
            ("faults.fewer_segments", faults.fewer_segments),
            ("receipts.missing", receipts.missing),
            ("receipts.doubled", receipts.doubled),
            ("receipts.out_of_order", receipts.out_of_order),
            ("receipts.failed", receipts.failed),
            ("receipts.recovered", receipts.recovered),
            ("receipts.bad_number", receipts.bad_number),
            ("receipts.opted_out", receipts.opted_out),
            ("backlog.rate", backlog.rate),
            ("replies.rate", replies.rate),
            ("replies.doubled", replies.doubled),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(BehaviourError::Rate { field, value });
            }
        }
        Ok(())
    }
}
