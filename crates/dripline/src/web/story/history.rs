//! What an event says in a history, where everything is told: who did what, to whom or to which.

mod imports;
mod labels;

use domain::money::Micros;
use serde_json::Value;
use store::events::Event;

use self::imports::about_imports;
use self::labels::{about_labels, noun};
use super::{Names, Told, paid};
use crate::web::enrollments::amounts;
use crate::web::format::{Icon, counted, money, phone};

/// A text of an event's facts; empty if it has none of that name.
fn text<'p>(facts: &'p Value, name: &str) -> &'p str {
    facts[name].as_str().unwrap_or_default()
}

impl Names {
    /// What an event says in a history.
    pub(crate) fn tell_all(&self, event: &Event) -> Told {
        self.tell(event).unwrap_or_else(|| {
            let facts: Value = serde_json::from_str(&event.payload).unwrap_or_default();
            let who = self.by(event);
            let told = self.about_contacts(event, &facts, &who);
            let told = told.or_else(|| self.about_messages(event, &facts, &who));
            let told = told.or_else(|| self.about_people(event, &facts, &who));
            let told = told.or_else(|| self.about_things(event, &facts, &who));
            let told = told.or_else(|| about_imports(event, &facts, &who));
            let told = told.or_else(|| about_accounts(event, &facts, &who));
            let told = told.or_else(|| about_plan(event, &facts, &who));
            let told = told.or_else(|| about_webhooks(event, &facts, &who));
            // A kind that a newer version writes.
            let told = told.unwrap_or_else(|| format!("{}, by {who}", event.kind.replace(['.', '_'], " ")));
            Told { icon: Icon("dot"), text: crate::web::format::capital(&told) }
        })
    }

    fn about_contacts(&self, event: &Event, facts: &Value, who: &str) -> Option<String> {
        let (whom, name) = (self.whom(event), text(facts, "name"));
        Some(match event.kind.as_str() {
            "contact.created" if event.actor == "contact" => {
                format!("{whom} wrote for the first time and became a contact")
            }
            "contact.created" => format!("{who} added {whom}"),
            "contact.changed" => format!("{who} changed {} of {whom}", self.fields_of(facts)),
            "contact.merged" if event.contact.is_some_and(|id| id.to_string() == text(facts, "kept")) => {
                format!("{who} merged {whom} with another contact, whose number is one more of this person")
            }
            "contact.merged" => format!("{who} merged {whom} into another contact of the same person"),
            "contact.parted" => format!("{who} took {whom} apart from the other numbers of their person"),
            "contact.deleted" => format!("{who} deleted {whom}"),
            "reminder.set" => format!("{who} wants to hear of {whom} later"),
            "reminder.due" => format!("It is time to come back to {whom}"),
            "reminder.ended" => format!("{who} ended the reminder of {whom}"),
            "contact.erased" => format!("{who} erased a person, for good"),
            "contact.restored" => format!("{who} brought {whom} back"),
            "suppression_list.dropped" => format!("{who} took {whom} off the list “{name}”"),
            "contact.labelled" | "contact.unlabelled" => about_labels(event, facts, who, &whom),
            "consent.recorded" => match text(facts, "kind") {
                "revoked" => format!("{who} recorded that {whom} took the consent back ({})", text(facts, "source")),
                _ if facts["lifted"] == true => format!(
                    "{who} recorded the new consent of {whom} ({}), which lifts the opt-out",
                    text(facts, "source")
                ),
                _ => format!("{who} recorded the consent of {whom} ({})", text(facts, "source")),
            },
            "note.added" => format!("{who} wrote a note about {whom}"),
            "note.deleted" => format!("{who} deleted a note about {whom}"),
            "conversation.read" => format!("{who} marked the conversation{} as read", self.with(event)),
            "conversation.unread" => format!("{who} marked the conversation{} as unread", self.with(event)),
            "enrollment.number_changed" => {
                let number = self.numbers.get(text(facts, "to")).map_or("another number", String::as_str);
                format!("{whom} is texted from {number} now")
            }
            "contact.number_changed" => {
                let number = self.numbers.get(text(facts, "to")).map_or("another number", String::as_str);
                format!("{who} chose {number} to text {whom} from")
            }
            _ => return None,
        })
    }

    /// The names of the fields that were changed.
    fn fields_of(&self, facts: &Value) -> String {
        let keys = facts["fields"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let names: Vec<&str> = keys.map(|key| self.fields.get(key).map_or(key, String::as_str)).collect();
        match names.as_slice() {
            [] => "nothing".to_owned(),
            [one] => (*one).to_owned(),
            [others @ .., last] => format!("{} and {last}", others.join(", ")),
        }
    }

    fn about_messages(&self, event: &Event, facts: &Value, who: &str) -> Option<String> {
        let whom = self.whom(event);
        let message = match facts["step"].as_i64().filter(|step| *step > 0) {
            Some(step) => format!("Message {step} of a workflow"),
            None => "A message".to_owned(),
        };
        let detail = Some(text(facts, "detail")).filter(|detail| !detail.is_empty());
        let detail = detail.map(|detail| format!(": {detail}")).unwrap_or_default();
        Some(match event.kind.as_str() {
            "message.received" => format!("{whom} wrote"),
            "message.queued" => format!("{who} wrote to {whom}"),
            "message.sent" => format!("{message} was sent to {whom}"),
            "message.failed" => format!("{message} to {whom} failed{detail}"),
            "message.in_doubt" => format!("It is in doubt whether a message reached {whom}"),
            "message.settled" if text(facts, "fate") == "sent" => {
                format!("{who} settled a message to {whom} that was in doubt: it was sent")
            }
            "message.settled" => format!("{who} settled a message to {whom} that was in doubt: it was not sent"),
            _ => return None,
        })
    }

    fn about_people(&self, event: &Event, facts: &Value, who: &str) -> Option<String> {
        let (name, role) = (text(facts, "name"), text(facts, "role"));
        let themselves = event.actor == text(facts, "user");
        Some(match event.kind.as_str() {
            "user.signed_in" => format!("{who} signed in"),
            "user.signed_out" => format!("{who} signed out"),
            "user.created" if themselves => format!("{who} joined the team as {role}"),
            "user.created" => format!("{who} added {name} to the team as {role}"),
            "user.changed" if themselves => format!("{who} changed their own name: it is {name} now"),
            "user.changed" => format!("{who} saved {name} of the team: the role is {role}"),
            "user.removed" => format!("{who} removed {name} from the team"),
            "user.invited" => format!("{who} invited {name} to the team as {role}"),
            "user.invitation_withdrawn" => format!("{who} withdrew a link that had not been used"),
            "user.password_changed" if themselves => format!("{who} set a new password"),
            "user.password_changed" => format!("{who} set a new password for {}", self.who(text(facts, "user"))),
            "user.password_link_made" => format!("{who} made a link for a new password of {name}"),
            "user.operator_appointed" => format!("{who} made {name} an operator of this installation"),
            "user.operator_dismissed" => format!("{name} is no operator of this installation any more, by {who}"),
            "key.created" => format!("{who} made the API key “{name}”"),
            "key.revoked" => format!("{who} revoked an API key"),
            _ => return None,
        })
    }

    fn about_things(&self, event: &Event, facts: &Value, who: &str) -> Option<String> {
        let name = text(facts, "name");
        let (thing, what) = event.kind.split_once('.')?;
        let thing = match thing {
            "label" => noun(facts),
            "view" => "view",
            "brand" if what == "removed" => "brand",
            "campaign" if what == "removed" => "campaign",
            "field" => "field",
            "quick_reply" => "quick reply",
            "workflow" => "workflow",
            _ => return self.about_the_workspace(event, facts, who),
        };
        Some(match what {
            "created" | "added" => format!("{who} made the {thing} “{name}”"),
            "changed" | "edited" => format!("{who} changed the {thing} “{name}”"),
            "renamed" => format!("{who} renamed the {thing} “{}”: it is “{name}” now", text(facts, "from")),
            "duplicated" => format!("{who} made the {thing} “{name}” as a copy"),
            "paused" | "deleted" | "removed" if facts["removed"].is_object() => {
                let (contacts, back) = (&facts["removed"]["contacts"], &facts["removed"]["refunded"]);
                let contacts = counted(contacts.as_i64().unwrap_or(0), "contact", "contacts");
                let (back, verb) =
                    (amounts(paid(back, "credits", "micros")), if what == "paused" { what } else { "deleted" });
                format!("{who} {verb} the {thing} “{name}”: {contacts} left it, {back} came back")
            }
            "deleted" | "removed" => format!("{who} deleted the {thing} “{name}”"),
            _ => return None,
        })
    }

    fn about_the_workspace(&self, event: &Event, facts: &Value, who: &str) -> Option<String> {
        let micros = |name: &str| money(Micros(facts[name].as_i64().unwrap_or(0)));
        let number = self.numbers.get(text(facts, "number")).map_or("a number", String::as_str);
        Some(match event.kind.as_str() {
            "workflows.ordered" => format!("{who} put the workflows into another order"),
            "quick_replies.ordered" => format!("{who} put the quick replies into another order"),
            "number.added" => format!("{who} added the number {}", phone(text(facts, "phone"))),
            "brand.noted" | "campaign.noted" => {
                let what = event.kind.trim_end_matches(".noted");
                format!("{who} noted the {what} “{}” as {}", text(facts, "name"), text(facts, "state"))
            }
            "number.registered" => {
                format!("{who} noted the registration of {number} as {}", text(facts, "registration"))
            }
            "number.changed" => {
                let moved = facts["reassigned"].as_i64().filter(|moved| *moved > 0);
                let moved = moved.map(|moved| counted(moved, "running workflow goes", "running workflows go"));
                let moved = moved.map(|moved| format!("; {moved} on from another")).unwrap_or_default();
                format!("{who} saved the number {number}: it is {}{moved}", text(facts, "state"))
            }
            "number.paused" => {
                let number = phone(text(facts, "number"));
                format!("The number {number} was paused, since its carrier refused it: {}", text(facts, "detail"))
            }
            "suppression_list.created" => {
                format!("{who} made the list “{}” of phones that are not texted", text(facts, "name"))
            }
            "suppression_list.filled" => {
                let phones = counted(facts["phones"].as_i64().unwrap_or(0), "phone", "phones");
                let ended = counted(facts["ended"].as_i64().unwrap_or(0), "workflow", "workflows");
                format!("{who} read the list “{}”: it holds {phones} and has ended {ended}", text(facts, "name"))
            }
            "suppression_list.removed" => {
                let freed = counted(facts["freed"].as_i64().unwrap_or(0), "phone is", "phones are");
                format!("{who} removed the list “{}”: {freed} free again", text(facts, "name"))
            }
            "workspace.created" => format!("{who} made the workspace “{}”", text(facts, "name")),
            "workspace.exported" => format!("{who} downloaded all data of the workspace"),
            "workspace.changed" => format!("{who} saved the settings of the workspace"),
            "workspace.rate_changed" => {
                format!("{who} changed the price of a segment from {} to {}", micros("from"), micros("to"))
            }
            "workspace.suspended" => format!("{who} suspended the workspace ({})", text(facts, "reason")),
            "workspace.resumed" => {
                let note = Some(text(facts, "reason")).filter(|note| !note.is_empty());
                let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
                format!("{who} let the workspace go on{note}")
            }
            "ledger.topped_up" => {
                let note = Some(text(facts, "note")).filter(|note| !note.is_empty());
                let note = note.map(|note| format!(" ({note})")).unwrap_or_default();
                format!("{who} added {} to the balance{note}", amounts(paid(facts, "credits", "micros")))
            }
            "ledger.withdrawn" => {
                format!(
                    "{who} took {} from the balance ({})",
                    amounts(paid(facts, "credits", "micros")),
                    text(facts, "note")
                )
            }
            _ => return about_payment(event, facts, who),
        })
    }
}

/// What happened with a payment by card, and with the balance.
fn about_payment(event: &Event, facts: &Value, who: &str) -> Option<String> {
    let amount = money(Micros(facts["micros"].as_i64().unwrap_or(0)));
    let owed = facts["owed"].as_i64().filter(|owed| *owed > 0).map(|owed| format!("; {} is owed", money(Micros(owed))));
    let owed = owed.unwrap_or_default();
    Some(match event.kind.as_str() {
        "payment.begun" => format!("{who} went to pay {amount} by card"),
        "payment.failed" => format!("{amount} was not paid by card ({})", text(facts, "reason").replace('_', " ")),
        "payment.refunded" => format!("{amount} was given back to the card{owed}"),
        "payment.disputed" => format!("A payment is disputed: the bank holds {amount} back{owed}"),
        "payment.dispute_won" => format!("A dispute about {amount} was won"),
        "payment.dispute_lost" => format!("A dispute about {amount} was lost{owed}"),
        "payment.collected" => format!("{amount} that was owed for a payment was taken from the wallet{owed}"),
        "balance.low" => {
            let amount = |name: &str| money(Micros(facts[name].as_i64().unwrap_or(0)));
            format!("The wallet fell below {}: {} were left", amount("below"), amount("wallet"))
        }
        "balance.notice_changed" => match facts["below"].as_i64() {
            None => format!("{who} said that a low balance is not told"),
            Some(below) if facts["mails"] == true => {
                format!("{who} said that a balance below {} is told, by e-mail too", money(Micros(below)))
            }
            Some(below) => format!("{who} said that a balance below {} is told, not by e-mail", money(Micros(below))),
        },
        "card.kept" => format!("The card •••• {} is kept", text(facts, "last_four")),
        "card.changed" => format!("{who} said what the card is charged for"),
        "card.stopped" => format!("The card is charged no more ({})", text(facts, "reason")),
        "card.removed" => format!("{who} removed the card •••• {}", text(facts, "last_four")),
        _ => return None,
    })
}

/// What happened with the workspace's plan. What comes with time has nobody who did it.
fn about_plan(event: &Event, facts: &Value, who: &str) -> Option<String> {
    let micros = |name: &str| money(Micros(facts[name].as_i64().unwrap_or(0)));
    let name = text(facts, "name");
    Some(match event.kind.as_str() {
        "plan.started" if facts["name"].is_string() => {
            let trial = if facts["trial"] == true { " with its trial" } else { "" };
            format!("{who} began the plan “{name}”{trial}")
        }
        "plan.started" => format!("{who} started the messaging plan"),
        "plan.chosen" => format!("{who} chose the plan “{name}” for the next period"),
        "plan.renewed" => format!("The plan “{name}” was renewed for {}", micros("price")),
        "plan.past_due" => {
            format!("The plan “{name}” is not paid: the wallet does not cover {}", micros("price"))
        }
        "plan.recovered" => format!("The plan “{name}” was paid: {}", micros("price")),
        "plan.canceled" => format!("{who} canceled the plan"),
        "plan.resumed" => format!("{who} kept the plan after all"),
        "plan.ending" => format!("The plan ends within {} days", facts["within_days"]),
        "plan.ended" => match text(facts, "reason") {
            "unpaid" => "The messaging plan ended: it was not paid".to_owned(),
            _ => format!("{who} ended the messaging plan"),
        },
        "plan.closed" => {
            let expired = facts["expired"].as_i64().unwrap_or(0);
            format!("What ran under the plan was ended; {} went with it", counted(expired, "credit", "credits"))
        }
        _ => return None,
    })
}

/// What was done with an account at a carrier.
fn about_accounts(event: &Event, facts: &Value, who: &str) -> Option<String> {
    let name = text(facts, "name");
    Some(match event.kind.as_str() {
        "carrier.added" => format!("{who} added the account “{name}” at a carrier"),
        "carrier.changed" => format!("{who} saved the account “{name}” at a carrier"),
        "carrier.removed" => format!("{who} removed the account “{name}” at a carrier"),
        "carrier.address_renewed" => format!("{who} gave the account “{name}” a new address; the old one is taken too"),
        "carrier.address_forgotten" => format!("{who} let the old address of the account “{name}” be forgotten"),
        _ => return None,
    })
}

/// What was done with an endpoint of webhooks.
fn about_webhooks(event: &Event, facts: &Value, who: &str) -> Option<String> {
    let name = Some(text(facts, "description")).filter(|name| !name.is_empty());
    let webhook = name.map_or_else(|| "a webhook".to_owned(), |name| format!("the webhook “{name}”"));
    let queued = counted(facts["queued"].as_i64().unwrap_or(0), "delivery", "deliveries");
    Some(match event.kind.as_str() {
        "webhook.added" => format!("{who} added {webhook}"),
        "webhook.changed" => format!("{who} saved {webhook}: it is {}", text(facts, "state")),
        "webhook.rotated" => format!("{who} gave {webhook} a new secret; the one before signs too for a day"),
        "webhook.replayed" => format!("{who} had {queued} to {webhook} made again"),
        "webhook.tested" => format!("{who} sent a test to {webhook}"),
        "webhook.removed" => format!("{who} removed {webhook}"),
        "webhook.disabled" if text(facts, "reason") == "gone" => {
            format!("{webhook} was disabled, as it answered that it is gone")
        }
        "webhook.disabled" => format!("{webhook} was disabled, as it took nothing for three days"),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use domain::ids::{ContactId, EventId};

    use super::*;

    fn names() -> Names {
        let one = |id: &str, name: &str| [(id.to_owned(), name.to_owned())].into();
        Names {
            users: one("usr_1", "Pat Doe"),
            workflows: one("wfl_1", "Leads"),
            numbers: one("num_1", "(212) 555-0100"),
            fields: one("lotsize", "Lot Size"),
            contacts: [(ContactId(1), "Ann Lee".to_owned())].into(),
        }
    }

    fn told(actor: &str, kind: &str, payload: &str) -> String {
        let (id, contact) = (EventId(1), kind.starts_with(['c', 'e', 'm', 'n']).then_some(ContactId(1)));
        let (kind, actor, payload) = (kind.to_owned(), actor.to_owned(), payload.to_owned());
        names().tell_all(&Event { id, contact, kind, actor, payload, at: jiff::Timestamp::UNIX_EPOCH }).text
    }

    /// Who, what, its facts, and the sentence.
    const TOLD: &[(&str, &str, &str, &str)] = &[
        ("usr_1", "contact.created", "{}", "Pat Doe added Ann Lee"),
        ("contact", "contact.created", "{}", "Ann Lee wrote for the first time and became a contact"),
        (
            "usr_1",
            "contact.changed",
            r#"{"fields":["city","lotsize"]}"#,
            "Pat Doe changed city and Lot Size of Ann Lee",
        ),
        (
            "usr_1",
            "carrier.address_renewed",
            r#"{"name":"Our Twilio"}"#,
            "Pat Doe gave the account “Our Twilio” a new address; the old one is taken too",
        ),
        (
            "usr_1",
            "suppression_list.dropped",
            r#"{"name":"Litigators"}"#,
            "Pat Doe took a phone off the list “Litigators”",
        ),
        ("usr_1", "contact.merged", "{}", "Pat Doe merged Ann Lee into another contact of the same person"),
        ("usr_1", "contact.parted", "{}", "Pat Doe took Ann Lee apart from the other numbers of their person"),
        ("usr_9", "contact.labelled", r#"{"name":"Hot"}"#, "A former user gave Ann Lee the label “Hot”"),
        ("contact", "contact.suppressed", r#"{"list":"opted_out"}"#, "Ann Lee opted out: nothing is sent any more"),
        (
            "usr_1",
            "contact.unsuppressed",
            r#"{"list":"do_not_contact"}"#,
            "Pat Doe took Ann Lee off the do-not-contact list",
        ),
        (
            "usr_1",
            "contacts.imported",
            r#"{"rows":1200,"created":1,"updated":2,"rejected":0}"#,
            "Pat Doe imported a file of 1,200 rows: 1 new contact, 2 contacts changed, 0 rows rejected",
        ),
        (
            "usr_1",
            "import.undone",
            r#"{"file":"leads.csv","deleted":1,"restored":2,"kept":3,"altered":1}"#,
            "Pat Doe undid the import of “leads.csv”: 1 contact deleted, 2 changed back, 4 kept",
        ),
        (
            "usr_1",
            "conversation.assigned",
            r#"{"to":null}"#,
            "Pat Doe assigned the conversation with Ann Lee to nobody",
        ),
        (
            "usr_1",
            "enrollment.started",
            r#"{"workflow":"wfl_1","charged_credits":3,"charged_micros":0}"#,
            "Pat Doe added Ann Lee to Leads for 3 credits",
        ),
        (
            "contact",
            "enrollment.stopped",
            r#"{"workflow":"wfl_1","reason":"replied","refunded_micros":15000}"#,
            "Leads stopped for Ann Lee: Ann Lee replied; $0.015 came back",
        ),
        ("dripline", "enrollment.completed", r#"{"workflow":"wfl_2"}"#, "A deleted workflow is complete for Ann Lee"),
        ("dripline", "enrollment.number_changed", r#"{"to":"num_1"}"#, "Ann Lee is texted from (212) 555-0100 now"),
        ("dripline", "message.sent", r#"{"step":2}"#, "Message 2 of a workflow was sent to Ann Lee"),
        ("dripline", "message.failed", r#"{"step":0,"detail":"landline"}"#, "A message to Ann Lee failed: landline"),
        (
            "usr_1",
            "message.settled",
            r#"{"fate":"not_sent"}"#,
            "Pat Doe settled a message to Ann Lee that was in doubt: it was not sent",
        ),
        (
            "usr_1",
            "user.created",
            r#"{"user":"usr_1","name":"Pat Doe","role":"agent"}"#,
            "Pat Doe joined the team as agent",
        ),
        ("operator", "user.removed", r#"{"user":"usr_2","name":"Sam"}"#, "The operator removed Sam from the team"),
        ("usr_1", "user.password_changed", r#"{"user":"usr_1"}"#, "Pat Doe set a new password"),
        (
            "usr_1",
            "field.renamed",
            r#"{"from":"lot","name":"Lot"}"#,
            "Pat Doe renamed the field “lot”: it is “Lot” now",
        ),
        (
            "usr_1",
            "consent.recorded",
            r#"{"kind":"written","source":"web form","lifted":true}"#,
            "Pat Doe recorded the new consent of Ann Lee (web form), which lifts the opt-out",
        ),
        ("usr_1", "quick_reply.created", r#"{"name":"Hours"}"#, "Pat Doe made the quick reply “Hours”"),
        (
            "usr_1",
            "workflow.paused",
            r#"{"name":"Leads","removed":{"contacts":3,"refunded":{"credits":0,"micros":1260000}}}"#,
            "Pat Doe paused the workflow “Leads”: 3 contacts left it, $1.26 came back",
        ),
        ("usr_1", "workflow.edited", r#"{"name":"Leads"}"#, "Pat Doe changed the workflow “Leads”"),
        ("usr_1", "brand.noted", r#"{"name":"Acme","state":"approved"}"#, "Pat Doe noted the brand “Acme” as approved"),
        ("key_1", "number.added", r#"{"phone":"+12125550100"}"#, "An API key added the number (212) 555-0100"),
        (
            "operator",
            "ledger.topped_up",
            r#"{"credits":0,"micros":5000000,"note":"cash"}"#,
            "The operator added $5.00 to the balance (cash)",
        ),
        (
            "operator",
            "workspace.rate_changed",
            r#"{"from":15000,"to":7900}"#,
            "The operator changed the price of a segment from $0.015 to $0.0079",
        ),
        (
            "operator Sam Rivera",
            "workspace.suspended",
            r#"{"reason":"complaints"}"#,
            "Sam Rivera (operator) suspended the workspace (complaints)",
        ),
        ("operator", "workspace.resumed", r#"{"reason":""}"#, "The operator let the workspace go on"),
        (
            "operator",
            "user.operator_appointed",
            r#"{"user":"usr_1","name":"Pat Doe"}"#,
            "The operator made Pat Doe an operator of this installation",
        ),
        ("usr_1", "webhook.added", r#"{"description":"CRM"}"#, "Pat Doe added the webhook “CRM”"),
        (
            "dripline",
            "webhook.disabled",
            r#"{"description":"","reason":"gone"}"#,
            "A webhook was disabled, as it answered that it is gone",
        ),
        ("usr_1", "later.kind_of", "{}", "Later kind of, by Pat Doe"),
    ];

    #[test]
    fn everything_that_happens_is_told_in_a_sentence() {
        for (actor, kind, payload, sentence) in TOLD {
            assert_eq!(told(actor, kind, payload), *sentence, "{kind}");
        }
    }
}
