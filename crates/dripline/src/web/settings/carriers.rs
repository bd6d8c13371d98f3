//! `/settings/carriers`: accounts at carriers. What is typed as a secret is sealed and not shown again.

mod numbers;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::access::Permission;
use domain::ids::CarrierId;
use engine::carriers::{CarrierAccount, CarrierError, Checked, Field, Kind, Link, Shape};

use super::{Side, frame};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::Frame;
use crate::web::path::Id;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

const HERE: &str = "/settings/carriers";
/// The field of the form that is no setting of the carrier.
const NAME: &str = "name";

pub(super) fn routes() -> Router<Parts> {
    Router::new()
        .route(HERE, get(show))
        .route("/settings/carriers/new/{kind}", get(new).post(create))
        .route("/settings/carriers/{id}", get(edit).post(change))
        .route("/settings/carriers/{id}/check", post(check))
        .route("/settings/carriers/{id}/numbers", post(numbers::list))
        .route("/settings/carriers/{id}/numbers/add", post(numbers::add))
        .route("/settings/carriers/{id}/address", post(renew))
        .route("/settings/carriers/{id}/address/forget", post(forget))
        .route("/settings/carriers/{id}/remove", post(remove))
}

/// An account in the list.
struct Account {
    id: CarrierId,
    name: String,
    kind: &'static str,
    numbers: i64,
    callbacks: String,
    /// The address before, as long as it is taken too.
    before: Option<Before>,
    lines: String,
    calls_us: bool,
    linked: Option<Moment>,
    /// Why there is no link, if there should be one.
    down: String,
    heard: Option<Moment>,
    refused: u64,
    trouble: String,
}

/// An address that was renewed.
struct Before {
    address: String,
    called: Option<Moment>,
}

#[derive(Template)]
#[template(path = "settings/carriers.html")]
struct CarriersPage<'v> {
    frame: Frame<'v>,
    side: Side,
    accounts: Vec<Account>,
    kinds: [Kind; 7],
    /// Whether accounts can be kept.
    keeps: bool,
    /// Whether carriers can reach the address that they are given, as far as it shows.
    reachable: bool,
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let accounts = parts.engine.carrier_accounts(&viewer.actor).await?;
    let (frame, side) = frame(&viewer, HERE);
    let url = parts.engine.public_url();
    let (keeps, reachable) = (url.is_some(), url.is_none_or(|url| url.starts_with("https://")));
    let accounts = accounts.into_iter().map(|account| listed(account, &viewer)).collect();
    Ok(html(&CarriersPage { frame, side, accounts, kinds: Kind::ALL, keeps, reachable }))
}

fn listed(account: CarrierAccount, viewer: &Viewer) -> Account {
    let moment = |at| format::moment(at, viewer.now, &viewer.zone);
    let callbacks = account.to_set();
    let (linked, down) = match account.link {
        Some(Link::Linked { since }) => (Some(moment(since)), String::new()),
        Some(Link::Down { why, .. }) => (None, why),
        Some(Link::Apart) | None => (None, String::new()),
    };
    Account {
        callbacks,
        calls_us: account.kind.calls_us(),
        linked,
        down,
        id: account.id,
        name: account.name,
        kind: account.kind.name(),
        numbers: account.numbers,
        before: account.before.map(|(address, called)| Before { address, called: called.map(moment) }),
        lines: account.lines.unwrap_or_default(),
        heard: account.heard_at.map(moment),
        refused: account.refused,
        trouble: account.trouble.unwrap_or_default(),
    }
}

/// A field in the form.
struct Typed {
    field: &'static Field,
    value: String,
}

impl Typed {
    /// The words of which one is chosen; none where anything is typed.
    fn choices(&self) -> &'static [&'static str] {
        if let Shape::Choice(words) = self.field.shape { words } else { &[] }
    }
}

#[derive(Template)]
#[template(path = "settings/carriers/account.html")]
struct AccountPage<'v> {
    frame: Frame<'v>,
    side: Side,
    kind: Kind,
    /// The account that is changed; nothing where one is added.
    id: Option<CarrierId>,
    name: String,
    fields: Vec<Typed>,
    fault: Fault,
}

/// The form with what was typed or is known; a secret is never among it.
fn page<'v>(
    viewer: &'v Viewer,
    kind: Kind,
    id: Option<CarrierId>,
    values: &[(String, String)],
    fault: Fault,
) -> AccountPage<'v> {
    let (frame, side) = frame(viewer, HERE);
    let value =
        |key: &str| values.iter().find(|(known, _)| known == key).map_or(String::new(), |(_, value)| value.clone());
    let typed = |field: &'static Field| {
        let value = if field.secret { String::new() } else { value(field.key) };
        Typed { field, value }
    };
    AccountPage { frame, side, kind, id, name: value(NAME), fields: kind.fields().iter().map(typed).collect(), fault }
}

async fn new(viewer: Viewer, Path(kind): Path<String>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::SettingsWrite)?;
    let kind = known(&kind)?;
    let name = [(NAME.to_owned(), kind.name().to_owned())];
    Ok(html(&page(&viewer, kind, None, &name, Fault::default())))
}

fn known(kind: &str) -> Result<Kind, Wrong> {
    Kind::from_word(kind).ok_or_else(|| Wrong::not_found("the carrier"))
}

async fn create(
    State(parts): State<Parts>,
    viewer: Viewer,
    Path(kind): Path<String>,
    Form(values): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::SettingsWrite)?;
    let kind = known(&kind)?;
    let (name, typed) = split(values.clone());
    match parts.engine.add_carrier(&viewer.actor, kind.word(), &name, typed).await {
        Ok(account) => {
            let says = if kind.calls_us() {
                format!("“{}” is added. Give {} the address below, then check it.", account.name, kind.name())
            } else {
                format!("“{}” is added. Its link is made now; check it.", account.name)
            };
            Ok(Done::to(HERE).saying(says).into_response())
        }
        Err(error) => Ok(refused(&page(&viewer, kind, None, &values, fault(kind, error)?))),
    }
}

/// The name, and the settings of the carrier.
fn split(mut values: Vec<(String, String)>) -> (String, Vec<(String, String)>) {
    let name = values.iter().position(|(key, _)| key == NAME).map(|place| values.remove(place).1);
    (name.unwrap_or_default(), values)
}

/// The field that an error is about, if it is about one.
fn fault(kind: Kind, error: CarrierError) -> Result<Fault, Wrong> {
    let CarrierError::Settings(settings) = &error else {
        return match &error {
            CarrierError::Name(_) | CarrierError::TooMany | CarrierError::NoMasterKey => Ok(Fault::at(NAME, &error)),
            _ => Err(error.into()),
        };
    };
    let field = settings.field().and_then(|name| kind.fields().iter().find(|field| field.name == name));
    Ok(Fault::at(field.map_or(NAME, |field| field.key), &error))
}

/// The account of this workspace.
async fn account(parts: &Parts, viewer: &Viewer, id: CarrierId) -> Result<CarrierAccount, Wrong> {
    let all = parts.engine.carrier_accounts(&viewer.actor).await?;
    all.into_iter().find(|account| account.id == id).ok_or_else(|| Wrong::not_found("the account"))
}

async fn edit(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    let mut account = account(&parts, &viewer, id).await?;
    account.shown.push((NAME.to_owned(), account.name));
    Ok(html(&page(&viewer, account.kind, Some(id), &account.shown, Fault::default())))
}

async fn change(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<CarrierId>,
    Form(values): Form<Vec<(String, String)>>,
) -> Result<Response, Wrong> {
    let kind = account(&parts, &viewer, id).await?.kind;
    let (name, typed) = split(values.clone());
    match parts.engine.change_carrier(&viewer.actor, id, &name, typed).await {
        Ok(()) => Ok(Done::to(HERE).saying(format!("“{}” is changed", name.trim())).into_response()),
        Err(error) => Ok(refused(&page(&viewer, kind, Some(id), &values, fault(kind, error)?))),
    }
}

async fn check(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    let name = account(&parts, &viewer, id).await?.kind.name();
    Ok(match parts.engine.check_carrier(&viewer.actor, id).await? {
        Checked::Works => Done::to(HERE).saying(format!("{name} knows the account and takes its credentials")),
        Checked::Refused { reason } => Done::to(HERE)
            .failing(format!("{name} does not take these credentials: {reason}. Change them and check again.")),
        Checked::Unavailable { reason } => Done::to(HERE).failing(format!("{name} could not be asked: {reason}")),
        Checked::Unsupported => Done::to(HERE)
            .saying(format!("{name} has nothing that could be asked without sending: send a text to yourself")),
    }
    .into_response())
}

async fn renew(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    let account = account(&parts, &viewer, id).await?;
    let done = match parts.engine.renew_address(&viewer.actor, id).await {
        Ok(()) => Done::to(HERE).saying(format!(
            "“{}” has a new address: set it at {}. Until you forget the old one, calls to both are taken.",
            account.name,
            account.kind.name()
        )),
        Err(error @ (CarrierError::TwoAddresses | CarrierError::NoAddress)) => {
            Done::to(HERE).failing(format::sentence(&error.to_string()))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(done.into_response())
}

async fn forget(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    let name = account(&parts, &viewer, id).await?.name;
    parts.engine.forget_address(&viewer.actor, id).await?;
    let said = format!("The old address of “{name}” is forgotten: calls to it are refused");
    Ok(Done::to(HERE).saying(said).into_response())
}

async fn remove(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<CarrierId>) -> Result<Response, Wrong> {
    match parts.engine.remove_carrier(&viewer.actor, id).await {
        Ok(()) => Ok(Done::to(HERE).saying("The account is removed and its credentials are forgotten").into_response()),
        Err(error @ CarrierError::InUse { .. }) => Ok(Done::to(HERE).failing(format!("{error}")).into_response()),
        Err(error) => Err(error.into()),
    }
}
