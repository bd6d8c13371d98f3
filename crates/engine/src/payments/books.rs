//! What goes of a payment again, or comes back: refunds and disputes in the books.
//!
//! What has to be out of the wallet says `domain::payment`; what is out of it already stands in the row. The difference is posted,
//! as far as the wallet has it. The rest is owed: whatever comes into the wallet next pays it, before the plan and before anybody
//! can spend it.

use domain::ids::PaymentId;
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use serde_json::json;
use store::Tx;
use store::payments::{self as rows, Payment};

use crate::beat::Beat;
use crate::failure::Failure;

/// Most payments of a workspace of which something is owed that one top-up pays.
pub(super) const MOST_OWED: i64 = 200;
/// After so many postings of one payment it is only taken as a whole: their number is a byte.
const MOST_PARTS: i64 = 250;

/// Brings the books in line with what is known of the payment; answers how much was taken. Its workspace has to be locked.
pub(super) fn reconcile(tx: &mut Tx<'_>, beat: &Beat, row: &mut Payment) -> Result<Micros, Failure> {
    let gone = row.report.gone(row.amount);
    let back = row.dispute_taken.0 - gone.disputed.0;
    if back > 0 {
        move_part(tx, beat, row, Reason::DisputeWon, Micros(back))?;
        row.dispute_taken = gone.disputed;
    }
    let (_, mut wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    let mut taken = Micros::ZERO;
    for (reason, wanted) in [(Reason::Repayment, gone.refunded), (Reason::Dispute, gone.disputed)] {
        let have = if reason == Reason::Repayment { row.refund_taken } else { row.dispute_taken };
        let lacks = wanted.0 - have.0;
        let part = lacks.min(wallet);
        if part <= 0 || (part < lacks && row.postings >= MOST_PARTS) {
            continue;
        }
        move_part(tx, beat, row, reason, Micros(part))?;
        wallet -= part;
        taken = Micros(taken.0 + part);
        let now = Micros(have.0 + part);
        if reason == Reason::Repayment { row.refund_taken = now } else { row.dispute_taken = now }
    }
    row.owed = Micros(gone.refunded.0 - row.refund_taken.0 + gone.disputed.0 - row.dispute_taken.0);
    Ok(taken)
}

fn move_part(tx: &mut Tx<'_>, beat: &Beat, row: &mut Payment, reason: Reason, part: Micros) -> Result<(), Failure> {
    row.postings += 1;
    let nth = u8::try_from(row.postings).map_err(|_| Failure::Stored(format!("{} was moved too often", row.id)))?;
    let amounts = Amounts { credits: 0, micros: part };
    let transfers = ledger::transfers(Cause::after_payment(row.id, nth), reason, amounts);
    store::ledger::post(tx, beat.workspace, &transfers, beat.now)?;
    Ok(())
}

/// Takes what is owed of earlier payments, as money has come in. The workspace has to be locked.
pub(crate) fn collect(tx: &mut Tx<'_>, beat: &Beat) -> Result<(), Failure> {
    collect_but(tx, beat, None)
}

/// The same, but for one that the caller has in hand.
pub(super) fn collect_but(tx: &mut Tx<'_>, beat: &Beat, but: Option<PaymentId>) -> Result<(), Failure> {
    let owed = rows::owed(tx, beat.workspace, MOST_OWED)?;
    for mut row in owed.into_iter().filter(|row| Some(row.id) != but) {
        let taken = reconcile(tx, beat, &mut row)?;
        if taken > Micros::ZERO {
            rows::save(tx, beat.workspace, &row)?;
            let payload = json!({ "payment": row.id, "micros": taken, "owed": row.owed });
            beat.note(tx, "payment.collected", None, &payload)?;
        }
    }
    Ok(())
}
