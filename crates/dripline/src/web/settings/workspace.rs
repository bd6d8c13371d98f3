//! `/settings/workspace`: name, zone, send window, texts of its own, what ends a workflow, and all data as a file.

use askama::Template;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use domain::window::Hours;
use engine::workspaces::{SettingsChange, WorkspaceError};
use engine::{Settings, Switch};
use futures_util::stream;
use jiff::civil::Weekday;
use serde::Deserialize;

use super::{Side, frame};
use crate::export::{self, Archive, ExportError};
use crate::web::answer::{Done, html, refused};
use crate::web::fault::Fault;
use crate::web::form::Form;
use crate::web::frame::Frame;
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::web::zones::{self, ZoneGroup};
use crate::wiring::Parts;

const HERE: &str = "/settings/workspace";

const WEEKDAYS: [(Weekday, &str); 7] = [
    (Weekday::Monday, "Mon"),
    (Weekday::Tuesday, "Tue"),
    (Weekday::Wednesday, "Wed"),
    (Weekday::Thursday, "Thu"),
    (Weekday::Friday, "Fri"),
    (Weekday::Saturday, "Sat"),
    (Weekday::Sunday, "Sun"),
];

pub(super) fn routes() -> Router<Parts> {
    Router::new().route(HERE, get(show).post(change)).route("/settings/workspace/export", post(export))
}

/// The form as it is shown and sent. A box that is not ticked is not sent.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Typed {
    name: String,
    zone: String,
    start: String,
    end: String,
    day: Vec<String>,
    smart_encoding: Option<String>,
    stop_person: Option<String>,
    automatic_answers_stop: Option<String>,
    require_consent: Option<String>,
    help_text: String,
    opt_out_text: String,
    opt_in_text: String,
}

#[derive(Template)]
#[template(path = "settings/workspace.html")]
struct WorkspacePage<'v> {
    frame: Frame<'v>,
    side: Side,
    may_write: bool,
    may_export: bool,
    typed: Typed,
    weekdays: [&'static str; 7],
    zones: Vec<ZoneGroup>,
    fault: Fault,
}

impl Typed {
    fn of(name: &str, zone: &str, settings: &Settings) -> Self {
        let days: Vec<Weekday> = settings.hours.weekdays().collect();
        let day = WEEKDAYS.iter().filter(|(day, _)| days.contains(day)).map(|(_, word)| (*word).to_owned());
        let ticked = |switch| (switch == Switch::On).then(|| "on".to_owned());
        Self {
            name: name.to_owned(),
            zone: zone.to_owned(),
            start: clock(settings.hours.start_minute()),
            end: clock(settings.hours.end_minute()),
            day: day.collect(),
            smart_encoding: ticked(settings.smart_encoding),
            stop_person: ticked(settings.stop_person),
            automatic_answers_stop: ticked(settings.automatic_answers_stop),
            require_consent: ticked(settings.require_consent),
            help_text: settings.help_text.clone(),
            opt_out_text: settings.opt_out_text.clone(),
            opt_in_text: settings.opt_in_text.clone(),
        }
    }

    fn opens(&self, day: &str) -> bool {
        self.day.iter().any(|open| open == day)
    }

    /// What they ask for, on top of what is set: the page does not show everything.
    fn settings(&self, now: Settings) -> Result<Settings, Fault> {
        let bad = || Fault::says("start", "Give both times as hours and minutes, such as 09:00.");
        let (start, end) = (minute(&self.start).ok_or_else(bad)?, minute(&self.end).ok_or_else(bad)?);
        // A window to midnight ends with the day: the field of a browser has no 24:00.
        let end = if end == 0 { 24 * 60 } else { end };
        let open = WEEKDAYS.iter().filter(|(_, word)| self.opens(word)).map(|(day, _)| *day);
        let hours = Hours::new(start, end, &open.collect::<Vec<_>>()).map_err(|error| Fault::at("start", &error))?;
        let switch = |ticked: &Option<String>| if ticked.is_some() { Switch::On } else { Switch::Off };
        let text = |text: &str| text.replace("\r\n", "\n");
        Ok(Settings {
            hours,
            smart_encoding: switch(&self.smart_encoding),
            stop_person: switch(&self.stop_person),
            automatic_answers_stop: switch(&self.automatic_answers_stop),
            require_consent: switch(&self.require_consent),
            help_text: text(&self.help_text),
            opt_out_text: text(&self.opt_out_text),
            opt_in_text: text(&self.opt_in_text),
            ..now
        })
    }
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60 % 24, minute % 60)
}

fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.trim().split_once(':')?;
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.get(..2)?.parse().ok()?);
    (hours <= 24 && minutes < 60).then_some(hours * 60 + minutes)
}

fn page(viewer: &Viewer, typed: Typed, fault: Fault) -> WorkspacePage<'_> {
    let (frame, side) = frame(viewer, HERE);
    let (may_write, may_export) = (viewer.may("settings:write"), viewer.may("export"));
    let zones = zones::groups(&typed.zone);
    WorkspacePage { frame, side, may_write, may_export, typed, weekdays: WEEKDAYS.map(|(_, word)| word), zones, fault }
}

async fn show(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    let known = parts.engine.workspace(&viewer.actor).await?;
    let typed = Typed::of(&known.workspace.name, &known.workspace.zone, &known.settings);
    Ok(html(&page(&viewer, typed, Fault::default())))
}

async fn change(State(parts): State<Parts>, viewer: Viewer, Form(typed): Form<Typed>) -> Result<Response, Wrong> {
    viewer.actor.need(domain::access::Permission::SettingsWrite)?;
    let known = parts.engine.workspace(&viewer.actor).await?;
    let settings = match typed.settings(known.settings) {
        Ok(settings) => settings,
        Err(fault) => return Ok(refused(&page(&viewer, typed, fault))),
    };
    let change =
        SettingsChange { name: Some(typed.name.clone()), zone: Some(typed.zone.clone()), settings: Some(settings) };
    let fault = match parts.engine.change_settings(&viewer.actor, change).await {
        Ok(_) => return Ok(Done::to(HERE).saying("The settings are saved").into_response()),
        Err(error @ WorkspaceError::Name(_)) => Fault::at("name", &error),
        Err(error @ WorkspaceError::Zone(_)) => Fault::at("zone", &error),
        Err(WorkspaceError::TextEmpty { text }) => Fault::says(text, "Write what the contact gets as an answer."),
        Err(WorkspaceError::TextTooLong { text, segments }) => {
            Fault::says(text, &format!("This has {segments} segments; at most 2 are allowed."))
        }
        Err(error) => return Err(error.into()),
    };
    Ok(refused(&page(&viewer, typed, fault)))
}

/// Everything of the workspace, while it is read. A failure breaks the transfer off, which the browser says.
async fn export(State(parts): State<Parts>, viewer: Viewer) -> Result<Response, Wrong> {
    parts.engine.note_export(&viewer.actor).await?;
    let name = export::file_name(&viewer.workspace, parts.engine.now());
    let body = Body::from_stream(stream::unfold(Archive::new(&parts.engine, &viewer.actor), piece));
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(header::CONTENT_TYPE, "application/zip".to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    Ok((headers, body).into_response())
}

async fn piece(mut archive: Archive) -> Option<(Result<Bytes, ExportError>, Archive)> {
    let piece = archive.next().await.inspect_err(|error| tracing::error!(%error, "an export broke off")).transpose()?;
    Some((piece.map(Bytes::from), archive))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_a_form_are_minutes_of_the_day() {
        assert_eq!([minute("09:05"), minute("24:00"), minute("00:00")], [Some(545), Some(1440), Some(0)]);
        assert_eq!([minute("25:00"), minute("9"), minute("9:7"), minute("")], [None; 4]);
        assert_eq!([clock(545), clock(1440)], ["09:05", "00:00"]);
    }

    #[test]
    fn what_the_page_does_not_show_stays_as_it_is() {
        let now = Settings { refund_refused: Switch::On, ..Settings::default() };
        let typed = Typed::of("Ours", "America/New_York", &now);
        assert_eq!(typed.settings(now.clone()).ok(), Some(now));
    }
}
