//! `/enroll/many`: many contacts into one workflow. One quote with totals, days and everybody who is refused, then one job that starts
//! exactly that.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::access::Permission;
use domain::forecast::Forecast;
use domain::ids::{ContactId, JobId, QuoteId, WorkflowId};
use domain::money::Micros;
use engine::bulk::{BulkError, BulkPreview, Many, ManyQuote, Selection};
use jiff::Span;
use jiff::civil::Date;
use serde::Deserialize;
use store::{DbError, contacts};

use super::{Choice, blank_is_none};
use crate::api::jobs::go_on;
use crate::problem::{Code, Problem};
use crate::web::answer::{self, Done, html};
use crate::web::chart::Chart;
use crate::web::csv::Csv;
use crate::web::enrollments::amounts;
use crate::web::fault::Fault;
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

/// Who was selected: `contact` once for each, or `contacts` with all of them apart by spaces, or `all`, or those of an earlier quote, or
/// those whom a withdrawal has left.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    contact: Vec<String>,
    /// The filter of the list of contacts, as its query, which narrows `all`: once.
    filter: Vec<String>,
    contacts: String,
    all: String,
    #[serde(deserialize_with = "blank_is_none")]
    quoted: Option<QuoteId>,
    #[serde(deserialize_with = "blank_is_none")]
    rest_of: Option<JobId>,
    #[serde(deserialize_with = "blank_is_none")]
    workflow: Option<WorkflowId>,
    per_day: String,
}

impl Asked {
    fn selection(&self) -> Result<Selection, Wrong> {
        if let Some(quote) = self.quoted {
            return Ok(Selection::Quoted(quote));
        }
        if let Some(job) = self.rest_of {
            return Ok(Selection::RestOf(job));
        }
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

    /// Most that start in a day; or what is wrong with what was typed.
    fn per_day(&self) -> Result<Option<u32>, Fault> {
        let text = self.per_day.trim().replace(',', "");
        if text.is_empty() {
            return Ok(None);
        }
        let most = text.parse().ok().filter(|most| *most > 0);
        most.map(Some).ok_or_else(|| Fault::says("per_day", "Give a whole number from 1 on, or nothing."))
    }
}

/// Whom the page is about, as its forms carry it.
struct Carried {
    name: &'static str,
    value: String,
    /// How many, in words.
    selected: String,
    everybody: bool,
}

impl Carried {
    fn of(selection: &Selection) -> Self {
        let carried = |name, value: String| Self { name, value, selected: String::new(), everybody: false };
        match selection {
            Selection::All => Self {
                selected: "Every contact of the workspace".to_owned(),
                everybody: true,
                ..carried("all", "1".to_owned())
            },
            Selection::Quoted(quote) => carried("quoted", quote.to_string()),
            Selection::RestOf(job) => carried("rest_of", job.to_string()),
            Selection::These(ids) => Self {
                selected: counted(i64::try_from(ids.len()).unwrap_or(i64::MAX), "contact", "contacts"),
                ..carried("contacts", ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
            },
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
    quote: QuoteId,
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
    /// The day on which the plan ends, where that is before the last message.
    plan_ends: Option<String>,
    /// Such as `97 credits and $25.00`.
    left: String,
    button: String,
    /// The messages of each day, where there is more than one.
    days: Option<Chart>,
    /// How many are in workflows already; empty for nobody.
    planned: String,
    /// How many messages go later than is looked ahead; empty for none.
    beyond: String,
}

#[derive(Template)]
#[template(path = "enroll/many.html")]
struct ManyPage<'v> {
    frame: Frame<'v>,
    carried: Carried,
    choices: Vec<Choice>,
    workflow: Option<(WorkflowId, String)>,
    per_day: String,
    fault: Fault,
    /// Whether what was seen before is no longer true.
    changed: bool,
    totals: Option<Totals>,
}

/// All that fit a filter, as the list of contacts sends it, by name: so the preview and the start mean the same people.
async fn named(parts: &Parts, viewer: &Viewer, mut asked: Asked) -> Result<Asked, Wrong> {
    if asked.all.is_empty() {
        return Ok(asked);
    }
    let filter = crate::web::contacts::bulk::filter(&asked.filter, viewer)?;
    if let Selection::These(ids) = parts.engine.whom_it_fits(&viewer.actor, &filter).await.map_err(Problem::from)? {
        asked.all.clear();
        asked.contact.clear();
        asked.contacts = ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    }
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
    Ok(html(&page(&parts, &viewer, &asked, selection).await?))
}

/// The page of what is asked for, with the price if a workflow is.
async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    asked: &Asked,
    selection: Selection,
) -> Result<ManyPage<'v>, Wrong> {
    let mut carried = Carried::of(&selection);
    let (per_day, fault) = match asked.per_day() {
        Ok(most) => (Ok(most), Fault::default()),
        Err(fault) => (Err(()), fault),
    };
    let totals = match (asked.workflow, per_day) {
        (Some(workflow), Ok(per_day)) => {
            let quote = parts.engine.quote_many(&viewer.actor, Many { workflow, selection, per_day }).await?;
            if !carried.everybody {
                // From here on the quote knows who they are.
                let all = quote.preview.starts + quote.preview.refusals;
                let selected = counted(all, "contact", "contacts");
                carried = Carried { selected, ..Carried::of(&Selection::Quoted(quote.id)) };
            }
            Some(totals(parts, viewer, &quote).await?)
        }
        _ => None,
    };
    framed(parts, viewer, carried, totals, ManyWish { workflow: asked.workflow, per_day: asked.per_day.clone(), fault })
        .await
}

/// What is chosen beside the contacts.
struct ManyWish {
    workflow: Option<WorkflowId>,
    per_day: String,
    fault: Fault,
}

async fn framed<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    carried: Carried,
    totals: Option<Totals>,
    wish: ManyWish,
) -> Result<ManyPage<'v>, Wrong> {
    let workflows = parts.engine.workflows(&viewer.actor).await?;
    let picked = wish.workflow.map(|id| {
        let found = workflows.iter().find(|one| one.workflow.id == id);
        found.map(|one| (id, one.workflow.name.clone())).ok_or_else(|| Wrong::not_found("the workflow"))
    });
    let choice = |one| Choice { picked: Some(Choice::from(one).id) == wish.workflow, ..Choice::from(one) };
    Ok(ManyPage {
        frame: Frame::new("Add many to a workflow", Section::Contacts, viewer),
        carried,
        choices: workflows.iter().map(choice).collect(),
        workflow: picked.transpose()?,
        per_day: wish.per_day,
        fault: wish.fault,
        changed: false,
        totals,
    })
}

async fn totals(parts: &Parts, viewer: &Viewer, quote: &ManyQuote) -> Result<Totals, Wrong> {
    let preview = &quote.preview;
    let (cost, people) = (amounts(preview.amounts), counted(preview.starts, "contact", "contacts"));
    let has = parts.engine.balances(&viewer.actor).await?;
    let left = counted(has.credits - preview.amounts.credits, "credit", "credits");
    let wallet = format::money(Micros(has.wallet.0 - preview.amounts.micros.0));
    let last = preview.last_at.map(|at| viewer.zone.local(at));
    let beyond = preview.forecast.beyond;
    Ok(Totals {
        quote: quote.id,
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
        last: last.map(format::long_day).unwrap_or_default(),
        plan_ends: preview.plan_ends_at.map(|at| format::long_day(viewer.home.local(at))),
        days: days(&preview.forecast),
        planned: if preview.planned > 0 {
            counted(preview.planned, "contact is", "contacts are")
        } else {
            String::new()
        },
        beyond: if beyond > 0 { counted(beyond, "message", "messages") } else { String::new() },
    })
}

/// The messages of each day from the first to the last, those without any between them too.
fn days(forecast: &Forecast) -> Option<Chart> {
    let ((first, _), (last, _)) = (forecast.days.first_key_value()?, forecast.days.last_key_value()?);
    if first == last {
        return None;
    }
    let of = |date: Date| (date, forecast.days.get(&date).map_or(0, |day| day.messages));
    let days: Vec<_> = first.series(Span::new().days(1)).take_while(|date| date <= last).map(of).collect();
    let total = count(days.iter().map(|(_, messages)| *messages).sum::<i64>());
    Some(Chart::new("Messages", "sent", &days, total, count))
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
    let workflow = asked.workflow.ok_or_else(|| Problem::new(Code::Selection, "no workflow is chosen"))?;
    let many = Many::at_once(workflow, asked.selection()?);
    let preview = parts.engine.preview_many(&viewer.actor, many).await?;
    let rows = refused(&parts, &viewer, &preview, usize::MAX).await?;
    let mut file = Csv::new(&["Name", "Phone", "Reasons"]);
    rows.into_iter().for_each(|row| file.row(&[row.name, row.phone, row.reasons]));
    Ok(file.download("refused.csv"))
}

/// What the start button sends: the quote that was seen, which starts once.
#[derive(Deserialize)]
struct Started {
    quote: QuoteId,
    workflow: WorkflowId,
    #[serde(default)]
    per_day: String,
}

async fn start(State(parts): State<Parts>, viewer: Viewer, Form(form): Form<Started>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Enroll)?;
    let page = match parts.engine.enroll_quoted(&viewer.actor, form.quote, None).await {
        Ok(job) => {
            let to = format!("/jobs/{}", job.id);
            go_on(parts, viewer.actor.clone(), &job);
            return Ok(Done::to(to).into_response());
        }
        Err(BulkError::QuoteChanged(quote)) => {
            let selected = counted(quote.preview.starts + quote.preview.refusals, "contact", "contacts");
            let carried = Carried { selected, ..Carried::of(&Selection::Quoted(quote.id)) };
            let wish = ManyWish { workflow: Some(form.workflow), per_day: form.per_day, fault: Fault::default() };
            framed(&parts, &viewer, carried, Some(totals(&parts, &viewer, &quote).await?), wish).await?
        }
        // A page that was open for longer than a quote holds shows the price of now.
        Err(BulkError::QuoteUnknown) => {
            let asked = Asked {
                quoted: Some(form.quote),
                workflow: Some(form.workflow),
                per_day: form.per_day,
                ..Asked::default()
            };
            page(&parts, &viewer, &asked, Selection::Quoted(form.quote)).await?
        }
        Err(error) => return Err(error.into()),
    };
    Ok(answer::refused(&ManyPage { changed: true, ..page }))
}
