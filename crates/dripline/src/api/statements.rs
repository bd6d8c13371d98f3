//! The statement of a month: as JSON, or as the PDF that is handed out.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_DISPOSITION, CONTENT_TYPE, VARY};
use axum::response::{IntoResponse as _, Response};
use domain::ledger::Amounts;
use engine::Failure;
use engine::statement::{Month, MonthLine, MonthStatement};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::ids;
use super::request::Caller;
use super::words::{LineWord, Word};
use crate::problem::{Code, Problem};
use crate::statement::{self, Unprinted, words};
use crate::wiring::Parts;

const PDF: &str = "application/pdf";

/// The statement of a month on the workspace's own calendar. Opening balance and lines add up to the closing balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct Statement {
    workspace: ids::Workspace,
    /// The workspace's name.
    name: String,
    /// The zone of its calendar.
    #[schema(example = "America/New_York")]
    zone: String,
    #[schema(example = "2026-11")]
    month: String,
    /// Until which day it goes, if the month is not over.
    #[schema(value_type = Option<String>, example = "2026-11-27")]
    until: Option<String>,
    opening: StatementAmounts,
    lines: Vec<StatementLine>,
    closing: StatementAmounts,
    /// What was held then for messages that were not sent yet.
    held: StatementAmounts,
    made_at: Timestamp,
}

/// Credits and money.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementAmounts {
    credits: i64,
    /// In micro-dollars.
    micros: i64,
}

/// One kind of movement on one day. Below zero is what was taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementLine {
    #[schema(example = "2026-11-03")]
    date: String,
    kind: LineWord,
    /// The same in plain words.
    #[schema(example = "12 contacts added, 84 segments")]
    what: String,
    /// How many contacts, messages or refunds, where something is counted.
    count: Option<i64>,
    /// The segments of the contacts that were added.
    segments: Option<i64>,
    credits: i64,
    /// In micro-dollars.
    micros: i64,
    /// Credits after it.
    credits_after: i64,
    /// The wallet after it, in micro-dollars.
    micros_after: i64,
}

impl From<Amounts> for StatementAmounts {
    fn from(amounts: Amounts) -> Self {
        Self { credits: amounts.credits, micros: amounts.micros.0 }
    }
}

impl From<&MonthLine> for StatementLine {
    fn from(line: &MonthLine) -> Self {
        Self {
            date: line.date.to_string(),
            kind: Word::of(line.kind.word()),
            what: words(line),
            count: line.count,
            segments: line.segments,
            credits: line.change.credits,
            micros: line.change.micros.0,
            credits_after: line.after.credits,
            micros_after: line.after.micros.0,
        }
    }
}

impl From<&MonthStatement> for Statement {
    fn from(statement: &MonthStatement) -> Self {
        Self {
            workspace: statement.id.into(),
            name: statement.workspace.clone(),
            zone: statement.zone.clone(),
            month: statement.month.to_string(),
            until: statement.until.map(|until| until.to_string()),
            opening: statement.opening.into(),
            lines: statement.lines.iter().map(StatementLine::from).collect(),
            closing: statement.closing.into(),
            held: statement.held.into(),
            made_at: statement.made_at,
        }
    }
}

/// Show the statement of a month
///
/// One line for each day and kind. With `Accept: application/pdf`, or with `.pdf` after the month, the answer is the PDF.
#[utoipa::path(get, path = "/statements/{month}", operation_id = "showStatement", tag = "Workspace",
    params(("month" = String, Path, description = "Which month of the workspace's own calendar.", example = "2026-11")),
    responses((status = 200, description = "The statement.",
        content((Statement = "application/json"), (String = "application/pdf")))),
    extensions(("x-permission" = json!("read")), ("x-problems" = json!(["not_found"]))))]
pub(crate) async fn show(
    State(parts): State<Parts>,
    Caller(actor): Caller,
    Path(month): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = month.strip_suffix(".pdf");
    let month: Month = name.unwrap_or(&month).parse().map_err(|error| no_month(&error))?;
    let statement = parts.engine.month_statement(&actor, month).await?;
    let accepts = headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if name.is_none() && !prefers_pdf(accepts) {
        return Ok(([(VARY, "accept")], Json(Statement::from(&statement))).into_response());
    }
    file(&statement)
}

/// A fault of ours: its cause goes to the log.
impl From<Unprinted> for Problem {
    fn from(error: Unprinted) -> Self {
        Failure::Stored(error.to_string()).into()
    }
}

fn no_month(error: &engine::statement::NoMonth) -> Problem {
    Problem::new(Code::NotFound, error.to_string())
}

/// The PDF as a download.
pub(crate) fn file(statement: &MonthStatement) -> Result<Response, Problem> {
    let pdf = statement::pdf(statement)?;
    let disposition = format!("attachment; filename=\"{}.pdf\"", statement::file_name(statement));
    let headers = [(CONTENT_TYPE, PDF.to_owned()), (CONTENT_DISPOSITION, disposition), (VARY, "accept".to_owned())];
    Ok((headers, pdf).into_response())
}

/// Whether a PDF is named and wanted more than JSON (RFC 9110, 12.5.1).
fn prefers_pdf(accepts: &str) -> bool {
    let weight = |kinds: &[&str]| {
        accepts
            .split(',')
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let named = parts.next().is_some_and(|kind| kinds.iter().any(|known| kind.eq_ignore_ascii_case(known)));
                let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                named.then(|| quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0)))
            })
            .fold(0.0, f32::max)
    };
    let pdf = weight(&[PDF]);
    pdf > weight(&["application/json"]) && pdf >= weight(&["application/*", "*/*"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pdf_is_given_to_whoever_asks_for_one() {
        for (accepts, wanted) in [
            ("application/pdf", true),
            ("Application/PDF", true),
            ("application/pdf, */*", true),
            ("application/pdf;q=0.5, */*", false),
            ("application/pdf;q=0.9, application/json", false),
            ("application/json;q=0.5, application/pdf;q=0.9", true),
            ("application/pdf;q=0", false),
            ("application/json, application/pdf", false),
            ("text/html, */*;q=0.8", false),
            ("", false),
            ("*/*", false),
        ] {
            assert_eq!(prefers_pdf(accepts), wanted, "{accepts}");
        }
    }
}
