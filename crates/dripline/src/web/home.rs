//! `/`: what needs you, what happened, what comes.

use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use domain::money::Micros;
use domain::zones::Zone;
use engine::figures::DayFigures;
use engine::needs::{BelowMark, FirstSteps, MOST_COUNTED, Needs};
use jiff::Span;
use jiff::civil::Date;
use serde::Deserialize;

use super::answer::html;
use super::chart::{self, Chart};
use super::format::{self, Icon, counted};
use super::frame::{Frame, Section};
use super::viewer::Viewer;
use super::wrong::Wrong;
use crate::wiring::Parts;

/// The spans that can be chosen, in days.
const SPANS: [i64; 2] = [30, 90];
/// How many days are looked ahead.
const AHEAD: i64 = 7;

pub(super) fn routes() -> Router<Parts> {
    Router::new().route("/", get(show))
}

/// Something that needs a person.
struct Need {
    icon: Icon,
    text: String,
    address: &'static str,
    action: &'static str,
}

/// A thing that a new workspace does once.
struct Step {
    done: bool,
    title: &'static str,
    text: &'static str,
    address: &'static str,
    action: &'static str,
    /// Whether it is the one to do now.
    next: bool,
}

/// A day that comes.
struct Coming {
    day: String,
    messages: String,
    /// Its share of the fullest day, in percent: the width of its bar.
    share: i64,
}

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage<'v> {
    frame: Frame<'v>,
    needs: Vec<Need>,
    steps: Vec<Step>,
    charts: Vec<Chart>,
    coming: Vec<Coming>,
    /// How many messages the next days bring; nothing if none.
    planned: Option<String>,
    span: i64,
    spans: [i64; 2],
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Asked {
    days: String,
}

async fn show(State(parts): State<Parts>, viewer: Viewer, Query(asked): Query<Asked>) -> Result<Response, Wrong> {
    let (engine, actor) = (&parts.engine, &viewer.actor);
    let span = SPANS.into_iter().find(|span| span.to_string() == asked.days).unwrap_or(SPANS[0]);
    let today = viewer.home.local(viewer.now).date();
    let first = today.checked_sub(Span::new().days(span - 1)).unwrap_or(today);
    let days = engine.days(actor, first, today).await?;
    let coming = engine.coming(actor, None, AHEAD).await?;
    let most = coming.iter().map(|day| day.messages).max().unwrap_or(0).max(1);
    let planned = coming.iter().map(|day| day.messages).sum::<i64>();
    let day = |day: engine::figures::coming::ComingDay| Coming {
        day: chart::day(day.date),
        messages: format::count(day.messages),
        share: day.messages * 100 / most,
    };
    Ok(html(&HomePage {
        needs: needs(&engine.needs(actor).await?, &viewer.home),
        steps: steps(engine.first_steps(actor).await?),
        charts: charts(&days),
        coming: coming.into_iter().map(day).collect(),
        planned: (planned > 0).then(|| counted(planned, "message", "messages")),
        span,
        spans: SPANS,
        frame: Frame::new("Home", Section::Home, &viewer),
    }))
}

/// `1,000+` where nobody counted further.
fn most(count: i64, one: &str, many: &str) -> String {
    if count >= MOST_COUNTED { format!("{}+ {many}", format::count(count)) } else { counted(count, one, many) }
}

fn needs(needs: &Needs, home: &Zone) -> Vec<Need> {
    let mut list = Vec::new();
    let mut add = |icon, text, address, action| list.push(Need { icon, text, address, action });
    if needs.plan_ended {
        let text = "The messaging plan has ended: nothing is sent".to_owned();
        add(Icon("circle-pause"), text, "/billing", "See billing");
    }
    if let Some(ending) = needs.plan_ending {
        let day = home.local(ending.at).strftime("%B %-d").to_string();
        let text = match ending.owed {
            Some(owed) => format!("{} is owed for the plan: without it, it ends on {day}", format::money(owed)),
            None => format!("The plan is canceled and ends on {day}: what runs then is ended, with its refund"),
        };
        add(Icon("calendar-clock"), text, "/billing/plan", "See plan");
    }
    if needs.card_stopped {
        let text = "The card is charged no more: it was declined, or a payment was disputed".to_owned();
        add(Icon("wallet"), text, "/billing/card", "See card");
    }
    if needs.owed > Micros::ZERO {
        let owed = format::money(needs.owed);
        let text = format!("{owed} is owed of a payment that was disputed or given back: the next money pays it");
        add(Icon("wallet"), text, "/billing", "Top up");
    }
    if let Some(BelowMark { wallet, mark }) = needs.below {
        let (wallet, mark) = (format::money(wallet), format::money(mark));
        let text = format!("The wallet has {wallet}, less than your mark of {mark}");
        add(Icon("wallet"), text, "/billing", "Top up");
    } else if let Some(low) = needs.low {
        let covers = counted(low.covers, "more segment", "more segments");
        let week = format::count(low.week);
        let text = format!("Credits and wallet cover {covers}; the last seven days took {week}");
        add(Icon("wallet"), text, "/billing", "Top up");
    }
    if needs.unread > 0 {
        let text = most(needs.unread, "conversation is unread", "conversations are unread");
        add(Icon("messages-square"), text, "/messenger?filter=unread", "Read");
    }
    if needs.reminders > 0 {
        let text = most(needs.reminders, "reminder is due", "reminders are due");
        add(Icon("calendar-clock"), text, "/reminders", "Look");
    }
    if needs.doubts > 0 {
        let text = most(needs.doubts, "message is in doubt", "messages are in doubt");
        add(Icon("circle-question-mark"), text, "/doubts", "Settle");
    }
    if needs.failed > 0 {
        let text = counted(needs.failed, "text did not arrive", "texts did not arrive");
        add(Icon("circle-alert"), format!("{text} in the last seven days"), "/failures", "See why");
    }
    if needs.idle_numbers > 0 {
        let text = counted(needs.idle_numbers, "number does not send", "numbers do not send");
        add(Icon("phone-off"), text, "/numbers", "Look");
    }
    if needs.imports > 0 {
        let text = counted(needs.imports, "import stands still", "imports stand still");
        add(Icon("upload"), text, "/contacts/import", "Look");
    }
    if needs.webhooks > 0 {
        let text = counted(needs.webhooks, "webhook was disabled", "webhooks were disabled");
        add(Icon("webhook"), format!("{text}: nothing is delivered there"), "/settings/webhooks", "Look");
    }
    list
}

fn steps(done: FirstSteps) -> Vec<Step> {
    if done.are_done() {
        return Vec::new();
    }
    let step = |done, title, text, address, action| Step { done, title, text, address, action, next: false };
    let mut steps = vec![
        step(done.number, "Add a number", "From it you send, and at it you are answered.", "/numbers", "Add a number"),
        step(done.contact, "Add contacts", "Drop a CSV file, or type in the first one.", "/contacts", "Add contacts"),
        step(done.workflow, "Write a workflow", "A few messages with days between them.", "/workflows", "Write one"),
        step(
            done.started,
            "Start it for a contact",
            "Tick somebody and press Add to workflow. You see every text, date and price before it starts; a reply stops it, and what was not sent comes back.",
            "/contacts",
            "Choose a contact",
        ),
    ];
    if let Some(first) = steps.iter_mut().find(|step| !step.done) {
        first.next = true;
    }
    steps
}

fn charts(days: &[DayFigures]) -> Vec<Chart> {
    let by = |of: fn(&DayFigures) -> i64| days.iter().map(|day| (day.date, of(day))).collect::<Vec<(Date, i64)>>();
    let plain = |name, tone, of| {
        let days = by(of);
        let total = format::count(days.iter().map(|(_, figure)| figure).sum::<i64>());
        Chart::new(name, tone, &days, total, format::count)
    };
    let spend = by(|day| day.figures.cost.micros.0);
    let total = format::money(Micros(spend.iter().map(|(_, figure)| figure).sum()));
    vec![
        plain("Sent", "sent", |day| day.figures.sent),
        plain("Replies", "replies", |day| day.figures.inbound),
        plain("Opt-outs", "stops", |day| day.figures.opted_out),
        Chart::new("Spend", "money", &spend, total, |figure| format::money(Micros(figure))),
    ]
}
