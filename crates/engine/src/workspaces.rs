//! Workspaces: opened and ended by the operator, set up by their own people.
//!
//! The operator's functions take an [`Operator`], or a [`WorkspaceId`] and no actor where whoever reaches them sits at the
//! command line of the machine. What a workspace pays is the operator's matter; its name, zone,
//! send window and texts are its own. Legal limits hold on top of whatever window is set here.

use domain::access::Permission;
use domain::ids::WorkspaceId;
use domain::ledger::{self, Amounts, Cause, Reason};
use domain::money::Micros;
use domain::template::{MAX_SEGMENTS_PER_MESSAGE, sendable};
use domain::zones::{UnknownZone, Zone};
use domain::{ids::TopUpId, segments};
use jiff::Timestamp;
use serde_json::json;
use store::workspaces::{self, Workspace};
use store::{Lane, Tx};

use crate::actor::{Actor, Forbidden, Operator};
use crate::beat::Beat;
use crate::billing::MAX_CREDITS_PER_GRANT;
use crate::engine::Engine;
use crate::facts::{self, Known};
use crate::failure::Failure;
use crate::periods;
use crate::removal::Removal;
use crate::settings::Settings;
use crate::text::{TextError, line};

/// Most characters in the name of a workspace.
pub const MAX_WORKSPACE_NAME: usize = 80;
/// The highest price of a segment: one dollar, which no carrier comes near.
pub const MAX_RATE: Micros = Micros(1_000_000);
/// Most workspaces on one page of the operator's list.
pub const MAX_PAGE: i64 = 1_000;

/// A workspace that begins.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// Its name.
    pub name: String,
    /// The name of its time zone, such as `America/New_York`.
    pub zone: String,
    /// Price of a segment that no credit covers.
    pub rate: Micros,
    /// The credits that it begins with.
    pub plan_credits: i64,
}

/// A workspace with its settings.
#[derive(Debug, Clone)]
pub struct WorkspaceView {
    /// What is stored.
    pub workspace: Workspace,
    /// Its settings, understood.
    pub settings: Settings,
}

/// What a workspace changes of itself; nothing stays as it is.
#[derive(Debug, Clone, Default)]
pub struct SettingsChange {
    /// Another name.
    pub name: Option<String>,
    /// Another time zone.
    pub zone: Option<String>,
    /// Other settings, all of them.
    pub settings: Option<Settings>,
}

/// Why a workspace is not opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workspace.
    #[error("the workspace does not exist")]
    Unknown,
    /// The name is refused.
    #[error("the workspace's name is refused")]
    Name(#[source] TextError),
    /// There is no such zone.
    #[error(transparent)]
    Zone(#[from] UnknownZone),
    /// The rate is below zero or above [`MAX_RATE`].
    #[error("the rate of {given} for a segment is not between $0.00 and {MAX_RATE}")]
    Rate {
        /// The rate that was given.
        given: Micros,
    },
    /// Too many credits, or fewer than none.
    #[error("{given} credits are not between 0 and {MAX_CREDITS_PER_GRANT}")]
    Credits {
        /// How many were given.
        given: i64,
    },
    /// One of the workspace's own texts is empty or cannot be stored.
    #[error("the text {text} is empty or has a NUL character")]
    TextEmpty {
        /// Which setting.
        text: &'static str,
    },
    /// One of the workspace's own texts is too long.
    #[error("the text {text} has {segments} segments; at most {MAX_SEGMENTS_PER_MESSAGE} are allowed")]
    TextTooLong {
        /// Which setting.
        text: &'static str,
        /// How many segments it has.
        segments: usize,
    },
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<store::DbError> for WorkspaceError {
    fn from(error: store::DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Opens a workspace with an active plan. For the operator.
    pub async fn create_workspace(&self, new: NewWorkspace) -> Result<WorkspaceView, WorkspaceError> {
        let maker = self.beat_as(WorkspaceId(0), "operator");
        let beat = Beat { workspace: WorkspaceId(maker.id()), ..maker };
        self.write(Lane::Normal, move |tx| create(tx, &beat, &new)).await
    }

    /// Workspaces in order of their making, after the given one. For the operator.
    pub async fn workspaces(&self, after: WorkspaceId, limit: i64) -> Result<Vec<Workspace>, WorkspaceError> {
        self.read(move |read| Ok(workspaces::page(read, after, limit.clamp(1, MAX_PAGE))?)).await
    }

    /// The actor's workspace.
    pub async fn workspace(&self, actor: &Actor) -> Result<WorkspaceView, WorkspaceError> {
        actor.need(Permission::Read)?;
        let id = actor.workspace();
        self.read(move |read| Ok(view(facts::workspace(read, id)?.ok_or(WorkspaceError::Unknown)?))).await
    }

    /// Changes name, zone or settings. Running enrollments follow a new send window at their next message.
    pub async fn change_settings(
        &self,
        actor: &Actor,
        change: SettingsChange,
    ) -> Result<WorkspaceView, WorkspaceError> {
        actor.need(Permission::SettingsWrite)?;
        let beat = self.beat(actor);
        let changed = self.write(Lane::Normal, move |tx| change_settings(tx, &beat, &change)).await?;
        self.wake();
        Ok(changed)
    }

    /// Sets the price of a segment for what is charged from now on. For the operator.
    pub async fn change_rate(&self, workspace: WorkspaceId, rate: Micros) -> Result<WorkspaceView, WorkspaceError> {
        let beat = self.beat_as(workspace, "operator");
        self.write(Lane::Normal, move |tx| {
            let rate = checked_rate(rate)?;
            let known = lock(tx, workspace)?;
            beat.note(tx, "workspace.rate_changed", None, &json!({ "from": known.row.rate, "to": rate }))?;
            save(tx, Known { row: Workspace { rate, ..known.row }, ..known })
        })
        .await
    }

    /// Serves the workspace again after its plan ended, without a plan of [`plans`](crate::plans).
    pub async fn serve_without_plan(
        &self,
        by: &Operator,
        workspace: WorkspaceId,
    ) -> Result<WorkspaceView, WorkspaceError> {
        let beat = self.beat_as(workspace, by.name());
        self.write(Lane::Normal, move |tx| set_plan(tx, &beat, "active")).await
    }

    /// The same, for the operator at the command line.
    pub async fn start_plan(&self, workspace: WorkspaceId) -> Result<WorkspaceView, WorkspaceError> {
        self.serve_without_plan(&Operator::at_command_line(), workspace).await
    }

    /// Ends the messaging plan, and every running enrollment with a refund.
    ///
    /// The plan ends first; the enrollments follow in portions, each in a transaction of its own. What
    /// a crash in between leaves running is ended by its next claim, so calling this again is enough.
    pub async fn end_plan_now(&self, by: &Operator, workspace: WorkspaceId) -> Result<Removal, WorkspaceError> {
        let beat = self.beat_as(workspace, by.name());
        self.write(Lane::Normal, move |tx| match periods::hold(tx, beat.workspace)? {
            Some(held) if held.row.course.standing.serves() => Ok(periods::over(tx, &beat, held, "operator")?),
            _ => set_plan(tx, &beat, "ended").map(drop),
        })
        .await?;
        Ok(self.wind_up(workspace, by.name()).await?)
    }

    /// The same, for the operator at the command line.
    pub async fn end_plan(&self, workspace: WorkspaceId) -> Result<Removal, WorkspaceError> {
        self.end_plan_now(&Operator::at_command_line(), workspace).await
    }
}

fn view(known: Known) -> WorkspaceView {
    WorkspaceView { workspace: known.row, settings: known.settings }
}

/// Whether a workspace can begin like this.
pub(crate) fn check_new(new: &NewWorkspace) -> Result<(), WorkspaceError> {
    if !(0..=MAX_CREDITS_PER_GRANT).contains(&new.plan_credits) {
        return Err(WorkspaceError::Credits { given: new.plan_credits });
    }
    line(&new.name, MAX_WORKSPACE_NAME).map_err(WorkspaceError::Name)?;
    Zone::named(&new.zone)?;
    checked_rate(new.rate).map(drop)
}

pub(crate) fn create(tx: &mut Tx<'_>, beat: &Beat, new: &NewWorkspace) -> Result<WorkspaceView, WorkspaceError> {
    check_new(new)?;
    let settings = Settings::default();
    let workspace = Workspace {
        id: beat.workspace,
        name: line(&new.name, MAX_WORKSPACE_NAME).map_err(WorkspaceError::Name)?,
        zone: Zone::named(&new.zone)?.name().to_owned(),
        plan: "active".to_owned(),
        rate: checked_rate(new.rate)?,
        settings: settings.document(),
        messages_per_minute: 0,
        paced_until: Timestamp::UNIX_EPOCH,
        created_at: beat.now,
        suspended: None,
    };
    workspaces::insert(tx, &workspace)?;
    store::ledger::open_accounts(tx, beat.workspace)?;
    let credits = Amounts { credits: new.plan_credits, micros: Micros::ZERO };
    let granted = ledger::transfers(Cause::top_up(TopUpId(beat.id())), Reason::TopUp, credits);
    store::ledger::post(tx, beat.workspace, &granted, beat.now).map_err(Failure::from)?;
    let payload = json!({ "name": workspace.name, "zone": workspace.zone, "rate": workspace.rate,
        "credits": new.plan_credits });
    beat.note(tx, "workspace.created", None, &payload)?;
    Ok(WorkspaceView { workspace, settings })
}

fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Known, WorkspaceError> {
    let row = workspaces::lock(tx, workspace)?.ok_or(WorkspaceError::Unknown)?;
    let settings = Settings::read(&row.settings)?;
    Ok(Known { row, settings })
}

fn save(tx: &mut Tx<'_>, known: Known) -> Result<WorkspaceView, WorkspaceError> {
    workspaces::update(tx, &known.row)?;
    Ok(view(known))
}

fn change_settings(tx: &mut Tx<'_>, beat: &Beat, change: &SettingsChange) -> Result<WorkspaceView, WorkspaceError> {
    let mut known = lock(tx, beat.workspace)?;
    if let Some(name) = &change.name {
        known.row.name = line(name, MAX_WORKSPACE_NAME).map_err(WorkspaceError::Name)?;
    }
    if let Some(zone) = &change.zone {
        known.row.zone = Zone::named(zone)?.name().to_owned();
    }
    if let Some(settings) = &change.settings {
        check_texts(settings)?;
        known.row.settings = settings.document();
        known.settings = settings.clone();
    }
    let payload = json!({ "name": known.row.name, "zone": known.row.zone, "settings": known.settings });
    beat.note(tx, "workspace.changed", None, &payload)?;
    save(tx, known)
}

fn check_texts(settings: &Settings) -> Result<(), WorkspaceError> {
    let texts = [
        ("help_text", &settings.help_text),
        ("opt_out_text", &settings.opt_out_text),
        ("opt_in_text", &settings.opt_in_text),
    ];
    for (text, given) in texts {
        if given.trim().is_empty() || given.contains('\0') {
            return Err(WorkspaceError::TextEmpty { text });
        }
        let segments = segments::count(&sendable(given, settings.smart())).segments;
        if segments > MAX_SEGMENTS_PER_MESSAGE {
            return Err(WorkspaceError::TextTooLong { text, segments });
        }
    }
    Ok(())
}

fn checked_rate(rate: Micros) -> Result<Micros, WorkspaceError> {
    let allowed = (Micros::ZERO..=MAX_RATE).contains(&rate);
    allowed.then_some(rate).ok_or(WorkspaceError::Rate { given: rate })
}

fn set_plan(tx: &mut Tx<'_>, beat: &Beat, plan: &str) -> Result<WorkspaceView, WorkspaceError> {
    let known = lock(tx, beat.workspace)?;
    if known.row.plan == plan {
        return Ok(view(known));
    }
    beat.note(tx, if plan == "active" { "plan.started" } else { "plan.ended" }, None, &json!({}))?;
    save(tx, Known { row: Workspace { plan: plan.to_owned(), ..known.row }, ..known })
}
