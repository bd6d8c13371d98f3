//! Charges of the card that is kept, without a person: auto-recharge, and what the wallet lacks for the plan's month.
//!
//! One need, one payment: while one of them is open no other is begun, and what it is needed for is looked at again under the lock of
//! the workspace's row, in the transaction that makes the payment's row. Only then Stripe is called, once. A charge whose outcome is
//! unknown stays open, is looked for (`look`), and so holds up the next.
//!
//! | need | how much |
//! |---|---|
//! | the wallet is below its mark | what the settings say, at most so much in 24 hours |
//! | the plan's next month begins within [`AHEAD`], or is owed, and the wallet does not cover it | what is missing, in whole cents, at least [`SMALLEST`] |

use carrier::payments::{Charge, Trouble};
use domain::ids::WorkspaceId;
use domain::money::Micros;
use domain::payment::{Kind, whole_cents};
use domain::plan::{AtEnd, Standing};
use jiff::SignedDuration;
use serde_json::json;
use store::cards::{self as cards_rows, Card};
use store::payments::{self as rows, Payment};
use store::{Lane, Tx};

use super::settle::News;
use super::{Till, new_row};
use crate::beat::Beat;
use crate::cards;
use crate::claim::{earlier, later};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::periods;

/// How long before the next month its price is charged, so that it is there when the month begins.
pub const AHEAD: SignedDuration = SignedDuration::from_hours(1);
/// The smallest charge for a plan: the provider takes none below half a dollar.
pub const SMALLEST: Micros = Micros(1_000_000);
/// The window of what auto-recharge may add at most.
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// When a charge of which nothing is known is first looked for: longer than its answer is waited for.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(1);
/// Most workspaces in one look.
const LOOK: i64 = 200;

impl Engine {
    /// Charges cards where something is needed; answers how many charges were begun. For upkeep. What fails in one workspace is
    /// logged and holds up no other.
    ///
    /// # Errors
    /// If it cannot be read where something is needed.
    pub async fn charge_cards(&self) -> Result<usize, Failure> {
        let Some(till) = self.till() else { return Ok(0) };
        let now = self.now();
        let read = move |db: &store::Read<'_>| {
            Ok::<_, Failure>((cards_rows::renewing(db, now, later(now, AHEAD), LOOK)?, cards_rows::low(db, now, LOOK)?))
        };
        let (renewing, low) = self.read(read).await?;
        let mut begun = 0;
        let plans = renewing.into_iter().map(|workspace| (workspace, Kind::Plan));
        for (workspace, kind) in plans.chain(low.into_iter().map(|workspace| (workspace, Kind::Recharge))) {
            match self.charge_for(till, workspace, kind).await {
                Ok(done) => begun += usize::from(done),
                Err(error) => {
                    tracing::error!(%workspace, %error, cause = error.causes(), "a card was not charged, or nobody knows");
                }
            }
        }
        Ok(begun)
    }

    async fn charge_for(&self, till: &Till, workspace: WorkspaceId, kind: Kind) -> Result<bool, Failure> {
        let beat = self.beat_as(workspace, "dripline");
        let Some((id, charge)) = self.write(Lane::Normal, move |tx| begin(tx, &beat, kind)).await? else {
            return Ok(false);
        };
        let news = match till.payments.charge(&charge).await {
            Ok(seen) => News::Seen(Box::new(seen)),
            Err(Trouble::Declined { code, intent }) => News::Declined(code, intent),
            Err(Trouble::Temporary(_)) => News::NotDone("provider_unavailable"),
            Err(Trouble::Misconfigured(why)) => {
                tracing::error!(payment = %id, why, "the payment provider refuses charges");
                News::NotDone("refused_by_provider")
            }
            Err(Trouble::Unknown(why)) => {
                tracing::warn!(payment = %id, why, "it is not known whether a card was charged; it is looked for");
                News::Unknown
            }
        };
        self.settle_payment(workspace, id, news).await?;
        Ok(true)
    }
}

/// The payment's row, if it is still needed and the card may be charged.
fn begin(tx: &mut Tx<'_>, beat: &Beat, kind: Kind) -> Result<Option<(domain::ids::PaymentId, Charge)>, Failure> {
    let held = periods::hold(tx, beat.workspace)?;
    let Some(card) = cards::chargeable(tx, beat)? else { return Ok(None) };
    let Some(method) = card.method.clone() else { return Ok(None) };
    if rows::open_by_itself(tx, beat.workspace)? > 0 {
        return Ok(None);
    }
    let needed = match kind {
        Kind::Plan if card.pays_plan => lacking(tx, beat, held)?,
        Kind::Recharge => recharge(tx, beat, &card)?,
        Kind::Plan | Kind::Checkout => None,
    };
    let Some(amount) = needed else { return Ok(None) };
    let row = Payment {
        card: Some((card.customer.clone(), method.clone())),
        look_at: Some(later(beat.now, FIRST_LOOK)),
        ..new_row(beat, kind, amount)
    };
    rows::insert(tx, beat.workspace, &row)?;
    beat.note(tx, "payment.begun", None, &json!({ "payment": row.id, "kind": kind.word(), "micros": amount }))?;
    let about = if kind == Kind::Plan { "The plan's month" } else { "Auto-recharge" };
    let (payment, workspace, customer) = (row.id, beat.workspace, card.customer);
    Ok(Some((row.id, Charge { payment, workspace, amount, about: about.to_owned(), customer, method })))
}

/// How much auto-recharge adds now.
fn recharge(tx: &mut Tx<'_>, beat: &Beat, card: &Card) -> Result<Option<Micros>, Failure> {
    let (_, wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    let Some(recharge) = cards::Recharge::of(card).filter(|recharge| wallet < recharge.below.0) else {
        return Ok(None);
    };
    let already = rows::recharged(tx, beat.workspace, earlier(beat.now, DAY))?;
    if already.checked_add(recharge.amount).is_some_and(|all| all <= recharge.most) {
        return Ok(Some(recharge.amount));
    }
    // Until some of it is a day old there is nothing to do here, and others wait to be looked at.
    cards::leave_alone(tx, beat, card.clone())?;
    Ok(None)
}

/// What the wallet lacks for the plan's month that is owed, or begins soon.
fn lacking(tx: &mut Tx<'_>, beat: &Beat, held: Option<periods::Held>) -> Result<Option<Micros>, Failure> {
    let Some(held) = held else { return Ok(None) };
    let course = held.row.course;
    let plan = match course.standing {
        Standing::PastDue { .. } => held.row.plan,
        Standing::Active | Standing::Trialing
            if course.at_end == AtEnd::Renew && course.period.until <= later(beat.now, AHEAD) =>
        {
            held.row.next_plan.unwrap_or(held.row.plan)
        }
        _ => return Ok(None),
    };
    let price = periods::plan_of(tx, plan)?.terms.price;
    let (_, wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    let lacks = Micros(price.0 - wallet);
    Ok((lacks > Micros::ZERO).then(|| whole_cents(lacks).max(SMALLEST)))
}
