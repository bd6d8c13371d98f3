//! A low balance is told: by an event, which webhooks carry, and by e-mail (decision 0030). When that is, is `domain::balance`.
//!
//! | step | where |
//! |---|---|
//! | a page of workspaces with their wallets is read, behind that of the look before | no lock |
//! | what one of them seems to need is decided again, and done: the mark disarmed, the event, its mails; or the mark armed | one transaction, under the lock of the workspace's row |
//!
//! So two nodes tell once. A wallet that falls and rises again between two looks is not told.

use domain::access::{Permission, Role};
use domain::balance::{Notice, Seen};
use domain::ids::WorkspaceId;
use domain::money::Micros;
use domain::payment::MOST;
use domain::zones::Zone;
use serde_json::json;
use store::balance_notices as rows;
use store::workspaces::{self, Workspace};
use store::{DbError, Lane, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::mails::{self, Postbox, text};

/// Workspaces of one look.
pub const LOOK: i64 = 5_000;

/// Why a notice is not shown or set.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The mark is nothing, or too much.
    #[error("the mark below which a balance is told is more than nothing and at most {MOST}; {given} is not")]
    Below {
        /// What was given.
        given: Micros,
    },
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for NoticeError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// What a look did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// In how many workspaces a low balance was told.
    pub told: usize,
    /// Behind which workspace the next look goes on.
    pub next: WorkspaceId,
}

impl Engine {
    /// Below which balance the workspace is told.
    ///
    /// # Errors
    /// See [`NoticeError`].
    pub async fn balance_notice(&self, actor: &Actor) -> Result<Notice, NoticeError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| Ok(rows::find(db, workspace)?.unwrap_or_default())).await
    }

    /// Says below which balance the workspace is told (nothing for off), and whether owners and admins get an e-mail too. A balance that is below another mark
    /// than before already is told within a minute.
    ///
    /// # Errors
    /// See [`NoticeError`].
    pub async fn set_balance_notice(
        &self,
        actor: &Actor,
        below: Option<Micros>,
        mails: bool,
    ) -> Result<Notice, NoticeError> {
        actor.need(Permission::BillingWrite)?;
        if let Some(given) = below.filter(|below| !(Micros(1)..=MOST).contains(below)) {
            return Err(NoticeError::Below { given });
        }
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            workspaces::lock(tx, beat.workspace)?;
            let before = rows::find(tx, beat.workspace)?;
            let after = Notice::set(before, below, mails);
            if before != Some(after) {
                rows::save(tx, beat.workspace, after)?;
                beat.note(tx, "balance.notice_changed", None, &json!({ "below": below, "mails": mails }))?;
            }
            Ok(after)
        })
        .await
    }

    /// Tells low balances in the workspaces behind the given one, at most [`LOOK`] of them. For upkeep. What fails in one workspace is
    /// logged and holds up no other.
    ///
    /// # Errors
    /// If the wallets cannot be read.
    pub async fn tell_low_balances(&self, after: WorkspaceId) -> Result<Look, Failure> {
        let page = self.read(move |db| Ok::<_, Failure>(rows::page(db, after, LOOK)?)).await?;
        let whole = i64::try_from(page.len()).is_ok_and(|count| count >= LOOK);
        let next = page.last().filter(|_| whole).map_or(WorkspaceId(i64::MIN), |last| last.workspace);
        let mut told = 0;
        for standing in page.into_iter().filter(|one| one.notice.seen(one.wallet) != Seen::Still) {
            let (beat, postbox) = (self.beat_as(standing.workspace, "dripline"), self.postbox().cloned());
            match self.write(Lane::Normal, move |tx| look(tx, &beat, postbox.as_ref())).await {
                Ok(seen) => told += usize::from(matches!(seen, Seen::Fallen(_))),
                Err(error) => {
                    let (workspace, cause) = (standing.workspace, error.causes());
                    tracing::error!(%workspace, %error, cause, "a low balance was not told");
                }
            }
        }
        Ok(Look { told, next })
    }
}

/// What the wallet shows now, and what follows from it.
fn look(tx: &mut Tx<'_>, beat: &Beat, postbox: Option<&Postbox>) -> Result<Seen, Failure> {
    let Some(workspace) = workspaces::lock(tx, beat.workspace)? else { return Ok(Seen::Still) };
    let notice = rows::find(tx, beat.workspace)?.unwrap_or_default();
    let (credits, wallet) = store::ledger::read_available(tx, beat.workspace)?;
    let (wallet, seen) = (Micros(wallet), notice.seen(Micros(wallet)));
    if seen != Seen::Still {
        rows::save(tx, beat.workspace, notice.after(seen))?;
    }
    if let Seen::Fallen(below) = seen {
        tell(tx, beat, &workspace, &Low { below, wallet, credits }, postbox.filter(|_| notice.mails))?;
    }
    Ok(seen)
}

/// A balance that is low.
struct Low {
    below: Micros,
    wallet: Micros,
    credits: i64,
}

/// The event, and its mails where they are wanted and can be sent.
fn tell(
    tx: &mut Tx<'_>,
    beat: &Beat,
    workspace: &Workspace,
    low: &Low,
    postbox: Option<&Postbox>,
) -> Result<(), Failure> {
    let Low { below, wallet, credits } = *low;
    let to = if postbox.is_some() { mails::recipients(tx, beat, leads)? } else { Vec::new() };
    let payload = json!({ "below": below, "wallet": wallet, "credits": credits, "mails": to.len() });
    let event = beat.event("balance.low", None, &payload);
    let id = event.id;
    store::events::insert(tx, beat.workspace, &[event])?;
    let Some(postbox) = postbox.filter(|_| !to.is_empty()) else { return Ok(()) };
    let zone = Zone::named(&workspace.zone).map_err(|error| Failure::Stored(error.to_string()))?;
    let facts = text::LowBalance {
        workspace: &workspace.name,
        below,
        wallet,
        credits,
        at: zone.local(beat.now),
        zone: &workspace.zone,
    };
    mails::queue(tx, beat, id, &to, &facts.written(postbox.public_url.as_deref()))
}

/// Who is written to about money.
pub(crate) fn leads(role: &str) -> bool {
    matches!(Role::from_word(role), Some(Role::Owner | Role::Admin))
}
