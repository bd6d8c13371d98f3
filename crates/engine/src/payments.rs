//! Payments by card (decision 0026): begun here, settled in `settle`, asked for in `look`, taken out of the wallet again in `books`.
//!
//! | step | what is durable then |
//! |---|---|
//! | a row, `open` | that there may be a payment of this name |
//! | the provider is called, with that name | its page, or what became of the charge |
//! | whoever hears of it asks the provider, and applies what it says | the payment's state, its postings, its events: one transaction |
//!
//! Who hears of it: the person who comes back, the provider's call (`hear`), upkeep. Each believes only what the provider answers
//! when asked, so that none of them is needed, none does harm twice, and their order is all the same.

mod books;
mod look;
mod recharge;
mod settle;

use std::sync::Arc;

pub use carrier::payments::{NotSigned, Payments, Trouble};
use carrier::payments::{Order, Page};
pub use carrier::signed::Secret;
pub use carrier::stripe::{ADDRESS as STRIPE, Stripe};
use domain::access::Permission;
use domain::ids::{PaymentId, WorkspaceId};
use domain::money::Micros;
use domain::payment::{self, Kind, LEAST, MOST, Report, State};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::payments::{self as rows, Payment};
use store::{DbError, Lane, Read, Tx, workspaces};

pub(crate) use self::books::collect;
pub use self::look::PaymentHearError;
pub use self::recharge::{AHEAD, SMALLEST};
use self::settle::News;
use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::claim::later;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};

/// Most payments on one page.
const MAX_PAGE: i64 = 200;
/// For how long a person can pay. The provider takes from half an hour to a day.
const PAYABLE: SignedDuration = SignedDuration::from_hours(2);
/// When the provider is first asked about a page of its own.
const FIRST_LOOK: SignedDuration = SignedDuration::from_mins(5);

/// Who takes payments by card.
#[derive(Clone)]
pub struct Till {
    /// The provider.
    pub payments: Arc<dyn Payments>,
    /// The address under which people reach us, without a closing slash.
    pub public_url: String,
}

/// A payment that a person goes on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Begun {
    /// The payment.
    pub payment: Payment,
    /// The provider's page.
    pub url: String,
}

/// Why a payment is not begun or shown.
#[derive(Debug, thiserror::Error)]
pub enum PaymentError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// Nobody takes cards here.
    #[error("this installation takes no cards; ask who runs it to post a payment")]
    NoCards,
    /// There is no such payment.
    #[error("the payment does not exist")]
    Unknown,
    /// Too little, too much, or no whole cents.
    #[error("a payment by card is {LEAST} to {MOST} in whole cents; {given} is not")]
    Amount {
        /// What was given.
        given: Micros,
    },
    /// It was begun, and cannot be paid any more.
    #[error("the payment is {} already; begin another one", state.word())]
    Over {
        /// Where it is.
        state: State,
    },
    /// The provider did not do what it was asked. Nothing was charged.
    #[error("nothing was charged")]
    Provider(#[source] Trouble),
    /// The provider cannot say what became of it. It may well be paid; it is asked again by itself.
    #[error("it is not known yet whether the payment was paid")]
    Unasked(#[source] Trouble),
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for PaymentError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Whether cards are taken here.
    #[must_use]
    pub fn takes_cards(&self) -> bool {
        self.till().is_some()
    }

    /// Begins a payment: its row first, then the provider's page. A repeat under the same idempotency key gives the same page.
    /// Where `keeps_card` the card is kept once it has paid, and charged for nothing until a person says so (`use_card`).
    ///
    /// # Errors
    /// See [`PaymentError`].
    pub async fn begin_payment(&self, actor: &Actor, amount: Micros, keeps_card: bool) -> Result<Begun, PaymentError> {
        actor.need(Permission::BillingWrite)?;
        let till = self.till().ok_or(PaymentError::NoCards)?;
        if !payment::may_pay(amount) {
            return Err(PaymentError::Amount { given: amount });
        }
        let beat = self.beat(actor);
        let workspace = beat.workspace;
        let (row, about, customer) = self.write(Lane::Normal, move |tx| begin(tx, &beat, amount, keeps_card)).await?;
        if row.report.state != State::Open || self.now() >= over_at(&row) {
            let state = if row.report.state == State::Open { State::Expired } else { row.report.state };
            return Err(PaymentError::Over { state });
        }
        let order = Order {
            payment: row.id,
            workspace,
            amount,
            about,
            keeps_card,
            customer,
            session: row.session.clone(),
            back: format!("{}/billing/payments/{}", till.public_url, row.id),
            until: over_at(&row),
        };
        match till.payments.page(&order).await {
            Ok(page) => self.opened(workspace, row.id, page).await,
            Err(trouble) => {
                tracing::warn!(payment = %row.id, %trouble, "the payment provider gave no page");
                // What was clearly refused is over; of anything else the same page can be asked for again.
                let news = match &trouble {
                    // A page that is there can be paid, whatever is said of it now.
                    _ if row.session.is_some() => None,
                    Trouble::Misconfigured(_) => Some(News::NotDone("refused_by_provider")),
                    Trouble::Declined { code, intent } => Some(News::Declined(code.clone(), intent.clone())),
                    Trouble::Temporary(_) | Trouble::Unknown(_) => None,
                };
                if let Some(news) = news {
                    self.settle_payment(workspace, row.id, news).await?;
                }
                Err(PaymentError::Provider(trouble))
            }
        }
    }

    /// The page is known from now on.
    async fn opened(&self, workspace: WorkspaceId, id: PaymentId, page: Page) -> Result<Begun, PaymentError> {
        let Page { session, url } = page;
        let payment = self.write(Lane::Normal, move |tx| {
            workspaces::lock(tx, workspace)?;
            let row = rows::find(tx, workspace, id)?.ok_or(PaymentError::Unknown)?;
            let row = Payment { session: Some(session.clone()), ..row };
            rows::save(tx, workspace, &row)?;
            Ok::<_, PaymentError>(row)
        });
        Ok(Begun { payment: payment.await?, url })
    }

    /// Payments of the workspace before the given one, newest first.
    ///
    /// # Errors
    /// See [`PaymentError`].
    pub async fn payments(
        &self,
        actor: &Actor,
        before: Option<PaymentId>,
        limit: i64,
    ) -> Result<Vec<Payment>, PaymentError> {
        actor.need(Permission::Read)?;
        let (workspace, before) = (actor.workspace(), before.unwrap_or(PaymentId(i64::MAX)));
        let limit = limit.clamp(1, MAX_PAGE);
        self.read(move |db| Ok(rows::page(db, workspace, before, limit)?)).await
    }

    /// What is owed of payments that were disputed or given back, when the wallet did not have it.
    ///
    /// # Errors
    /// See [`PaymentError`].
    pub async fn owed_of_payments(&self, actor: &Actor) -> Result<Micros, PaymentError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(owed(db, workspace)?)).await
    }
}

/// What is owed of payments, all together.
pub(crate) fn owed(db: &Read<'_>, workspace: WorkspaceId) -> Result<Micros, DbError> {
    Ok(Micros(rows::owed(db, workspace, books::MOST_OWED)?.iter().map(|row| row.owed.0).sum()))
}

/// Until when a person can pay.
fn over_at(row: &Payment) -> Timestamp {
    later(row.created_at, PAYABLE)
}

/// The row, with what the person reads on the provider's page, and the provider's customer.
fn begin(
    tx: &mut Tx<'_>,
    beat: &Beat,
    amount: Micros,
    keeps_card: bool,
) -> Result<(Payment, String, Option<String>), PaymentError> {
    let workspace = workspaces::find(tx, beat.workspace)?.ok_or(PaymentError::Unknown)?;
    let id = once(tx, beat, &("payment", amount, keeps_card), |tx| {
        let look_at = Some(later(beat.now, FIRST_LOOK));
        let row = Payment { keeps_card, look_at, ..new_row(beat, Kind::Checkout, amount) };
        rows::insert(tx, beat.workspace, &row)?;
        beat.note(tx, "payment.begun", None, &json!({ "payment": row.id, "kind": row.kind.word(), "micros": amount }))?;
        Ok::<_, PaymentError>(row.id)
    })?;
    let row = rows::find(tx, beat.workspace, id)?.ok_or(PaymentError::Unknown)?;
    let customer = store::cards::find(tx, beat.workspace)?.map(|card| card.customer);
    Ok((row, format!("Top-up of {}", workspace.name), customer))
}

/// A payment of which nobody was told yet.
fn new_row(beat: &Beat, kind: Kind, amount: Micros) -> Payment {
    Payment {
        id: PaymentId(beat.id()),
        kind,
        amount,
        keeps_card: false,
        card: None,
        actor: beat.actor.clone(),
        session: None,
        intent: None,
        receipt: None,
        failure: None,
        report: Report::OPEN,
        refund_taken: Micros::ZERO,
        dispute_taken: Micros::ZERO,
        postings: 0,
        owed: Micros::ZERO,
        created_at: beat.now,
        settled_at: None,
        look_at: None,
    }
}
