//! One text handed over a line, part by part, and what its answers make of it.
//!
//! | when | outcome |
//! |---|---|
//! | no link, or no room in the window within the time | not sent, tried again |
//! | too little time is left to deliver it in | the same; after the first part in doubt |
//! | the first part is refused | by the table of statuses |
//! | a later part is refused because of too much at once | that part again, as long as there is time: it was not taken |
//! | a later part is refused otherwise | in doubt: a person sees what the SMSC said |
//! | written, and no answer | in doubt |
//! | all taken | accepted, under the identifier of the last part |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::codes::{STATUSES, written};
use super::desk::{Desk, Unanswered, reference};
use super::line::Line;
use super::parts::{self, Part};
use super::pdu::{Submit, Unwritten, status};
use super::session::{Answer, Note, Order};
use crate::adapter;
use crate::codes as classes;
use crate::wire::{Outcome, Submission};

/// Longest time for a whole text: less than the engine's wait for an answer, so that our own word comes first.
const WHOLE: Duration = Duration::from_secs(45);
/// Wait after too much at once.
const THROTTLED: SignedDuration = SignedDuration::from_secs(10);
/// Wait after an SMSC that is out of order.
const OUT_OF_ORDER: SignedDuration = SignedDuration::from_secs(60);

/// How far a text has come.
#[derive(Default)]
struct Progress {
    /// Parts that the SMSC has taken.
    taken: usize,
    count: usize,
    /// The part that is on its way: whether it was written.
    current: Option<Arc<AtomicBool>>,
}

impl Progress {
    /// Whether nothing of the text can have arrived. What waits is taken back with this.
    fn is_unsent(&self) -> bool {
        self.taken == 0 && self.current.as_ref().is_none_or(|written| !written.swap(true, Ordering::AcqRel))
    }

    fn doubt(&self, why: &str) -> Outcome {
        let reason = match self.taken {
            0 => why.to_owned(),
            taken => format!("the SMSC took {taken} of {} parts; then {why}", self.count),
        };
        Outcome::InDoubt { reason }
    }
}

pub(super) async fn submit(line: &Line, submission: &Submission) -> Outcome {
    let (orders, desk) = match line.open() {
        Ok(open) => open,
        Err(reason) => return Outcome::Temporary { code: "not_linked".to_owned(), reason, retry_after: None },
    };
    let Some(parts) = parts::cut(&submission.body, line.terms().alphabet, line.next_reference()) else {
        let reason = "the text is too long for SMPP".to_owned();
        return Outcome::Rejected { code: "too_long".to_owned(), reason };
    };
    let Submission { from, to, attempt, .. } = submission;
    // A receipt may come before the answer, and the answer never.
    desk.hands_over(Unanswered { ours: from.clone(), theirs: to.clone(), attempt: *attempt });
    let mut progress = Progress { count: parts.len(), ..Progress::default() };
    let handing = hand_over(line, submission, &parts, (&orders, &desk), &mut progress);
    let outcome = match timeout(WHOLE, handing).await {
        Ok(outcome) => outcome,
        Err(_) if progress.is_unsent() => {
            let reason = "the link to the SMSC had no room in time".to_owned();
            Outcome::Temporary { code: "window_full".to_owned(), reason, retry_after: None }
        }
        Err(_) => progress.doubt("the SMSC did not answer within 45 seconds"),
    };
    if !matches!(outcome, Outcome::InDoubt { .. }) {
        desk.is_answered(*attempt);
    }
    outcome
}

async fn hand_over(
    line: &Line,
    submission: &Submission,
    parts: &[Part],
    (orders, desk): (&tokio::sync::mpsc::Sender<Order>, &Desk),
    progress: &mut Progress,
) -> Outcome {
    let mut last_id = String::new();
    while let Some(part) = parts.get(progress.taken) {
        let Ok(place) = orders.reserve().await else { return ended(progress) };
        let (answer, answered) = oneshot::channel();
        let taken = Arc::new(AtomicBool::new(false));
        progress.current = Some(Arc::clone(&taken));
        let is_last = progress.taken + 1 == parts.len();
        let note = Note { attempt: submission.attempt, from: submission.from.clone(), is_last };
        place.send(Order { body: body(line, submission, part, is_last), note, taken, answer });
        match answered.await {
            Ok(Answer::Said { status: status::OK, id }) => {
                last_id = id;
                progress.taken += 1;
            }
            // It was not taken, and the link slows down by itself.
            Ok(Answer::Said { status: status::THROTTLED | status::QUEUE_FULL, .. }) if progress.taken > 0 => {}
            Ok(Answer::Said { status, .. }) if progress.taken == 0 => return refused(status),
            Ok(Answer::Said { status, .. }) => {
                let words = classes::words(STATUSES, &written(status), "it refused the next");
                return progress.doubt(&words);
            }
            Ok(Answer::NotWritten) => {
                progress.current = None;
                return ended(progress);
            }
            Ok(Answer::TooLate) => {
                progress.current = None;
                return if progress.taken == 0 {
                    adapter::too_late()
                } else {
                    progress.doubt("too little time was left for the next")
                };
            }
            Ok(Answer::Lost) | Err(_) => return progress.doubt("the link ended before the SMSC answered"),
        }
        progress.current = None;
    }
    Outcome::Accepted {
        carrier_id: desk.carrier_id(&last_id, submission.attempt),
        segments: u32::try_from(parts.len()).ok(),
    }
}

/// The link ended before the next part was written.
fn ended(progress: &Progress) -> Outcome {
    if progress.taken > 0 {
        return progress.doubt("the link ended before the next was written");
    }
    let reason = "the link to the SMSC ended before the text was written".to_owned();
    Outcome::Temporary { code: "not_linked".to_owned(), reason, retry_after: None }
}

/// What the status of a text's first part means.
fn refused(status: u32) -> Outcome {
    let code = written(status);
    if status == status::SYSTEM_ERROR {
        // As with a carrier's 5xx: it may come after the SMSC has taken the text.
        return Outcome::InDoubt { reason: classes::words(STATUSES, &code, "the SMSC is out of order") };
    }
    let wait = match classes::class(STATUSES, &code) {
        classes::Class::Volume => Some(THROTTLED),
        classes::Class::Unreachable => Some(OUT_OF_ORDER),
        _ => None,
    };
    classes::refused(STATUSES, &code, "", wait)
}

fn body(line: &Line, submission: &Submission, part: &Part, is_last: bool) -> Unwritten {
    let (ton, npi) = line.terms().source;
    let submit = Submit {
        source: (ton, npi, submission.from.trim_start_matches('+')),
        to: submission.to.trim_start_matches('+'),
        headed: part.headed,
        wants_receipt: is_last,
        data_coding: part.data_coding,
        text: &part.bytes,
        reference: reference(submission.attempt),
        deliver_by: submission.deliver_by,
    };
    submit.unwritten()
}
