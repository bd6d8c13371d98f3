//! Money and credits that come in by hand, and what a workspace has.
//!
//! Only the operator posts by hand, so these functions take a [`WorkspaceId`] and no actor; an owner
//! pays through a payment provider. Whether the books are right is `audit`'s question.

use domain::access::Permission;
use domain::ids::{TopUpId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{DbError, Lane, Tx, answers};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::text::{TextError, line, line_or_nothing};

/// The largest payment that can be posted at once: a slip of the keyboard must not be a fortune.
pub const MAX_TOP_UP: Micros = Micros(1_000_000_000_000);
/// The most credits that can be granted at once.
pub const MAX_CREDITS_PER_GRANT: i64 = 100_000_000;
/// Most characters in a note.
pub const MAX_NOTE: usize = 200;
/// Most characters in an idempotency key.
pub const MAX_IDEMPOTENCY_KEY: usize = 200;

/// A posting by hand: why, and the key under which a repeat of it is known.
#[derive(Debug, Clone, Default)]
pub struct Slip {
    /// Why, for the history; may be empty.
    pub note: String,
    /// A repeat under the same key posts nothing and gets the first answer.
    pub idempotency_key: Option<String>,
}

/// What a workspace has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Balances {
    /// Credits free to spend.
    pub credits: i64,
    /// Money free to spend.
    pub wallet: Micros,
    /// Credits charged for messages that were not sent yet.
    pub held_credits: i64,
    /// Money charged for messages that were not sent yet.
    pub held_micros: Micros,
    /// Credits used by messages that were sent.
    pub earned_credits: i64,
    /// Money used by messages that were sent.
    pub earned_micros: Micros,
}

/// Why nothing was posted or shown.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workspace.
    #[error("the workspace does not exist")]
    Unknown,
    /// Nothing, less than nothing, or too much.
    #[error("a payment of {given} is not above $0.00 and at most {MAX_TOP_UP}")]
    Amount {
        /// What was given.
        given: Micros,
    },
    /// None, fewer than none, or too many.
    #[error("{given} credits are not between 1 and {MAX_CREDITS_PER_GRANT}")]
    Credits {
        /// How many were given.
        given: i64,
    },
    /// The note is refused.
    #[error("the note is refused")]
    Note(#[source] TextError),
    /// The idempotency key is refused.
    #[error("the idempotency key is refused")]
    Key(#[source] TextError),
    /// The key was used for something else.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for BillingError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Adds money to the wallet. For the operator.
    pub async fn top_up(&self, workspace: WorkspaceId, amount: Micros, slip: Slip) -> Result<TopUpId, BillingError> {
        if amount <= Micros::ZERO || amount > MAX_TOP_UP {
            return Err(BillingError::Amount { given: amount });
        }
        self.post_by_hand(workspace, Amounts { credits: 0, micros: amount }, slip).await
    }

    /// Adds credits. For the operator.
    pub async fn grant_credits(&self, workspace: WorkspaceId, count: i64, slip: Slip) -> Result<TopUpId, BillingError> {
        if !(1..=MAX_CREDITS_PER_GRANT).contains(&count) {
            return Err(BillingError::Credits { given: count });
        }
        self.post_by_hand(workspace, Amounts { credits: count, micros: Micros::ZERO }, slip).await
    }

    /// What the workspace has.
    pub async fn balances(&self, actor: &Actor) -> Result<Balances, BillingError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| {
            let rows = store::ledger::balances(read, workspace)?;
            if rows.is_empty() {
                return Err(BillingError::Unknown);
            }
            let mut balances = Balances::default();
            for row in rows {
                match (row.account.as_str(), row.unit.as_str()) {
                    ("available", "segments") => balances.credits = row.amount,
                    ("available", "micros") => balances.wallet = Micros(row.amount),
                    ("prepaid", "segments") => balances.held_credits = row.amount,
                    ("prepaid", "micros") => balances.held_micros = Micros(row.amount),
                    ("earned", "segments") => balances.earned_credits = row.amount,
                    ("earned", "micros") => balances.earned_micros = Micros(row.amount),
                    _ => {}
                }
            }
            Ok(balances)
        })
        .await
    }

    async fn post_by_hand(
        &self,
        workspace: WorkspaceId,
        amounts: Amounts,
        slip: Slip,
    ) -> Result<TopUpId, BillingError> {
        let note = line_or_nothing(&slip.note, MAX_NOTE).map_err(BillingError::Note)?;
        let key = slip.idempotency_key.map(|key| line(&key, MAX_IDEMPOTENCY_KEY)).transpose();
        let key = key.map_err(BillingError::Key)?;
        let beat = self.beat_as(workspace, "operator");
        let posting = Posting { id: TopUpId(beat.id()), amounts, note, key };
        self.write(Lane::Normal, move |tx| post(tx, &beat, &posting)).await
    }
}

struct Posting {
    id: TopUpId,
    amounts: Amounts,
    note: String,
    key: Option<String>,
}

fn post(tx: &mut Tx<'_>, beat: &Beat, posting: &Posting) -> Result<TopUpId, BillingError> {
    store::workspaces::find(tx, beat.workspace)?.ok_or(BillingError::Unknown)?;
    if let Some(first) = answered(tx, beat, posting)? {
        return Ok(first);
    }
    let transfers = ledger::transfers(Cause::top_up(posting.id), Reason::TopUp, posting.amounts);
    store::ledger::post(tx, beat.workspace, &transfers, beat.now).map_err(Failure::from)?;
    let payload = json!({ "top_up": posting.id, "credits": posting.amounts.credits,
        "micros": posting.amounts.micros, "note": posting.note });
    beat.note(tx, "ledger.topped_up", None, &payload)?;
    Ok(posting.id)
}

/// Takes the key with this answer before anything is posted: of two at once one waits here for the other.
fn answered(tx: &mut Tx<'_>, beat: &Beat, posting: &Posting) -> Result<Option<TopUpId>, BillingError> {
    let Some(key) = &posting.key else { return Ok(None) };
    let request = format!("topup {} {} {}", posting.amounts.credits, posting.amounts.micros.0, posting.note);
    let hash: String = Sha256::digest(request.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if answers::keep(tx, beat.workspace, key, &hash, &posting.id.to_string(), beat.now)? {
        return Ok(None);
    }
    let stored = || Failure::Stored(format!("the answer to the idempotency key {key:?}"));
    let (known, answer) = answers::find(tx, beat.workspace, key)?.ok_or_else(stored)?;
    if known != hash {
        return Err(BillingError::KeyReused);
    }
    Ok(Some(answer.parse().map_err(|_| stored())?))
}
