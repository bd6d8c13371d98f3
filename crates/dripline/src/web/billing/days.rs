//! `/billing/days/{date}`: one day of the statement, opened to each contact, message and payment.

use askama::Template;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::access::Permission;
use domain::ledger::Reason;
use engine::statement::DayLines;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use store::ledger::statement::{Line, Subject};

use super::{both, signed};
use crate::web::answer::html;
use crate::web::csv::Csv;
use crate::web::format;
use crate::web::frame::{Frame, Section};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Lines on one page.
const LINES: i64 = 100;
/// Lines that one question of the file asks for.
const CHUNK: i64 = 500;
/// How many questions one file may ask.
const CHUNKS: usize = 400;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/billing/days/{date}", get(show)).route("/billing/days/{date}/lines.csv", get(file))
}

/// A line as it is written.
struct Row {
    what: String,
    /// What happened is about: a contact, or nothing.
    name: String,
    phone: String,
    about: String,
    /// The page that it opens to.
    address: Option<String>,
    at: String,
    charged: String,
    back: String,
    paid: String,
}

#[derive(Template)]
#[template(path = "billing/day.html")]
struct DayPage<'v> {
    frame: Frame<'v>,
    date: Date,
    name: String,
    added: Option<String>,
    charged: String,
    back: String,
    paid: String,
    /// The price of the plan's period, where one began.
    plan: Option<String>,
    rows: Vec<Row>,
    next: Option<i64>,
    may_export: bool,
    /// The zone whose day this is, where it is not the viewer's.
    elsewhere: &'static str,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    before: Option<i64>,
}

fn read(date: &str) -> Result<Date, Wrong> {
    date.parse().map_err(|_| Wrong::not_found("this day"))
}

async fn show(
    State(parts): State<Parts>,
    viewer: Viewer,
    Path(date): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Response, Wrong> {
    let date = read(&date)?;
    let opened = parts.engine.statement_day(&viewer.actor, date, asked.before, LINES).await?;
    let day = opened.day;
    let added = day.filter(|day| day.added > 0).map(|day| {
        let added = format::counted(day.added, "contact added", "contacts added");
        format!("{added}, {}", format::counted(day.added_segments, "segment", "segments"))
    });
    Ok(html(&DayPage {
        date,
        name: format::long_day(date),
        added,
        charged: day.map(|day| both(day.charged.plus(day.manual_charged))).unwrap_or_default(),
        back: day.map(|day| both(day.refunded)).unwrap_or_default(),
        paid: day.map(|day| signed("+", day.paid_in.plus(day.granted).plus(day.dispute_returned))).unwrap_or_default(),
        plan: day.filter(|day| !day.fees.is_zero()).map(|day| both(day.fees)),
        elsewhere: if viewer.zone.name() == viewer.home.name() { "" } else { viewer.home.name() },
        rows: opened.lines.iter().map(|line| row(line, &opened, &viewer)).collect(),
        next: opened.next,
        may_export: viewer.may("export"),
        frame: Frame::new(format!("Billing, {}", date.strftime("%b %-d")), Section::Billing, &viewer),
    }))
}

/// The time on the viewer's clock; with the date, where their day is another than the workspace's.
fn clock(at: Timestamp, viewer: &Viewer) -> String {
    let here = viewer.zone.local(at);
    let same = here.date() == viewer.home.local(at).date();
    here.strftime(if same { "%-I:%M %P" } else { "%b %-d, %-I:%M %P" }).to_string()
}

fn row(line: &Line, opened: &DayLines, viewer: &Viewer) -> Row {
    let paid = [signed("+", line.paid_in), signed("−", line.paid_out)];
    let paid: Vec<String> = paid.into_iter().filter(|one| !one.is_empty()).collect();
    let paid = paid.join(", ");
    let plain = Row {
        what: payment(line, opened),
        name: String::new(),
        phone: String::new(),
        about: String::new(),
        address: None,
        at: clock(line.at, viewer),
        charged: signed("−", line.charged),
        back: signed("+", line.back),
        paid,
    };
    match &line.subject {
        Subject::Enrollment { id, contact, name, .. } => Row {
            what: "Workflow".to_owned(),
            name: contact.name.clone(),
            phone: format::phone(&contact.phone),
            about: name.clone(),
            address: Some(format!("/billing/charges/{id}")),
            ..plain
        },
        Subject::Message { contact, state, .. } => Row {
            what: "Message by hand".to_owned(),
            name: contact.name.clone(),
            phone: format::phone(&contact.phone),
            about: state.map(|state| state.word().replace('_', " ")).unwrap_or_default(),
            address: Some(format!("/messenger/{}", contact.id)),
            ..plain
        },
        Subject::Period { number: 0, .. } => Row { what: "Plan".to_owned(), about: "trial".to_owned(), ..plain },
        Subject::Period { number, .. } => Row { what: "Plan".to_owned(), about: format!("month {number}"), ..plain },
        Subject::Payment(_) => plain,
    }
}

/// What became of a payment on that day: `Top-up; Disputed payment`.
fn payment(line: &Line, opened: &DayLines) -> String {
    let has_credits = line.paid_in.credits > 0 || line.paid_out.credits > 0;
    let word = |reason: &Reason| {
        Some(match reason {
            Reason::TopUp if has_credits => "Credits granted",
            Reason::TopUp => "Top-up",
            Reason::Withdrawal if has_credits => "Credits taken back",
            Reason::Withdrawal => "Paid out",
            Reason::Repayment => "Given back to the card",
            Reason::Dispute => "Disputed payment",
            Reason::DisputeWon => "Disputed payment returned",
            _ => return None,
        })
    };
    let words: Vec<&str> = opened.reasons.get(&line.id).into_iter().flatten().filter_map(word).collect();
    if words.is_empty() { "Payment".to_owned() } else { words.join("; ") }
}

async fn file(State(parts): State<Parts>, viewer: Viewer, Path(date): Path<String>) -> Result<Response, Wrong> {
    viewer.actor.need(Permission::Export)?;
    let date = read(&date)?;
    let mut file = Csv::new(&[
        "time",
        "what",
        "contact",
        "phone",
        "about",
        "credits charged",
        "charged USD",
        "credits back",
        "back USD",
        "credits in",
        "paid in USD",
        "credits out",
        "paid out USD",
    ]);
    let mut before = None;
    for _ in 0..CHUNKS {
        let opened = parts.engine.statement_day(&viewer.actor, date, before, CHUNK).await?;
        for line in &opened.lines {
            let row = row(line, &opened, &viewer);
            let mut cells = vec![line.at.to_string(), row.what, row.name, row.phone, row.about];
            for amounts in [line.charged, line.back, line.paid_in, line.paid_out] {
                super::pair(&mut cells, amounts);
            }
            file.row(&cells);
        }
        before = opened.next;
        if before.is_none() {
            break;
        }
    }
    Ok(file.download(&format!("statement-{date}.csv")))
}
