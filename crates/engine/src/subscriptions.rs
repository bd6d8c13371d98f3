//! What a workspace does with a plan: looks at what is offered, chooses, cancels, goes on after all.
//!
//! | where it stands | choosing a plan | canceling |
//! |---|---|---|
//! | none, ended | begins now: the trial, or the first month if there is none or it was had | refused |
//! | trialing, active | begins when the period is over | at the end of the period; until then it may go on after all |
//! | past due | refused: the wallet first | ends at once |
//! | closing | refused: what runs is still being ended | refused |
//!
//! A workspace without a plan of the operator's is served as long as the operator wants (a self-hoster's: free, always active).

use domain::access::Permission;
use domain::ids::{PeriodId, PlanId};
use domain::money::Micros;
use domain::plan::{Course, Period, Standing};
use domain::zones::Zone;
use serde_json::json;
use store::plans::{self, Plan};
use store::subscriptions::{self, PeriodRow, Subscription};
use store::workspaces::{self, Workspace};
use store::{DbError, Lane, Read, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};
use crate::periods::{self, Ending, Held};
use crate::plans::{OFFERED, told};
use crate::removal::Removal;

/// Most periods on one page.
const MAX_PAGE: i64 = 120;

/// Where a workspace stands with its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanView {
    /// The plan; nothing if the workspace is served without one, or never had one.
    pub plan: Option<Plan>,
    /// Where it stands with it.
    pub course: Option<Course>,
    /// The plan that follows, where that is another.
    pub next: Option<Plan>,
    /// When it ends, if it does.
    pub ending: Option<Ending>,
    /// Whether the workspace may send at all.
    pub serves: bool,
}

/// What choosing a plan would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// The plan.
    pub plan: Plan,
    /// The trial or month that it would begin with.
    pub first: Period,
    /// Whether that begins now; otherwise when the running period is over.
    pub now: bool,
    /// What the wallet pays now.
    pub charge: Micros,
    /// What the wallet lacks for that.
    pub lacks: Micros,
}

/// Why a plan is not chosen, canceled or shown.
#[derive(Debug, thiserror::Error)]
pub enum SubscriptionError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such plan, or it is offered no more.
    #[error("the plan does not exist or is offered no more")]
    Unknown,
    /// There is no plan that could be canceled, or go on.
    #[error("the workspace has no plan that runs")]
    None,
    /// The month's price is owed.
    #[error("{owed} is owed for the plan that the workspace has; top up the wallet first, or cancel it")]
    Owing {
        /// How much.
        owed: Micros,
    },
    /// The plan before is still being ended.
    #[error("what ran under the plan before is still being ended; choose again in a minute")]
    Closing,
    /// The wallet does not cover the first month.
    #[error("the wallet lacks {lacks} for the first month")]
    Funds {
        /// How much.
        lacks: Micros,
    },
    /// The workspace has more numbers than the plan includes.
    #[error("the workspace has more numbers ({have}) than the plan includes ({included}): give up {} first", have - included)]
    Numbers {
        /// How many the plan includes.
        included: i64,
        /// How many there are.
        have: i64,
    },
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SubscriptionError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Where the workspace stands with its plan.
    ///
    /// # Errors
    /// See [`SubscriptionError`].
    pub async fn subscription(&self, actor: &Actor) -> Result<PlanView, SubscriptionError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |db| {
            let row = workspaces::find(db, workspace)?.ok_or(SubscriptionError::None)?;
            view(db, &row)
        })
        .await
    }

    /// What choosing this plan would do now: nothing is changed.
    ///
    /// # Errors
    /// What choosing it would be refused for, but for what the wallet lacks, which the offer tells.
    pub async fn plan_offer(&self, actor: &Actor, id: PlanId) -> Result<Offer, SubscriptionError> {
        actor.need(Permission::Read)?;
        let (workspace, now) = (actor.workspace(), self.now());
        self.read(move |db| {
            let row = workspaces::find(db, workspace)?.ok_or(SubscriptionError::None)?;
            let zone = Zone::named(&row.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            let held = subscriptions::find(db, workspace)?.map(|row| row.course);
            offer(db, &row, held, &zone, (id, now))
        })
        .await
    }

    /// Chooses a plan: it begins now, or follows the one that runs.
    ///
    /// # Errors
    /// See [`SubscriptionError`].
    pub async fn choose_plan(&self, actor: &Actor, id: PlanId) -> Result<PlanView, SubscriptionError> {
        actor.need(Permission::BillingWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("choose_plan", id), |tx| choose(tx, &beat, id))?;
            let row = workspaces::find(tx, beat.workspace)?.ok_or(SubscriptionError::None)?;
            view(tx, &row)
        })
        .await
    }

    /// Ends the plan with its period; what is owed ends it at once, with the refunds of what runs.
    ///
    /// # Errors
    /// See [`SubscriptionError`].
    pub async fn cancel_plan(&self, actor: &Actor) -> Result<Removal, SubscriptionError> {
        actor.need(Permission::BillingWrite)?;
        let beat = self.beat(actor);
        let workspace = beat.workspace;
        let closing = self.write(Lane::Normal, move |tx| cancel(tx, &beat)).await?;
        if closing { Ok(self.wind_up(workspace, "dripline").await?) } else { Ok(Removal::default()) }
    }

    /// A plan that was canceled goes on after all.
    ///
    /// # Errors
    /// See [`SubscriptionError`].
    pub async fn resume_plan(&self, actor: &Actor) -> Result<PlanView, SubscriptionError> {
        actor.need(Permission::BillingWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            let held = running(periods::hold(tx, beat.workspace)?)?;
            let row = Subscription { course: held.row.course.resumed(), ..held.row };
            subscriptions::save(tx, beat.workspace, &row)?;
            beat.note(tx, "plan.resumed", None, &json!({ "until": row.course.period.until }))?;
            view(tx, &held.workspace)
        })
        .await
    }

    /// Periods that the workspace had, before the given one, newest first.
    ///
    /// # Errors
    /// See [`SubscriptionError`].
    pub async fn plan_periods(
        &self,
        actor: &Actor,
        before: Option<PeriodId>,
        limit: i64,
    ) -> Result<Vec<PeriodRow>, SubscriptionError> {
        actor.need(Permission::Read)?;
        let (workspace, before) = (actor.workspace(), before.unwrap_or(PeriodId(i64::MAX)));
        let limit = limit.clamp(1, MAX_PAGE);
        self.read(move |db| Ok(subscriptions::periods(db, workspace, before, limit)?)).await
    }
}

fn view(db: &Read<'_>, workspace: &Workspace) -> Result<PlanView, SubscriptionError> {
    let row = subscriptions::find(db, workspace.id)?;
    let find = |id: Option<PlanId>| id.map_or(Ok(None), |id| plans::find(db, id));
    let (plan, next) = (find(row.as_ref().map(|row| row.plan))?, find(row.as_ref().and_then(|row| row.next_plan))?);
    let course = row.map(|row| row.course);
    let price = plan.as_ref().map_or(Micros::ZERO, |plan| plan.terms.price);
    let ending = course.and_then(|course| periods::ending(&course, price));
    Ok(PlanView { plan, course, next, ending, serves: workspace.plan == "active" })
}

/// A plan that runs, paid or in its trial or owed.
fn running(held: Option<Held>) -> Result<Held, SubscriptionError> {
    held.filter(|held| held.row.course.standing.serves()).ok_or(SubscriptionError::None)
}

fn offer(
    db: &Read<'_>,
    workspace: &Workspace,
    course: Option<Course>,
    zone: &Zone,
    (id, now): (PlanId, jiff::Timestamp),
) -> Result<Offer, SubscriptionError> {
    let plan = plans::find(db, id)?.filter(|plan| plan.state == OFFERED).ok_or(SubscriptionError::Unknown)?;
    fits(db, workspace, &plan)?;
    match course.map(|course| (course, course.standing)) {
        Some((_, Standing::PastDue { .. })) => {
            let running = subscriptions::find(db, workspace.id)?.map(|row| row.plan);
            let running = running.map_or(Ok(None), |id| plans::find(db, id))?;
            Err(SubscriptionError::Owing { owed: running.map_or(Micros::ZERO, |plan| plan.terms.price) })
        }
        Some((_, Standing::Closing)) => Err(SubscriptionError::Closing),
        Some((course, Standing::Trialing | Standing::Active)) => {
            let first = course.next_period(zone);
            Ok(Offer { plan, first, now: false, charge: Micros::ZERO, lacks: Micros::ZERO })
        }
        Some((_, Standing::Ended)) | None => {
            let trial = if subscriptions::had_trial(db, workspace.id)? { 0 } else { plan.terms.trial_days };
            let course = Course::begin(trial, zone, now);
            let charge = if course.standing == Standing::Trialing { Micros::ZERO } else { plan.terms.price };
            let (_, wallet) = store::ledger::read_available(db, workspace.id)?;
            let lacks = Micros((charge.0 - wallet).max(0));
            Ok(Offer { plan, first: course.period, now: true, charge, lacks })
        }
    }
}

/// A plan with fewer numbers than there are would leave open which of them go.
fn fits(db: &Read<'_>, workspace: &Workspace, plan: &Plan) -> Result<(), SubscriptionError> {
    let Some(included) = plan.terms.numbers else { return Ok(()) };
    let have = crate::numbers::kept(db, workspace.id)?;
    if have > included { Err(SubscriptionError::Numbers { included, have }) } else { Ok(()) }
}

fn choose(tx: &mut Tx<'_>, beat: &Beat, id: PlanId) -> Result<(), SubscriptionError> {
    let workspace = workspaces::lock(tx, beat.workspace)?.ok_or(SubscriptionError::None)?;
    let zone = Zone::named(&workspace.zone).map_err(|error| Failure::Stored(error.to_string()))?;
    let row = subscriptions::find(tx, beat.workspace)?;
    let offer = offer(tx, &workspace, row.as_ref().map(|row| row.course), &zone, (id, beat.now))?;
    if offer.lacks > Micros::ZERO {
        return Err(SubscriptionError::Funds { lacks: offer.lacks });
    }
    let Some(row) = row.filter(|_| !offer.now) else {
        let trial = if offer.first.number == 0 { offer.plan.terms.trial_days } else { 0 };
        let course = Course::begin(trial, &zone, beat.now);
        return Ok(periods::begin(tx, beat, workspace, &offer.plan, course)?);
    };
    // Whoever chooses anew wants it to go on.
    let next_plan = (offer.plan.id != row.plan).then_some(offer.plan.id);
    let row = Subscription { next_plan, course: row.course.resumed(), ..row };
    subscriptions::save(tx, beat.workspace, &row)?;
    let mut payload = told(&offer.plan);
    payload["from"] = json!(row.course.period.until);
    Ok(beat.note(tx, "plan.chosen", None, &payload)?)
}

/// True if what runs is to be ended now.
fn cancel(tx: &mut Tx<'_>, beat: &Beat) -> Result<bool, SubscriptionError> {
    let held = running(periods::hold(tx, beat.workspace)?)?;
    let course = held.row.course.canceled();
    if course.standing == Standing::Closing {
        periods::over(tx, beat, held, "canceled")?;
        return Ok(true);
    }
    let row = Subscription { course, next_plan: None, ..held.row };
    subscriptions::save(tx, beat.workspace, &row)?;
    beat.note(tx, "plan.canceled", None, &json!({ "ends_at": course.ends_at() }))?;
    Ok(false)
}
