//! What happened with a contact, in a sentence: the events of a thread and of a history.

use std::collections::HashMap;

use domain::ledger::Amounts;
use domain::money::Micros;
use serde_json::Value;
use store::events::Event;

use super::enrollments::amounts;
use super::format::Icon;

/// Who and what the identifiers of events stand for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Users by their identifiers.
    pub(crate) users: HashMap<String, String>,
    /// Workflows by theirs.
    pub(crate) workflows: HashMap<String, String>,
}

/// One sentence.
pub(crate) struct Told {
    pub(crate) icon: Icon,
    pub(crate) text: String,
}

impl Names {
    /// The name of whoever acted.
    pub(crate) fn who(&self, actor: &str) -> String {
        let known = self.users.get(actor).cloned();
        known.unwrap_or_else(|| match actor {
            "contact" => "the contact".to_owned(),
            "carrier" => "the carrier".to_owned(),
            "operator" => "the operator".to_owned(),
            actor if actor.starts_with("key_") => "an API key".to_owned(),
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
        let who = self.who(&event.actor);
        let told = |icon, text| Some(Told { icon, text });
        match event.kind.as_str() {
            "enrollment.started" => {
                let (flow, price) =
                    (self.workflow(&payload), amounts(paid(&payload, "charged_credits", "charged_micros")));
                let from = payload["from_step"].as_u64().filter(|step| *step > 1);
                let from = from.map(|step| format!(" from message {step} on")).unwrap_or_default();
                told(Icon("circle-play"), format!("{who} added the contact to {flow}{from} for {price}"))
            }
            "enrollment.stopped" => {
                let back = amounts(paid(&payload, "refunded_credits", "refunded_micros"));
                let (flow, why) = (self.workflow(&payload), reason(&payload, &who));
                told(Icon("circle-stop"), format!("{flow} stopped: {why}; {back} came back"))
            }
            "enrollment.completed" => told(Icon("circle-check"), format!("{} is complete", self.workflow(&payload))),
            "enrollment.skipped" => {
                told(Icon("skip-forward"), format!("{who} left out a message of {}", self.workflow(&payload)))
            }
            "contact.suppressed" => told(Icon("ban"), suppressed(&payload, &who)),
            "contact.unsuppressed" => told(Icon("circle-check"), unsuppressed(&payload, &who)),
            "contact.reassigned" => told(Icon("user-x"), "The phone belongs to somebody else now".to_owned()),
            "conversation.assigned" => {
                let to = payload["to"].as_str().map(|id| self.who(id));
                let to = to.unwrap_or_else(|| "nobody".to_owned());
                told(Icon("user-check"), format!("{who} assigned the conversation to {to}"))
            }
            _ => None,
        }
    }

    /// What an event says in a history, where everything is told.
    pub(crate) fn tell_all(&self, event: &Event) -> Told {
        self.tell(event).unwrap_or_else(|| {
            let words = event.kind.replace(['.', '_'], " ");
            Told { icon: Icon("dot"), text: format!("{words}, by {}", self.who(&event.actor)) }
        })
    }
}

fn paid(payload: &Value, credits: &str, micros: &str) -> Amounts {
    let number = |name: &str| payload[name].as_i64().unwrap_or(0);
    Amounts { credits: number(credits), micros: Micros(number(micros)) }
}

fn reason(payload: &Value, who: &str) -> String {
    match payload["reason"].as_str().unwrap_or_default() {
        "replied" => "the contact replied".to_owned(),
        "opted_out" => "the contact opted out".to_owned(),
        "removed" => format!("{who} took the contact out"),
        "workflow_paused" => format!("{who} paused the workflow"),
        "workflow_deleted" => format!("{who} deleted the workflow"),
        "contact_deleted" => "the contact was deleted".to_owned(),
        "do_not_contact" => "the contact is on the do-not-contact list".to_owned(),
        "compliance_blocked" => "a compliance list blocks the contact".to_owned(),
        "undeliverable" => "texts cannot be delivered".to_owned(),
        "plan_ended" => "the plan ended".to_owned(),
        "number_lost" => "the sending number was lost".to_owned(),
        "person_replied" => "the same person replied from another phone".to_owned(),
        other => other.replace('_', " "),
    }
}

fn suppressed(payload: &Value, who: &str) -> String {
    match payload["list"].as_str().unwrap_or_default() {
        "opted_out" => "The contact opted out: nothing is sent any more".to_owned(),
        "do_not_contact" => format!("{who} put the contact on the do-not-contact list"),
        "undeliverable" => "The carrier says that texts to this phone cannot be delivered".to_owned(),
        _ => format!("{who} blocked the contact"),
    }
}

fn unsuppressed(payload: &Value, who: &str) -> String {
    match payload["list"].as_str().unwrap_or_default() {
        "opted_out" => "The contact opted in again".to_owned(),
        list => format!("{who} took the contact off the list {}", list.replace('_', " ")),
    }
}
