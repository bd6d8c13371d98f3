//! `/billing/notice`: below which balance the workspace is told, and whether by e-mail.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::balance::{BELOW, Notice};
use domain::money::Micros;
use engine::low_balance::NoticeError;
use serde::Deserialize;

use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format;
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/billing/notice";

pub(super) fn routes() -> Router<Parts> {
    Router::new().route(HERE, get(show).post(save))
}

/// What holds, in a sentence.
pub(super) fn line(parts: &Parts, notice: &Notice) -> String {
    let Some(below) = notice.below else { return "A low balance is told to nobody.".to_owned() };
    let below = format::money(below);
    match (notice.mails, parts.engine.sends_mails()) {
        (true, true) => {
            format!(
                "When the wallet falls below {below}, owners and admins get an e-mail and webhooks the event balance.low."
            )
        }
        (true, false) => format!(
            "When the wallet falls below {below}, webhooks get the event balance.low. No e-mail is sent: whoever runs this installation has set up no mail server."
        ),
        (false, _) => {
            format!("When the wallet falls below {below}, webhooks get the event balance.low, and nobody an e-mail.")
        }
    }
}

/// The form, as it is stored or was typed.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wish {
    told: Option<String>,
    below: String,
    mails: Option<String>,
}

impl Wish {
    fn stored(notice: &Notice) -> Self {
        let ticked = |is: bool| is.then(|| "yes".to_owned());
        Self {
            told: ticked(notice.below.is_some()),
            below: notice.below.unwrap_or(BELOW).to_string().replace('$', ""),
            mails: ticked(notice.mails),
        }
    }

    fn read(&self) -> Result<Option<Micros>, Fault> {
        let told = self.told.as_ref().map(|_| self.below.parse::<Micros>());
        told.transpose().map_err(|error| Fault::at("below", &error))
    }
}

#[derive(Template)]
#[template(path = "billing/notice.html")]
struct NoticePage<'v> {
    frame: Frame<'v>,
    line: String,
    wallet: String,
    typed: Wish,
    fault: Fault,
    may_pay: bool,
    /// Whether e-mails are sent here.
    sends: bool,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    (typed, fault): (Option<Wish>, Fault),
) -> Result<NoticePage<'v>, Wrong> {
    let notice = parts.engine.balance_notice(&viewer.actor).await?;
    Ok(NoticePage {
        line: line(parts, &notice),
        wallet: format::money(parts.engine.balances(&viewer.actor).await?.wallet),
        typed: typed.unwrap_or_else(|| Wish::stored(&notice)),
        fault,
        may_pay: viewer.may("billing:write"),
        sends: parts.engine.sends_mails(),
        frame: Frame::new("Low-balance notice", Section::Billing, viewer),
    })
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, (None, Fault::default())).await?))
}

async fn save(State(parts): State<Parts>, viewer: Viewer, Form(wish): Form<Wish>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    let below = match wish.read() {
        Ok(below) => below,
        Err(fault) => return Ok(refused(&page(&parts, &viewer, (Some(wish), fault)).await?)),
    };
    match parts.engine.set_balance_notice(&viewer.actor, below, wish.mails.is_some()).await {
        Ok(notice) => Ok(Done::to(HERE).saying(line(&parts, &notice)).into_response()),
        Err(error @ NoticeError::Below { .. }) => {
            Ok(refused(&page(&parts, &viewer, (Some(wish), Fault::at("below", &error))).await?))
        }
        Err(error) => Err(error.into()),
    }
}
