//! The reference page at `/api`, for people: the document of the API, by noun.

mod forms;

use axum::response::Response;
use serde_json::Value;

use super::document::DOCUMENT;
use crate::page::{escaped, html, prose};
use crate::problem::Code;
use forms::{Side, example, fields};

/// The methods in the order in which they are shown.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// One operation of the document.
struct Operation<'d> {
    method: &'static str,
    path: &'d str,
    body: &'d Value,
}

impl Operation<'_> {
    fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }
}

/// The page; `address` is that of the server.
pub(crate) fn page(address: &str) -> Response {
    html("Dripline API", &content(&DOCUMENT, address))
}

fn content(document: &Value, address: &str) -> String {
    let all = operations(document);
    let nouns: Vec<(&str, &str)> = list(&document["tags"])
        .map(|tag| (tag["name"].as_str().unwrap_or_default(), tag["description"].as_str().unwrap_or_default()))
        .collect();
    let of = |noun: &str| -> Vec<&Operation<'_>> {
        all.iter().filter(|operation| operation.body["tags"][0] == *noun).collect()
    };
    let links: String = nouns.iter().map(|(noun, _)| contents(noun, &of(noun))).collect();
    let sections: String = nouns
        .iter()
        .map(|(noun, about)| {
            let articles: String = of(noun).into_iter().map(|operation| article(document, operation, address)).collect();
            let anchor = noun.to_lowercase();
            format!("<section class=\"noun\" id=\"{anchor}\">\n<h2>{noun}</h2>\n<p class=\"soft\">{}</p>\n{articles}</section>\n", prose(about))
        })
        .collect();
    format!(
        "<div class=\"reference\">\n<nav class=\"contents\" aria-label=\"Contents\">\n{links}</nav>\n<main>\n<h1>Dripline API</h1>\n{}{sections}{}</main>\n</div>",
        opening(document, address),
        problems(),
    )
}

/// What holds for all operations.
fn opening(document: &Value, address: &str) -> String {
    let about = document["info"]["description"].as_str().unwrap_or_default();
    let about: String = about.split("\n\n").map(|part| format!("<p>{}</p>\n", prose(part))).collect();
    let address = escaped(address);
    let example = format!("curl -H 'Authorization: Bearer drip_…' {address}/api/v1/workspace");
    format!(
        "{about}<p>Every request but that for the document carries a key. Bodies are JSON. A request that makes something or spends takes an \
         <code>Idempotency-Key</code>: repeat it with the same key after a lost answer, and it is done once.</p>\n\
         <pre tabindex=\"0\"><code>{example}</code></pre>\n\
         <p><a href=\"/api/v1/openapi.json\">The same as OpenAPI 3.1</a>, also by <code>dripline openapi</code>. \
         <a href=\"#problems\">All problem codes</a>.</p>\n"
    )
}

fn contents(noun: &str, operations: &[&Operation<'_>]) -> String {
    let line = |operation: &&Operation<'_>| {
        format!("<li><a href=\"#{}\">{}</a></li>\n", operation.text("operationId"), escaped(operation.text("summary")))
    };
    let lines: String = operations.iter().map(line).collect();
    format!("<h2><a href=\"#{}\">{noun}</a></h2>\n<ul>\n{lines}</ul>\n", noun.to_lowercase())
}

fn article(document: &Value, operation: &Operation<'_>, address: &str) -> String {
    let Operation { method, path, body } = operation;
    let about = operation.text("description");
    let about = if about.is_empty() { String::new() } else { format!("<p>{}</p>\n", prose(about)) };
    let permission = body["x-permission"].as_str();
    let permission = permission.map_or_else(
        || "<p class=\"soft\">Needs no key.</p>\n".to_owned(),
        |word| format!("<p class=\"soft\">Needs the permission <code>{word}</code>.</p>\n"),
    );
    format!(
        "<article class=\"operation\" id=\"{id}\">\n<h3>{summary}</h3>\n<p class=\"address\"><span class=\"method {method}\">{upper}</span> \
         <code>/api/v1{path}</code></p>\n{about}{permission}{parameters}{request}{curl}{answer}{codes}</article>\n",
        id = operation.text("operationId"),
        summary = escaped(operation.text("summary")),
        upper = method.to_uppercase(),
        path = escaped(path),
        parameters = parameters(document, body),
        request = request(document, body),
        curl = curl(document, operation, address),
        answer = answer(document, body),
        codes = codes(body),
    )
}

fn parameters(document: &Value, body: &Value) -> String {
    let line = |parameter: &Value| {
        let place = match parameter["in"].as_str() {
            Some("path") => "in the path",
            Some("header") => "header",
            _ => "in the query",
        };
        let kind = format!("{}, {place}", forms::kind(document, &parameter["schema"]).trim_end_matches(" or null"));
        let needed = parameter["required"].as_bool().unwrap_or_default();
        let about = parameter["description"].as_str().unwrap_or_default();
        forms::line(parameter["name"].as_str().unwrap_or_default(), &kind, needed, about, "")
    };
    let lines: String = list(&body["parameters"]).map(line).collect();
    if lines.is_empty() { lines } else { format!("<h4>Parameters</h4>\n<ul class=\"fields\">\n{lines}</ul>\n") }
}

fn request(document: &Value, body: &Value) -> String {
    let content = &body["requestBody"]["content"];
    if let Some(file) = content.get("text/csv") {
        let sample = file["example"].as_str().unwrap_or_default();
        return format!("<h4>Body: a CSV file</h4>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", escaped(sample));
    }
    match content.get("application/json") {
        None => String::new(),
        Some(json) => format!("<h4>Body</h4>\n{}", fields(document, &json["schema"], Side::Asks)),
    }
}

fn answer(document: &Value, body: &Value) -> String {
    let good = &body["responses"]["200"];
    let about = prose(good["description"].as_str().unwrap_or_default());
    let fields = fields(document, &good["content"]["application/json"]["schema"], Side::Answers);
    format!("<h4>Answer</h4>\n<p>{about}</p>\n<details>\n<summary>Its fields</summary>\n{fields}</details>\n")
}

fn codes(body: &Value) -> String {
    let known = list(&body["x-problems"]).filter_map(|word| Code::from_word(word.as_str()?));
    let rows: String = known.map(|code| row(code, "")).collect();
    if rows.is_empty() {
        return rows;
    }
    format!("<details>\n<summary>What can go wrong</summary>\n<table class=\"codes\">\n{rows}</table>\n</details>\n")
}

fn row(code: Code, attributes: &str) -> String {
    let (status, word, about) = (code.status().as_u16(), code.word(), prose(code.about()));
    format!("<tr{attributes}><td>{status} <code>{word}</code></td><td>{about}</td></tr>\n")
}

fn problems() -> String {
    let rows: String = Code::ALL.iter().map(|code| row(*code, &format!(" id=\"problem-{}\"", code.word()))).collect();
    format!(
        "<section class=\"noun\" id=\"problems\">\n<h2>Problems</h2>\n<p class=\"soft\">Every code, with its status.</p>\n<table class=\"codes\">\n{rows}</table>\n</section>\n"
    )
}

/// A command to copy.
fn curl(document: &Value, operation: &Operation<'_>, address: &str) -> String {
    let mut path = operation.path.to_owned();
    for parameter in list(&operation.body["parameters"]).filter(|parameter| parameter["in"] == "path") {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = parameter.get("example").cloned().unwrap_or_else(|| example(document, &parameter["schema"]));
        path = path.replace(&format!("{{{name}}}"), value.as_str().unwrap_or_default());
    }
    let mut words = vec![format!("curl {address}/api/v1{path}")];
    let content = &operation.body["requestBody"]["content"];
    if !matches!(operation.method, "get" | "post") || (operation.method == "post" && content.is_null()) {
        words.push(format!("-X {}", operation.method.to_uppercase()));
    }
    if operation.body.get("x-permission").is_some() {
        words.push("-H \"Authorization: Bearer $KEY\"".to_owned());
    }
    if list(&operation.body["parameters"]).any(|parameter| parameter["name"] == "Idempotency-Key") {
        words.push("-H 'Idempotency-Key: 8e03978e'".to_owned());
    }
    if content.get("text/csv").is_some() {
        words.push("-H 'Content-Type: text/csv'".to_owned());
        words.push("--data-binary @leads.csv".to_owned());
    } else if let Some(json) = content.get("application/json") {
        words.push("-H 'Content-Type: application/json'".to_owned());
        words.push(format!("-d '{}'", example(document, &json["schema"]).to_string().replace('\'', "'\\''")));
    }
    format!("<h4>Example</h4>\n<pre tabindex=\"0\"><code>{}</code></pre>\n", escaped(&words.join(" \\\n  ")))
}

/// All operations: what a noun lists first, then what it shows of one.
fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let of = |method: &&'static str| item.get(*method).map(|body| Operation { method, path, body });
        all.extend(METHODS.iter().filter_map(of));
    }
    all.sort_by_key(|operation| operation.path.matches('/').count());
    all
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
