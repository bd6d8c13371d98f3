//! What one writes to a contact: counted as it is typed, with the choice of what becomes of a workflow that runs.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::access::Permission;
use domain::ids::ContactId;
use domain::segments::{self, Encoding};
use domain::suppression::Suppression;
use domain::template::{self, MAX_SEGMENTS_PER_MESSAGE};
use engine::IdempotencyKey;
use engine::manual::SendError;
use engine::progress::Progress;
use serde::Deserialize;
use store::quick_replies::QuickReply;
use store::{DbError, suppressions};

use crate::problem::Problem;
use crate::web::answer::{Done, html, refused};
use crate::web::asked::Asker;
use crate::web::enrollments::amounts;
use crate::web::form::Form;
use crate::web::format::{count as grouped, counted, money, planned};
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// The meter below the text.
#[derive(Debug, Default)]
pub(super) struct Meter {
    pub(super) text: String,
    /// The characters that make it cost more.
    pub(super) culprits: String,
    pub(super) too_long: bool,
}

/// A workflow that runs while somebody writes.
pub(super) struct Running {
    pub(super) workflow: String,
    /// Such as `message 2 on Sat, Nov 28, 9:00 am`.
    pub(super) next: String,
    pub(super) unsent: String,
    /// The next message, if it can be left out.
    pub(super) skip: Option<u8>,
    /// Whether it can be ended.
    pub(super) may_stop: bool,
}

/// The composer as it is shown.
pub(super) struct Composer {
    pub(super) contact: ContactId,
    pub(super) name: String,
    pub(super) body: String,
    pub(super) key: String,
    pub(super) meter: Meter,
    pub(super) running: Option<Running>,
    /// Why nothing can be written; empty if it can.
    pub(super) closed: String,
    pub(super) wrong: String,
    pub(super) replies: Vec<QuickReply>,
}

#[derive(Template)]
#[template(path = "messenger/composer.html")]
struct ComposerPart {
    composer: Composer,
}

#[derive(Template)]
#[template(path = "messenger/running.html")]
struct RunningPart {
    composer: Composer,
}

/// What a text does not stop, as it is now: what is typed beside it is left alone.
pub(super) async fn running(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
) -> Result<Response, Wrong> {
    let progress = parts.engine.progress(&viewer.actor, contact).await?;
    Ok(html(&RunningPart { composer: read(&parts, &viewer, contact, progress.as_ref()).await? }))
}

#[derive(Template)]
#[template(path = "messenger/meter.html")]
struct MeterPart {
    meter: Meter,
}

pub(super) async fn read(
    parts: &Parts,
    viewer: &Viewer,
    contact: ContactId,
    progress: Option<&Progress>,
) -> Result<Composer, Wrong> {
    let found = parts.engine.contact(&viewer.actor, contact).await?;
    let (workspace, phone) = (viewer.actor.workspace(), found.phone_hash);
    let listed = parts.engine.read::<_, DbError, _>(move |read| suppressions::of(read, workspace, &[phone])).await?;
    let closed = match listed.first() {
        _ if !viewer.may("send") => "Your role may read, but not write.".to_owned(),
        Some((_, kind)) => closed(&found.name, *kind),
        None => String::new(),
    };
    let running = progress.filter(|_| closed.is_empty()).map(|progress| Running {
        workflow: progress.workflow.clone(),
        next: progress.coming.first().map_or_else(
            || "its last message is on its way".to_owned(),
            |next| format!("message {} goes out on {}", next.step, planned(next.due, &viewer.zone, None).short),
        ),
        unsent: amounts(progress.unsent),
        skip: progress.coming.first().filter(|_| viewer.may("enroll")).map(|next| next.step),
        may_stop: viewer.may("enroll"),
    });
    let replies = if closed.is_empty() { parts.engine.quick_replies(&viewer.actor).await? } else { Vec::new() };
    let (name, key, meter) = (found.name, engine::ids::secret(), Meter::default());
    Ok(Composer { contact, name, body: String::new(), key, meter, running, closed, wrong: String::new(), replies })
}

fn closed(name: &str, kind: Suppression) -> String {
    match kind {
        Suppression::OptedOut => format!(
            "{name} opted out. Only they can undo this, by texting START or by new consent, recorded on their page."
        ),
        Suppression::DoNotContact => {
            format!("{name} is on the do-not-contact list. Take them off on the contact’s page first.")
        }
        Suppression::ComplianceBlocked => format!("A compliance list blocks {name}."),
        Suppression::Undeliverable => {
            format!("Texts to {name} cannot be delivered: the carrier says that the phone does not take them.")
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Written {
    #[serde(default)]
    body: String,
    #[serde(default)]
    key: String,
    /// `send`, `stop` or `skip`.
    #[serde(default)]
    then: String,
    /// The workflow's next message as it was shown: the one that *skip* leaves out.
    #[serde(default)]
    step: Option<u8>,
}

/// The meter for what is typed so far.
pub(super) async fn count(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(contact): Id<ContactId>,
    Form(written): Form<Written>,
) -> Result<Response, Wrong> {
    parts.engine.contact(&viewer.actor, contact).await?;
    Ok(html(&MeterPart { meter: meter(&parts, &viewer, &written.body).await? }))
}

async fn meter(parts: &Parts, viewer: &Viewer, body: &str) -> Result<Meter, Wrong> {
    let view = parts.engine.workspace(&viewer.actor).await?;
    let text = template::sendable(body, view.settings.smart());
    if text.is_empty() {
        return Ok(Meter::default());
    }
    let counted_text = segments::count(&text);
    let segments = i64::try_from(counted_text.segments).unwrap_or(i64::MAX);
    let credits = parts.engine.balances(&viewer.actor).await?.credits;
    let price = match (credits.min(segments), segments - credits.min(segments)) {
        (credits, 0) => counted(credits, "credit", "credits"),
        (0, paid) => money(view.workspace.rate.checked_times(paid).unwrap_or(view.workspace.rate)),
        (credits, paid) => {
            let paid = money(view.workspace.rate.checked_times(paid).unwrap_or(view.workspace.rate));
            format!("{} and {paid}", counted(credits, "credit", "credits"))
        }
    };
    let letters = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let encoding = if counted_text.encoding == Encoding::Ucs2 { "UCS-2" } else { "GSM" };
    let mut culprits: Vec<char> = counted_text.culprits.iter().map(|culprit| culprit.character).collect();
    culprits.dedup();
    culprits.truncate(5);
    let culprits = culprits.iter().map(|character| format!("“{character}”")).collect::<Vec<_>>().join(" ");
    let text = format!(
        "{} {} · {encoding} · {} · {price}",
        grouped(letters),
        if letters == 1 { "character" } else { "characters" },
        counted(segments, "segment", "segments"),
    );
    Ok(Meter { text, culprits, too_long: counted_text.segments > MAX_SEGMENTS_PER_MESSAGE })
}

/// Sends; and stops the workflow or leaves out its next message, as was chosen.
pub(super) async fn send(
    State(parts): State<Parts>,
    viewer: Viewer,
    asker: Asker,
    Id(contact): Id<ContactId>,
    Form(written): Form<Written>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Send)?;
    let key = IdempotencyKey::parse(&written.key).ok();
    let (engine, actor) = (&parts.engine, viewer.actor.clone().with_key(key));
    let sent = match written.then.as_str() {
        "stop" => engine.send_and_stop(&actor, contact, &written.body).await.map(|done| {
            if done.ended {
                format!("Sent; the workflow has stopped and {} came back", amounts(done.refunded))
            } else {
                "Sent".to_owned()
            }
        }),
        "skip" => engine.send_and_skip(&actor, contact, &written.body, written.step.unwrap_or(0)).await.map(|done| {
            done.skipped.map_or_else(
                || "Sent; no workflow runs any more".to_owned(),
                |one| format!("Sent; message {} is left out and {} came back", one.step, amounts(one.refunded)),
            )
        }),
        _ => engine.send_message(&actor, contact, &written.body).await.map(|_| String::new()),
    };
    let progress = engine.progress(&viewer.actor, contact).await?;
    let mut composer = read(&parts, &viewer, contact, progress.as_ref()).await?;
    let text = match sent {
        Ok(text) => text,
        Err(SendError::Forbidden(error)) => return Err(error.into()),
        Err(SendError::Failure(error)) => return Err(error.into()),
        Err(error) => {
            let (_, sentence, _) = Problem::from(error).told_to_people();
            composer.wrong = crate::web::format::capital(&sentence);
            composer.meter = meter(&parts, &viewer, &written.body).await?;
            composer.body = written.body;
            return Ok(match asker {
                Asker::Browser => Done::to(format!("/messenger/{contact}")).failing(composer.wrong).into_response(),
                Asker::Script { .. } => refused(&ComposerPart { composer }),
            });
        }
    };
    let done = Done::here().event("sent");
    let done = if text.is_empty() { done } else { done.saying(text) };
    Ok(done.with(&ComposerPart { composer }))
}
