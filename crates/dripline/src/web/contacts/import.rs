//! `/contacts/import`: a file in three steps: upload, look at what it will give, start; then its progress and what became of it.

mod check;
mod columns;
pub(in crate::web) mod files;
pub(in crate::web) mod keeper;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::ImportId;
use engine::import::{ImportError, ImportProgress, Pace};
use engine::imports::{self, Choices, Import, ImportsError, Outcome, Told};
use engine::labels::LabelError;
use jiff::SignedDuration;
use serde::Deserialize;

use self::check::Check;
use self::columns::{Choosing, Posted};
use crate::api::imports::go_on_undoing;
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html, refused};
use crate::web::asked::Asker;
use crate::web::csv;
use crate::web::form::Form;
use crate::web::format::{self, Moment, count, counted};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// The largest upload, in bytes: a million rows with room.
const MAX_UPLOAD: usize = 512 * 1024 * 1024;
/// How many earlier imports one page has.
const LISTED: i64 = 50;
/// For how long a rate is told after it was noted.
const FRESH: SignedDuration = SignedDuration::from_secs(10);

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/contacts/import", get(start_page).post(upload).layer(DefaultBodyLimit::max(MAX_UPLOAD)))
        .route("/contacts/import/{id}", get(show).post(look_again))
        .route("/contacts/import/{id}/start", post(start))
        .route("/contacts/import/{id}/cancel", post(cancel))
        .route("/contacts/import/{id}/undo", post(undo))
        .route("/contacts/import/{id}/rejected.csv", get(rejected))
        .merge(check::routes())
}

/// An import in the list.
struct Past {
    id: ImportId,
    file: String,
    what: String,
    at: Moment,
}

#[derive(Template)]
#[template(path = "contacts/import.html")]
struct UploadPage<'v> {
    frame: Frame<'v>,
    wrong: String,
    past: Vec<Past>,
    /// Where older ones begin.
    next: Option<ImportId>,
}

/// Where the list of earlier imports begins.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Older {
    before: String,
}

async fn start_page(State(parts): State<Parts>, viewer: Viewer, Query(older): Query<Older>) -> Result<Response, Wrong> {
    let before = older.before.parse().unwrap_or(ImportId(i64::MAX));
    Ok(html(&page_before(&parts, &viewer, before, String::new()).await?))
}

async fn upload_page<'v>(parts: &Parts, viewer: &'v Viewer, wrong: String) -> Result<UploadPage<'v>, Wrong> {
    page_before(parts, viewer, ImportId(i64::MAX), wrong).await
}

async fn page_before<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    before: ImportId,
    wrong: String,
) -> Result<UploadPage<'v>, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let imports = parts.engine.imports(&viewer.actor, before, LISTED).await?;
    let next = imports.last().filter(|_| i64::try_from(imports.len()).is_ok_and(|count| count == LISTED));
    let next = next.map(|import| import.id);
    let past = imports.into_iter().map(|import| {
        let counts: ImportProgress = imports::read(&import.counts);
        let outcome: Outcome = imports::read(&import.outcome);
        let what = match import.state.as_str() {
            "uploaded" => "not started".to_owned(),
            _ if imports::stands_still(&import, viewer.now) => "stands still".to_owned(),
            "running" => format!("under way: {}", counted(counts.rows, "row", "rows")),
            "canceling" => "is being canceled".to_owned(),
            "undoing" => format!("is being undone: {} deleted", count(outcome.undone)),
            "canceled" => format!("canceled: {} new", count(counts.created)),
            "undone" => format!(
                "undone: {} deleted, {} changed back, {} kept",
                count(outcome.undone),
                count(outcome.restored),
                count(outcome.kept + outcome.altered)
            ),
            _ => format!(
                "{} new, {} updated, {} rejected",
                count(counts.created),
                count(counts.updated),
                count(counts.rejected)
            ),
        };
        let at = format::moment(import.created_at, viewer.now, &viewer.zone);
        Past { id: import.id, file: import.file_name, what, at }
    });
    let past = past.collect();
    Ok(UploadPage { frame: Frame::new("Import contacts", Section::Contacts, viewer), wrong, past, next })
}

async fn upload(State(parts): State<Parts>, viewer: Viewer, mut form: Multipart) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let unreadable = |error: axum::extract::multipart::MultipartError| {
        let code = if error.status().as_u16() == 413 { Code::BodyTooLarge } else { Code::Body };
        Wrong::from(Problem::new(code, format!("the upload cannot be read: {error}")))
    };
    while let Some(mut field) = form.next_field().await.map_err(unreadable)? {
        if field.name() != Some("file") {
            continue;
        }
        let name = field.file_name().unwrap_or_default().to_owned();
        let mut draft = files::Draft::new(&parts.uploads).await.map_err(files::failed)?;
        while let Some(bytes) = field.chunk().await.map_err(unreadable)? {
            draft.add(&bytes).await.map_err(files::failed)?;
        }
        if draft.bytes() == 0 {
            let page = upload_page(&parts, &viewer, "Choose a file that is not empty.".to_owned()).await?;
            return Ok(refused(&page));
        }
        let draft = match draft.unpacked(&parts.uploads).await {
            Ok(draft) => draft,
            Err(error) => return Ok(refused(&upload_page(&parts, &viewer, columns::told(&error)).await?)),
        };
        let import = parts.engine.begin_upload(&viewer.actor, &name, draft.bytes()).await?;
        draft.keep(&parts.uploads, import.id).await.map_err(files::failed)?;
        let headers = match parts.engine.import_headers(&viewer.actor, files::open(&parts.uploads, import.id)?).await {
            Ok(headers) => headers,
            // What is no table is told here, where another file can be chosen.
            Err(error) => {
                let page = upload_page(&parts, &viewer, columns::told(&error)).await?;
                return Ok(refused(&page));
            }
        };
        tracing::info!(import = %import.id, columns = headers.len(), "a file was uploaded");
        return Ok(Done::to(format!("/contacts/import/{}", import.id)).into_response());
    }
    let page = upload_page(&parts, &viewer, "Choose a file first.".to_owned()).await?;
    Ok(refused(&page))
}

/// How far an import is, and what became of it.
struct Progress {
    id: ImportId,
    state: String,
    /// Whether it runs, or is being canceled or undone.
    in_hand: bool,
    /// Whether the program ended while it ran.
    still: bool,
    counts: Vec<(&'static str, String)>,
    /// In hundredths, where that is known.
    far: Option<u64>,
    /// The share, the rate and the time that is left, as far as they are known.
    pace: String,
    error: String,
    rejects: Vec<Told>,
    rejected: String,
    more_rejects: bool,
    /// Whether there is a file of all of them.
    has_rejects: bool,
    warnings: Vec<Told>,
    /// What its undoing did, so far or in all.
    undone: String,
    /// What its undoing does to contacts that it changed; empty where it changed none.
    to_change_back: String,
    /// Whether some that it made stay after an undoing.
    stays: bool,
    created: u64,
    may_undo: bool,
    /// Whether its file is here, so that it may be started again and goes on by itself.
    has_file: bool,
    may_write: bool,
}

impl Progress {
    async fn load(parts: &Parts, import: &Import, viewer: &Viewer) -> Result<Self, Wrong> {
        let counts: ImportProgress = imports::read(&import.counts);
        let outcome: Outcome = imports::read(&import.outcome);
        let knows_changes = parts.engine.knows_changes(&viewer.actor, import).await?;
        let to_change_back = match counts.updated {
            0 if !knows_changes => String::new(),
            _ if knows_changes => {
                "Contacts that it changed get their former values back, but for what somebody has changed since."
                    .to_owned()
            }
            some => format!(
                "{} what it wrote: what was before is known for 30 days.",
                counted(some, "contact that it changed keeps", "contacts that it changed keep")
            ),
        };
        let shown = [
            ("Rows read", counts.rows),
            ("New contacts", counts.created),
            ("Updated", counts.updated),
            ("Already there", counts.unchanged),
            ("Names recapitalized", counts.recased),
            ("Repeats in the file", counts.duplicates),
            ("Consents recorded", counts.consents),
            ("Rejected rows", counts.rejected),
        ];
        let unconsented = counts.without_consent.map(|rows| ("Rows without a consent", rows));
        Ok(Self {
            id: import.id,
            state: import.state.clone(),
            still: imports::stands_still(import, viewer.now),
            counts: shown.into_iter().chain(unconsented).map(|(name, number)| (name, count(number))).collect(),
            in_hand: imports::is_in_hand(import),
            far: counts.pace.percent().filter(|_| import.state != "undoing"),
            pace: if import.state != "undoing" && viewer.now.duration_since(import.updated_at) < FRESH {
                pace(&counts.pace)
            } else {
                String::new()
            },
            error: outcome.error.as_deref().map(format::sentence).unwrap_or_default(),
            rejected: counted(counts.rejected, "row was rejected", "rows were rejected"),
            more_rejects: counts.rejected > outcome.rejects.len() as u64,
            has_rejects: viewer.may("contacts:write") && files::has_rejects(&parts.uploads, import.id),
            undone: undone(&outcome, &counts),
            rejects: outcome.rejects,
            warnings: outcome.warnings,
            stays: outcome.kept > 0,
            may_undo: import.state != "undone" && (counts.created > 0 || knows_changes),
            to_change_back,
            has_file: files::is_there(&parts.uploads, import.id),
            created: counts.created,
            may_write: viewer.may("contacts:write"),
        })
    }
}

/// What an undoing did: of each kind of contact as much as there was.
fn undone(outcome: &Outcome, counts: &ImportProgress) -> String {
    let told = |some: i64, one, more| (some > 0).then(|| counted(some, one, more));
    let unknown = (outcome.restored + outcome.altered == 0).then_some(counts.updated).filter(|some| *some > 0);
    let parts = [
        Some(counted(outcome.undone, "contact was deleted", "contacts were deleted")),
        told(outcome.restored, "contact is as it was before", "contacts are as they were before"),
        told(
            outcome.kept,
            "contact stays, since it was edited, texted, enrolled or written about",
            "contacts stay, since they were edited, texted, enrolled or written about",
        ),
        told(
            outcome.altered,
            "contact that was there before was edited since, and keeps that",
            "contacts that were there before were edited since, and keep that",
        ),
        unknown.filter(|_| outcome.undone + outcome.kept > 0 || counts.created == 0).map(|some| {
            counted(some, "contact that it changed keeps what it wrote", "contacts that it changed keep what it wrote")
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// `41 % · 10,400 rows a second · about 2 minutes left`; nothing of what is not known.
fn pace(pace: &Pace) -> String {
    let parts = [
        pace.percent().map(|share| format!("{share} %")),
        pace.rows_per_second.map(|rows| format!("{} a second", counted(rows, "row", "rows"))),
        pace.seconds_left.map(|seconds| format!("about {} left", format::lasting(seconds))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

#[derive(Template)]
#[template(path = "contacts/import/choose.html")]
struct ChoosePage<'v> {
    frame: Frame<'v>,
    id: ImportId,
    file: String,
    choosing: Choosing,
    check: Option<Check>,
}

impl<'v> ChoosePage<'v> {
    /// Without a check of the whole file.
    fn of(viewer: &'v Viewer, import: &Import, choosing: Choosing) -> Self {
        let frame = Frame::new(import.file_name.clone(), Section::Contacts, viewer);
        Self { frame, id: import.id, file: import.file_name.clone(), choosing, check: None }
    }
}

#[derive(Template)]
#[template(path = "contacts/import/preview.html")]
struct ChoosePart {
    id: ImportId,
    choosing: Choosing,
    check: Option<Check>,
}

#[derive(Template)]
#[template(path = "contacts/import/progress.html")]
struct ProgressPage<'v> {
    frame: Frame<'v>,
    file: String,
    progress: Progress,
}

#[derive(Template)]
#[template(path = "contacts/import/counts.html")]
struct ProgressPart {
    progress: Progress,
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(id): Id<ImportId>,
) -> Result<Response, Wrong> {
    let import = parts.engine.find_import(&viewer.actor, id).await?;
    if import.state == "uploaded" {
        let chosen = parts.checks.look(id).map(|(choices, _)| choices);
        return choose(&parts, &viewer, &asker, &import, chosen).await;
    }
    let progress = Progress::load(&parts, &import, &viewer).await?;
    let frame = Frame::new(import.file_name.clone(), Section::Contacts, &viewer);
    Ok(match asker {
        Asker::Browser => html(&ProgressPage { frame, file: import.file_name, progress }),
        Asker::Script { .. } => html(&ProgressPart { progress }),
    })
}

/// The columns and the first rows, by what was chosen or by the guess.
async fn choose(
    parts: &Parts,
    viewer: &Viewer,
    asker: &Asker,
    import: &Import,
    chosen: Option<Choices>,
) -> Result<Response, Wrong> {
    let check = chosen.as_ref().and_then(|choices| check::standing(parts, import.id, choices));
    let choosing = Choosing::load(parts, viewer, import, chosen).await?;
    let frame = Frame::new(import.file_name.clone(), Section::Contacts, viewer);
    Ok(match asker {
        Asker::Browser => html(&ChoosePage { frame, id: import.id, file: import.file_name.clone(), choosing, check }),
        Asker::Script { .. } => html(&ChoosePart { id: import.id, choosing, check }),
    })
}

/// The same file by another mapping; nothing is stored.
async fn look_again(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(id): Id<ImportId>,
    Form(form): Form<Posted>,
) -> Result<Response, Wrong> {
    let import = parts.engine.find_import(&viewer.actor, id).await?;
    choose(&parts, &viewer, &asker, &import, Some(form.choices())).await
}

async fn start(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ImportId>,
    Form(form): Form<Posted>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let import = parts.engine.find_import(&viewer.actor, id).await?;
    let choices = if form.is_empty() { imports::read(&import.choices) } else { form.choices() };
    if import.state == "uploaded" || !form.is_empty() {
        // Whoever brings people in says how they agreed, or that nobody knows.
        let mut choosing = Choosing::load(&parts, &viewer, &import, Some(choices.clone())).await?;
        if choosing.wrong.is_empty() && choosing.untold() {
            choosing.consent_fault = "Say how these people agreed to be texted, or that none is recorded.".to_owned();
        }
        if !choosing.consent_fault.is_empty() {
            return Ok(refused(&ChoosePage::of(&viewer, &import, choosing)));
        }
    }
    // What cannot begin is told on the page where it can be mended.
    let source = files::open(&parts.uploads, id)?;
    match parts.engine.preview_import(&viewer.actor, source, choices.options(None)).await {
        Ok(_) => {}
        Err(ImportError::Failure(failure)) => return Err(failure.into()),
        Err(_) => return choose(&parts, &viewer, &Asker::Browser, &import, Some(choices)).await,
    }
    let import = match parts.engine.start_import(&viewer.actor, id, &choices).await {
        Ok(import) => import,
        Err(ImportsError::List(error)) if !matches!(error, LabelError::Failure(_) | LabelError::Forbidden(_)) => {
            let mut choosing = Choosing::load(&parts, &viewer, &import, Some(choices)).await?;
            choosing.list_fault = format::sentence(&error.to_string());
            return Ok(refused(&ChoosePage::of(&viewer, &import, choosing)));
        }
        Err(error) => return Err(error.into()),
    };
    parts.checks.forget(id);
    files::forget_checked(&parts.uploads, id).await;
    keeper::run(&parts, viewer.actor.clone(), import)?;
    Ok(Done::to(format!("/contacts/import/{id}")).into_response())
}

async fn cancel(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ImportId>) -> Result<Response, Wrong> {
    parts.engine.cancel_import(&viewer.actor, id).await?;
    Ok(Done::to(format!("/contacts/import/{id}")).saying("Canceled: no more rows are saved").into_response())
}

async fn undo(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ImportId>) -> Result<Response, Wrong> {
    parts.engine.begin_undo(&viewer.actor, id).await?;
    go_on_undoing(&parts, viewer.actor.clone(), id);
    Ok(Done::to(format!("/contacts/import/{id}")).into_response())
}

/// The rejected rows as they were, each with the reason: mended, they can be imported as they are.
async fn rejected(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ImportId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    parts.engine.find_import(&viewer.actor, id).await?;
    let body = files::read_rejects(&parts.uploads, id).await?;
    Ok((csv::download_of("rejected.csv"), body).into_response())
}
