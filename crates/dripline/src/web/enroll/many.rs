//! `/enroll/many`: many contacts into one workflow. One preview with totals and everybody who is refused, then one job.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::access::Permission;
use domain::ids::{ContactId, WorkflowId};
use domain::money::Micros;
use engine::bulk::{BulkPreview, MAX_NAMED, Selection};
use serde::Deserialize;
use store::{DbError, contacts};

use super::{Choice, blank_is_none};
use crate::api::jobs::go_on;
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html};
use crate::web::csv::Csv;
use crate::web::enrollments::amounts;
use crate::web::form::Form;
use crate::web::format::{self, count, counted};
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// The largest form, in bytes: 100,000 identifiers fit.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most refused contacts that are shown; the file has all that the preview knows.
const SHOWN: usize = 100;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/enroll/many", post(show))
        .route("/enroll/many/refused.csv", post(refused_file))
        .route("/enroll/many/start", post(start))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
}

/// Who was selected: `contact` once for each, or `contacts` with all of them apart by spaces, or `all`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    contact: Vec<String>,
    /// The filter of the list of contacts, as its query, which narrows `all`: once.
    filter: Vec<String>,
    contacts: String,
    all: String,
    #[serde(deserialize_with = "blank_is_none")]
    workflow: Option<WorkflowId>,
    key: String,
}

impl Asked {
    fn selection(&self) -> Result<Selection, Wrong> {
        if !self.all.is_empty() {
            return Ok(Selection::All);
        }
        let ids = self.contact.iter().map(String::as_str).chain(self.contacts.split_whitespace());
        let ids: Result<Vec<ContactId>, _> = ids.map(str::parse).collect();
        let ids = ids.map_err(|_| Wrong::not_found("one of the contacts"))?;
        if ids.is_empty() {
            return Err(Problem::new(Code::Selection, "nobody is selected: choose contacts first").into());
        }
        Ok(Selection::These(ids))
    }

    /// The workflow, which is chosen by now.
    fn workflow(&self) -> Result<WorkflowId, Wrong> {
        self.workflow.ok_or_else(|| Problem::new(Code::Selection, "no workflow is chosen").into())
    }

    /// The selection as one hidden field.
    fn joined(selection: &Selection) -> String {
        match selection {
            Selection::All => String::new(),
            Selection::These(ids) => ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        }
    }
}

/// A contact that would not start.
struct Refused {
    contact: ContactId,
    name: String,
    phone: String,
    reasons: String,
}

/// What would happen.
struct Totals {
    starts: String,
    refusals: String,
    nobody: bool,
    anybody_refused: bool,
    /// How many are refused beyond those that are shown.
    more: bool,
    refused: Vec<Refused>,
    segments: String,
    cost: String,
    last: String,
    /// Such as `97 credits and $25.00`.
    left: String,
    button: String,
}

#[derive(Template)]
#[template(path = "enroll/many.html")]
struct ManyPage<'v> {
    frame: Frame<'v>,
    selected: String,
    contacts: String,
    all: bool,
    choices: Vec<Choice>,
    workflow: Option<(WorkflowId, String)>,
    totals: Option<Totals>,
    key: String,
}

/// All that fit a filter, as the list of contacts sends it, by name: so the preview and the start mean the same people.
async fn named(parts: &Parts, viewer: &Viewer, mut asked: Asked) -> Result<Asked, Wrong> {
    if asked.all.is_empty() {
        return Ok(asked);
    }
    let filter = crate::web::contacts::bulk::filter(&asked.filter, viewer)?;
    if filter.is_empty() {
        return Ok(asked);
    }
    let (mut ids, mut before) = (Vec::new(), None);
    loop {
        let (found, next) = parts.engine.matching_contacts(&viewer.actor, &filter, before, 5_000).await?;
        ids.extend(found.into_iter().map(|id| id.to_string()));
        if ids.len() > MAX_NAMED {
            let told = format!("the filter fits more than {MAX_NAMED} contacts: narrow it, or start everybody");
            return Err(Problem::new(Code::Selection, told).into());
        }
        before = next;
        if before.is_none() {
            break;
        }
    }
    asked.all.clear();
    asked.contact.clear();
    asked.contacts = ids.join(" ");
    Ok(asked)
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Form(asked): Form<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let asked = named(&parts, &viewer, asked).await?;
    let selection = asked.selection()?;
    if let (Selection::These(ids), None) = (&selection, asked.workflow)
        && let [one] = ids[..]
    {
        return Ok(Done::to(format!("/enroll?contact={one}")).into_response());
    }
    let (selected, all) = match &selection {
        Selection::All => ("Every contact of the workspace".to_owned(), true),
        Selection::These(ids) => (counted(i64::try_from(ids.len()).unwrap_or(i64::MAX), "contact", "contacts"), false),
    };
    let workflows = parts.engine.workflows(&viewer.actor).await?;
    let picked = asked.workflow.map(|id| {
        let found = workflows.iter().find(|one| one.workflow.id == id);
        found.map(|one| (id, one.workflow.name.clone())).ok_or_else(|| Wrong::not_found("the workflow"))
    });
    let (workflow, contacts) = (picked.transpose()?, Asked::joined(&selection));
    let totals = match &workflow {
        Some((id, _)) => {
            let preview = parts.engine.quote_many(&viewer.actor, *id, selection).await?;
            Some(totals(&parts, &viewer, &preview).await?)
        }
        None => None,
    };
    let choice = |one| Choice { picked: Some(Choice::from(one).id) == asked.workflow, ..Choice::from(one) };
    let choices = workflows.iter().map(choice).collect();
    let (frame, key) = (Frame::new("Add many to a workflow", Section::Contacts, &viewer), engine::ids::secret());
    Ok(html(&ManyPage { frame, selected, contacts, all, choices, workflow, totals, key }))
}

async fn totals(parts: &Parts, viewer: &Viewer, preview: &BulkPreview) -> Result<Totals, Wrong> {
    let (cost, people) = (amounts(preview.amounts), counted(preview.starts, "contact", "contacts"));
    let has = parts.engine.balances(&viewer.actor).await?;
    let left = counted(has.credits - preview.amounts.credits, "credit", "credits");
    let wallet = format::money(Micros(has.wallet.0 - preview.amounts.micros.0));
    let last = preview.last_at.map(|at| at.to_zoned_datetime(viewer.zone.clock().clone()));
    Ok(Totals {
        starts: count(preview.starts),
        refusals: count(preview.refusals),
        nobody: preview.starts == 0,
        anybody_refused: preview.refusals > 0,
        more: preview.refused.len() > SHOWN,
        refused: refused(parts, viewer, preview, SHOWN).await?,
        segments: count(preview.segments),
        button: format!("Start {people} for {cost}"),
        left: format!("{left} and {wallet}"),
        cost,
        last: last.map(|at| at.strftime("%A, %B %-d, %Y").to_string()).unwrap_or_default(),
    })
}

async fn refused(parts: &Parts, viewer: &Viewer, preview: &BulkPreview, most: usize) -> Result<Vec<Refused>, Wrong> {
    let shown = &preview.refused[..preview.refused.len().min(most)];
    let (workspace, ids) = (viewer.actor.workspace(), shown.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    let known = parts.engine.read::<_, DbError, _>(move |read| contacts::some(read, workspace, &ids)).await?;
    let row = |(id, refusals): &(ContactId, Vec<domain::refusal::Refusal>)| {
        let contact = known.iter().find(|contact| contact.id == *id);
        let reasons: Vec<_> = refusals.iter().map(|refusal| format::capital(&refusal.to_string())).collect();
        Refused {
            contact: *id,
            name: contact.map(|contact| contact.name.clone()).unwrap_or_default(),
            phone: contact.map(|contact| format::phone(&contact.phone.to_string())).unwrap_or_default(),
            reasons: reasons.join("; "),
        }
    };
    Ok(shown.iter().map(row).collect())
}

/// Who would be refused, as a file.
async fn refused_file(State(parts): State<Parts>, viewer: Viewer, Form(asked): Form<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let preview = parts.engine.quote_many(&viewer.actor, asked.workflow()?, asked.selection()?).await?;
    let rows = refused(&parts, &viewer, &preview, usize::MAX).await?;
    let mut file = Csv::new(&["Name", "Phone", "Reasons"]);
    rows.into_iter().for_each(|row| file.row(&[row.name, row.phone, row.reasons]));
    Ok(file.download("refused.csv"))
}

async fn start(State(parts): State<Parts>, viewer: Viewer, Form(asked): Form<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let (workflow, selection) = (asked.workflow()?, asked.selection()?);
    let job = parts.engine.enroll_many(&viewer.actor, workflow, selection, Some(asked.key)).await?;
    let to = format!("/jobs/{}", job.id);
    go_on(parts, viewer.actor.clone(), job.id);
    Ok(Done::to(to).into_response())
}
