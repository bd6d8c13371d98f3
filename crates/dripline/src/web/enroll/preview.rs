//! A quote and its refusals in the words of the screen. What the numbers are is decided in `domain::quote`.

use domain::ids::{ContactId, QuoteId, WorkflowId};
use domain::quote::QuotedStep;
use domain::refusal::{Refusal, Unready};
use domain::segments::{self, Encoding};
use domain::suppression::Suppression;
use engine::enrolling::Preview;

use crate::web::format::{self, count, counted, money};
use crate::web::viewer::Viewer;

/// One message of the preview.
pub(super) struct Message {
    pub(super) step: u8,
    pub(super) text: String,
    /// `now`, or the day and hour on the contact's clock.
    pub(super) when: String,
    /// The same instant on the viewer's clock, where that differs.
    pub(super) here: String,
    /// Such as `1 segment · credit`.
    pub(super) price: String,
    /// Which character makes it cost more.
    pub(super) ucs2: Option<String>,
    /// Why it is later than gap and hour say; empty if it is not.
    pub(super) why: String,
}

/// A whole quote.
pub(super) struct Shown {
    pub(super) quote: QuoteId,
    pub(super) messages: Vec<Message>,
    pub(super) from: String,
    pub(super) zone: String,
    pub(super) segments: String,
    pub(super) credits: i64,
    pub(super) charged: i64,
    pub(super) rate: String,
    pub(super) cost: String,
    /// What the button says.
    pub(super) start: String,
    pub(super) credits_before: String,
    pub(super) credits_after: String,
    pub(super) wallet_before: String,
    pub(super) wallet_after: String,
    pub(super) last: String,
    /// The day on which the plan ends, where that is before the last message.
    pub(super) plan_ends: Option<String>,
    pub(super) rules: String,
}

const DAY: &str = "%a, %b %-d, %-I:%M %P";

impl Shown {
    pub(super) fn of(preview: &Preview, viewer: &Viewer) -> Self {
        let quote = &preview.quote;
        let (credits, charged) = (quote.amounts.credits, quote.charged_segments());
        let cost = money(quote.amounts.micros);
        Self {
            quote: preview.id,
            messages: quote.steps.iter().map(|step| message(step, preview, viewer)).collect(),
            from: format::phone(&preview.from),
            zone: format!("{} ({})", preview.zone, zone_source(&preview.zone_source)),
            segments: counted(quote.segments(), "segment", "segments"),
            credits,
            charged,
            rate: money(quote.rate),
            start: match (credits, charged) {
                (0, _) => format!("Start for {cost}"),
                (credits, 0) => format!("Start for {}", counted(credits, "credit", "credits")),
                (credits, _) => format!("Start for {} and {cost}", counted(credits, "credit", "credits")),
            },
            cost,
            credits_before: count(preview.before.credits),
            credits_after: count(preview.after.credits),
            wallet_before: money(preview.before.wallet),
            wallet_after: money(preview.after.wallet),
            last: quote.steps.last().map(|step| format::long_day(step.local)).unwrap_or_default(),
            plan_ends: preview.plan_ends_at.map(|at| format::long_day(viewer.home.local(at))),
            rules: preview.rules.join(", "),
        }
    }
}

fn message(step: &QuotedStep, preview: &Preview, viewer: &Viewer) -> Message {
    let paid = match (step.price.credits, step.price.micros.0) {
        (0, 0) => "free".to_owned(),
        (0, _) => money(step.price.micros),
        (credits, 0) => counted(credits, "credit", "credits"),
        (credits, _) => format!("{} and {}", counted(credits, "credit", "credits"), money(step.price.micros)),
    };
    let elsewhere = preview.zone != viewer.zone.name();
    let here = step.due.to_zoned_datetime(viewer.zone.clock().clone()).strftime(DAY);
    Message {
        step: step.step,
        text: step.text.clone(),
        when: if step.due <= viewer.now { "now".to_owned() } else { step.local.strftime(DAY).to_string() },
        why: step.moved.map(|why| why.to_string()).unwrap_or_default(),
        here: if elsewhere { format!("{here} for you") } else { String::new() },
        price: format!("{} · {paid}", counted(i64::from(step.price.segments), "segment", "segments")),
        ucs2: (step.encoding == Encoding::Ucs2).then(|| culprits(&step.text)),
    }
}

/// The characters that no GSM text can have, each once.
fn culprits(text: &str) -> String {
    let mut seen = Vec::new();
    for culprit in segments::count(text).culprits {
        if !seen.contains(&culprit.character) {
            seen.push(culprit.character);
        }
    }
    seen.iter().map(|character| format!("“{character}”")).collect::<Vec<_>>().join(" ")
}

fn zone_source(word: &str) -> &str {
    match word {
        "contact" => "from the contact’s time zone",
        "zip" => "from the ZIP code",
        "state" => "from the state",
        "area_code" => "from the area code",
        "country" => "from the country",
        _ => "the workspace’s",
    }
}

/// One thing that stands against it, and the way to mend it.
pub(super) struct Stop {
    pub(super) sentence: String,
    pub(super) advice: String,
    pub(super) fix: Fix,
}

/// How it is mended.
pub(super) enum Fix {
    /// On another page.
    Link { address: String, label: &'static str },
    /// By a value of this field.
    Field { name: String },
}

/// All refusals as they are shown; the same field is asked for once.
pub(super) fn stops(refusals: &[Refusal], contact: ContactId, workflow: WorkflowId) -> Vec<Stop> {
    let mut stops: Vec<Stop> = Vec::new();
    for refusal in refusals {
        let fix = fix(refusal, contact, workflow);
        let twice =
            |stop: &Stop| matches!((&stop.fix, &fix), (Fix::Field { name: a }, Fix::Field { name: b }) if a == b);
        if !stops.iter().any(twice) {
            stops.push(Stop {
                sentence: format::capital(&refusal.to_string()),
                advice: format::capital(refusal.fix()),
                fix,
            });
        }
    }
    stops
}

fn fix(refusal: &Refusal, contact: ContactId, workflow: WorkflowId) -> Fix {
    let link = |address: String, label| Fix::Link { address, label };
    match refusal {
        Refusal::WorkspaceSuspended { .. } => link("/".to_owned(), "Go home"),
        Refusal::NoMessagingPlan => link("/billing".to_owned(), "Go to billing"),
        Refusal::InsufficientFunds { .. } => link(format!("/billing?contact={contact}&workflow={workflow}"), "Top up"),
        Refusal::NoOutboundNumber => link("/numbers".to_owned(), "Add a number"),
        Refusal::NumberNotReady { why: Unready::Unregistered(_), .. } => {
            link("/settings/registration".to_owned(), "See the registration")
        }
        Refusal::NumberNotReady { .. } => link("/numbers".to_owned(), "See the numbers"),
        Refusal::AlreadyEnrolled { .. } => {
            link(format!("/enrollments/of/{contact}/remove"), "Remove from that workflow")
        }
        Refusal::NoConsent(_) => link(format!("/contacts/{contact}/consent"), "Record the consent"),
        Refusal::Suppressed(Suppression::OptedOut) => {
            link(format!("/contacts/{contact}/consent"), "See what was agreed to")
        }
        Refusal::Suppressed(_) => link(format!("/contacts/{contact}"), "Open the contact"),
        Refusal::MissingField { field, .. } => Fix::Field { name: field.clone() },
        Refusal::MessageTooLong { .. } | Refusal::MessageEmpty { .. } | Refusal::WorkflowEmpty => {
            link(format!("/workflows/{workflow}/edit"), "Edit the workflow")
        }
        Refusal::NeverOpen { .. } => link("/settings/workspace".to_owned(), "Change the send window"),
        Refusal::ContactUnknown => link("/contacts".to_owned(), "Choose another contact"),
        Refusal::QuoteChanged => link(format!("/enroll?contact={contact}&workflow={workflow}"), "See the price of now"),
        Refusal::StepUnknown { .. } => {
            link(format!("/enroll?contact={contact}&workflow={workflow}"), "Start from the first message")
        }
        Refusal::WorkflowUnknown => link(format!("/enroll?contact={contact}"), "Choose another workflow"),
    }
}
