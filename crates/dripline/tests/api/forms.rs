//! Whether an answer is one that the document tells: its status, its code, its form.

use serde_json::Value;

use crate::site::{Answer, DOCUMENT, Operation};

/// Fails unless the document tells this answer of this operation.
pub(crate) fn hold(operation: &Operation, answer: &Answer) {
    let told = &operation.body["responses"][answer.status.to_string()];
    let of = format!("{} answered {}: {}", operation.id(), answer.status, answer.text);
    assert!(!told.is_null(), "{of}\nthe document does not tell this status");
    let kind = answer.headers["content-type"].to_str().unwrap();
    let content = &told["content"][kind];
    assert!(!content.is_null(), "{of}\nthe document does not tell {kind}");
    if let Err(fault) = fits(&content["schema"], &answer.body, "answer") {
        panic!("{of}\n{fault}");
    }
    if answer.status != 200 {
        let known = operation.body["x-problems"].as_array().unwrap();
        assert!(known.iter().any(|code| code == answer.code()), "{of}\nthe document does not tell this code");
        assert_eq!(answer.body["status"], answer.status);
    }
}

/// A schema behind its reference.
pub(crate) fn resolved(schema: &'static Value) -> &'static Value {
    match schema["$ref"].as_str() {
        None => schema,
        Some(path) => {
            let found = &DOCUMENT["components"]["schemas"][path.rsplit('/').next().unwrap()];
            assert!(!found.is_null(), "{path} leads nowhere");
            found
        }
    }
}

fn fits(schema: &'static Value, value: &Value, place: &str) -> Result<(), String> {
    let schema = resolved(schema);
    if let Some(choices) = schema["oneOf"].as_array() {
        let fits = choices.iter().any(|choice| fits(choice, value, place).is_ok());
        return if fits { Ok(()) } else { Err(format!("{place}: {value} fits none of {choices:?}")) };
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.iter().any(|kind| is(kind, value)) {
        return Err(format!("{place}: {value} is none of {kinds:?}"));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        return Err(format!("{place}: {value} is none of {words:?}"));
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str()) {
        let prefix = &pattern[1..5];
        if !text.starts_with(prefix) || text.len() != 17 {
            return Err(format!("{place}: {text} is not {pattern}"));
        }
    }
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(nth, item)| fits(&schema["items"], item, &format!("{place}[{nth}]"))),
        Value::Object(members) => {
            let (known, needed) = (properties(schema), required(schema));
            if let Some(name) = needed.into_iter().find(|name| !members.contains_key(*name)) {
                return Err(format!("{place}: {name} is missing"));
            }
            members.iter().try_for_each(|(name, member)| {
                let below = format!("{place}.{name}");
                match (known.iter().find(|(known, _)| known == name), &schema["additionalProperties"]) {
                    (Some((_, form)), _) => fits(form, member, &below),
                    (None, form) if !form.is_null() => fits(form, member, &below),
                    _ if known.is_empty() => Ok(()),
                    _ => Err(format!("{below}: the document does not tell it")),
                }
            })
        }
        _ => Ok(()),
    }
}

fn is(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

fn parts(schema: &'static Value) -> impl Iterator<Item = &'static Value> {
    schema["allOf"].as_array().into_iter().flatten().map(resolved)
}

/// The members of an object and of its parts.
pub(crate) fn properties(schema: &'static Value) -> Vec<(&'static str, &'static Value)> {
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, form)| (name.as_str(), form));
    own.chain(parts(schema).flat_map(properties)).collect()
}

fn required(schema: &'static Value) -> Vec<&'static str> {
    let own = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    own.chain(parts(schema).flat_map(required)).collect()
}
