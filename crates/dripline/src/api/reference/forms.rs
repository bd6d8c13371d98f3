//! Schemas of the document for people: lists of fields, kinds in words, examples.

use serde_json::{Map, Value, json};

use super::list;
use crate::page::{escaped, prose};

/// How deep fields inside of fields are shown.
const DEEPEST: usize = 4;

/// A schema without references and without "or nothing"; the second part says whether it may be nothing.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> (&'d Value, bool) {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return (&document["components"]["schemas"][name], false);
    }
    let choices = ["oneOf", "anyOf"].into_iter().find_map(|word| schema.get(word));
    if let Some(one) = choices.and_then(|all| list(all).find(|one| one["type"] != "null")) {
        return (resolved(document, one).0, true);
    }
    let nullable = list(&schema["type"]).any(|kind| kind == "null");
    (schema, nullable)
}

/// The members of an object, those of its parts (`allOf`) first, with whether each must be there.
fn members<'d>(document: &'d Value, schema: &'d Value) -> Vec<(&'d str, &'d Value, bool)> {
    let parts = list(&schema["allOf"]).flat_map(|part| members(document, resolved(document, part).0));
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, form)| {
        let needed = list(&schema["required"]).any(|known| known.as_str() == Some(name));
        (name.as_str(), form, needed)
    });
    parts.chain(own).collect()
}

fn plain_kind(schema: &Value) -> &str {
    let several = list(&schema["type"]).find_map(|kind| kind.as_str().filter(|kind| *kind != "null"));
    several.or_else(|| schema["type"].as_str()).unwrap_or("any")
}

/// What a value is, in words.
pub(super) fn kind(document: &Value, schema: &Value) -> String {
    let (form, nullable) = resolved(document, schema);
    let words: Vec<&str> = list(&form["enum"]).filter_map(Value::as_str).collect();
    let kind = match (plain_kind(form), form["format"].as_str(), form["pattern"].as_str()) {
        _ if !words.is_empty() && words.len() <= 12 => words.join(" · "),
        ("array", _, _) => format!("list of {}", kind(document, &form["items"])),
        ("object", _, _) | ("any", _, _) => "object".to_owned(),
        ("string", Some("date-time"), _) => "time".to_owned(),
        ("string", _, Some(pattern)) => {
            pattern.trim_start_matches('^').split('_').next().map_or_else(String::new, |prefix| format!("{prefix}_…"))
        }
        ("string", _, _) => "text".to_owned(),
        (other, _, _) => other.to_owned(),
    };
    if nullable { format!("{kind} or null") } else { kind }
}

/// One line of a list of fields.
pub(super) fn line(name: &str, kind: &str, needed: bool, about: &str, below: &str) -> String {
    let needed = if needed { " <span class=\"needed\">required</span>" } else { "" };
    let about = if about.is_empty() { String::new() } else { format!("<p>{}</p>", prose(about)) };
    let kind = escaped(kind);
    format!("<li><code>{}</code> <span class=\"kind\">{kind}</span>{needed}{about}{below}</li>\n", escaped(name))
}

/// Which side writes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Who asks: it matters what must be there.
    Asks,
    /// The server.
    Answers,
}

/// The fields of a value, and those inside of them.
pub(super) fn fields(document: &Value, schema: &Value, side: Side) -> String {
    deeper(document, schema, side, 0)
}

fn deeper(document: &Value, schema: &Value, side: Side, depth: usize) -> String {
    let (form, _) = resolved(document, schema);
    if plain_kind(form) == "array" && depth < DEEPEST {
        return deeper(document, &form["items"], side, depth);
    }
    let members = members(document, form);
    if depth >= DEEPEST || members.is_empty() {
        return String::new();
    }
    let lines = members.into_iter().map(|(name, member, needed)| {
        let choice = ["oneOf", "anyOf"].into_iter().find_map(|word| member[word][0]["description"].as_str());
        let about = member["description"].as_str().or(choice);
        let about = about.or_else(|| resolved(document, member).0["description"].as_str());
        line(
            name,
            &kind(document, member),
            needed && side == Side::Asks,
            about.unwrap_or_default(),
            &deeper(document, member, side, depth + 1),
        )
    });
    format!("<ul class=\"fields\">\n{}</ul>\n", lines.collect::<String>())
}

/// A value that fits the schema.
pub(super) fn example(document: &Value, schema: &Value) -> Value {
    let (form, _) = resolved(document, schema);
    if let Some(given) = schema.get("example").or_else(|| form.get("example")).or_else(|| form["examples"].get(0)) {
        return given.clone();
    }
    if let Some(word) = form["enum"].get(0) {
        return word.clone();
    }
    match plain_kind(form) {
        "array" => json!([example(document, &form["items"])]),
        "integer" => form.get("minimum").cloned().unwrap_or(json!(0)),
        "number" => json!(0.1),
        "boolean" => json!(true),
        "string" if form["format"] == "date-time" => json!("2026-11-24T15:00:00Z"),
        "string" => json!("text"),
        _ => {
            let members = members(document, form).into_iter();
            Value::Object(
                members.map(|(name, member, _)| (name.to_owned(), example(document, member))).collect::<Map<_, _>>(),
            )
        }
    }
}
