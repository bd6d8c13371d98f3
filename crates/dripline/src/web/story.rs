//! What happened, in a sentence: the events of a thread here, all others in `story/history.rs`.

mod history;

use std::collections::HashMap;

use domain::ids::ContactId;
use domain::ledger::Amounts;
use domain::money::Micros;
use domain::template::{STANDARD_FIELDS, key};
use engine::Actor;
use serde_json::Value;
use store::events::Event;
use store::{DbError, contacts};

use super::enrollments::amounts;
use super::format::{self, Icon};
use super::wrong::Wrong;
use crate::wiring::Parts;

/// Who and what the identifiers of events stand for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Users by their identifiers.
    pub(crate) users: HashMap<String, String>,
    /// Workflows by theirs.
    pub(crate) workflows: HashMap<String, String>,
    /// Our numbers by theirs.
    pub(crate) numbers: HashMap<String, String>,
    /// Fields by their keys.
    pub(crate) fields: HashMap<String, String>,
    /// Contacts by theirs; where one is not among them, as on a page of its own, it is "the contact".
    pub(crate) contacts: HashMap<ContactId, String>,
}

/// One sentence.
pub(crate) struct Told {
    pub(crate) icon: Icon,
    pub(crate) text: String,
}

impl Names {
    /// The names of a workspace, but for those of its contacts.
    pub(crate) async fn load(parts: &Parts, actor: &Actor) -> Result<Self, Wrong> {
        let (engine, workspace) = (&parts.engine, actor.workspace());
        let (users, workflows) = (engine.users(actor).await?, engine.workflows(actor).await?);
        let numbers = engine.numbers(actor).await?;
        let own = engine.read::<_, DbError, _>(move |db| contacts::custom_fields(db, workspace)).await?;
        let standard = STANDARD_FIELDS.iter().map(|name| (key(name), (*name).to_owned()));
        let workflows = workflows.into_iter().map(|one| (one.workflow.id.to_string(), one.workflow.name));
        Ok(Self {
            users: users.into_iter().map(|user| (user.id.to_string(), user.name)).collect(),
            workflows: workflows.collect(),
            numbers: numbers.into_iter().map(|one| (one.id.to_string(), format::phone(&one.phone))).collect(),
            fields: standard.chain([("timezone".to_owned(), "Time Zone".to_owned())]).chain(own).collect(),
            contacts: HashMap::new(),
        })
    }

    /// The name of whom an event is about.
    fn whom(&self, event: &Event) -> String {
        let known = event.contact.and_then(|contact| self.contacts.get(&contact)).cloned();
        known.unwrap_or_else(|| if event.contact.is_some() { "the contact" } else { "a phone" }.to_owned())
    }

    /// The name of whoever did what an event tells.
    fn by(&self, event: &Event) -> String {
        if event.actor == "contact" { self.whom(event) } else { self.who(&event.actor) }
    }

    /// The name of whoever acted.
    pub(crate) fn who(&self, actor: &str) -> String {
        let known = self.users.get(actor).cloned();
        if let Some(name) = actor.strip_prefix("operator ") {
            return format!("{name} (operator)");
        }
        known.unwrap_or_else(|| match actor {
            "contact" => "the contact".to_owned(),
            "carrier" => "the carrier".to_owned(),
            "operator" => "the operator".to_owned(),
            actor if actor.starts_with("key_") => "an API key".to_owned(),
            actor if actor.starts_with("spl_") => "a list from a file".to_owned(),
            actor if actor.starts_with("usr_") => "a former user".to_owned(),
            _ => "Dripline".to_owned(),
        })
    }

    fn workflow(&self, payload: &Value) -> String {
        let id = payload["workflow"].as_str().unwrap_or_default();
        self.workflows.get(id).cloned().unwrap_or_else(|| "a deleted workflow".to_owned())
    }

    /// What an event says in the thread; nothing for what is seen there already.
    pub(crate) fn tell(&self, event: &Event) -> Option<Told> {
        let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
        let (who, whom) = (self.by(event), self.whom(event));
        let told = |icon, text: String| Some(Told { icon, text: format::capital(&text) });
        match event.kind.as_str() {
            "enrollment.started" => {
                let (flow, price) =
                    (self.workflow(&payload), amounts(paid(&payload, "charged_credits", "charged_micros")));
                let from = payload["from_step"].as_u64().filter(|step| *step > 1);
                let from = from.map(|step| format!(" from message {step} on")).unwrap_or_default();
                told(Icon("circle-play"), format!("{who} added {whom} to {flow}{from} for {price}"))
            }
            "enrollment.stopped" => {
                let back = amounts(paid(&payload, "refunded_credits", "refunded_micros"));
                let (flow, why) = (self.workflow(&payload), reason(&payload, &who, &whom));
                told(Icon("circle-stop"), format!("{flow} stopped{}: {why}; {back} came back", self.of(event)))
            }
            "enrollment.completed" => {
                told(Icon("circle-check"), format!("{} is complete{}", self.workflow(&payload), self.of(event)))
            }
            "enrollment.skipped" => told(
                Icon("skip-forward"),
                format!("{who} left out a message of {}{}", self.workflow(&payload), self.of(event)),
            ),
            "contact.suppressed" => told(Icon("ban"), suppressed(&payload, &who, &whom)),
            "contact.unsuppressed" => told(Icon("circle-check"), unsuppressed(&payload, &who, &whom)),
            "contact.reassigned" => told(Icon("user-x"), format!("The phone of {whom} belongs to somebody else now")),
            "conversation.assigned" => {
                let to = payload["to"].as_str().map(|id| self.who(id));
                let to = to.unwrap_or_else(|| "nobody".to_owned());
                told(Icon("user-check"), format!("{who} assigned the conversation{} to {to}", self.with(event)))
            }
            _ => None,
        }
    }

    /// ` for Ann Lee`, where the page is not about one contact alone.
    fn of(&self, event: &Event) -> String {
        if self.contacts.is_empty() { String::new() } else { format!(" for {}", self.whom(event)) }
    }

    /// ` with Ann Lee`, likewise.
    fn with(&self, event: &Event) -> String {
        if self.contacts.is_empty() { String::new() } else { format!(" with {}", self.whom(event)) }
    }
}

fn paid(payload: &Value, credits: &str, micros: &str) -> Amounts {
    let number = |name: &str| payload[name].as_i64().unwrap_or(0);
    Amounts { credits: number(credits), micros: Micros(number(micros)) }
}

fn reason(payload: &Value, who: &str, whom: &str) -> String {
    match payload["reason"].as_str().unwrap_or_default() {
        "replied" => format!("{whom} replied"),
        "opted_out" => format!("{whom} opted out"),
        "removed" => format!("{who} took {whom} out"),
        "workflow_paused" => format!("{who} paused the workflow"),
        "workflow_deleted" => format!("{who} deleted the workflow"),
        "contact_deleted" => format!("{whom} was deleted"),
        "do_not_contact" => format!("{whom} is on the do-not-contact list"),
        "compliance_blocked" => format!("a compliance list blocks {whom}"),
        "undeliverable" => "texts cannot be delivered".to_owned(),
        "plan_ended" => "the plan ended".to_owned(),
        "number_lost" => "the sending number was lost".to_owned(),
        "person_replied" => "the same person replied from another phone".to_owned(),
        other => other.replace('_', " "),
    }
}

/// The list from a file by which it came, where one did.
fn named_list(payload: &Value) -> String {
    let source = payload["source"].as_str().filter(|source| !source.is_empty());
    source.map(|name| format!(" “{name}”")).unwrap_or_default()
}

fn suppressed(payload: &Value, who: &str, whom: &str) -> String {
    match payload["list"].as_str().unwrap_or_default() {
        "opted_out" if who != whom && payload["source"].as_str().is_some_and(|source| source.starts_with("usr_")) => {
            format!("{who} recorded that {whom} opted out: nothing is sent any more")
        }
        "opted_out" => format!("{whom} opted out: nothing is sent any more"),
        "do_not_contact" if who == whom => format!("{whom} is no longer to be contacted: the phone is somebody else's"),
        "do_not_contact" => format!("{who} put {whom} on the do-not-contact list{}", named_list(payload)),
        "undeliverable" => format!("The carrier says that texts to {whom} cannot be delivered"),
        _ => format!("{who} blocked {whom} by the compliance list{}", named_list(payload)),
    }
}

fn unsuppressed(payload: &Value, who: &str, whom: &str) -> String {
    match payload["list"].as_str().unwrap_or_default() {
        "opted_out" if payload["source"] == "consent" => {
            format!("The opt-out of {whom} was lifted by a new consent, which {who} recorded")
        }
        "opted_out" => format!("{whom} opted in again"),
        "do_not_contact" => format!("{who} took {whom} off the do-not-contact list"),
        "undeliverable" => format!("{who} took {whom} off the list of phones that cannot be reached"),
        _ => format!("{who} took {whom} off the compliance list"),
    }
}
