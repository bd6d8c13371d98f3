//! Workflows: made, edited, ordered, copied, shown. Their ends (pause, delete) are in `pauses`.
//!
//! Editing locks the workflow's row for itself and enrolling keeps it from changing
//! (`store::workflows::lock` and `keep`), so that the two exclude each other: text, dates and price
//! never change under an enrolled contact.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::Permission;
use domain::ids::WorkflowId;
use domain::workflow::{self, ChangeError, Draft, WorkflowError, WorkflowName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::workflows::{self, StepRow, StepSum, Workflow};
use store::{ConstraintKind, DbError, Lane, Read, Tx};

use crate::actor::{Actor, Forbidden};
use crate::beat::Beat;
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;
use crate::idempotency::{KeyReused, once};

/// A step as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepInput {
    /// Days since the message before; for the first one, since the start.
    pub gap_days: i64,
    /// The text with its variables.
    pub text: String,
}

/// A workflow as a person writes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WorkflowInput {
    /// Its name.
    pub name: String,
    /// Its steps, in order of sending.
    pub steps: Vec<StepInput>,
}

/// Whether contacts move through a workflow: always derived, never set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// At least one does.
    Active,
    /// None does.
    Inactive,
}

impl Status {
    /// The word that people and the API read.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
        }
    }
}

/// A workflow in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowSummary {
    /// What is stored.
    pub workflow: Workflow,
    /// How many contacts move through it.
    pub active_contacts: i64,
    /// How many messages it has.
    pub messages: i64,
    /// Days from the start to the last message, if every window is open.
    pub total_days: i64,
}

impl WorkflowSummary {
    /// Whether contacts move through it.
    #[must_use]
    pub fn status(&self) -> Status {
        if self.active_contacts > 0 { Status::Active } else { Status::Inactive }
    }
}

/// A workflow with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowView {
    /// As in the list.
    pub summary: WorkflowSummary,
    /// The steps of the current version, in order, texts in canonical form.
    pub steps: Vec<StepRow>,
}

/// Why a workflow is not saved, ordered or shown.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The actor may not do this.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such workflow, or it was deleted.
    #[error("the workflow does not exist")]
    Unknown,
    /// All that is wrong with what was written.
    #[error("{} things are wrong with the workflow", .0.len())]
    Invalid(Vec<WorkflowError>),
    /// A text holds a character that no phone shows and no database keeps.
    #[error("step {step}: the text has a NUL character")]
    Nul {
        /// Which step, from 1.
        step: usize,
    },
    /// Another workflow has the name.
    #[error("there is a workflow named {name:?} already")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// It is active, or was changed meanwhile.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// An order must name every workflow of the workspace once.
    #[error("the order names {given} workflows; it must name each of the {all} once")]
    Order {
        /// How many were named.
        given: usize,
        /// How many there are.
        all: usize,
    },
    /// The idempotency key was used for something else.
    #[error(transparent)]
    KeyReused(#[from] KeyReused),
    /// It failed.
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<DbError> for SaveError {
    fn from(error: DbError) -> Self {
        Self::Failure(error.into())
    }
}

impl Engine {
    /// Makes a workflow, last in the order.
    pub async fn create_workflow(&self, actor: &Actor, input: WorkflowInput) -> Result<WorkflowView, SaveError> {
        actor.need(Permission::WorkflowsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| {
            once(tx, &beat, &("create_workflow", &input), |tx| {
                let draft = draft(tx, &beat, &input)?;
                insert(tx, &beat, &draft.name, &rows(&draft), "workflow.created")
            })
        })
        .await
    }

    /// Saves a new version. Refused while contacts move through it, and from an old version.
    pub async fn edit_workflow(
        &self,
        actor: &Actor,
        id: WorkflowId,
        expected_version: i64,
        input: WorkflowInput,
    ) -> Result<WorkflowView, SaveError> {
        actor.need(Permission::WorkflowsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| edit(tx, &beat, id, expected_version, &input)).await
    }

    /// All workflows in the workspace's order.
    pub async fn workflows(&self, actor: &Actor) -> Result<Vec<WorkflowSummary>, SaveError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| {
            let active: BTreeMap<_, _> = workflows::active_counts(read, workspace)?.into_iter().collect();
            let sums: BTreeMap<_, _> =
                workflows::step_sums(read, workspace)?.into_iter().map(|sum| (sum.workflow, sum)).collect();
            let row = |workflow: Workflow| {
                let (active, sum) = (active.get(&workflow.id).copied(), sums.get(&workflow.id).copied());
                summary(workflow, active.unwrap_or(0), sum)
            };
            Ok(workflows::list(read, workspace)?.into_iter().map(row).collect())
        })
        .await
    }

    /// One workflow with its steps.
    pub async fn workflow(&self, actor: &Actor, id: WorkflowId) -> Result<WorkflowView, SaveError> {
        actor.need(Permission::Read)?;
        let workspace = actor.workspace();
        self.read(move |read| {
            let found = workflows::find(read, workspace, id)?;
            let workflow = found.filter(|found| found.archived_at.is_none()).ok_or(SaveError::Unknown)?;
            let active = store::runs::count(read, workspace, id)?;
            let steps = workflows::steps(read, workspace, id, workflow.version)?;
            Ok(view(workflow, active, steps))
        })
        .await
    }

    /// Puts the workflows into this order; each must be named once.
    pub async fn order_workflows(&self, actor: &Actor, ids: &[WorkflowId]) -> Result<(), SaveError> {
        actor.need(Permission::WorkflowsWrite)?;
        let (beat, ids) = (self.beat(actor), ids.to_vec());
        self.write(Lane::Normal, move |tx| {
            let all: BTreeSet<_> =
                workflows::list(tx, beat.workspace)?.into_iter().map(|workflow| workflow.id).collect();
            if ids.len() != all.len() || ids.iter().copied().collect::<BTreeSet<_>>() != all {
                return Err(SaveError::Order { given: ids.len(), all: all.len() });
            }
            workflows::order(tx, beat.workspace, &ids)?;
            Ok(beat.note(tx, "workflows.ordered", None, &json!({ "workflows": ids }))?)
        })
        .await
    }

    /// Makes an inactive copy, last in the order: `Name (copy)`.
    pub async fn duplicate_workflow(&self, actor: &Actor, id: WorkflowId) -> Result<WorkflowView, SaveError> {
        actor.need(Permission::WorkflowsWrite)?;
        let beat = self.beat(actor);
        self.write(Lane::Normal, move |tx| once(tx, &beat, &("duplicate_workflow", id), |tx| duplicate(tx, &beat, id)))
            .await
    }
}

fn draft(tx: &mut Tx<'_>, beat: &Beat, input: &WorkflowInput) -> Result<Draft, SaveError> {
    if let Some(index) = input.steps.iter().position(|step| step.text.contains('\0')) {
        return Err(SaveError::Nul { step: index + 1 });
    }
    let fields = facts::kept_fields(tx, beat.workspace)?;
    let steps: Vec<_> = input.steps.iter().map(|step| (step.gap_days, step.text.clone())).collect();
    workflow::draft(&input.name, &steps, &fields).map_err(SaveError::Invalid)
}

fn rows(draft: &Draft) -> Vec<StepRow> {
    let row = |(step, of): (i64, &workflow::Step)| StepRow {
        step,
        gap_days: of.gap_days.into(),
        template: of.template.source(),
    };
    (1i64..).zip(&draft.steps).map(row).collect()
}

fn summary(workflow: Workflow, active_contacts: i64, sum: Option<StepSum>) -> WorkflowSummary {
    let (messages, total_days) = sum.map_or((0, 0), |sum| (sum.steps, sum.days));
    WorkflowSummary { workflow, active_contacts, messages, total_days }
}

fn view(workflow: Workflow, active_contacts: i64, steps: Vec<StepRow>) -> WorkflowView {
    let messages = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let days = steps.iter().map(|step| step.gap_days).sum();
    let sum = StepSum { workflow: workflow.id, steps: messages, days };
    WorkflowView { summary: summary(workflow, active_contacts, Some(sum)), steps }
}

/// Two that take a name at once meet at the unique index: the later one learns the same as from the look before.
fn taken(name: &WorkflowName) -> impl Fn(DbError) -> SaveError {
    let name = name.as_str().to_owned();
    move |error| match error {
        DbError::Constraint { kind: ConstraintKind::Unique, .. } => SaveError::NameTaken { name: name.clone() },
        error => error.into(),
    }
}

fn free(read: &Read<'_>, beat: &Beat, name: &WorkflowName, own: Option<WorkflowId>) -> Result<(), SaveError> {
    match workflows::named(read, beat.workspace, &name.key())? {
        Some(id) if Some(id) != own => Err(SaveError::NameTaken { name: name.as_str().to_owned() }),
        _ => Ok(()),
    }
}

fn insert(
    tx: &mut Tx<'_>,
    beat: &Beat,
    name: &WorkflowName,
    steps: &[StepRow],
    kind: &str,
) -> Result<WorkflowView, SaveError> {
    free(tx, beat, name, None)?;
    let last = workflows::list(tx, beat.workspace)?.iter().map(|workflow| workflow.position).max().unwrap_or(0);
    let workflow = Workflow {
        id: WorkflowId(beat.id()),
        name: name.as_str().to_owned(),
        position: last + 1,
        version: 1,
        created_at: beat.now,
        updated_at: beat.now,
        archived_at: None::<Timestamp>,
    };
    workflows::insert(tx, beat.workspace, &workflow, &name.key()).map_err(taken(name))?;
    workflows::insert_steps(tx, beat.workspace, workflow.id, 1, steps)?;
    beat.note(tx, kind, None, &json!({ "workflow": workflow.id, "name": workflow.name, "messages": steps.len() }))?;
    Ok(view(workflow, 0, steps.to_vec()))
}

fn edit(
    tx: &mut Tx<'_>,
    beat: &Beat,
    id: WorkflowId,
    expected_version: i64,
    input: &WorkflowInput,
) -> Result<WorkflowView, SaveError> {
    let found = workflows::lock(tx, beat.workspace, id)?;
    let before = found.filter(|found| found.archived_at.is_none()).ok_or(SaveError::Unknown)?;
    let active = store::runs::count(tx, beat.workspace, id)?;
    workflow::may_change(active, Some(expected_version), before.version)?;
    let draft = draft(tx, beat, input)?;
    free(tx, beat, &draft.name, Some(id))?;
    let after =
        Workflow { name: draft.name.as_str().to_owned(), version: before.version + 1, updated_at: beat.now, ..before };
    let steps = rows(&draft);
    workflows::save(tx, beat.workspace, &after, &draft.name.key()).map_err(taken(&draft.name))?;
    workflows::insert_steps(tx, beat.workspace, id, after.version, &steps)?;
    let payload = json!({ "workflow": id, "name": after.name, "version": after.version, "messages": steps.len() });
    beat.note(tx, "workflow.edited", None, &payload)?;
    Ok(view(after, 0, steps))
}

fn duplicate(tx: &mut Tx<'_>, beat: &Beat, id: WorkflowId) -> Result<WorkflowView, SaveError> {
    let found = workflows::keep(tx, beat.workspace, id)?;
    let from = found.filter(|found| found.archived_at.is_none()).ok_or(SaveError::Unknown)?;
    let stored = |error: WorkflowError| Failure::Stored(format!("the name of {id}: {error}"));
    let keys: BTreeSet<String> = workflows::list(tx, beat.workspace)?
        .iter()
        .map(|workflow| WorkflowName::parse(&workflow.name).map(|name| name.key()).map_err(stored))
        .collect::<Result<_, _>>()?;
    let name = WorkflowName::parse(&from.name).map_err(stored)?.copy(|key| keys.contains(key));
    let steps = workflows::steps(tx, beat.workspace, id, from.version)?;
    insert(tx, beat, &name, &steps, "workflow.duplicated")
}
