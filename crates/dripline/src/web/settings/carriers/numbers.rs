//! The numbers that an account has at its carrier, to be taken over without typing them.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use domain::ids::CarrierId;
use engine::carriers::Held;
use engine::numbers::{NewNumber, NumberError};

use super::super::{Side, frame};
use super::{HERE, account};
use crate::web::answer::{Done, html};
use crate::web::form::Form;
use crate::web::format;
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// What a number that is taken over may send in a minute, in segments, until somebody sets another pace.
const PER_MINUTE: i64 = 60;

#[derive(Template)]
#[template(path = "settings/carriers/numbers.html")]
struct HeldPage<'v> {
    frame: Frame<'v>,
    side: Side,
    id: CarrierId,
    name: String,
    /// E.164, and as people write it.
    phones: Vec<(String, String)>,
}

/// Asks the carrier. By a press, since the answer may take its time.
pub(super) async fn list(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    let account = account(&parts, &viewer, id).await?;
    let (kind, name) = (account.kind.name(), account.name);
    Ok(match parts.engine.carrier_numbers(&viewer.actor, id).await? {
        Held::Numbers(held) => {
            let phones = held.into_iter().map(|phone| (phone.clone(), format::phone(&phone))).collect();
            let (frame, side) = frame(&viewer, HERE);
            html(&HeldPage { frame, side, id, name, phones })
        }
        Held::Unavailable { reason } => {
            Done::to(HERE).failing(format!("{kind} could not be asked for the numbers: {reason}")).into_response()
        }
        Held::Unsupported => Done::to(HERE)
            .failing(format!("{kind} has no list of numbers that these credentials open: add them under Numbers"))
            .into_response(),
    })
}

/// Adds those that were chosen.
pub(super) async fn add(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<CarrierId>,
    Form(chosen): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    account(&parts, &viewer, id).await?;
    let (mut added, mut refused) = (0, Vec::new());
    for (_, phone) in chosen.into_iter().filter(|(key, _)| key == "phone") {
        let new = NewNumber { phone: phone.clone(), carrier: id.to_string(), per_minute: PER_MINUTE, per_day: 0 };
        match parts.engine.add_number(&viewer.actor, new).await {
            Ok(_) => added += 1,
            Err(error @ (NumberError::PhoneTaken | NumberError::Phone(_))) => {
                refused.push(format!("{}: {error}", format::phone(&phone)));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let said = format!("{} added", format::counted(added, "number is", "numbers are"));
    Ok(if refused.is_empty() {
        Done::to("/numbers").saying(said)
    } else {
        Done::to("/numbers").failing(format!("{said}. Not added: {}", refused.join("; ")))
    }
    .into_response())
}
