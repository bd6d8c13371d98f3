//! `/settings/suppressions/lists`: lists of phones from files: uploaded, shown with what they did, removed.

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::ids::ListId;
use domain::phone::Phone;
use domain::suppression::Suppression;
use engine::contacts::DEFAULT_REGION;
use engine::suppression_lists::{self as lists, List, ListCounts, ListError, NewList, PhoneReject};
use jiff::civil::Date;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;

use super::{Side, frame};
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html, refused};
use crate::web::asked::Asker;
use crate::web::contacts::import::files::{self, Draft};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment, count, counted};
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::story::Names;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/suppressions/lists";
/// The largest upload, in bytes: some millions of phones.
const MAX_UPLOAD: usize = 256 * 1024 * 1024;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show).post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
        .route("/settings/suppressions/lists/{id}/remove", post(remove))
        .route("/settings/suppressions/lists/{id}/drop", post(drop_phone))
}

/// A list, as it is shown.
struct Shown {
    id: ListId,
    name: String,
    kind: &'static str,
    about: String,
    state: String,
    moves: bool,
    still: bool,
    phones: String,
    what: String,
    rejects: Vec<PhoneReject>,
    /// Why its file was not read to its end; empty if it was.
    broken: String,
    by: String,
    made: Moment,
    may_remove: bool,
}

impl Shown {
    fn of(list: &List, names: &Names, viewer: &Viewer) -> Self {
        let counts = ListCounts::of(list);
        let still = lists::stands_still(list, viewer.now);
        let moves = matches!(list.state.as_str(), "filling" | "removing");
        let dated = list.dated.as_ref().map(|day| format!(" of {day}")).unwrap_or_default();
        let file = if list.file_name.is_empty() { String::new() } else { format!(" · {}", list.file_name) };
        let state = match list.state.as_str() {
            _ if counts.broken.is_some() => "read in part",
            _ if still && list.state == "filling" => "interrupted",
            "filling" => "being read",
            "removing" => "being removed",
            "removed" => "removed",
            _ => "in force",
        };
        let what = if list.state == "removed" {
            format!("{} free again", counted(counts.freed, "phone is", "phones are"))
        } else {
            format!(
                "{}, {}",
                counted(counts.ended, "workflow ended", "workflows ended"),
                counted(counts.rejected, "cell that is no phone", "cells that are no phone")
            )
        };
        let compliance = list.kind == Suppression::ComplianceBlocked.word();
        Self {
            id: list.id,
            name: list.name.clone(),
            kind: if compliance { "Compliance" } else { "Do not contact" },
            about: format!("{}{dated}{file}", list.source),
            state: state.to_owned(),
            moves: moves && !still,
            still,
            phones: counted(counts.phones, "phone", "phones"),
            what,
            broken: counts.broken.map(|why| format::sentence(&why)).unwrap_or_default(),
            rejects: counts.rejects.into_iter().take(10).collect(),
            by: names.who(&list.actor),
            made: format::moment(list.created_at, viewer.now, &viewer.zone),
            may_remove: list.state != "removed"
                && viewer.may(if compliance { "settings:write" } else { "contacts:write" }),
        }
    }
}

#[derive(Template)]
#[template(path = "settings/lists.html")]
struct ListsPage<'v> {
    frame: Frame<'v>,
    side: Side,
    lists: Vec<Shown>,
    /// Whether a list is being read or removed just now.
    moving: bool,
    typed: HashMap<String, String>,
    fault: Fault,
    may_write: bool,
    may_block: bool,
}

#[derive(Template)]
#[template(path = "settings/lists/rows.html")]
struct RowsPart {
    lists: Vec<Shown>,
    moving: bool,
}

impl ListsPage<'_> {
    fn typed(&self, name: &str) -> &str {
        self.typed.get(name).map_or("", String::as_str)
    }
}

async fn shown(parts: &Parts, viewer: &Viewer) -> Result<Vec<Shown>, Wrong> {
    let names = Names::load(parts, &viewer.actor).await?;
    let all = parts.engine.suppression_lists(&viewer.actor).await?;
    Ok(all.iter().map(|list| Shown::of(list, &names, viewer)).collect())
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    typed: HashMap<String, String>,
    fault: Fault,
) -> Result<ListsPage<'v>, Wrong> {
    let (frame, side) = frame(viewer, "/settings/suppressions");
    let lists = shown(parts, viewer).await?;
    Ok(ListsPage {
        moving: lists.iter().any(|list| list.moves),
        lists,
        frame,
        side,
        typed,
        fault,
        may_write: viewer.may("contacts:write"),
        may_block: viewer.may("settings:write"),
    })
}

async fn show(State(parts): State<Parts>, viewer: Viewer, asker: Asker) -> Result<Response, Wrong> {
    Ok(match asker {
        Asker::Browser => html(&page(&parts, &viewer, HashMap::new(), Fault::default()).await?),
        Asker::Script { .. } => {
            let lists = shown(&parts, &viewer).await?;
            html(&RowsPart { moving: lists.iter().any(|list| list.moves), lists })
        }
    })
}

/// What a form held: its texts, and its file on the disk.
struct Posted {
    typed: HashMap<String, String>,
    file: Option<(String, Draft)>,
}

async fn posted(parts: &Parts, mut form: Multipart) -> Result<Posted, Wrong> {
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        let code = if error.status().as_u16() == 413 { Code::BodyTooLarge } else { Code::Body };
        Wrong::from(Problem::new(code, format!("the upload cannot be read: {error}")))
    };
    let mut posted = Posted { typed: HashMap::new(), file: None };
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name != "file" {
            posted.typed.insert(name, field.text().await.map_err(unreadable)?);
            continue;
        }
        let file_name = field.file_name().unwrap_or_default().to_owned();
        let mut draft = Draft::new(&parts.uploads).await.map_err(files::failed)?;
        while let Some(bytes) = field.chunk().await.map_err(unreadable)? {
            draft.add(&bytes).await.map_err(files::failed)?;
        }
        posted.file = Some((file_name, draft)).filter(|(_, draft)| draft.bytes() > 0);
    }
    Ok(posted)
}

async fn upload(State(parts): State<Parts>, viewer: Viewer, form: Multipart) -> Result<Response, Wrong> {
    viewer.actor.need(domain::access::Permission::ContactsWrite)?;
    let Posted { typed, file } = posted(&parts, form).await?;
    let of = |name: &str| typed.get(name).map(String::as_str).unwrap_or_default().to_owned();
    let dated = Some(of("dated")).filter(|day| !day.trim().is_empty()).map(|day| day.trim().parse::<Date>());
    let kind = Suppression::from_word(&of("kind")).unwrap_or(Suppression::ComplianceBlocked);
    let fault = match (&file, &dated) {
        (None, _) => Some(Fault::says("file", "Choose a file that is not empty.")),
        (_, Some(Err(_))) => Some(Fault::says("dated", "Write the day as 2026-11-01.")),
        _ => None,
    };
    if let Some(fault) = fault {
        return Ok(refused(&page(&parts, &viewer, typed, fault).await?));
    }
    let Some((file_name, draft)) = file else { return Err(Wrong::not_found("the file")) };
    let new = NewList { name: of("name"), kind, source: of("source"), file_name, dated: dated.and_then(Result::ok) };
    let list = match begun(&parts, &viewer, new).await {
        Ok(list) => list,
        Err(error @ ListError::Name) => {
            return Ok(refused(&page(&parts, &viewer, typed, Fault::at("name", &error)).await?));
        }
        Err(error @ ListError::Date(_)) => {
            return Ok(refused(&page(&parts, &viewer, typed, Fault::at("dated", &error)).await?));
        }
        Err(error) => return Err(error.into()),
    };
    let source = BufReader::new(draft.reopen().await.map_err(files::failed)?);
    let said = format!("“{}” is being read; you may leave this page", list.name);
    fill(&parts, &viewer, list.id, source);
    Ok(Done::to(HERE).saying(said).into_response())
}

/// A list of this name and kind that was interrupted, else a new one.
async fn begun(parts: &Parts, viewer: &Viewer, new: NewList) -> Result<List, ListError> {
    let all = parts.engine.suppression_lists(&viewer.actor).await?;
    let same = |list: &&List| list.name == new.name.trim() && list.kind == new.kind.word();
    let open = |list: &&List| list.state == "filling" && lists::stands_still(list, viewer.now);
    match all.iter().filter(open).find(same) {
        Some(list) => Ok(list.clone()),
        None => parts.engine.create_list(&viewer.actor, new).await,
    }
}

fn fill(parts: &Parts, viewer: &Viewer, id: ListId, source: BufReader<File>) {
    let (engine, actor) = (parts.engine.clone(), viewer.actor.clone());
    tokio::spawn(async move {
        if let Err(error) = engine.fill_list(&actor, id, source, DEFAULT_REGION, |_| {}).await {
            tracing::error!(%id, %error, "a list was not read to its end; its file may be uploaded again");
        }
    });
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Dropped {
    phone: String,
}

/// Takes one phone off a list.
async fn drop_phone(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ListId>,
    Form(given): Form<Dropped>,
) -> Result<Response, Wrong> {
    let phone = Phone::parse(&given.phone, DEFAULT_REGION).map_err(|_| Wrong::not_found("the phone"))?;
    let list = parts.engine.suppression_list(&viewer.actor, id).await?;
    let held = parts.engine.drop_from_list(&viewer.actor, id, phone).await?;
    let shown = format::phone(&phone.to_string());
    let said = if held {
        format!("{shown} is off “{}”", list.name)
    } else {
        format!("“{}” did not hold {shown}", list.name)
    };
    Ok(Done::to(format!("/settings/suppressions?q={}", phone.to_string().replace('+', "%2B")))
        .saying(said)
        .into_response())
}

async fn remove(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ListId>) -> Result<Response, Wrong> {
    let list = parts.engine.begin_removal(&viewer.actor, id).await?;
    let said = if list.state == "removed" {
        let freed = ListCounts::of(&list).freed;
        format!("“{}” is removed: {} phones may be texted again", list.name, count(freed))
    } else {
        let (engine, actor) = (parts.engine.clone(), viewer.actor.clone());
        tokio::spawn(async move {
            if let Err(error) = engine.remove_list(&actor, id).await {
                tracing::error!(%id, %error, "the removal of a list broke off; it goes on by itself");
            }
        });
        format!("“{}” is being removed; you may leave this page", list.name)
    };
    Ok(Done::to(HERE).saying(said).into_response())
}
