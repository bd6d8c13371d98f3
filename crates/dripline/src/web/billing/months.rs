//! `/billing/months?month=2026-11&as=pdf`: the statement of a month as a file.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use engine::statement::Month;
use serde::Deserialize;

use crate::api::statements;
use crate::statement;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/billing/months", get(file))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    month: String,
    r#as: String,
}

async fn file(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Export)?;
    let month: Month = asked.month.parse().map_err(|_| Wrong::not_found("the statement of this month"))?;
    let statement = parts.engine.month_statement(&viewer.actor, month).await?;
    match asked.r#as.as_str() {
        "csv" => Ok(statement::csv(&statement).download(&format!("{}.csv", statement::file_name(&statement)))),
        _ => Ok(statements::file(&statement)?),
    }
}
