//! `/settings/activity`: who did what, newest first, by matter and by person, and until when that is sealed.

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::ids::{ContactId, EventId, WorkspaceId};
use engine::seals;
use serde::Deserialize;
use store::events::{self, Event};
use store::{DbError, Read, contacts};

use super::{Side, frame};
use crate::web::answer::html;
use crate::web::format::{self, Moment};
use crate::web::frame::Frame;
use crate::web::story::Names;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/activity";
/// Rows of a page.
const ROWS: usize = 50;
/// Events that are looked through for one page: with a filter that fits little, the page says how far it looked.
const LOOKED_THROUGH: usize = 2_000;
/// Events that are read at a time.
const AT_A_TIME: i64 = 500;

/// Matters, their names, and what the kinds of their events begin with.
const MATTERS: [(&str, &str, &[&str]); 5] = [
    ("people", "People and keys", &["user.", "key."]),
    ("workflows", "Workflows", &["workflow.", "workflows.", "enrollment."]),
    ("contacts", "Contacts", &["contact.", "contacts.", "label.", "note.", "conversation.", "field."]),
    ("messages", "Messages", &["message."]),
    (
        "settings",
        "Settings and money",
        &["workspace.", "quick_reply.", "quick_replies.", "number.", "plan.", "ledger.", "view.", "webhook."],
    ),
];

pub(super) fn routes() -> Router<Parts> {
    Router::new().route(HERE, get(show))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    matter: String,
    who: String,
    before: Option<EventId>,
}

struct Row {
    at: Moment,
    /// The whole sentence.
    text: String,
    /// Whom it is about, if the contact is still there.
    contact: Option<(ContactId, String)>,
}

#[derive(Template)]
#[template(path = "settings/activity.html")]
struct ActivityPage<'v> {
    frame: Frame<'v>,
    side: Side,
    rows: Vec<Row>,
    /// Where the next page begins.
    next: Option<EventId>,
    matters: Vec<(&'static str, &'static str)>,
    people: Vec<(String, String)>,
    matter: String,
    who: String,
    sealed: Option<Sealed>,
}

/// Until when an edit would show, and by what.
struct Sealed {
    until: Moment,
    number: String,
    short: String,
    hash: String,
}

fn fits(event: &Event, asked: &Asked) -> bool {
    let matter = MATTERS.iter().find(|(word, ..)| *word == asked.matter);
    let about = matter.is_none_or(|(.., begins)| begins.iter().any(|begin| event.kind.starts_with(begin)));
    // Of the operator's people each has a name of their own.
    let by = || event.actor == asked.who || (asked.who == "operator" && event.actor.starts_with("operator "));
    about && (asked.who.is_empty() || by())
}

/// One page of what fits, and where the next begins, if there may be more.
fn look(read: &Read<'_>, workspace: WorkspaceId, asked: &Asked) -> Result<(Vec<Event>, Option<EventId>), DbError> {
    let (mut rows, mut before) = (Vec::new(), asked.before.unwrap_or(EventId(i64::MAX)));
    let mut looked = 0;
    while looked < LOOKED_THROUGH {
        let some = events::backwards(read, workspace, before, AT_A_TIME)?;
        let last = some.len() < usize::try_from(AT_A_TIME).unwrap_or(usize::MAX);
        looked += some.len();
        for event in some {
            before = event.id;
            if fits(&event, asked) {
                rows.push(event);
                if rows.len() == ROWS {
                    return Ok((rows, Some(before)));
                }
            }
        }
        if last {
            return Ok((rows, None));
        }
    }
    Ok((rows, Some(before)))
}

/// Names, with those of the contacts that these events are about, and which of them were deleted.
async fn names(parts: &Parts, viewer: &Viewer, events: &[Event]) -> Result<(Names, BTreeSet<ContactId>), Wrong> {
    let workspace = viewer.actor.workspace();
    let ids: BTreeSet<ContactId> = events.iter().filter_map(|event| event.contact).collect();
    let known = parts.engine.read::<_, DbError, _>(move |read| {
        let found = ids.iter().map(|id| contacts::find(read, workspace, *id));
        found.collect::<Result<Vec<_>, _>>()
    });
    let known: Vec<_> = known.await?.into_iter().flatten().collect();
    let gone = known.iter().filter(|contact| contact.deleted_at.is_some()).map(|contact| contact.id).collect();
    let contacts = known.into_iter().map(|contact| (contact.id, contact.name)).collect();
    Ok((Names { contacts, ..Names::load(parts, &viewer.actor).await? }, gone))
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    let workspace = viewer.actor.workspace();
    let users = parts.engine.users(&viewer.actor).await?;
    let people: Vec<_> = users.into_iter().map(|user| (user.id.to_string(), user.name)).collect();
    let (matter, who) = (asked.matter.clone(), asked.who.clone());
    let looked = parts.engine.read::<_, DbError, _>(move |read| look(read, workspace, &asked)).await?;
    let (names, gone) = names(&parts, &viewer, &looked.0).await?;
    let rows = looked.0.iter().map(|event| Row {
        at: format::moment(event.at, viewer.now, &viewer.zone),
        text: names.tell_all(event).text,
        contact: event
            .contact
            .filter(|id| !gone.contains(id))
            .and_then(|id| Some((id, names.contacts.get(&id)?.clone()))),
    });
    let sealed = parts.engine.read::<_, DbError, _>(move |read| seals::sealed_until(read, workspace)).await?;
    let sealed = sealed.map(|last| Sealed {
        until: format::moment(last.until, viewer.now, &viewer.zone),
        number: format::count(last.number),
        short: last.hash.short(),
        hash: last.hash.to_string(),
    });
    let (frame, side) = frame(&viewer, HERE);
    let matters = MATTERS.iter().map(|(word, name, _)| (*word, *name)).collect();
    let rows = rows.collect();
    Ok(html(&ActivityPage { frame, side, rows, next: looked.1, matters, people, matter, who, sealed }))
}
