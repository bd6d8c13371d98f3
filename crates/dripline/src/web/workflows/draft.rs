//! What the builder tells beside its fields: what is wrong and where, how each message reads, what it costs now and at most.

use domain::ids::ContactId;
use domain::segments::{Counted, Encoding, GSM7_ALONE, GSM7_PART, UCS2_ALONE, UCS2_PART};
use domain::template::{Bound, MAX_SEGMENTS_PER_MESSAGE, TemplateError};
use domain::workflow::{MAX_GAP_DAYS, WorkflowError};
use engine::drafts::{DraftStep, DraftView, Reading};

use super::edit::contact_of;
use super::written::Written;
use crate::web::format;
use crate::web::format::{count, counted, phone};
use crate::web::viewer::Viewer;
use crate::web::wrong::Wrong;
use crate::wiring::Parts;

/// Most contacts that are offered for the preview.
const CHOICES: u32 = 5;

/// All of it.
pub(super) struct Shown {
    pub(super) name_wrong: String,
    pub(super) wrong: Vec<String>,
    pub(super) steps: Vec<ShownStep>,
    pub(super) fields: Vec<String>,
    /// For whom it reads so.
    pub(super) who: String,
    /// Such as `3 messages over 10 days`.
    pub(super) length: String,
}

/// Of one message.
#[derive(Default)]
pub(super) struct ShownStep {
    pub(super) gap_wrong: String,
    pub(super) text_wrong: String,
    pub(super) day: String,
    /// As it is sent; nothing if it cannot be.
    pub(super) text: Option<String>,
    pub(super) missing: String,
    pub(super) used: usize,
    pub(super) room: usize,
    /// Such as `42 of 160 characters · GSM-7 · 1 segment`.
    pub(super) meter: String,
    pub(super) too_long: bool,
    pub(super) culprits: String,
    pub(super) replaced: String,
    pub(super) most: String,
    pub(super) most_too_long: bool,
    pub(super) lacking: Vec<String>,
}

/// A contact to preview for.
pub(super) struct Choice {
    pub(super) id: ContactId,
    pub(super) name: String,
    pub(super) phone: String,
    pub(super) chosen: bool,
}

/// The contacts that fit what was searched for, the chosen one first.
pub(super) async fn choices(parts: &Parts, viewer: &Viewer, written: &Written) -> Result<Vec<Choice>, Wrong> {
    let chosen = contact_of(written);
    let mut choices = Vec::new();
    if let Some(id) = chosen
        && let Ok(contact) = parts.engine.contact(&viewer.actor, id).await
    {
        choices.push(Choice { id, name: contact.name, phone: phone(&contact.phone), chosen: true });
    }
    if !written.who.trim().is_empty() {
        let page = parts.engine.contacts(&viewer.actor, None, &written.who, CHOICES).await?;
        for contact in page.contacts.into_iter().filter(|contact| Some(contact.id) != chosen) {
            choices.push(Choice { id: contact.id, name: contact.name, phone: phone(&contact.phone), chosen: false });
        }
    }
    Ok(choices)
}

impl Shown {
    pub(super) async fn of(parts: &Parts, viewer: &Viewer, written: &Written, taken: bool) -> Result<Self, Wrong> {
        let view = parts.engine.draft(&viewer.actor, written.input(), contact_of(written)).await?;
        let mut shown = Self::from(&view);
        for fault in &view.faults {
            shown.place(fault);
        }
        for (step, typed) in shown.steps.iter_mut().zip(&written.steps) {
            if typed.text.contains('\0') {
                step.text_wrong = "The text has a NUL character: take it out".to_owned();
            }
        }
        if taken {
            shown.name_wrong = "Another workflow has this name: choose a different one".to_owned();
        }
        Ok(shown)
    }

    /// Puts what is wrong where it is.
    fn place(&mut self, fault: &WorkflowError) {
        let steps = &mut self.steps;
        match fault {
            WorkflowError::NameEmpty => self.name_wrong = "Give it a name".to_owned(),
            WorkflowError::NameTooLong { .. } | WorkflowError::NameControl => {
                self.name_wrong = format::capital(&fault.to_string());
            }
            WorkflowError::TooManySteps { .. } => self.wrong.push(format::capital(&fault.to_string())),
            WorkflowError::Gap { step, least, .. } => {
                put(steps, *step, |shown| shown.gap_wrong = format!("Write {least} to {MAX_GAP_DAYS} days"));
            }
            WorkflowError::TextTooLong { step, segments } => put(steps, *step, |shown| {
                let most = MAX_SEGMENTS_PER_MESSAGE;
                shown.text_wrong =
                    format!("Even with empty fields this is {segments} segments; at most {most} are allowed");
            }),
            WorkflowError::Text { step, source: TemplateError::Empty } => {
                put(steps, *step, |shown| shown.text_wrong = "Write the message".to_owned());
            }
            WorkflowError::Text { step, source } => {
                put(steps, *step, |shown| shown.text_wrong = format::capital(&source.to_string()));
            }
        }
    }

    /// A form that nobody has typed in yet is not wrong.
    pub(super) fn hide_faults(&mut self) {
        self.name_wrong.clear();
        for step in &mut self.steps {
            step.text_wrong.clear();
        }
    }

    /// What is still empty is told at the save, not while somebody is on the way to it.
    pub(super) fn hide_empty(&mut self, written: &Written) {
        if written.name.trim().is_empty() {
            self.name_wrong.clear();
        }
        for (step, typed) in self.steps.iter_mut().zip(&written.steps) {
            if typed.text.trim().is_empty() {
                step.text_wrong.clear();
            }
        }
    }

    /// How many things are wrong.
    pub(super) fn faults(&self) -> String {
        let of = |step: &ShownStep| usize::from(!step.gap_wrong.is_empty()) + usize::from(!step.text_wrong.is_empty());
        let all =
            self.wrong.len() + usize::from(!self.name_wrong.is_empty()) + self.steps.iter().map(of).sum::<usize>();
        if all == 0 { String::new() } else { counted(all, "thing is wrong", "things are wrong") }
    }
}

impl From<&DraftView> for Shown {
    fn from(view: &DraftView) -> Self {
        let days = view.steps.last().and_then(|step| step.day);
        let messages = counted(view.steps.len(), "message", "messages");
        let over = days.filter(|days| *days > 0).map(|days| format!(" over {}", counted(days, "day", "days")));
        let who = view.contact.as_ref().map_or_else(|| "a made-up contact".to_owned(), |contact| contact.name.clone());
        Self {
            name_wrong: String::new(),
            wrong: Vec::new(),
            steps: view.steps.iter().map(|step| ShownStep::of(step, view.contacts)).collect(),
            fields: view.fields.clone(),
            who,
            length: format!("{messages}{}", over.unwrap_or_default()),
        }
    }
}

fn put(steps: &mut [ShownStep], number: usize, change: impl FnOnce(&mut ShownStep)) {
    if let Some(step) = number.checked_sub(1).and_then(|place| steps.get_mut(place)) {
        change(step);
    }
}

/// How many units fit into as many segments.
fn room(counted: &Counted) -> usize {
    let (alone, part) = match counted.encoding {
        Encoding::Gsm7 => (GSM7_ALONE, GSM7_PART),
        Encoding::Ucs2 => (UCS2_ALONE, UCS2_PART),
    };
    if counted.segments > 1 { part * counted.segments } else { alone }
}

impl ShownStep {
    fn of(step: &DraftStep, contacts: usize) -> Self {
        let mut shown = Self { day: step.day.map(|day| format!("day {day}")).unwrap_or_default(), ..Self::default() };
        match &step.reading {
            Some(Ok(reading)) => shown.read(reading),
            Some(Err(missing)) => {
                let fields: Vec<_> = missing.iter().map(|one| one.field.as_str()).collect();
                shown.missing =
                    format!("has no {}: give it a fallback, such as {{{}|there}}", fields.join(", "), fields[0]);
            }
            None => {}
        }
        if let Some(bound) = &step.bound {
            shown.bounded(bound, contacts);
        }
        shown
    }

    fn read(&mut self, reading: &Reading) {
        let counts = &reading.counted;
        self.text = Some(reading.text.clone());
        (self.used, self.room) = (counts.units, room(counts));
        let segments = counted(counts.segments, "segment", "segments");
        self.meter = format!("{} of {} characters · {} · {segments}", counts.units, self.room, counts.encoding);
        self.too_long = counts.segments > MAX_SEGMENTS_PER_MESSAGE;
        let mut foreign: Vec<String> = Vec::new();
        for culprit in &counts.culprits {
            let shown = culprit.character.to_string();
            if !foreign.contains(&shown) && foreign.len() < 8 {
                foreign.push(shown);
            }
        }
        if !foreign.is_empty() {
            let verb = if foreign.len() == 1 { "is" } else { "are" };
            self.culprits = format!(
                "{} {verb} not in GSM-7: only 70 characters fit in a segment, instead of 160",
                foreign.join(" ")
            );
        }
        let replaced: Vec<_> =
            reading.replaced.iter().take(8).map(|one| format!("{} → {}", one.from, one.to)).collect();
        if !replaced.is_empty() {
            self.replaced = format!("Sent as look-alikes that cost less: {}", replaced.join(", "));
        }
    }

    fn bounded(&mut self, bound: &Bound, contacts: usize) {
        let segments = counted(bound.counted.segments, "segment", "segments");
        self.most_too_long = bound.counted.segments > MAX_SEGMENTS_PER_MESSAGE;
        self.most = format!(
            "With the longest values of your {}: {segments} at most",
            counted(contacts, "contact", "newest contacts")
        );
        let lacks = |(field, number): &(String, usize)| {
            let has = if *number == 1 { "has" } else { "have" };
            format!(
                "{} of {} {has} no {field} and would be refused: a fallback lets them in",
                count(*number),
                count(contacts)
            )
        };
        self.lacking = bound.missing.iter().map(lacks).collect();
    }
}
