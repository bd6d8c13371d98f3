//! `/contacts/{id}/consent`: what a contact agreed to and took back, and a form to record more; `/contacts/consents.csv`: all of it.

use askama::Template;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use domain::access::Permission;
use domain::consent::{Evidence, Kind, Standing};
use domain::ids::{ConsentId, ContactId};
use domain::suppression::Suppression;
use domain::zones::Zone;
use engine::Actor;
use engine::consents::{Consent, ConsentError, NewConsent, OptOut};
use futures_util::stream;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use serde::Deserialize;

use crate::consent_rows;
use crate::web::answer::{Done, html, refused};
use crate::web::csv::{self, Csv};
use crate::web::form::Form;
use crate::web::format::{self, Moment};
use crate::web::frame::{Frame, Section};
use crate::web::path::Id;
use crate::web::story::Names;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Most records that a page shows.
const SHOWN: i64 = 100;
/// How many records are read at a time for a file.
const CHUNK: i64 = 500;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/contacts/{id}/consent", get(show).post(record)).route("/contacts/consents.csv", get(file))
}

/// What holds, in words and in a colour.
pub(crate) struct Holds {
    /// Such as `Consent given on 2026-03-03`.
    pub(crate) text: String,
    /// The word of its colour: `success`, `warning`, `error`, or none.
    pub(crate) tone: &'static str,
}

impl Holds {
    pub(crate) fn of(standing: Standing, zone: &Zone) -> Self {
        let day = |at: Timestamp| zone.local(at).strftime("%b %-d, %Y").to_string();
        let (text, tone) = match standing {
            Standing::None => ("No consent on record".to_owned(), "ghost"),
            Standing::Valid { kind, since, until } => {
                let until = until.map(|until| format!(", until {}", day(until))).unwrap_or_default();
                (format!("{} since {}{until}", kind.label(), day(since)), "success")
            }
            Standing::Expired(at) => (format!("Consent expired on {}", day(at)), "warning"),
            Standing::Revoked(at) => (format!("Consent revoked on {}", day(at)), "error"),
        };
        Self { text, tone }
    }
}

/// A record, as it is shown.
struct Record {
    kind: &'static str,
    revoked: bool,
    source: String,
    given: Moment,
    until: Option<Moment>,
    text: String,
    words: String,
    facts: Vec<(&'static str, String)>,
    by: String,
    recorded: Moment,
}

impl Record {
    fn of(row: &Consent, names: &Names, viewer: &Viewer) -> Self {
        let moment = |at| format::moment(at, viewer.now, &viewer.zone);
        let evidence = &row.evidence;
        let facts = [
            ("Version", &evidence.version),
            ("Language", &evidence.language),
            ("Page", &evidence.url),
            ("Certificate", &evidence.certificate),
            ("Address", &evidence.ip),
            ("Browser", &evidence.user_agent),
            ("File", &evidence.file),
            ("Erased; SHA-256 of what it was", &evidence.erased),
        ];
        Self {
            kind: row.kind.label(),
            revoked: row.kind == Kind::Revoked,
            source: row.source.clone(),
            given: moment(row.given_at),
            until: row.expires_at.map(moment),
            text: row.text.clone().unwrap_or_default(),
            words: evidence.words.clone().unwrap_or_default(),
            facts: facts.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))).collect(),
            by: names.who(&row.actor),
            recorded: moment(row.recorded_at),
        }
    }
}

/// The form as it is shown and sent.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    kind: String,
    source: String,
    text: String,
    words: String,
    given: String,
    until: String,
    version: String,
    language: String,
    url: String,
    certificate: String,
    ip: String,
    user_agent: String,
    lift: Option<String>,
}

/// What is typed cannot be read.
#[derive(Debug, thiserror::Error)]
enum Unread {
    #[error("choose what the person said")]
    Kind,
    #[error("{0:?} is no date and time; write it as 2026-03-03T16:30")]
    Time(String),
    #[error("{0:?} is no date; write it as 2026-03-03")]
    Day(String),
}

impl Typed {
    fn read(&self, zone: &Zone) -> Result<(NewConsent, OptOut), Unread> {
        let kind = Kind::from_word(&self.kind).ok_or(Unread::Kind)?;
        let some = |text: &String| Some(text.clone()).filter(|text| !text.trim().is_empty());
        let given = some(&self.given).map(|text| {
            let read = text.trim().parse::<DateTime>().ok().and_then(|at| zone.clock().to_timestamp(at).ok());
            read.ok_or(Unread::Time(text))
        });
        let until = some(&self.until).map(|text| {
            // It holds on that day still.
            let after = text.trim().parse::<Date>().ok().and_then(|day| day.tomorrow().ok());
            let read = after.and_then(|day| zone.clock().to_timestamp(day.at(0, 0, 0, 0)).ok());
            read.ok_or(Unread::Day(text))
        });
        let new = NewConsent {
            kind,
            source: self.source.clone(),
            text: some(&self.text),
            given_at: given.transpose()?,
            zone: Some(zone.name().to_owned()),
            expires_at: until.transpose()?,
            evidence: Evidence {
                version: some(&self.version),
                language: some(&self.language),
                url: some(&self.url),
                certificate: some(&self.certificate),
                ip: some(&self.ip),
                user_agent: some(&self.user_agent),
                words: some(&self.words),
                ..Evidence::default()
            },
        };
        Ok((new, if self.lift.is_some() { OptOut::Lift } else { OptOut::Keep }))
    }
}

#[derive(Template)]
#[template(path = "contacts/consent.html")]
struct ConsentPage<'v> {
    frame: Frame<'v>,
    id: ContactId,
    name: String,
    phone: String,
    holds: Holds,
    records: Vec<Record>,
    kinds: Vec<(&'static str, &'static str)>,
    typed: Typed,
    wrong: String,
    zone: &'static str,
    opted_out: bool,
    may_record: bool,
    may_lift: bool,
}

async fn page<'v>(
    parts: &Parts,
    viewer: &'v Viewer,
    id: ContactId,
    (typed, wrong): (Typed, String),
) -> Result<ConsentPage<'v>, Wrong> {
    let contact = parts.engine.contact(&viewer.actor, id).await?;
    let history = parts.engine.consents(&viewer.actor, id, None, SHOWN).await?;
    let lists = parts.engine.suppressions(&viewer.actor, id).await?;
    let names = Names::load(parts, &viewer.actor).await?;
    Ok(ConsentPage {
        frame: Frame::new(format!("Consent of {}", contact.name), Section::Contacts, viewer),
        id,
        name: contact.name,
        phone: format::phone(&contact.phone),
        holds: Holds::of(history.standing, &viewer.zone),
        records: history.records.iter().map(|row| Record::of(row, &names, viewer)).collect(),
        kinds: Kind::ALL.iter().map(|kind| (kind.word(), kind.label())).collect(),
        typed,
        wrong,
        zone: viewer.zone.name(),
        opted_out: lists.contains(&Suppression::OptedOut),
        may_record: viewer.may("contacts:write"),
        may_lift: viewer.may("settings:write"),
    })
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Id(id): Id<ContactId>) -> Result<Response, Wrong> {
    Ok(html(&page(&parts, &viewer, id, (Typed::default(), String::new())).await?))
}

async fn record(
    State(parts): State<Parts>,
    viewer: Viewer,
    Id(id): Id<ContactId>,
    Form(typed): Form<Typed>,
) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::ContactsWrite)?;
    let (new, opt_out) = match typed.read(&viewer.zone) {
        Ok(read) => read,
        Err(error) => {
            return Ok(refused(&page(&parts, &viewer, id, (typed, format::sentence(&error.to_string()))).await?));
        }
    };
    match parts.engine.record_consent(&viewer.actor, id, new, opt_out).await {
        Ok(done) => {
            let said = match (done.lifted, done.lists.is_empty()) {
                _ if done.consent.kind == Kind::Revoked => {
                    "Recorded: nothing is sent any more, and what ran was refunded"
                }
                (true, true) => "Recorded: the opt-out is lifted",
                (true, false) => "Recorded: the opt-out is lifted; another list still forbids texting",
                (false, true) => "Recorded",
                (false, false) => "Recorded; a list still forbids texting",
            };
            Ok(Done::to(format!("/contacts/{id}/consent")).saying(said).into_response())
        }
        Err(error @ (ConsentError::Given(_) | ConsentError::LiftsNothing | ConsentError::BeforeOptOut(_))) => {
            Ok(refused(&page(&parts, &viewer, id, (typed, format::sentence(&error.to_string()))).await?))
        }
        Err(error) => Err(error.into()),
    }
}

/// A file on its way out.
struct Export {
    parts: Parts,
    actor: Actor,
    csv: Csv,
    /// After which record; nothing at the beginning.
    after: Option<(i64, ConsentId)>,
    over: bool,
}

async fn file(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Export)?;
    let csv = Csv::new(&consent_rows::COLUMNS);
    let export = Export { parts, actor: viewer.actor, csv, after: None, over: false };
    let body = Body::from_stream(stream::unfold(export, Export::next));
    Ok((csv::download_of("consents.csv"), body).into_response())
}

impl Export {
    /// The next piece of the file. A failure breaks the transfer off, which the browser says.
    async fn next(mut self) -> Option<(Result<Bytes, ConsentError>, Self)> {
        if self.over {
            return None;
        }
        let mark = if self.after.is_none() { "\u{feff}" } else { "" };
        match self.parts.engine.export_consents(&self.actor, self.after, CHUNK).await {
            Ok(rows) => {
                for row in &rows {
                    self.csv.row(&consent_rows::cells(row));
                }
                self.over = i64::try_from(rows.len()).unwrap_or(0) < CHUNK;
                self.after = rows.last().map(|row| (row.consent.phone_hash, row.consent.id)).or(self.after);
                let piece = format!("{mark}{}", self.csv.take());
                Some((Ok(piece.into()), self))
            }
            Err(error) => {
                tracing::error!(%error, "an export broke off");
                self.over = true;
                Some((Err(error), self))
            }
        }
    }
}
