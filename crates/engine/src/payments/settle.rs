//! What the provider says of a payment, applied: its state, its postings, its events, in one transaction under the lock of
//! its workspace.
//!
//! Reports are joined (`domain::payment`), so the same one twice, or an old one late, changes nothing. Money is posted when the state
//! becomes `paid`, which happens once; the ledger's key is the payment besides.

use carrier::payments::Seen;
use domain::ids::PaymentId;
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use domain::payment::{Dispute, Kind, Report, State, Verdict};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::Tx;
use store::payments::{self as rows, Payment};

use super::{books, over_at};
use crate::beat::Beat;
use crate::cards::{self, Charged};
use crate::claim::later;
use crate::failure::Failure;
use crate::periods;

/// How long a charge is looked for that the provider does not know: a request cannot be under way for so long.
const GIVE_UP: SignedDuration = SignedDuration::from_mins(15);
/// How often the provider is asked about a page on which nobody has paid yet.
const PAGE_LOOK: SignedDuration = SignedDuration::from_mins(5);
/// The first and the longest wait between two looks for a charge.
const CHARGE_LOOKS: (SignedDuration, SignedDuration) = (SignedDuration::from_mins(1), SignedDuration::from_hours(1));
/// For how long the provider is asked about what is paid, after a day, two, four and so on, in case a call of its was lost: a bank may be
/// told within 120 days that a payment was not wanted.
const LATEST: SignedDuration = SignedDuration::from_hours(24 * 128);
/// Why a charge failed, where that is not the card's fault.
const NOT_DONE: [&str; 3] = ["provider_unavailable", "refused_by_provider", "not_carried_out"];
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// What came of asking, or of charging.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// The provider's word.
    Seen(Box<Seen>),
    /// The card was declined.
    Declined(String, Option<String>),
    /// It was not carried out, and will not be.
    NotDone(&'static str),
    /// The provider has no such payment.
    NoneThere,
    /// Nobody knows.
    Unknown,
}

/// Applies it; answers the payment as it is then, and nothing if there is none.
pub(super) fn settle(tx: &mut Tx<'_>, beat: &Beat, id: PaymentId, news: &News) -> Result<Option<Payment>, Failure> {
    // The workspace's row is locked before any account.
    let held = periods::hold(tx, beat.workspace)?;
    let Some(before) = rows::find(tx, beat.workspace, id)? else { return Ok(None) };
    let mut row = told(before.clone(), news, beat.now)?;
    let paid = row.report.state == State::Paid && before.report.state != State::Paid;
    if paid {
        post(tx, beat, &row)?;
    }
    let seen = if let News::Seen(seen) = news { seen.card.as_ref() } else { None };
    if let Some(card) = seen.filter(|_| paid && row.keeps_card) {
        cards::keep(tx, beat, card)?;
    }
    if row.report.state != before.report.state {
        row.settled_at = Some(beat.now);
    }
    let taken = books::reconcile(tx, beat, &mut row)?;
    row.look_at = next_look(&row, beat.now);
    rows::save(tx, beat.workspace, &row)?;
    note(tx, beat, &before, &row, taken)?;
    remember(tx, beat, &before, &row)?;
    if paid || before.dispute_taken > row.dispute_taken {
        books::collect_but(tx, beat, Some(row.id))?;
        periods::recover(tx, beat, held)?;
    }
    Ok(Some(row))
}

/// The row with the news in it.
fn told(row: Payment, news: &News, now: Timestamp) -> Result<Payment, Failure> {
    let failed = |row: Payment, state: State, why: &str| {
        let report = row.report.joined(Report { state, ..Report::OPEN });
        // What is known better stays.
        let failure = if report.state == state { Some(why.to_owned()) } else { row.failure.clone() };
        Payment { report, failure, ..row }
    };
    Ok(match news {
        News::Seen(seen) => with_seen(row, seen)?,
        News::Declined(code, intent) => {
            failed(Payment { intent: row.intent.clone().or_else(|| intent.clone()), ..row }, State::Failed, code)
        }
        News::NotDone(why) => failed(row, State::Failed, why),
        News::NoneThere if row.kind == Kind::Checkout && now >= later(over_at(&row), PAGE_LOOK) => {
            failed(row, State::Expired, "expired")
        }
        News::NoneThere if row.kind != Kind::Checkout && now >= later(row.created_at, GIVE_UP) => {
            failed(row, State::Failed, "not_carried_out")
        }
        News::NoneThere | News::Unknown => row,
    })
}

fn with_seen(row: Payment, seen: &Seen) -> Result<Payment, Failure> {
    if seen.payment != Some(row.id) {
        return Err(Failure::Stored(format!("the provider's payment of {} is not ours", row.id)));
    }
    let report = row.report.joined(seen.report);
    if seen.report.state == State::Paid && seen.received != row.amount {
        let (received, amount) = (seen.received, row.amount);
        return Err(Failure::Stored(format!("of {} came {received} instead of {amount}", row.id)));
    }
    let failure = if report.state == State::Failed { seen.failure.clone().or(row.failure) } else { None };
    Ok(Payment {
        report,
        failure,
        intent: seen.intent.clone().or(row.intent),
        receipt: seen.receipt.clone().or(row.receipt),
        ..row
    })
}

/// The money, under the payment's own name: a second posting would be none.
fn post(tx: &mut Tx<'_>, beat: &Beat, row: &Payment) -> Result<(), Failure> {
    let amounts = Amounts { credits: 0, micros: row.amount };
    let transfers = ledger::transfers(Cause::payment(row.id), Reason::TopUp, amounts);
    if !store::ledger::post(tx, beat.workspace, &transfers, beat.now)? {
        return Err(Failure::Stored(format!("{} was posted before it was paid", row.id)));
    }
    let payload =
        json!({ "payment": row.id, "credits": 0, "micros": row.amount, "note": "by card", "kind": row.kind.word() });
    beat.note(tx, "ledger.topped_up", None, &payload)
}

/// What it says of the card that is kept: whether it was declined, and that whoever disputes does not want to be charged.
fn remember(tx: &mut Tx<'_>, beat: &Beat, before: &Payment, row: &Payment) -> Result<(), Failure> {
    let opened = |row: &Payment| row.report.dispute.map(|dispute| dispute.opened);
    if opened(row) != opened(before) {
        cards::stop(tx, beat, "disputed")?;
    }
    if row.kind == Kind::Checkout || row.report.state == before.report.state {
        return Ok(());
    }
    let charged = match row.report.state {
        State::Paid => Charged::Paid,
        _ if row.failure.as_deref().is_some_and(|why| NOT_DONE.contains(&why)) => Charged::NotDone,
        _ => Charged::Declined,
    };
    cards::charged(tx, beat, charged)
}

/// When the provider is asked next.
fn next_look(row: &Payment, now: Timestamp) -> Option<Timestamp> {
    let paid_for = row.settled_at.map_or(SignedDuration::ZERO, |at| now.duration_since(at));
    let disputed = row.report.dispute.is_some_and(|dispute| dispute.verdict == Verdict::Open);
    let wait = match row.report.state {
        State::Failed | State::Expired => return None,
        State::Open if row.kind == Kind::Checkout => PAGE_LOOK,
        State::Open => now.duration_since(row.created_at).clamp(CHARGE_LOOKS.0, CHARGE_LOOKS.1),
        State::Paid if disputed => DAY,
        State::Paid if paid_for > LATEST => return None,
        State::Paid => paid_for.max(DAY),
    };
    Some(later(now, wait))
}

/// What the history tells: what is new in this row.
fn note(tx: &mut Tx<'_>, beat: &Beat, before: &Payment, row: &Payment, taken: Micros) -> Result<(), Failure> {
    let state = row.report.state;
    if state != before.report.state && matches!(state, State::Failed | State::Expired) {
        let payload =
            json!({ "payment": row.id, "kind": row.kind.word(), "micros": row.amount, "reason": row.failure });
        beat.note(tx, "payment.failed", None, &payload)?;
    }
    let rest = json!({ "payment": row.id, "taken": taken, "owed": row.owed });
    let with = |micros: Micros| {
        let mut payload = rest.clone();
        payload["micros"] = json!(micros);
        payload
    };
    if row.report.refunded > before.report.refunded {
        let more = Micros(row.report.refunded.0 - before.report.refunded.0);
        beat.note(tx, "payment.refunded", None, &with(more))?;
    }
    if row.report.dispute == before.report.dispute {
        return Ok(());
    }
    let Some(Dispute { verdict, amount, .. }) = row.report.dispute else { return Ok(()) };
    match verdict {
        Verdict::Open => beat.note(tx, "payment.disputed", None, &with(amount)),
        Verdict::Won => beat.note(tx, "payment.dispute_won", None, &with(amount)),
        Verdict::Lost => beat.note(tx, "payment.dispute_lost", None, &with(amount)),
    }
}
