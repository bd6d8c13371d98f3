//! The card of a workspace that may be charged without a person: what for, how much, and when no more. Who charges it is `recharge`.
//!
//! | what | how it comes and goes |
//! |---|---|
//! | the card | kept when a person pays and ticks that; removed by a person |
//! | auto-recharge, the plan's month | off until a person switches it on |
//! | a card that is declined | tried again after an hour, then after a day; after [`MOST_DECLINES`] in a row it is charged no more |
//! | a payment that is disputed | the card is charged no more at once: whoever disputes did not want it |
//! | charged again | after a person saves the settings anew, or keeps another card |

use carrier::payments::SeenCard;
use domain::access::Permission;
use domain::money::Micros;
use domain::payment::{self, LEAST, MOST};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::cards::{self as rows, Card};
use store::{DbError, Lane, Tx, workspaces};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;

/// After so many declines in a row a card is charged no more.
pub const MOST_DECLINES: i64 = 3;
/// How long it is left alone after the first decline, and after the second.
const WAITS: [SignedDuration; 2] = [SignedDuration::from_hours(1), SignedDuration::from_hours(24)];
/// How long after a charge that was not carried out, and where the limit of 24 hours is reached.
const BREATH: SignedDuration = SignedDuration::from_mins(15);

/// Auto-recharge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recharge {
    /// Below this balance of the wallet…
    pub below: Micros,
    /// …so much is added…
    pub amount: Micros,
    /// …but at most so much in 24 hours.
    pub most: Micros,
}

impl Recharge {
    /// What the settings of a card say; nothing while it is off.
    #[must_use]
    pub fn of(card: &Card) -> Option<Self> {
        let below = card.recharge_below?;
        Some(Self { below, amount: card.recharge_amount, most: card.recharge_most })
    }

    fn check(self) -> Result<(), CardError> {
        let Self { below, amount, most } = self;
        if !(Micros(1)..=MOST).contains(&below) {
            return Err(CardError::Below { given: below });
        }
        if !payment::may_pay(amount) {
            return Err(CardError::Amount { given: amount });
        }
        if !(amount..=MOST).contains(&most) {
            return Err(CardError::Most { given: most });
        }
        Ok(())
    }
}

/// What a card may be charged for without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardUse {
    /// Nothing to switch it off.
    pub recharge: Option<Recharge>,
    /// What the wallet lacks for the plan's month.
    pub pays_plan: bool,
}

/// Why a card is not shown, set or removed.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// No card is kept.
    #[error("no card is kept; pay once by card and tick that it is kept")]
    None,
    /// Below which balance it adds: nothing, or too much.
    #[error("auto-recharge adds below a balance of more than nothing and at most {MOST}; {given} is not")]
    Below {
        /// What was given.
        given: Micros,
    },
    /// What it adds: too little, too much, or no whole cents.
    #[error("auto-recharge adds {LEAST} to {MOST} in whole cents; {given} is not")]
    Amount {
        /// What was given.
        given: Micros,
    },
    /// The limit of 24 hours is too much, or less than what it adds at once.
    #[error("the limit of 24 hours is at least what is added at once, and at most {MOST}; {given} is not")]
    Most {
        /// What was given.
        given: Micros,
    },
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for CardError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// The card that is kept; nothing if none is.
    ///
    /// # Errors
    /// See [`CardError`].
    pub async fn card(&self, actor: &Actor) -> Result<Option<Card>, CardError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(rows::find(db, workspace)?.filter(|card| card.method.is_some()))).await
    }

    /// Says what the card may be charged for. One that was charged no more is charged again.
    ///
    /// # Errors
    /// See [`CardError`].
    pub async fn use_card(&self, actor: &Actor, using: CardUse) -> Result<Card, CardError> {
        actor.need(Permission::BillingWrite)?;
        if let Some(recharge) = using.recharge {
            recharge.check()?;
        }
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let card = kept(tx, &beat)?.ok_or(CardError::None)?;
            let card = Card {
                recharge_below: using.recharge.map(|recharge| recharge.below),
                recharge_amount: using.recharge.map_or(card.recharge_amount, |recharge| recharge.amount),
                recharge_most: using.recharge.map_or(card.recharge_most, |recharge| recharge.most),
                pays_plan: using.pays_plan,
                declines: 0,
                retry_at: beat.now,
                stopped_at: None,
                ..card
            };
            rows::save(tx, beat.workspace, &card)?;
            let payload = json!({ "below": card.recharge_below, "amount": using.recharge.map(|one| one.amount),
                "most": using.recharge.map(|one| one.most), "pays_plan": card.pays_plan });
            beat.note(tx, "card.changed", None, &payload)?;
            Ok(card)
        })
        .await
    }

    /// Keeps the card no longer: it is charged no more from the answer on, and the provider is told to forget it.
    ///
    /// # Errors
    /// See [`CardError`].
    pub async fn remove_card(&self, actor: &Actor) -> Result<(), CardError> {
        actor.need(Permission::BillingWrite)?;
        let beat = self.beat(actor);
        let method = self.write(Lane::Normal, move |tx| remove(tx, &beat)).await?;
        if let Some(till) = self.till()
            && let Err(trouble) = till.payments.forget(&method).await
        {
            tracing::warn!(%trouble, "the payment provider was not told to forget a card; it is charged no more by us");
        }
        Ok(())
    }
}

/// The workspace's card, if one is kept; nobody else moves it until the transaction ends.
fn kept(tx: &mut Tx<'_>, beat: &Beat) -> Result<Option<Card>, Failure> {
    workspaces::lock(tx, beat.workspace)?;
    Ok(rows::find(tx, beat.workspace)?.filter(|card| card.method.is_some()))
}

fn remove(tx: &mut Tx<'_>, beat: &Beat) -> Result<String, CardError> {
    let card = kept(tx, beat)?.ok_or(CardError::None)?;
    let method = card.method.clone().ok_or(CardError::None)?;
    beat.note(tx, "card.removed", None, &json!({ "brand": card.brand, "last_four": card.last_four }))?;
    let card = Card { method: None, recharge_below: None, pays_plan: false, ..card };
    rows::save(tx, beat.workspace, &card)?;
    Ok(method)
}

/// A person has paid and wants the card kept. What the one before was charged for, this one is. The workspace has to be locked.
pub(crate) fn keep(tx: &mut Tx<'_>, beat: &Beat, seen: &SeenCard) -> Result<(), Failure> {
    let before = rows::find(tx, beat.workspace)?;
    let card = Card {
        customer: seen.customer.clone(),
        method: Some(seen.method.clone()),
        brand: seen.brand.clone(),
        last_four: seen.last_four.clone(),
        expires: seen.expires,
        kept_at: beat.now,
        recharge_below: before.as_ref().and_then(|card| card.recharge_below),
        recharge_amount: before.as_ref().map_or(Micros::ZERO, |card| card.recharge_amount),
        recharge_most: before.as_ref().map_or(Micros::ZERO, |card| card.recharge_most),
        pays_plan: before.is_some_and(|card| card.pays_plan),
        declines: 0,
        retry_at: beat.now,
        stopped_at: None,
    };
    rows::save(tx, beat.workspace, &card)?;
    beat.note(tx, "card.kept", None, &json!({ "brand": card.brand, "last_four": card.last_four }))
}

/// What became of a charge without a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charged {
    /// It was paid.
    Paid,
    /// It was declined.
    Declined,
    /// It was not carried out, which is not the card's fault.
    NotDone,
}

/// Remembers it, and charges the card no more if it was declined too often. The workspace has to be locked.
pub(crate) fn charged(tx: &mut Tx<'_>, beat: &Beat, charged: Charged) -> Result<(), Failure> {
    let Some(card) = rows::find(tx, beat.workspace)? else { return Ok(()) };
    let card = match charged {
        Charged::Paid => Card { declines: 0, ..card },
        Charged::NotDone => return leave_alone(tx, beat, card),
        Charged::Declined => {
            let declines = card.declines + 1;
            let wait = usize::try_from(declines - 1).ok().and_then(|nth| WAITS.get(nth));
            let retry_at = wait.map_or(card.retry_at, |wait| later(beat.now, *wait));
            Card { declines, retry_at, ..card }
        }
    };
    rows::save(tx, beat.workspace, &card)?;
    if card.declines >= MOST_DECLINES { stop(tx, beat, "declined") } else { Ok(()) }
}

/// The card is charged no more without a person. The workspace has to be locked.
pub(crate) fn stop(tx: &mut Tx<'_>, beat: &Beat, reason: &str) -> Result<(), Failure> {
    let Some(card) = rows::find(tx, beat.workspace)? else { return Ok(()) };
    let used = card.method.is_some() && (card.recharge_below.is_some() || card.pays_plan);
    if !used || card.stopped_at.is_some() {
        return Ok(());
    }
    rows::save(tx, beat.workspace, &Card { stopped_at: Some(beat.now), ..card })?;
    beat.note(tx, "card.stopped", None, &json!({ "reason": reason }))
}

/// Nothing is charged now, and for a while it is not looked again. The workspace has to be locked.
pub(crate) fn leave_alone(tx: &mut Tx<'_>, beat: &Beat, card: Card) -> Result<(), Failure> {
    Ok(rows::save(tx, beat.workspace, &Card { retry_at: later(beat.now, BREATH), ..card })?)
}

/// The card, if it may be charged now.
pub(crate) fn chargeable(tx: &mut Tx<'_>, beat: &Beat) -> Result<Option<Card>, Failure> {
    let now: Timestamp = beat.now;
    let card = rows::find(tx, beat.workspace)?;
    Ok(card.filter(|card| card.method.is_some() && card.stopped_at.is_none() && card.retry_at <= now))
}
