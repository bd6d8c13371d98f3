//! Periods of plans as time goes by: begun, paid, owed, announced, ended. What people do with a plan is `subscriptions`.
//!
//! Everything here runs under the lock of the workspace's row, which is also a claim's turn: it comes before all other locks.
//!
//! | what is due (`domain::plan`) | done in one transaction |
//! |---|---|
//! | the next period | credits that are left end; price from the wallet, credits, rate; or past due |
//! | a payment came in while past due | the price first, so that nothing else can spend it; credits |
//! | a warning | an event |
//! | the end | nothing is sent or started any more; then, in portions, what runs is ended with its refunds; last, all credits end |

use domain::enrollment::StopReason;
use domain::ids::{PeriodId, WorkspaceId};
use domain::ledger::{self, Amounts, Cause, Reason, Transfer};
use domain::money::Micros;
use domain::plan::{AtEnd, Course, Due, Period, Standing};
use domain::zones::Zone;
use serde_json::{Value, json};
use store::plans::{self, Plan};
use store::subscriptions::{self, PeriodRow, Subscription};
use store::workspaces::{self, Workspace};
use store::{Lane, Tx};

use crate::beat::Beat;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::plans::told;
use crate::removal::{ENDS_PER_CHUNK, Removal, stop_all};

/// Most workspaces that one look turns.
const LOOK: i64 = 1_000;
/// Most things that are due in one workspace at once: the end of a trial, its warnings, its end, and some to spare.
const MOST_STEPS: usize = 16;

/// What a step of [`turn`] leaves to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turned {
    /// Something was done; there may be more.
    On,
    /// What still runs has to be ended.
    Close,
    /// Nothing is due.
    Still,
}

impl Engine {
    /// Does what is due with the plans of all workspaces; answers for how many. What fails is logged, and due again at the
    /// next look; it holds up no other workspace.
    ///
    /// # Errors
    /// If what is due cannot be read.
    pub async fn turn_periods(&self) -> Result<usize, Failure> {
        let now = self.now();
        let due = self.read(move |db| Ok::<_, Failure>(subscriptions::due(db, now, LOOK)?)).await?;
        for workspace in &due {
            if let Err(error) = self.turn_period(*workspace).await {
                tracing::error!(%workspace, %error, cause = error.causes(), "a workspace's plan was not renewed or ended");
            }
        }
        Ok(due.len())
    }

    async fn turn_period(&self, workspace: WorkspaceId) -> Result<(), Failure> {
        for _ in 0..MOST_STEPS {
            let beat = self.beat_as(workspace, "dripline");
            match self.write(Lane::Normal, move |tx| turn(tx, &beat)).await? {
                Turned::On => {}
                Turned::Close => drop(self.wind_up(workspace, "dripline").await?),
                Turned::Still => return Ok(()),
            }
        }
        Ok(())
    }

    /// Ends what runs in a workspace whose plan is over, in portions, each in a transaction of its own; then all credits.
    /// What a crash leaves running is ended by its next claim, or by the next call of this.
    pub(crate) async fn wind_up(&self, workspace: WorkspaceId, actor: &str) -> Result<Removal, Failure> {
        let mut all = Removal::default();
        loop {
            let beat = self.beat_as(workspace, actor);
            let ended = self.write(Lane::Bulk, move |tx| end_some(tx, &beat)).await?;
            if ended.contacts == 0 {
                let beat = self.beat_as(workspace, actor);
                self.write(Lane::Normal, move |tx| close(tx, &beat)).await?;
                return Ok(all);
            }
            all = all.plus(ended);
        }
    }
}

/// The workspace's plan, locked, with what it takes to move it.
pub(crate) struct Held {
    pub(crate) workspace: Workspace,
    pub(crate) zone: Zone,
    pub(crate) row: Subscription,
}

/// The workspace's plan, which nobody else moves until the transaction ends; nothing if it has none.
pub(crate) fn hold(tx: &mut Tx<'_>, id: WorkspaceId) -> Result<Option<Held>, Failure> {
    let Some(workspace) = workspaces::lock(tx, id)? else { return Ok(None) };
    let Some(row) = subscriptions::find(tx, id)? else { return Ok(None) };
    let zone = Zone::named(&workspace.zone).map_err(|error| Failure::Stored(error.to_string()))?;
    Ok(Some(Held { workspace, zone, row }))
}

fn turn(tx: &mut Tx<'_>, beat: &Beat) -> Result<Turned, Failure> {
    let Some(held) = hold(tx, beat.workspace)? else { return Ok(Turned::Still) };
    match held.row.course.due(&held.zone, beat.now) {
        None => {
            // Whoever was before us has done it; the instant of the next thing is stored anew in any case.
            subscriptions::save(tx, beat.workspace, &held.row)?;
            return Ok(Turned::Still);
        }
        Some(Due::Close) => return Ok(Turned::Close),
        Some(Due::Warn(days)) => warn(tx, beat, held, days)?,
        Some(Due::End) => {
            let unpaid = matches!(held.row.course.standing, Standing::PastDue { .. });
            over(tx, beat, held, if unpaid { "unpaid" } else { "canceled" })?;
        }
        Some(Due::Renew(period)) => renew(tx, beat, held, period)?,
    }
    Ok(Turned::On)
}

fn warn(tx: &mut Tx<'_>, beat: &Beat, held: Held, days: i64) -> Result<(), Failure> {
    let course = Course { warned: days, ..held.row.course };
    let payload = json!({ "ends_at": course.ends_at(), "within_days": days,
        "reason": if matches!(course.standing, Standing::PastDue { .. }) { "unpaid" } else { "canceled" } });
    beat.note(tx, "plan.ending", None, &payload)?;
    Ok(subscriptions::save(tx, beat.workspace, &Subscription { course, ..held.row })?)
}

/// The plan is over from now on: nothing is sent or started any more. Who ends what runs is [`Engine::wind_up`].
pub(crate) fn over(tx: &mut Tx<'_>, beat: &Beat, held: Held, reason: &str) -> Result<(), Failure> {
    workspaces::update(tx, &Workspace { plan: "ended".to_owned(), ..held.workspace })?;
    beat.note(tx, "plan.ended", None, &json!({ "reason": reason }))?;
    let row = Subscription { course: held.row.course.over(), next_plan: None, ..held.row };
    Ok(subscriptions::save(tx, beat.workspace, &row)?)
}

/// Ends one portion, as long as the plan has not been started again.
fn end_some(tx: &mut Tx<'_>, beat: &Beat) -> Result<Removal, Failure> {
    let row = workspaces::lock(tx, beat.workspace)?;
    if row.is_none_or(|row| row.plan == "active") {
        return Ok(Removal::default());
    }
    let limit = i64::try_from(ENDS_PER_CHUNK).expect("a small count");
    let ids = workspaces::running(tx, beat.workspace, limit)?;
    stop_all(tx, beat, &ids, StopReason::PlanEnded)
}

/// The last of an end: the credits.
fn close(tx: &mut Tx<'_>, beat: &Beat) -> Result<(), Failure> {
    let Some(held) = hold(tx, beat.workspace)?.filter(|held| held.row.course.standing == Standing::Closing) else {
        return Ok(());
    };
    let (credits, _) = store::ledger::lock_available(tx, beat.workspace)?;
    post(tx, beat, expiry(held.row.period, credits))?;
    beat.note(tx, "plan.closed", None, &json!({ "expired": credits }))?;
    let course = Course { standing: Standing::Ended, ..held.row.course };
    Ok(subscriptions::save(tx, beat.workspace, &Subscription { course, ..held.row })?)
}

fn renew(tx: &mut Tx<'_>, beat: &Beat, held: Held, period: Period) -> Result<(), Failure> {
    let plan = plan_of(tx, held.row.next_plan.unwrap_or(held.row.plan))?;
    let terms = plan.terms;
    let (left, wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    let mut transfers = expiry(held.row.period, left);
    let id = PeriodId(beat.id());
    let paid = wallet >= terms.price.0;
    let course = if paid {
        transfers.extend(opening(id, &plan));
        held.row.course.renewed(period)
    } else {
        held.row.course.owed(period, terms.grace_days, &held.zone)
    };
    post(tx, beat, transfers)?;
    subscriptions::add_period(tx, beat.workspace, &period_row(id, &plan, period, paid.then_some(beat.now)))?;
    let mut payload =
        with(told(&plan), &[("period", json!(id)), ("until", json!(period.until)), ("expired", json!(left))]);
    if let Some(grace) = course.ends_at().filter(|_| !paid) {
        payload = with(payload, &[("wallet", json!(wallet)), ("grace_until", json!(grace))]);
    }
    beat.note(tx, if paid { "plan.renewed" } else { "plan.past_due" }, None, &payload)?;
    workspaces::update(tx, &Workspace { rate: terms.rate, ..held.workspace })?;
    let row = Subscription { plan: plan.id, next_plan: None, period: id, course };
    Ok(subscriptions::save(tx, beat.workspace, &row)?)
}

/// Pays what is owed, if the wallet covers it now. The workspace's row has to be locked by [`hold`] before any account was.
pub(crate) fn recover(tx: &mut Tx<'_>, beat: &Beat, held: Option<Held>) -> Result<(), Failure> {
    let Some(held) = held.filter(|held| matches!(held.row.course.standing, Standing::PastDue { .. })) else {
        return Ok(());
    };
    let plan = plan_of(tx, held.row.plan)?;
    let (_, wallet) = store::ledger::lock_available(tx, beat.workspace)?;
    if wallet < plan.terms.price.0 {
        return Ok(());
    }
    post(tx, beat, opening(held.row.period, &plan).collect())?;
    subscriptions::pay(tx, beat.workspace, held.row.period, beat.now)?;
    let payload =
        with(told(&plan), &[("period", json!(held.row.period)), ("until", json!(held.row.course.period.until))]);
    beat.note(tx, "plan.recovered", None, &payload)?;
    let row = Subscription { course: held.row.course.recovered(), ..held.row };
    Ok(subscriptions::save(tx, beat.workspace, &row)?)
}

/// A plan that begins now, with its trial or with a paid month: the wallet has to cover that.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    beat: &Beat,
    workspace: Workspace,
    plan: &Plan,
    course: Course,
) -> Result<(), Failure> {
    let id = PeriodId(beat.id());
    let trial = course.standing == Standing::Trialing;
    let mut row = period_row(id, plan, course.period, Some(beat.now));
    if trial {
        row.price = Micros::ZERO;
        post(tx, beat, grant(id, plan).collect())?;
    } else {
        post(tx, beat, opening(id, plan).collect())?;
    }
    subscriptions::add_period(tx, beat.workspace, &row)?;
    let payload =
        with(told(plan), &[("period", json!(id)), ("until", json!(course.period.until)), ("trial", json!(trial))]);
    beat.note(tx, "plan.started", None, &payload)?;
    workspaces::update(tx, &Workspace { plan: "active".to_owned(), rate: plan.terms.rate, ..workspace })?;
    let row = Subscription { plan: plan.id, next_plan: None, period: id, course };
    Ok(subscriptions::save(tx, beat.workspace, &row)?)
}

pub(crate) fn plan_of(tx: &mut Tx<'_>, id: domain::ids::PlanId) -> Result<Plan, Failure> {
    plans::find(tx, id)?.ok_or_else(|| Failure::Stored(format!("there is no plan {id}")))
}

fn period_row(id: PeriodId, plan: &Plan, period: Period, paid_at: Option<jiff::Timestamp>) -> PeriodRow {
    PeriodRow { id, plan: plan.id, period, price: plan.terms.price, credits: plan.terms.credits, paid_at }
}

/// The price of a period and its credits.
fn opening(id: PeriodId, plan: &Plan) -> impl Iterator<Item = Transfer> + use<> {
    let price = Amounts { credits: 0, micros: plan.terms.price };
    ledger::transfers(Cause::period(id), Reason::Fee, price).into_iter().chain(grant(id, plan))
}

fn grant(id: PeriodId, plan: &Plan) -> impl Iterator<Item = Transfer> + use<> {
    let credits = Amounts { credits: plan.terms.credits, micros: Micros::ZERO };
    ledger::transfers(Cause::period(id), Reason::Grant, credits).into_iter()
}

/// All credits that are left end with the period.
fn expiry(id: PeriodId, credits: i64) -> Vec<Transfer> {
    ledger::transfers(Cause::period(id), Reason::Expiry, Amounts { credits, micros: Micros::ZERO })
}

fn post(tx: &mut Tx<'_>, beat: &Beat, transfers: Vec<Transfer>) -> Result<(), Failure> {
    store::ledger::post(tx, beat.workspace, &transfers, beat.now)?;
    Ok(())
}

fn with(mut payload: Value, more: &[(&str, Value)]) -> Value {
    if let Value::Object(fields) = &mut payload {
        fields.extend(more.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    }
    payload
}

/// When the plan ends, if nobody does anything about it and something would still go then: it is ended, with its refund.
pub(crate) fn ends_before(
    db: &store::Read<'_>,
    workspace: domain::ids::WorkspaceId,
    last: Option<jiff::Timestamp>,
) -> Result<Option<jiff::Timestamp>, store::DbError> {
    let Some(last) = last else { return Ok(None) };
    let ends = store::subscriptions::find(db, workspace)?.and_then(|row| row.course.ends_at());
    Ok(ends.filter(|ends| *ends <= last))
}

/// What is said of the end of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// When it ends, if nobody does anything about it.
    pub at: jiff::Timestamp,
    /// The price that is owed; nothing where somebody canceled the plan.
    pub owed: Option<Micros>,
}

/// Whether the plan comes to an end, and why.
pub(crate) fn ending(course: &Course, price: Micros) -> Option<Ending> {
    let owes = matches!(course.standing, Standing::PastDue { .. });
    let at = course.ends_at().filter(|_| owes || course.at_end == AtEnd::End)?;
    Some(Ending { at, owed: owes.then_some(price) })
}
