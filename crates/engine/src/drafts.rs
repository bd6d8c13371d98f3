//! A workflow while it is being written: what is wrong, how each message reads and what it costs, now and at most.
//!
//! Nothing is stored. How a message reads is told for one contact or a made-up one; what it costs at most comes from the
//! longest values of the newest contacts, which are kept for a while: a look at all of a million contacts would take
//! seconds, and whom one enrolls next is among the newest.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::access::Permission;
use domain::ids::{ContactId, WorkspaceId};
use domain::segments::{self, Counted};
use domain::smart;
use domain::template::{self, Bound, Fields, Longest, MissingField, Smart, Template};
use domain::workflow::{self, WorkflowError};
use jiff::{SignedDuration, Timestamp};
use store::Read;
use store::contacts::Contact;

use crate::actor::Actor;
use crate::batch::value_of;
use crate::engine::Engine;
use crate::facts;
use crate::failure::Failure;
use crate::workflows::{SaveError, WorkflowInput};

/// How many contacts the longest values are taken from.
pub const NEWEST_CONTACTS: i64 = 20_000;
/// How long the longest values are kept.
const KEPT: SignedDuration = SignedDuration::from_mins(5);
/// Most workspaces whose longest values are kept.
const KEPT_WORKSPACES: usize = 256;

/// Whose values fill a sample: a made-up contact has these.
const MADE_UP: [(&str, &str); 10] = [
    ("firstname", "Maria"),
    ("lastname", "Lopez"),
    ("fullname", "Maria Lopez"),
    ("phone", "+12125550123"),
    ("email", "maria@example.com"),
    ("address", "12 Main Street"),
    ("city", "Albany"),
    ("state", "NY"),
    ("zip", "12207"),
    ("company", "Lopez & Sons"),
];

/// A character that is sent as something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replaced {
    /// As it was written.
    pub from: char,
    /// As it is sent.
    pub to: &'static str,
}

/// One message as a contact would get it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The text as it is sent.
    pub text: String,
    /// What it costs.
    pub counted: Counted,
    /// What was replaced to save segments, each once.
    pub replaced: Vec<Replaced>,
}

/// One message of the draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftStep {
    /// The day on which it goes out, counted from the start; nothing if a gap before it is wrong.
    pub day: Option<i64>,
    /// How it reads; or which values the contact lacks. Nothing if the text is none.
    pub reading: Option<Result<Reading, Vec<MissingField>>>,
    /// What it costs at most; nothing if the text is none, or nobody is known yet.
    pub bound: Option<Bound>,
}

/// A draft, looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftView {
    /// All that keeps it from being saved, but for a name that is taken.
    pub faults: Vec<WorkflowError>,
    /// One for each step that was given.
    pub steps: Vec<DraftStep>,
    /// The names of all fields that a text may have.
    pub fields: Vec<String>,
    /// For whom it reads so; nothing for the made-up contact.
    pub contact: Option<Contact>,
    /// How many contacts the bounds were taken from.
    pub contacts: usize,
}

type Kept = HashMap<WorkspaceId, (Timestamp, Arc<Longest>)>;

/// The longest values of the workspaces that somebody writes in.
#[derive(Debug, Clone, Default)]
pub(crate) struct LongestValues(Arc<Mutex<Kept>>);

impl LongestValues {
    fn of(&self, db: &Read<'_>, workspace: WorkspaceId, smart: Smart, now: Timestamp) -> Result<Arc<Longest>, Failure> {
        let fresh = |(at, _): &&(Timestamp, Arc<Longest>)| now.duration_since(*at).abs() < KEPT;
        if let Some((_, longest)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&workspace).filter(fresh)
            && longest.smart() == smart
        {
            return Ok(Arc::clone(longest));
        }
        let mut longest = Longest::new(smart);
        store::contacts::for_each_newest(db, workspace, NEWEST_CONTACTS, |phone, fields| {
            let fields = fields.iter().map(|(key, value)| (key.as_str(), value.as_str()));
            longest.add(fields.chain([("phone", phone)]));
        })?;
        let longest = Arc::new(longest);
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT_WORKSPACES {
            kept.clear();
        }
        kept.insert(workspace, (now, Arc::clone(&longest)));
        Ok(longest)
    }
}

impl Engine {
    /// Looks at a draft as a contact would get it; as a made-up one would if there is no such contact.
    pub async fn draft(
        &self,
        actor: &Actor,
        input: WorkflowInput,
        contact: Option<ContactId>,
    ) -> Result<DraftView, SaveError> {
        actor.need(Permission::Read)?;
        let (workspace, now, kept) = (actor.workspace(), self.now(), self.longest_values());
        self.read(move |db| {
            let fields = facts::fields(db, workspace)?;
            let smart = facts::workspace_of(db, workspace)?.settings.smart();
            let contact = contact.map(|id| store::contacts::find(db, workspace, id)).transpose()?.flatten();
            let contact = contact.filter(|contact| contact.deleted_at.is_none());
            let longest = kept.of(db, workspace, smart, now)?;
            Ok(look(&input, &fields, smart, contact, &longest))
        })
        .await
    }
}

fn look(
    input: &WorkflowInput,
    fields: &Fields,
    smart: Smart,
    contact: Option<Contact>,
    longest: &Longest,
) -> DraftView {
    let steps: Vec<_> = input.steps.iter().map(|step| (step.gap_days, step.text.clone())).collect();
    let faults = workflow::draft(&input.name, &steps, fields).err().unwrap_or_default();
    let mut day = Some(0_i64);
    let steps = (1_usize..).zip(&input.steps).map(|(number, step)| {
        let wrong = |fault: &WorkflowError| matches!(fault, WorkflowError::Gap { step, .. } if *step == number);
        day = day.filter(|_| !faults.iter().any(wrong)).and_then(|day| day.checked_add(step.gap_days));
        let template = Template::parse(&step.text, fields).ok();
        DraftStep {
            day,
            reading: template.as_ref().map(|template| read_as(template, smart, contact.as_ref())),
            bound: template.as_ref().and_then(|template| template.bound(longest)),
        }
    });
    let steps = steps.collect();
    let names = fields.all().into_iter().map(str::to_owned).collect();
    DraftView { faults, steps, fields: names, contact, contacts: longest.contacts() }
}

fn read_as(template: &Template, smart: Smart, contact: Option<&Contact>) -> Result<Reading, Vec<MissingField>> {
    let variables = template.variables();
    let made_up = |key: &str| {
        let known = MADE_UP.iter().find(|(name, _)| *name == key).map(|(_, value)| *value);
        // A field of the workspace's own is filled with its name.
        known.or_else(|| variables.iter().find(|one| one.key == key).map(|one| one.field.as_str()))
    };
    let rendered = match contact {
        Some(contact) => template.render(&|key: &str| value_of(contact, key)),
        None => template.render(&made_up),
    }?;
    let text = template::sendable(&rendered, smart);
    let counted = segments::count(&text);
    let mut replaced: Vec<Replaced> = Vec::new();
    for from in rendered.chars().filter(|_| smart == Smart::On) {
        if let Some(to) = smart::replacement(from)
            && replaced.iter().all(|one| one.from != from)
        {
            replaced.push(Replaced { from, to });
        }
    }
    Ok(Reading { text, counted, replaced })
}
