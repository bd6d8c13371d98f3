//! Asking the provider about payments: when it calls, when a person comes back, and now and then for what is open.
//!
//! A call is a hint. What it says of the payment is not read; whose it is says our own row.

use carrier::payments::{Hint, NotSigned, Seen, Trouble, Wanted};
use domain::access::Permission;
use domain::ids::{PaymentId, WorkspaceId};
use domain::payment::State;
use jiff::Timestamp;
use store::payments::{self as rows, Payment};
use store::{DbError, Lane};

use super::settle::{News, settle};
use super::{PaymentError, Till};
use crate::actor::Actor;
use crate::engine::Engine;
use crate::failure::Failure;

/// Most payments that one look asks for.
const LOOK: i64 = 200;

/// Why a call of the provider's is refused.
#[derive(Debug, thiserror::Error)]
pub enum PaymentHearError {
    /// Nobody takes cards here.
    #[error("this installation takes no cards")]
    NoCards,
    /// It is not the provider's.
    #[error(transparent)]
    NotSigned(#[from] NotSigned),
    /// The provider cannot be asked now; it has to come again.
    #[error("the payment cannot be asked for")]
    Provider(#[source] Trouble),
    /// It could not be taken; the provider has to come again.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for PaymentHearError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Asking> for PaymentHearError {
    fn from(error: Asking) -> Self {
        match error {
            Asking::Provider(trouble) => Self::Provider(trouble),
            Asking::Failure(failure) => Self::Failure(failure),
        }
    }
}

/// Why it is not known what became of a payment.
#[derive(Debug, thiserror::Error)]
pub(super) enum Asking {
    #[error("the provider cannot say")]
    Provider(#[source] Trouble),
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for Asking {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Takes a call of the payment provider; answers whether it was about a payment of ours.
    ///
    /// # Errors
    /// See [`PaymentHearError`]. Where it could not be taken the provider has to come again, which it does.
    pub async fn hear_payments(&self, signature: &str, body: &[u8]) -> Result<bool, PaymentHearError> {
        let till = self.till().ok_or(PaymentHearError::NoCards)?;
        let Some(hint) = till.payments.hear(signature, body, self.now())? else { return Ok(false) };
        let Some((workspace, id)) = self.hinted_at(till, &hint).await? else { return Ok(false) };
        Ok(self.ask_payment(till, workspace, id, hint.intent).await?.is_some())
    }

    /// Our payment that a hint is about. One that names only the provider's payment, which no row knows yet, is asked for.
    async fn hinted_at(&self, till: &Till, hint: &Hint) -> Result<Option<(WorkspaceId, PaymentId)>, PaymentHearError> {
        if let Some(id) = hint.payment {
            return self.whose(id).await;
        }
        let Some(intent) = hint.intent.clone() else { return Ok(None) };
        let named = intent.clone();
        let known = self.read(move |db| Ok::<_, PaymentHearError>(rows::by_intent(db, &named)?)).await?;
        if known.is_some() {
            return Ok(known);
        }
        let (payment, since) = (PaymentId(0), Timestamp::UNIX_EPOCH);
        let wanted = Wanted { payment, session: None, intent: Some(intent), customer: None, since };
        let seen = till.payments.find(&wanted).await.map_err(PaymentHearError::Provider)?;
        match seen.and_then(|seen| seen.payment) {
            Some(id) => self.whose(id).await,
            None => Ok(None),
        }
    }

    async fn whose(&self, id: PaymentId) -> Result<Option<(WorkspaceId, PaymentId)>, PaymentHearError> {
        self.read(move |db| Ok(rows::whose(db, id)?)).await
    }

    /// Asks the provider what became of a payment of the workspace: for a person who comes back from its page.
    ///
    /// # Errors
    /// See [`PaymentError`].
    pub async fn refresh_payment(&self, actor: &Actor, id: PaymentId) -> Result<Payment, PaymentError> {
        actor.need(Permission::BillingWrite)?;
        let till = self.till().ok_or(PaymentError::NoCards)?;
        match self.ask_payment(till, actor.workspace(), id, None).await {
            Ok(row) => row.ok_or(PaymentError::Unknown),
            Err(Asking::Provider(trouble)) => {
                tracing::warn!(payment = %id, %trouble, "the payment provider was asked in vain; it is asked again");
                Err(PaymentError::Unasked(trouble))
            }
            Err(Asking::Failure(failure)) => Err(failure.into()),
        }
    }

    /// Asks the provider about payments of which nobody has heard for a while; answers for how many. For upkeep.
    ///
    /// # Errors
    /// If it cannot be read which they are.
    pub async fn look_at_payments(&self) -> Result<usize, Failure> {
        let Some(till) = self.till() else { return Ok(0) };
        let now = self.now();
        let due = self.read(move |db| Ok::<_, Failure>(rows::due(db, now, LOOK)?)).await?;
        for (workspace, id) in &due {
            if let Err(error) = self.ask_payment(till, *workspace, *id, None).await {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::warn!(payment = %id, %error, cause, "a payment was not looked at; it is tried again");
            }
        }
        Ok(due.len())
    }

    /// Asks and applies. `intent` is where to look if the row does not know: what is found must name our payment.
    pub(super) async fn ask_payment(
        &self,
        till: &Till,
        workspace: WorkspaceId,
        id: PaymentId,
        intent: Option<String>,
    ) -> Result<Option<Payment>, Asking> {
        let found = self.read(move |db| Ok::<_, Failure>(rows::find(db, workspace, id)?)).await?;
        let Some(row) = found else { return Ok(None) };
        let session = row.session.clone().filter(|_| row.report.state != State::Paid);
        let customer = row.card.as_ref().map(|(customer, _)| customer.clone());
        let intent = row.intent.clone().or(intent);
        let wanted = Wanted { payment: id, session, intent, customer, since: row.created_at };
        let (news, trouble) = match till.payments.find(&wanted).await {
            Ok(Some(seen)) => (seen_of(seen), None),
            Ok(None) => (News::NoneThere, None),
            Err(trouble) => (News::Unknown, Some(trouble)),
        };
        let settled = match self.settle_payment(workspace, id, news).await {
            Ok(settled) => settled,
            Err(failure) => {
                // It is looked at again later, and holds up no other payment until then.
                self.settle_payment(workspace, id, News::Unknown).await?;
                return Err(failure.into());
            }
        };
        trouble.map_or(Ok(settled), |trouble| Err(Asking::Provider(trouble)))
    }

    pub(super) async fn settle_payment(
        &self,
        workspace: WorkspaceId,
        id: PaymentId,
        news: News,
    ) -> Result<Option<Payment>, Failure> {
        let beat = self.beat_as(workspace, "dripline");
        self.write(Lane::Normal, move |tx| settle(tx, &beat, id, &news)).await
    }
}

fn seen_of(seen: Seen) -> News {
    News::Seen(Box::new(seen))
}
