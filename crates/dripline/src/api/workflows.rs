//! Workflows: list in the workspace's order, make, change, order, duplicate, pause, delete.

use axum::Json;
use axum::extract::State;
use engine::removal;
use engine::workflows::{StepInput, WorkflowInput, WorkflowSummary, WorkflowView};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::ids;
use super::request::{All, Body, Caller, KeyHeader};
use super::words::{StatusWord, Word};
use crate::problem::{Code, Problem};
use crate::wiring::Parts;

/// A workflow in the list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Workflow {
    id: ids::Workflow,
    /// Unique among those of the workspace, without regard to case.
    name: String,
    /// Its place in the workspace's order.
    position: i64,
    /// Grows with each change.
    version: i64,
    status: StatusWord,
    /// How many contacts move through it.
    active_contacts: i64,
    /// How many messages it has.
    messages: i64,
    /// Days from the start to the last message, if every window is open.
    total_days: i64,
    updated_at: Timestamp,
}

/// A workflow with its steps.
#[derive(Serialize, ToSchema)]
pub(crate) struct FullWorkflow {
    #[serde(flatten)]
    workflow: Workflow,
    /// Its messages in order of sending.
    steps: Vec<Step>,
}

/// One message of a workflow.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// Days since the message before, 1 to 365; for the first one since the start, 0 to 365.
    #[schema(example = 3)]
    after_days: i64,
    /// The text with its variables, such as `{First Name|there}`; at most 2 segments.
    #[schema(example = "Hi {First Name|there}, just checking in.")]
    text: String,
}

impl From<&WorkflowSummary> for Workflow {
    fn from(row: &WorkflowSummary) -> Self {
        Self {
            id: row.workflow.id.into(),
            name: row.workflow.name.clone(),
            position: row.workflow.position,
            version: row.workflow.version,
            status: Word::of(row.status().word()),
            active_contacts: row.active_contacts,
            messages: row.messages,
            total_days: row.total_days,
            updated_at: row.workflow.updated_at,
        }
    }
}

impl From<WorkflowView> for FullWorkflow {
    fn from(view: WorkflowView) -> Self {
        let step = |step: store::workflows::StepRow| Step { after_days: step.gap_days, text: step.template };
        Self { workflow: Workflow::from(&view.summary), steps: view.steps.into_iter().map(step).collect() }
    }
}

/// A workflow as a person writes it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowBody {
    /// 1 to 80 characters.
    #[schema(example = "New lead")]
    name: String,
    /// Up to 9 messages; a workflow without any can be saved and not started.
    steps: Vec<Step>,
    /// The version that the change was made from; only for changes.
    version: Option<i64>,
}

impl WorkflowBody {
    fn input(self) -> WorkflowInput {
        let step = |step: Step| StepInput { gap_days: step.after_days, text: step.text };
        WorkflowInput { name: self.name, steps: self.steps.into_iter().map(step).collect() }
    }
}

/// List workflows
///
/// In the workspace's own order.
#[utoipa::path(get, path = "/workflows", operation_id = "listWorkflows", tag = "Workflows",
    responses((status = 200, description = "All workflows.", body = All<Workflow>)),
    extensions(("x-permission" = json!("read"))))]
pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<All<Workflow>>, Problem> {
    let rows = parts.engine.workflows(&actor).await?;
    Ok(Json(All { data: rows.iter().map(Workflow::from).collect() }))
}

/// Make a workflow
///
/// It is the last in the order.
#[utoipa::path(post, path = "/workflows", operation_id = "createWorkflow", tag = "Workflows", params(KeyHeader),
    request_body = WorkflowBody,
    responses((status = 200, description = "The workflow.", body = FullWorkflow)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["name_taken", "workflow_invalid"]))))]
pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<WorkflowBody>,
) -> Result<Json<FullWorkflow>, Problem> {
    Ok(Json(parts.engine.create_workflow(&actor, body.input()).await?.into()))
}

/// Show a workflow
#[utoipa::path(get, path = "/workflows/{id}", operation_id = "showWorkflow", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow.")),
    responses((status = 200, description = "The workflow with its steps.", body = FullWorkflow)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
) -> Result<Json<FullWorkflow>, Problem> {
    Ok(Json(parts.engine.workflow(&actor, id).await?.into()))
}

/// Change a workflow
///
/// Name and steps are replaced. It is refused while contacts move through it: pause it, or change a copy.
#[utoipa::path(put, path = "/workflows/{id}", operation_id = "changeWorkflow", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow.")), request_body = WorkflowBody,
    responses((status = 200, description = "The new version.", body = FullWorkflow)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["not_found", "version", "name_taken",
        "workflow_invalid", "workflow_not_changeable"]))))]
pub(crate) async fn edit(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
    Body(body): Body<WorkflowBody>,
) -> Result<Json<FullWorkflow>, Problem> {
    let missing = || Problem::new(Code::Version, "give the version that the change was made from");
    let version = body.version.ok_or_else(missing)?;
    Ok(Json(parts.engine.edit_workflow(&actor, id, version, body.input()).await?.into()))
}

/// How many contacts leave a workflow, and what comes back.
#[derive(Serialize, ToSchema)]
pub(crate) struct Removal {
    /// How many contacts.
    contacts: i64,
    refunded: Refunded,
}

/// What comes back.
#[derive(Serialize, ToSchema)]
struct Refunded {
    /// Segments that go back to the free credits.
    credits: i64,
    /// Money that goes back to the wallet, in micro-dollars.
    micros: i64,
}

impl From<removal::Removal> for Removal {
    fn from(removal: removal::Removal) -> Self {
        let refunded = Refunded { credits: removal.refunded.credits, micros: removal.refunded.micros.0 };
        Self { contacts: removal.contacts, refunded }
    }
}

/// Delete a workflow
///
/// Every contact leaves it with a refund of what was not sent. What was sent, and its figures, stay.
#[utoipa::path(delete, path = "/workflows/{id}", operation_id = "deleteWorkflow", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow.")),
    responses((status = 200, description = "Who left it, and what came back.", body = Removal)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
) -> Result<Json<Removal>, Problem> {
    Ok(Json(parts.engine.delete_workflow(&actor, id).await?.into()))
}

/// An order of all workflows.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    /// Each workflow of the workspace once.
    workflows: Vec<ids::Workflow>,
}

/// Put the workflows into an order
#[utoipa::path(put, path = "/workflows/order", operation_id = "orderWorkflows", tag = "Workflows", request_body = OrderBody,
    responses((status = 200, description = "All workflows in their new order.", body = All<Workflow>)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["workflow_invalid"]))))]
pub(crate) async fn order(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<OrderBody>,
) -> Result<Json<All<Workflow>>, Problem> {
    let ids: Vec<_> = body.workflows.iter().map(|id| id.0).collect();
    parts.engine.order_workflows(&actor, &ids).await?;
    list(State(parts), Caller(actor)).await
}

/// Duplicate a workflow
///
/// The copy is inactive, the last in the order, and named `Name (copy)`.
#[utoipa::path(post, path = "/workflows/{id}/duplicate", operation_id = "duplicateWorkflow", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow to copy."), KeyHeader),
    responses((status = 200, description = "The copy.", body = FullWorkflow)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["not_found", "name_taken"]))))]
pub(crate) async fn duplicate(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
) -> Result<Json<FullWorkflow>, Problem> {
    Ok(Json(parts.engine.duplicate_workflow(&actor, id).await?.into()))
}

/// Show what a pause would do
///
/// How many contacts a pause or a deletion would take out now, and what would come back.
#[utoipa::path(get, path = "/workflows/{id}/pause", operation_id = "previewPause", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow.")),
    responses((status = 200, description = "Who would leave it, and what would come back.", body = Removal)),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn pause_preview(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
) -> Result<Json<Removal>, Problem> {
    Ok(Json(parts.engine.pause_preview(&actor, id).await?.into()))
}

/// Pause a workflow
///
/// Every contact leaves it with a refund of what was not sent; then it can be changed.
#[utoipa::path(post, path = "/workflows/{id}/pause", operation_id = "pauseWorkflow", tag = "Workflows",
    params(("id" = ids::Workflow, Path, description = "The workflow.")),
    responses((status = 200, description = "Who left it, and what came back.", body = Removal)),
    extensions(("x-permission" = json!("workflows:write")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn pause(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    ids::Id(id): ids::Workflow,
) -> Result<Json<Removal>, Problem> {
    Ok(Json(parts.engine.pause_workflow(&actor, id).await?.into()))
}
