//! What is done with many contacts at once: by the selection, or by the filter that is shown. Large ones become a job.

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use domain::ids::{ContactId, JobId, LabelId};
use engine::Actor;
use engine::changes::{Change, Whom};
use engine::contacts::list::Filter;
use serde::Deserialize;

use super::asked::Asked;
use crate::problem::{Code, Problem};
use crate::web::answer::Done;
use crate::web::form::Form;
use crate::web::format::counted;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// The largest form, in bytes: 100,000 identifiers fit.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Up to so many are changed while the browser waits.
const AT_ONCE: i64 = 500;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/contacts/change", post(change))
        .route("/contacts/change/{id}/undo", post(undo))
        .layer(DefaultBodyLimit::max(MAX_BYTES))
}

/// Who was selected: `contact` once for each, or with `all` everybody whom the filter fits.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Selected {
    pub(super) contact: Vec<String>,
    pub(super) all: String,
    /// The filter of the list, as its query: once. An empty one asks nothing, and is something else than none.
    filter: Vec<String>,
    tag: String,
    act: String,
}

impl Selected {
    pub(super) fn whom(&self, viewer: &Viewer) -> Result<Whom, Wrong> {
        if !self.all.is_empty() {
            return Ok(Whom::Matching(filter(&self.filter, viewer)?));
        }
        let ids: Result<Vec<ContactId>, _> = self.contact.iter().map(|text| text.parse()).collect();
        let ids = ids.map_err(|_| Wrong::not_found("one of the contacts"))?;
        if ids.is_empty() {
            return Err(Problem::new(Code::Selection, "nobody is selected: choose contacts first").into());
        }
        Ok(Whom::These(ids))
    }
}

/// The filter that a form carries. A form without one does not mean everybody: it was left out.
pub(in crate::web) fn filter(carried: &[String], viewer: &Viewer) -> Result<Filter, Wrong> {
    let [query] = carried else {
        return Err(Problem::new(Code::Selection, "the filter of the list is missing: load the list again").into());
    };
    Ok(Asked::read(query)?.filter(viewer))
}

async fn change(State(parts): State<Parts>, viewer: Viewer, Form(form): Form<Selected>) -> Result<Response, Wrong> {
    let change = match form.act.as_str() {
        "do_not_contact" => Change::DoNotContact,
        "contact" => Change::Contact,
        "delete" => Change::Delete,
        "label" => Change::Label(form.tag.parse().map_err(|_| no_label())?),
        "unlabel" => Change::Unlabel(form.tag.parse().map_err(|_| no_label())?),
        _ => return Err(Problem::new(Code::Selection, "no change is chosen").into()),
    };
    let job = parts.engine.change_many(&viewer.actor, change, form.whom(&viewer)?).await?;
    if job.total > AT_ONCE {
        go_on(parts, viewer.actor, job.id);
        return Ok(Done::to(format!("/jobs/{}", job.id)).into_response());
    }
    let job = parts.engine.run_changes(&viewer.actor, job.id).await?;
    let those = counted(job.started, "contact", "contacts");
    let said = match change {
        Change::DoNotContact => {
            format!("{those} put on the do-not-contact list; what ran for them ended and was refunded")
        }
        Change::Contact => format!("{those} taken off the do-not-contact list"),
        Change::Label(label) => {
            told(&parts, &viewer, label, [format!("{those} got"), format!("{those} put on")]).await?
        }
        Change::Unlabel(label) => {
            told(&parts, &viewer, label, [format!("{those} lost"), format!("{those} taken off")]).await?
        }
        _ => format!("{those} deleted; what ran for them ended and was refunded"),
    };
    let done = Done::here().saying(said).event("contacts");
    Ok(if job.started > 0 { done.undo(format!("/contacts/change/{}/undo", job.id)) } else { done }.into_response())
}

/// `2 contacts put on the list “Dallas”`, by what is said of a label and of a list.
async fn told(parts: &Parts, viewer: &Viewer, id: LabelId, said: [String; 2]) -> Result<String, Wrong> {
    let known = parts.engine.labels(&viewer.actor).await?.into_iter().find(|label| label.id == id);
    let [of_label, of_list] = said;
    Ok(match known {
        Some(list) if list.is_list() => format!("{of_list} the list “{}”", list.name),
        Some(label) => format!("{of_label} the label “{}”", label.name),
        None => format!("{of_label} it"),
    })
}

fn no_label() -> Wrong {
    Problem::new(Code::Selection, "no label or list is chosen: choose one beside the button").into()
}

async fn undo(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<JobId>) -> Result<Response, Wrong> {
    let job = parts.engine.undo_changes(&viewer.actor, id).await?;
    if job.total > AT_ONCE {
        go_on(parts, viewer.actor, job.id);
        return Ok(Done::to(format!("/jobs/{}", job.id)).into_response());
    }
    let job = parts.engine.run_changes(&viewer.actor, job.id).await?;
    let said = format!("Undone for {}; workflows that ended stay ended", counted(job.started, "contact", "contacts"));
    Ok(Done::here().saying(said).event("contacts").into_response())
}

/// Works on a change of many beside the requests.
fn go_on(parts: Parts, actor: Actor, job: JobId) {
    tokio::spawn(async move {
        if let Err(error) = parts.engine.run_changes(&actor, job).await {
            tracing::error!(%job, %error, "a change of many contacts broke off; it goes on by itself");
        }
    });
}
