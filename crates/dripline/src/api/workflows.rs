//! Workflows: list in the workspace's order, make, change, order, duplicate, pause, delete.

use axum::Json;
use axum::extract::{Path, State};
use domain::ids::WorkflowId;
use engine::workflows::{StepInput, WorkflowInput, WorkflowSummary, WorkflowView};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Body, Caller, id};
use crate::problem::Problem;
use crate::wiring::Parts;

fn summary(row: &WorkflowSummary) -> Value {
    json!({
        "id": row.workflow.id, "name": row.workflow.name, "position": row.workflow.position,
        "version": row.workflow.version, "status": row.status().word(), "active_contacts": row.active_contacts,
        "messages": row.messages, "total_days": row.total_days, "updated_at": row.workflow.updated_at,
    })
}

fn view(view: &WorkflowView) -> Value {
    let mut answer = summary(&view.summary);
    let step = |step: &store::workflows::StepRow| json!({ "after_days": step.gap_days, "text": step.template });
    answer["steps"] = view.steps.iter().map(step).collect();
    answer
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepBody {
    after_days: i64,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkflowBody {
    name: String,
    steps: Vec<StepBody>,
    /// The version that the change was made from; only for changes.
    version: Option<i64>,
}

impl WorkflowBody {
    fn input(self) -> WorkflowInput {
        let step = |step: StepBody| StepInput { gap_days: step.after_days, text: step.text };
        WorkflowInput { name: self.name, steps: self.steps.into_iter().map(step).collect() }
    }
}

fn workflow(text: &str) -> Result<WorkflowId, Problem> {
    id(text, "the workflow")
}

pub(crate) async fn list(State(parts): State<Parts>, Caller(actor): Caller) -> Result<Json<Value>, Problem> {
    let rows = parts.engine.workflows(&actor).await?;
    Ok(Json(json!({ "data": rows.iter().map(summary).collect::<Vec<_>>() })))
}

pub(crate) async fn create(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<WorkflowBody>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&parts.engine.create_workflow(&actor, body.input()).await?)))
}

pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&parts.engine.workflow(&actor, workflow(&text)?).await?)))
}

pub(crate) async fn edit(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
    Body(body): Body<WorkflowBody>,
) -> Result<Json<Value>, Problem> {
    let missing = || Problem::bad_request("version", "give the version that the change was made from");
    let version = body.version.ok_or_else(missing)?;
    Ok(Json(view(&parts.engine.edit_workflow(&actor, workflow(&text)?, version, body.input()).await?)))
}

pub(crate) async fn remove(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(parts.engine.delete_workflow(&actor, workflow(&text)?).await?)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OrderBody {
    workflows: Vec<WorkflowId>,
}

pub(crate) async fn order(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Body(body): Body<OrderBody>,
) -> Result<Json<Value>, Problem> {
    parts.engine.order_workflows(&actor, &body.workflows).await?;
    list(State(parts), Caller(actor)).await
}

pub(crate) async fn duplicate(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(view(&parts.engine.duplicate_workflow(&actor, workflow(&text)?).await?)))
}

pub(crate) async fn pause_preview(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(parts.engine.pause_preview(&actor, workflow(&text)?).await?)))
}

pub(crate) async fn pause(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(text): Path<String>,
) -> Result<Json<Value>, Problem> {
    Ok(Json(json!(parts.engine.pause_workflow(&actor, workflow(&text)?).await?)))
}
