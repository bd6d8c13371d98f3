//! What is told of labels and lists.

use serde_json::Value;
use store::events::Event;

use super::text;

/// What it is. Events from before there were lists say nothing of it.
pub(super) fn noun(facts: &Value) -> &'static str {
    if facts["kind"] == "list" { "list" } else { "label" }
}

/// That a contact got one, or lost it.
pub(super) fn about_labels(event: &Event, facts: &Value, who: &str, whom: &str) -> String {
    let name = text(facts, "name");
    match (event.kind.as_str(), noun(facts)) {
        ("contact.labelled", "list") => format!("{who} put {whom} on the list “{name}”"),
        ("contact.labelled", _) => format!("{who} gave {whom} the label “{name}”"),
        (_, "list") => format!("{who} took {whom} off the list “{name}”"),
        (_, _) => format!("{who} took the label “{name}” from {whom}"),
    }
}
