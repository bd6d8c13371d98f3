//! What is done to several conversations at once.

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::{ContactId, LabelId, UserId};
use engine::conversations::Mark;
use engine::labels::Labelling;
use serde::Deserialize;

use crate::problem::{Code, Problem};
use crate::web::answer::Done;
use crate::web::form::Form;
use crate::web::format::counted;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Which, and what: `read`, `unread`, `assign:<user>`, `assign:`, `label:<label>`.
#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    contact: Vec<ContactId>,
    action: String,
}

pub(super) async fn act(
    State(parts): State<Parts>,
    viewer: Viewer,
    Form(asked): Form<Asked>,
) -> Result<Response, Wrong> {
    if asked.contact.is_empty() {
        return Err(Problem::new(Code::Selection, "nothing is selected: tick conversations first").into());
    }
    let number = counted(i64::try_from(asked.contact.len()).unwrap_or(0), "conversation", "conversations");
    let (engine, actor, contacts) = (&parts.engine, &viewer.actor, asked.contact);
    let text = match asked.action.split_once(':').unwrap_or((&asked.action, "")) {
        ("read", _) => engine.mark(actor, contacts, Mark::Read).await.map(|_| format!("{number} marked as read"))?,
        ("unread", _) => {
            engine.mark(actor, contacts, Mark::Unread).await.map(|_| format!("{number} marked as unread"))?
        }
        ("assign", user) => {
            let to = match user {
                "" => None,
                id => Some(id.parse::<UserId>().map_err(|_| Wrong::not_found("the user"))?),
            };
            engine.assign(actor, contacts, to).await.map(|_| format!("{number} assigned"))?
        }
        ("label", label) => {
            let label = label.parse::<LabelId>().map_err(|_| Wrong::not_found("the label"))?;
            let given = engine.label_contacts(actor, label, contacts, Labelling::Give).await;
            given.map(|_| format!("{number} labelled"))?
        }
        _ => return Err(Wrong::not_found("this action")),
    };
    Ok(Done::here().saying(text).event("live").into_response())
}
