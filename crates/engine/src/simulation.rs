//! "Price my campaign before I dare": the whole engine on a manual clock and a database in memory.
//!
//! Contacts are imported from the caller's file, the workflow is saved, everybody who can be is
//! enrolled, and time is played until the last message has gone. Replies come from the simulator,
//! by seed: the same input gives the same report.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use carrier::simulator::behaviour::{Behaviour, BehaviourError};
use carrier::{Carrier, Simulator};
use domain::ids::{MessageId, WorkflowId};
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::refusal::Refusal;
use domain::zones::Zone;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::{Address, DbError, Store, enrollments, messages};

use crate::actor::Actor;
use crate::audit::LedgerReport;
use crate::billing::{Balances, BillingError, Slip};
use crate::bulk::{BulkError, BulkPreview, Many, Selection};
use crate::clock::Clock;
use crate::engine::{Carriers, Engine, OpenError};
use crate::failure::Failure;
use crate::import::{ImportError, ImportOptions, ImportOutlets, ImportReport};
use crate::numbers::{NewNumber, NumberError};
use crate::workflows::{SaveError, WorkflowInput};
use crate::workspaces::{NewWorkspace, WorkspaceError};

/// The number that texts in a simulation: fictional, as its exchange 555 says.
const NUMBER: &str = "+12125550100";
/// After the last planned message: what was held back by retries and closed hours still goes.
const TAIL_DAYS: i64 = 30;

/// What is simulated.
#[derive(Debug, Clone)]
pub struct Simulation {
    /// When it starts.
    pub start: Timestamp,
    /// The workspace's zone, for contacts of whom nothing better is known.
    pub zone: String,
    /// The share of texts that are answered, from 0 to 1.
    pub reply_rate: f64,
    /// Which replies come.
    pub seed: u64,
    /// Free segments.
    pub credits: i64,
    /// Money in the wallet; nothing for as much as it takes.
    pub wallet: Option<Micros>,
    /// Price of a segment beyond the credits.
    pub rate: Micros,
    /// How the contacts are read.
    pub import: ImportOptions,
    /// The workflow.
    pub workflow: WorkflowInput,
}

/// What one day of the contacts' calendars brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Day {
    /// Messages that went out.
    pub messages: i64,
    /// Their segments.
    pub segments: i64,
}

/// What a simulation found.
#[derive(Debug)]
pub struct SimulationReport {
    /// What was read.
    pub import: ImportReport,
    /// Price, and who would be refused, before the start.
    pub preview: BulkPreview,
    /// The wallet at the start.
    pub wallet: Micros,
    /// How many started.
    pub started: i64,
    /// How many were refused.
    pub refused: i64,
    /// Messages by local date.
    pub days: BTreeMap<Date, Day>,
    /// How the enrollments ended, by state or reason.
    pub ends: BTreeMap<String, i64>,
    /// How many texts came in.
    pub replies: i64,
    /// Balances at the start.
    pub before: Balances,
    /// Balances at the end.
    pub after: Balances,
    /// What came back for messages that were not sent.
    pub refunded: Amounts,
    /// The books at the end.
    pub ledger: LedgerReport,
    /// The last instant of the simulation.
    pub end: Timestamp,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulationError {
    /// A rate or another setting of the contacts' behaviour.
    #[error("the behaviour of the contacts")]
    Behaviour(#[from] BehaviourError),
    /// The workspace.
    #[error("the workspace")]
    Workspace(#[from] WorkspaceError),
    /// The number.
    #[error("the sending number")]
    Number(#[from] NumberError),
    /// The wallet.
    #[error("the wallet")]
    Billing(#[from] BillingError),
    /// The contacts.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The workflow.
    #[error(transparent)]
    Workflow(#[from] SaveError),
    /// The enrollments.
    #[error(transparent)]
    Bulk(#[from] BulkError),
    /// The engine could not start.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SimulationError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

/// How far a simulation is: the instant it has reached, and the messages sent so far.
pub type Progress = Box<dyn FnMut(Timestamp, usize) + Send>;

/// Simulates. `contacts` is a CSV file.
pub async fn simulate(
    simulation: Simulation,
    contacts: impl Read + Send + 'static,
    outlets: ImportOutlets,
    mut progress: Progress,
) -> Result<SimulationReport, SimulationError> {
    let (engine, simulator) = open(&simulation).await?;
    let view = NewWorkspace {
        name: "Simulation".to_owned(),
        zone: simulation.zone.clone(),
        rate: simulation.rate,
        plan_credits: simulation.credits,
    };
    let actor = Actor::operator(engine.create_workspace(view).await?.workspace.id);
    let number = NewNumber { phone: NUMBER.to_owned(), carrier: "simulator".to_owned(), per_minute: 0, per_day: 0 };
    engine.add_number(&actor, number).await?;
    let import = engine.import_contacts(&actor, contacts, simulation.import.clone(), outlets).await?;
    let workflow = engine.create_workflow(&actor, simulation.workflow.clone()).await?.summary.workflow.id;
    let wallet = fill_wallet(&engine, &actor, &simulation, workflow).await?;
    let before = engine.balances(&actor).await?;
    let mut preview = engine.preview_many(&actor, Many::at_once(workflow, Selection::All)).await?;
    if simulation.wallet.is_none() {
        forget_funds(&mut preview);
    }
    let job = engine.enroll_many(&actor, workflow, Selection::All, None).await?;
    let job = engine.run_job(&actor, job.id, |_| {}).await?;
    let end = play_out(&engine, &simulator, &preview, &mut progress).await?;
    let (days, ends) = tally(&engine, &actor).await?;
    let after = engine.balances(&actor).await?;
    let ledger = engine.verify_ledger(actor.workspace()).await?;
    let replies = inbound(&engine, &actor).await?;
    let refunded = Amounts {
        credits: after.credits - (before.credits - preview.amounts.credits),
        micros: Micros(after.wallet.0 - (before.wallet.0 - preview.amounts.micros.0)),
    };
    let (started, refused) = (job.started, job.refused);
    Ok(SimulationReport {
        import,
        preview,
        wallet,
        started,
        refused,
        days,
        ends,
        replies,
        before,
        after,
        refunded,
        ledger,
        end,
    })
}

async fn open(simulation: &Simulation) -> Result<(Engine, Arc<Simulator>), SimulationError> {
    let mut behaviour = Behaviour::default();
    behaviour.replies.rate = simulation.reply_rate;
    let simulator = Arc::new(Simulator::new(behaviour, simulation.seed)?);
    let carriers = Carriers::from([("simulator".to_owned(), Arc::clone(&simulator) as Arc<dyn Carrier>)]);
    let clock = Clock::manual(simulation.start);
    let opened = tokio::task::spawn_blocking(move || {
        let store = Store::open(&Address::memory())?;
        Ok::<_, SimulationError>(Engine::open(store, clock, carriers)?)
    });
    let engine = opened.await.map_err(|error| Failure::Stored(error.to_string()))??;
    Ok((engine, simulator))
}

/// Puts the given money into the wallet, or as much as everybody costs.
async fn fill_wallet(
    engine: &Engine,
    actor: &Actor,
    simulation: &Simulation,
    workflow: WorkflowId,
) -> Result<Micros, SimulationError> {
    let slip = || Slip { note: "simulation".to_owned(), idempotency_key: None };
    let wallet = match simulation.wallet {
        Some(wallet) => wallet,
        None => engine.cost_of_all(actor, workflow).await?,
    };
    if wallet > Micros::ZERO {
        engine.top_up(actor.workspace(), wallet, slip()).await?;
    }
    Ok(wallet)
}

/// The wallet holds exactly what those who start cost, so that it lacks the price of those who are refused. That is no
/// reason of theirs.
fn forget_funds(preview: &mut BulkPreview) {
    let funds = |refusal: &Refusal| matches!(refusal, Refusal::InsufficientFunds { .. });
    for (_, refusals) in &mut preview.refused {
        if !refusals.iter().all(funds) {
            refusals.retain(|refusal| !funds(refusal));
        }
    }
    preview.by_code.remove("insufficient_funds");
}

/// Plays day by day until nothing is left to do.
async fn play_out(
    engine: &Engine,
    simulator: &Simulator,
    preview: &BulkPreview,
    progress: &mut Progress,
) -> Result<Timestamp, SimulationError> {
    let last = preview.last_at.unwrap_or_else(|| engine.now());
    let latest = crate::claim::later(last, SignedDuration::from_hours(24 * TAIL_DAYS));
    let mut sent = 0;
    while engine.now() < latest {
        let until = crate::claim::later(engine.now(), SignedDuration::from_hours(24)).min(latest);
        sent += engine.play(simulator, until).await?.submitted;
        progress(engine.now(), sent);
        if engine.next_due().await?.is_none() && simulator.next_event_at().is_none() {
            break;
        }
    }
    Ok(engine.now())
}

async fn tally(
    engine: &Engine,
    actor: &Actor,
) -> Result<(BTreeMap<Date, Day>, BTreeMap<String, i64>), SimulationError> {
    let workspace = actor.workspace();
    let read = move |db: &store::Read<'_>| {
        let mut days = BTreeMap::<Date, Day>::new();
        messages::counted::each_sent(db, workspace, MessageId(i64::MIN), |sent| {
            let zone = Zone::named(&sent.zone).map_err(|error| Failure::Stored(error.to_string()))?;
            let day = days.entry(zone.local(sent.sent_at).date()).or_default();
            day.messages += 1;
            day.segments += sent.segments;
            Ok::<_, Failure>(())
        })?;
        let ends = enrollments::ends(db, workspace)?;
        let ends = ends.into_iter().map(|(state, reason, count)| (reason.unwrap_or(state), count)).collect();
        Ok::<_, SimulationError>((days, ends))
    };
    engine.read(read).await
}

async fn inbound(engine: &Engine, actor: &Actor) -> Result<i64, SimulationError> {
    let workspace = actor.workspace();
    engine.read(move |db| Ok(messages::counted::inbound_count(db, workspace)?)).await
}
