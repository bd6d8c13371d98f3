//! `/contacts/import/{id}/check`: what the import of a whole file would do, before anything is stored. It is read beside the requests; how
//! long it goes on says [`crate::checks`].

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::ids::ImportId;
use engine::Actor;
use engine::import::check::{ImportCheck, Sampled};
use engine::import::{ImportError, ImportOptions, ImportOutlets, ImportProgress};
use engine::imports::{self, Choices, Import, Told};

use super::columns::{self, Posted};
use super::{choose, files, pace};
use crate::checks::{Standing, Ticket};
use crate::problem::{Code, Problem};
use crate::web::answer::{Done, html};
use crate::web::asked::Asker;
use crate::web::csv;
use crate::web::form::Form;
use crate::web::format::{self, count, counted};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route("/contacts/import/{id}/check", get(show).post(begin))
        .route("/contacts/import/{id}/check/rejected.csv", get(rejected))
}

/// A field of a contact, before and after.
pub(super) struct Diff {
    pub(super) field: String,
    pub(super) before: String,
    pub(super) after: String,
    /// As the file has it, where that is written otherwise.
    pub(super) in_file: String,
}

/// What would become of a contact.
pub(super) struct Shown {
    pub(super) row: u64,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) diffs: Vec<Diff>,
    pub(super) joined: bool,
}

/// A check as its part of the page shows it.
pub(super) struct Check {
    pub(super) id: ImportId,
    pub(super) running: bool,
    /// In hundredths, where that is known.
    pub(super) far: Option<u64>,
    pub(super) pace: String,
    pub(super) wrong: String,
    pub(super) counts: Vec<(&'static str, String)>,
    pub(super) new_fields: Vec<String>,
    pub(super) suppressed: String,
    pub(super) changed: Vec<Shown>,
    pub(super) made: Vec<Shown>,
    pub(super) rejected: String,
    pub(super) rejects: Vec<Told>,
    pub(super) warnings: Vec<Told>,
}

#[derive(Template)]
#[template(path = "contacts/import/check.html")]
struct CheckPart {
    check: Option<Check>,
}

/// How the check of a file stands, if it was made with these choices. One of others is let go: it would tell of something else.
pub(super) fn standing(parts: &Parts, id: ImportId, choices: &Choices) -> Option<Check> {
    let (checked, standing) = parts.checks.look(id)?;
    if checked != *choices {
        parts.checks.forget(id);
        return None;
    }
    Some(Check::of(id, &standing))
}

impl Check {
    fn of(id: ImportId, standing: &Standing) -> Self {
        let (counts, wrong, found) = match standing {
            Standing::Running(counts) => (*counts, String::new(), None),
            Standing::Failed(wrong) => (ImportProgress::default(), wrong.clone(), None),
            Standing::Done(found) => (found.report.counts, String::new(), Some(found.as_ref())),
        };
        let told = |row: u64, text: String| Told { row, text: format::sentence(&text) };
        let report = found.map(|found| &found.report);
        let rejects = report.into_iter().flat_map(|report| &report.rejects);
        let warnings = report.into_iter().flat_map(|report| &report.warnings);
        Self {
            id,
            running: matches!(standing, Standing::Running(_)),
            far: counts.pace.percent(),
            pace: pace(&counts.pace),
            counts: if wrong.is_empty() { figures(&counts) } else { Vec::new() },
            wrong,
            new_fields: found.map(|found| found.new_fields.clone()).unwrap_or_default(),
            suppressed: found.filter(|found| found.suppressed > 0).map(suppressed).unwrap_or_default(),
            changed: found.map(|found| found.changed.iter().map(shown).collect()).unwrap_or_default(),
            made: found.map(|found| found.made.iter().map(shown).collect()).unwrap_or_default(),
            rejected: counted(counts.rejected, "row would be rejected", "rows would be rejected"),
            rejects: rejects.take(SHOWN).map(|one| told(one.row, one.reason.to_string())).collect(),
            warnings: warnings.take(SHOWN).map(|one| told(one.row, one.warning.to_string())).collect(),
        }
    }
}

/// How many rejected rows and warnings are shown.
const SHOWN: usize = 10;

fn figures(counts: &ImportProgress) -> Vec<(&'static str, String)> {
    let shown = [
        ("Rows read", counts.rows),
        ("Would be made", counts.created),
        ("Would change", counts.updated),
        ("Would stay as they are", counts.unchanged),
        ("Names recapitalized", counts.recased),
        ("Repeats in the file", counts.duplicates),
        ("Consents to record", counts.consents),
        ("Rows without a consent", counts.without_consent.unwrap_or(0)),
        ("Would be rejected", counts.rejected),
    ];
    shown.map(|(name, number)| (name, count(number))).into()
}

fn suppressed(found: &ImportCheck) -> String {
    let contacts = counted(found.suppressed, "contact of the file is", "contacts of the file are");
    format!("{contacts} on a list that forbids texting, and stays so.")
}

fn shown(one: &Sampled) -> Shown {
    let cut = |text: &str| text.chars().take(60).collect::<String>();
    let diff = |diff: &engine::import::check::FieldDiff| Diff {
        field: diff.field.clone(),
        before: diff.before.as_deref().map(cut).unwrap_or_default(),
        after: cut(&diff.after),
        in_file: diff.in_file.as_deref().map(cut).unwrap_or_default(),
    };
    Shown {
        row: one.row,
        name: one.name.clone(),
        phone: format::phone(&one.phone),
        diffs: one.fields.iter().map(diff).collect(),
        joined: one.joined,
    }
}

/// Begins to check a file as it would be imported with what is chosen.
async fn begin(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ImportId>,
    Form(form): Form<Posted>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let import = parts.engine.find_import(&viewer.actor, id).await?;
    if import.state != "uploaded" {
        return Ok(Done::to(format!("/contacts/import/{id}")).into_response());
    }
    let choices = if form.is_empty() { imports::read(&import.choices) } else { form.choices() };
    let source = files::open(&parts.uploads, id)?;
    match parts.engine.preview_import(&viewer.actor, source, choices.options(None)).await {
        Ok(_) => {}
        Err(ImportError::Failure(failure)) => return Err(failure.into()),
        Err(_) => return choose(&parts, &viewer, &Asker::Browser, &import, Some(choices)).await,
    }
    let busy = || {
        Problem::new(Code::ImportRefused, "other files are being checked: try again in a minute, or start the import")
    };
    let ticket = parts.checks.begin(id, choices.clone()).ok_or_else(busy)?;
    tokio::spawn(run(parts.clone(), viewer.actor.clone(), import, choices, ticket));
    Ok(Done::to(format!("/contacts/import/{id}#check")).into_response())
}

async fn run(parts: Parts, actor: Actor, import: Import, choices: Choices, ticket: Ticket) {
    let teller = ticket.teller();
    let progress = Box::new(move |counts: &ImportProgress| teller.tell(Standing::Running(*counts)));
    let work = async {
        let (id, folder) = (import.id, parts.uploads.as_path());
        let begun = files::open(folder, id).and_then(|source| Ok((source, files::Rejects::new(folder)?)));
        let Ok((source, (draft, rejects))) = begun else {
            return Standing::Failed("The file cannot be read: upload it again.".to_owned());
        };
        let (file, bytes) = (Some(import.file_name.clone()), u64::try_from(import.file_bytes).ok());
        // How people agreed may be told after the check, before the start.
        let options = ImportOptions { file, bytes, no_consent: true, ..choices.options(None) };
        let outlets = ImportOutlets { rejects: Box::new(rejects), progress };
        match parts.engine.check_import(&actor, source, options, outlets).await {
            Ok(found) => {
                if let Err(error) = draft.keep(folder, id) {
                    tracing::warn!(%id, %error, "the rejected rows of a check are not kept");
                }
                Standing::Done(found.into())
            }
            Err(error) => Standing::Failed(columns::told(&error)),
        }
    };
    ticket.work(parts.engine.clock(), work).await;
}

/// The part of the page that tells of the check; the browser itself gets the page.
async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(id): Id<ImportId>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    parts.engine.find_import(&viewer.actor, id).await?;
    Ok(match asker {
        Asker::Browser => Done::to(format!("/contacts/import/{id}#check")).into_response(),
        Asker::Script { .. } => {
            html(&CheckPart { check: parts.checks.look(id).map(|(_, standing)| Check::of(id, &standing)) })
        }
    })
}

/// The rows that would be rejected, each with the reason.
async fn rejected(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ImportId>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    parts.engine.find_import(&viewer.actor, id).await?;
    let body = files::read_checked(&parts.uploads, id).await?;
    Ok((csv::download_of("rejected.csv"), body).into_response())
}
