//! Money and credits that come in by hand, and what a workspace has.
//!
//! Only the operator posts by hand ([`Engine::adjust`]); an owner
//! pays by card ([`crate::payments`]). Whether the books are right is `audit`'s question.

use domain::access::Permission;
use domain::ids::{TopUpId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use serde::Serialize;
use serde_json::json;
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden, Operator};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyMalformed, KeyReused, once};
use crate::payments;
use crate::periods;
use crate::statement::Month;
use crate::text::{TextError, line, line_or_nothing};

/// The largest payment that can be posted at once: a slip of the keyboard must not be a fortune.
pub const MAX_TOP_UP: Micros = Micros(1_000_000_000_000);
/// The most credits that can be granted at once.
pub const MAX_CREDITS_PER_GRANT: i64 = 100_000_000;
/// Most characters in a note.
pub const MAX_NOTE: usize = 200;

/// A posting by hand: why, and the key under which a repeat of it is known.
#[derive(Debug, Clone, Default)]
pub struct Slip {
    /// Why, for the history; may be empty.
    pub note: String,
    /// A repeat under the same key posts nothing and gets the first answer.
    pub idempotency_key: Option<String>,
}

/// What is posted by hand, and in which direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// Money into the wallet.
    TopUp(Micros),
    /// Money out of it: a pay-out, or a slip that is put right.
    Withdrawal(Micros),
    /// Credits are granted.
    Grant(i64),
    /// Credits are taken back.
    Revocation(i64),
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
    /// There is no statement of that month.
    #[error("there is no statement of {month}: the first month is {first} and the last is {last}")]
    NoMonth {
        /// Which was asked for.
        month: Month,
        /// The first of which there is one.
        first: Month,
        /// The last.
        last: Month,
    },
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
    /// There is less than is to be taken: what is held for running workflows is not free.
    #[error("the workspace has {have} free, and {wanted} are to be taken")]
    Short {
        /// What is free.
        have: String,
        /// What was to be taken.
        wanted: String,
    },
    /// The note is refused.
    #[error("the note is refused")]
    Note(#[source] TextError),
    /// The idempotency key cannot be one.
    #[error(transparent)]
    KeyMalformed(#[from] KeyMalformed),
    /// The key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
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
    /// Posts by hand, under the operator's name. What is taken away says why: whoever reads the statement was not asked. So does
    /// all that a person posts in the browser, where nobody else is asked either.
    pub async fn adjust(
        &self,
        by: &Operator,
        workspace: WorkspaceId,
        what: Adjustment,
        slip: Slip,
    ) -> Result<TopUpId, BillingError> {
        let (amounts, gives) = match what {
            Adjustment::TopUp(given) | Adjustment::Withdrawal(given) => {
                if given <= Micros::ZERO || given > MAX_TOP_UP {
                    return Err(BillingError::Amount { given });
                }
                (Amounts { credits: 0, micros: given }, matches!(what, Adjustment::TopUp(_)))
            }
            Adjustment::Grant(given) | Adjustment::Revocation(given) => {
                if !(1..=MAX_CREDITS_PER_GRANT).contains(&given) {
                    return Err(BillingError::Credits { given });
                }
                (Amounts { credits: given, micros: Micros::ZERO }, matches!(what, Adjustment::Grant(_)))
            }
        };
        let key = slip.idempotency_key;
        if gives && by.is_at_command_line() {
            let note = line_or_nothing(&slip.note, MAX_NOTE).map_err(BillingError::Note)?;
            return self.by_hand(by, workspace, ("top_up", amounts, note), key, post).await;
        }
        let note = line(&slip.note, MAX_NOTE).map_err(BillingError::Note)?;
        if gives {
            return self.by_hand(by, workspace, ("top_up", amounts, note), key, post).await;
        }
        self.by_hand(by, workspace, ("withdrawal", amounts, note), key, take).await
    }

    /// Adds money to the wallet. For the operator at the command line, as the next three.
    pub async fn top_up(&self, workspace: WorkspaceId, amount: Micros, slip: Slip) -> Result<TopUpId, BillingError> {
        self.adjust(&Operator::at_command_line(), workspace, Adjustment::TopUp(amount), slip).await
    }

    /// Adds credits. For the operator.
    pub async fn grant_credits(&self, workspace: WorkspaceId, count: i64, slip: Slip) -> Result<TopUpId, BillingError> {
        self.adjust(&Operator::at_command_line(), workspace, Adjustment::Grant(count), slip).await
    }

    /// Takes money out of the wallet: a pay-out, or a slip that is put right. For the operator.
    pub async fn withdraw(&self, workspace: WorkspaceId, amount: Micros, slip: Slip) -> Result<TopUpId, BillingError> {
        self.adjust(&Operator::at_command_line(), workspace, Adjustment::Withdrawal(amount), slip).await
    }

    /// Takes credits back. For the operator.
    pub async fn revoke_credits(
        &self,
        workspace: WorkspaceId,
        count: i64,
        slip: Slip,
    ) -> Result<TopUpId, BillingError> {
        self.adjust(&Operator::at_command_line(), workspace, Adjustment::Revocation(count), slip).await
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

    async fn by_hand(
        &self,
        by: &Operator,
        workspace: WorkspaceId,
        (what, amounts, note): (&'static str, Amounts, String),
        key: Option<String>,
        work: fn(&mut Tx<'_>, &Beat, &Posting) -> Result<TopUpId, BillingError>,
    ) -> Result<TopUpId, BillingError> {
        let beat = self.beat_as(workspace, by.name()).keyed(key.as_deref())?;
        let posting = Posting { id: TopUpId(beat.id()), amounts, note };
        self.write(Lane::Normal, move |tx| {
            // Before the key is taken: a workspace that is not there must not have one.
            store::workspaces::find(tx, beat.workspace)?.ok_or(BillingError::Unknown)?;
            once(tx, &beat, &(what, posting.amounts, &posting.note), |tx| work(tx, &beat, &posting))
        })
        .await
    }
}

struct Posting {
    id: TopUpId,
    amounts: Amounts,
    note: String,
}

fn post(tx: &mut Tx<'_>, beat: &Beat, posting: &Posting) -> Result<TopUpId, BillingError> {
    // The workspace's row is locked before any account. What is owed for the plan is paid before anything else can be.
    let held = periods::hold(tx, beat.workspace)?;
    let transfers = ledger::transfers(Cause::top_up(posting.id), Reason::TopUp, posting.amounts);
    store::ledger::post(tx, beat.workspace, &transfers, beat.now).map_err(Failure::from)?;
    let payload = json!({ "top_up": posting.id, "credits": posting.amounts.credits,
        "micros": posting.amounts.micros, "note": posting.note });
    beat.note(tx, "ledger.topped_up", None, &payload)?;
    payments::collect(tx, beat)?;
    periods::recover(tx, beat, held)?;
    Ok(posting.id)
}

fn take(tx: &mut Tx<'_>, beat: &Beat, posting: &Posting) -> Result<TopUpId, BillingError> {
    let (credits, micros) = store::ledger::lock_available(tx, beat.workspace)?;
    let Amounts { credits: out, micros: Micros(paid) } = posting.amounts;
    if out > credits {
        return Err(BillingError::Short { have: format!("{credits} credits"), wanted: format!("{out} credits") });
    }
    if paid > micros {
        return Err(BillingError::Short { have: Micros(micros).to_string(), wanted: Micros(paid).to_string() });
    }
    let transfers = ledger::transfers(Cause::top_up(posting.id), Reason::Withdrawal, posting.amounts);
    store::ledger::post(tx, beat.workspace, &transfers, beat.now).map_err(Failure::from)?;
    let payload = json!({ "withdrawal": posting.id, "credits": out, "micros": paid, "note": posting.note });
    beat.note(tx, "ledger.withdrawn", None, &payload)?;
    Ok(posting.id)
}
