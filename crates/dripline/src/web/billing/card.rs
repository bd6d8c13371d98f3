//! `/billing/card`: the card that is kept, and exactly what it is charged for without a person.

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::money::Micros;
use engine::cards::{CardError, CardUse, MOST_DECLINES, Recharge};
use engine::payments::{AHEAD, SMALLEST};
use serde::Deserialize;
use store::cards::Card;

use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format;
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/billing/card";
/// What the form holds as long as nobody has said anything.
const FIRST: Recharge = Recharge { below: Micros(10_000_000), amount: Micros(25_000_000), most: Micros(100_000_000) };

pub(super) fn routes() -> Router<Parts> {
    Router::new().route(HERE, get(show).post(save)).route("/billing/card/remove", post(remove))
}

/// The card as it is written.
pub(super) struct Kept {
    /// Such as `Visa •••• 4242, until 04/2030`.
    pub(super) name: String,
    /// What it does without a person, in sentences.
    pub(super) does: Vec<String>,
    /// Why it does nothing any more.
    pub(super) stopped: Option<String>,
}

pub(super) async fn kept(parts: &Parts, viewer: &Viewer) -> Result<Option<Kept>, Wrong> {
    Ok(parts.engine.card(&viewer.actor).await?.map(|card| Kept::of(&card, viewer)))
}

impl Kept {
    fn of(card: &Card, viewer: &Viewer) -> Self {
        Self { name: name(card), does: does(card), stopped: stopped(card, viewer) }
    }
}

fn name(card: &Card) -> String {
    let (year, month) = card.expires;
    format!("{} •••• {}, until {month:02}/{year}", format::capital(&card.brand), card.last_four)
}

fn does(card: &Card) -> Vec<String> {
    let mut does = Vec::new();
    if let Some(Recharge { below, amount, most }) = Recharge::of(card) {
        let (below, amount, most) = (format::money(below), format::money(amount), format::money(most));
        does.push(format!(
            "When the wallet falls below {below}, the card is charged {amount} within a minute, and at most {most} in 24 hours."
        ));
    }
    if card.pays_plan {
        let (ahead, least) = (AHEAD.as_mins(), format::money(SMALLEST));
        does.push(format!(
            "Within {ahead} minutes before a month of the plan begins, the card is charged what the wallet lacks for its price, at least {least}."
        ));
    }
    if does.is_empty() {
        does.push("It is charged for nothing without you.".to_owned());
    }
    does
}

fn stopped(card: &Card, viewer: &Viewer) -> Option<String> {
    let at = format::moment(card.stopped_at?, viewer.now, &viewer.zone).short;
    let why = if card.declines >= MOST_DECLINES {
        format!("it was declined {} times in a row", card.declines)
    } else {
        "a payment was disputed".to_owned()
    };
    Some(format!(
        "Since {at} the card is charged no more: {why}. Save the settings to have it charged again, or pay once with another card and keep that."
    ))
}

/// The form, as it is stored or was typed.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wish {
    recharge: Option<String>,
    below: String,
    amount: String,
    most: String,
    pays_plan: Option<String>,
}

impl Wish {
    fn stored(card: Option<&Card>) -> Self {
        let set = card.and_then(Recharge::of);
        let Recharge { below, amount, most } = set.unwrap_or(FIRST);
        let plain = |amount: Micros| amount.to_string().replace('$', "");
        let ticked = |is: bool| is.then(|| "yes".to_owned());
        Self {
            recharge: ticked(set.is_some()),
            below: plain(below),
            amount: plain(amount),
            most: plain(most),
            pays_plan: ticked(card.is_some_and(|card| card.pays_plan)),
        }
    }

    fn read(&self) -> Result<CardUse, Fault> {
        let amount = |field: &'static str, text: &str| text.parse::<Micros>().map_err(|error| Fault::at(field, &error));
        let recharge = match self.recharge {
            None => None,
            Some(_) => Some(Recharge {
                below: amount("below", &self.below)?,
                amount: amount("amount", &self.amount)?,
                most: amount("most", &self.most)?,
            }),
        };
        Ok(CardUse { recharge, pays_plan: self.pays_plan.is_some() })
    }
}

#[derive(Template)]
#[template(path = "billing/card.html")]
struct CardPage<'v> {
    frame: Frame<'v>,
    kept: Option<Kept>,
    typed: Wish,
    fault: Fault,
    may_pay: bool,
    /// Whether cards are taken here.
    taken: bool,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    (typed, fault): (Option<Wish>, Fault),
) -> Result<CardPage<'v>, Wrong> {
    let card = parts.engine.card(&viewer.actor).await?;
    Ok(CardPage {
        typed: typed.unwrap_or_else(|| Wish::stored(card.as_ref())),
        kept: card.as_ref().map(|card| Kept::of(card, viewer)),
        fault,
        may_pay: viewer.may("billing:write"),
        taken: parts.engine.takes_cards(),
        frame: Frame::new("Card", Section::Billing, viewer),
    })
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, (None, Fault::default())).await?))
}

async fn save(State(parts): State<Parts>, viewer: Viewer, Form(wish): Form<Wish>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::BillingWrite)?;
    let saved = match wish.read() {
        Ok(using) => parts.engine.use_card(&viewer.actor, using).await,
        Err(fault) => return Ok(refused(&page(&parts, &viewer, (Some(wish), fault)).await?)),
    };
    let fault = match saved {
        Ok(card) => return Ok(Done::to(HERE).saying(does(&card).join(" ")).into_response()),
        Err(error @ CardError::Below { .. }) => Fault::at("below", &error),
        Err(error @ CardError::Amount { .. }) => Fault::at("amount", &error),
        Err(error @ CardError::Most { .. }) => Fault::at("most", &error),
        Err(error) => return Err(error.into()),
    };
    Ok(refused(&page(&parts, &viewer, (Some(wish), fault)).await?))
}

async fn remove(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    parts.engine.remove_card(&viewer.actor).await?;
    Ok(Done::to("/billing").saying("The card is kept no longer").into_response())
}
