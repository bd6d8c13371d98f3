//! `/simulator/phones`: the list of phones, beside the one in the hand.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::ids::ContactId;
use jiff::Timestamp;
use serde::Deserialize;
use store::{DbError, conversations};

use crate::web::answer::html;
use crate::web::format::{self, Moment};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Most phones in the list.
const MOST: u32 = 40;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/simulator/phones", get(show))
}

/// One phone in the list.
pub(super) struct Handset {
    pub(super) contact: ContactId,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) last: String,
    pub(super) at: Option<Moment>,
    pub(super) here: bool,
}

/// The phones that a search finds.
pub(super) struct Phones {
    pub(super) list: Vec<Handset>,
    pub(super) search: String,
    pub(super) here: Option<ContactId>,
}

#[derive(Template)]
#[template(path = "simulator/phones.html")]
struct PhonesPart {
    phones: Phones,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    q: String,
    here: String,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Read)?;
    Ok(html(&PhonesPart { phones: phones(&parts, &viewer, asked.q, asked.here.parse().ok()).await? }))
}

/// Contacts whose texts moved last, then those who were never texted.
pub(super) async fn phones(
    parts: &Parts,
    viewer: &Viewer,
    search: String,
    here: Option<ContactId>,
) -> Result<Phones, Wrong> {
    let (workspace, all) = (viewer.actor.workspace(), search.trim().is_empty());
    let found = parts.engine.read::<_, DbError, _>(move |read| {
        let first = (Timestamp::MAX, ContactId(i64::MAX));
        if all { conversations::page(read, workspace, first, MOST.into()) } else { Ok(Vec::new()) }
    });
    let (recent, others) = (found.await?, parts.engine.contacts(&viewer.actor, None, &search, MOST).await?.contacts);
    let mut list: Vec<Handset> = recent
        .into_iter()
        .map(|row| Handset {
            contact: row.contact,
            name: row.name,
            phone: format::phone(&row.phone),
            last: row.last_body,
            at: Some(format::moment(row.last_at, viewer.now, &viewer.zone)),
            here: here == Some(row.contact),
        })
        .collect();
    for contact in others {
        if list.len() < usize::try_from(MOST).unwrap_or(0) && list.iter().all(|one| one.contact != contact.id) {
            let (name, phone, here) =
                (contact.name, format::phone(&contact.phone.to_string()), here == Some(contact.id));
            list.push(Handset { contact: contact.id, name, phone, last: String::new(), at: None, here });
        }
    }
    Ok(Phones { list, search, here })
}
