//! What is told of files of contacts.

use serde_json::Value;
use store::events::Event;

use super::text;
use crate::web::format::counted;

pub(super) fn about_imports(event: &Event, facts: &Value, who: &str) -> Option<String> {
    let count = |name: &str| facts[name].as_i64().unwrap_or(0);
    Some(match event.kind.as_str() {
        "import.canceled" => format!("{who} canceled the import of “{}”", text(facts, "file")),
        "import.undone" => format!(
            "{who} undid the import of “{}”: {} deleted, {} changed back, {} kept",
            text(facts, "file"),
            counted(count("deleted"), "contact", "contacts"),
            count("restored"),
            count("kept") + count("altered")
        ),
        "contacts.imported" => format!(
            "{who} imported a file of {}: {}, {} changed, {}",
            counted(count("rows"), "row", "rows"),
            counted(count("created"), "new contact", "new contacts"),
            counted(count("updated"), "contact", "contacts"),
            counted(count("rejected"), "row rejected", "rows rejected")
        ),
        _ => return None,
    })
}
