//! What carriers' codes of failure mean, in classes; the tables themselves are beside each adapter.
//!
//! | class | at the submission | in a receipt |
//! |---|---|---|
//! | opted out | the contact is opted out | the same |
//! | bad number | never again to this contact | the same |
//! | unreachable | tried again in hours | failed; nothing is concluded |
//! | expired | failed; nothing is concluded, never repeated | the same; what it cost may come back |
//! | filtered, unknown | failed; nothing is concluded, never repeated | the same |
//! | volume | tried again after the carrier's wait | failed; nothing is concluded |
//! | unregistered, sender | the number is paused | the same |
//!
//! A code that no table has is *unknown*: final for that text, and written to the log, as carriers change their codes.

use jiff::SignedDuration;

use crate::wire::{FailureClass, Outcome};

/// What a code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The contact is opted out at the carrier.
    OptedOut,
    /// The number is invalid, dead, or a landline.
    BadNumber,
    /// The handset is off or out of range.
    Unreachable,
    /// It was not delivered by the time that we had set, or the carrier.
    Expired,
    /// Taken for spam, or blocked by the network.
    Filtered,
    /// Our number is not registered, or not yet, for this kind of traffic.
    Unregistered,
    /// Too much at once or in a day.
    Volume,
    /// Our account or our number may not send.
    Sender,
    /// The carrier does not say, or we do not know the code.
    Unknown,
}

/// One row of a carrier's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// As the carrier writes it.
    pub code: &'static str,
    /// What it means for us.
    pub class: Class,
    /// What it means, in plain words for a person.
    pub words: &'static str,
}

/// A row.
pub(crate) const fn code(code: &'static str, class: Class, words: &'static str) -> Code {
    Code { code, class, words }
}

/// Wait before a handset that was off is tried again: hours, as the networks themselves go on trying for a while.
const UNREACHABLE_WAIT: SignedDuration = SignedDuration::from_hours(4);
/// Wait after too much in a day, where the carrier names none.
const VOLUME_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// The class of a code.
pub(crate) fn class(table: &[Code], code: &str) -> Class {
    table.iter().find(|row| row.code == code).map_or(Class::Unknown, |row| row.class)
}

/// What a person reads: our own words, or the carrier's if the code is not known here.
pub(crate) fn words(table: &[Code], code: &str, theirs: &str) -> String {
    let ours = table.iter().find(|row| row.code == code).map(|row| row.words);
    ours.unwrap_or(if theirs.is_empty() { "the carrier gives no reason" } else { theirs }).to_owned()
}

/// What a code at the submission means. `theirs` are the carrier's own words.
pub(crate) fn refused(table: &[Code], code: &str, theirs: &str, retry_after: Option<SignedDuration>) -> Outcome {
    let class = class(table, code);
    if class == Class::Unknown {
        tracing::warn!(code, reason = theirs, "a carrier refused a text with a code that no table knows");
    }
    let reason = words(table, code, theirs);
    let code = code.to_owned();
    match class {
        Class::OptedOut => Outcome::OptedOut { code, reason },
        Class::BadNumber => Outcome::Permanent { code, reason },
        Class::Unreachable => {
            Outcome::Temporary { code, reason, retry_after: Some(retry_after.unwrap_or(UNREACHABLE_WAIT)) }
        }
        Class::Volume => Outcome::Temporary { code, reason, retry_after: Some(retry_after.unwrap_or(VOLUME_WAIT)) },
        Class::Expired | Class::Filtered | Class::Unknown => Outcome::Rejected { code, reason },
        Class::Unregistered | Class::Sender => Outcome::SenderProblem { code, reason },
    }
}

/// What a code in a receipt of failure means; nothing is concluded from one that is not known.
pub(crate) fn failure(table: &[Code], code: &str) -> Option<FailureClass> {
    match class(table, code) {
        Class::OptedOut => Some(FailureClass::OptedOut),
        Class::BadNumber => Some(FailureClass::BadNumber),
        Class::Unreachable | Class::Volume => Some(FailureClass::Temporary),
        Class::Expired => Some(FailureClass::Expired),
        Class::Filtered => Some(FailureClass::Filtered),
        Class::Unregistered | Class::Sender => Some(FailureClass::SenderProblem),
        Class::Unknown => None,
    }
}
