//! The document of the API (OpenAPI 3.1): what the annotations of the handlers say, and what holds for all of them.
//!
//! An annotation names the permission (`x-permission`) and the problems of its own (`x-problems`); who asks, how a body
//! is read and what can fail everywhere is added here, so that every answer of every operation is told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, ResponseBuilder, path::Operation};
use utoipa::{OpenApi as _, ToSchema};

use super::ids;
use super::merges::MergePreview;
use super::quotes::{Quote, Refusal};
use super::words::{CodeWord, ContactStandingWord, DuplicateWord, HistoryWord, PermissionWord};
use crate::problem::Code;

/// The name of the security scheme.
const KEY: &str = "key";
const PROBLEM: &str = "application/problem+json";

/// What a document begins with.
pub(crate) fn head() -> OpenApi {
    Head::openapi()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Dripline",
        description = "Lead follow-up by text message that stops the moment the contact replies.\n\nIdentifiers are prefixed text, money is \
            an integer of micro-dollars ($1 = 1,000,000), credits are free segments, time is RFC 3339 in UTC. Whatever belongs to another \
            workspace is not found. Lists come in pages: `next` is the cursor of the next one. Problems are `application/problem+json` \
            with a stable `code`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/api/v1")),
    components(schemas(ProblemBody, DuplicateWord, ContactStandingWord, HistoryWord)),
    tags(
        (name = "Workspace", description = "The customer to whom everything else belongs."),
        (name = "Plan", description = "What the workspace pays a month, and what it gets for it."),
        (name = "Users", description = "People with a login in the workspace."),
        (name = "Keys", description = "What programs open the API with."),
        (name = "Numbers", description = "Phone numbers of the workspace's own."),
        (name = "Registrations", description = "Brands and campaigns with which numbers are registered to text US numbers."),
        (name = "Contacts", description = "One phone number of one person each, with fields."),
        (name = "Labels", description = "Labels, which mark conversations, and lists, which hold contacts together."),
        (name = "Consent", description = "What contacts agreed to and took back, as it was recorded."),
        (name = "Suppressions", description = "The lists that forbid texting a contact."),
        (name = "Workflows", description = "One to nine messages with days between them."),
        (name = "Quotes", description = "The exact price and timeline, before anything starts."),
        (name = "Enrollments", description = "One contact's run through one workflow, from start to end."),
        (name = "Jobs", description = "Work on many contacts that goes on by itself."),
        (name = "Reminders", description = "Of whom somebody wants to hear later: one for each contact. Nobody is texted by one."),
        (name = "Conversations", description = "All messages between the workspace and a contact."),
        (name = "Messages", description = "Texts, inbound and outbound."),
        (name = "Events", description = "Everything that happened, as it happened."),
        (name = "Webhooks", description = "Addresses of your own that are told what happens, and what was delivered to them."),
        (name = "Simulator", description = "The other side of the demo: handsets, their owners, and a clock that can be pushed."),
        (name = "Document", description = "The description of this API.")
    )
)]
struct Head;

/// What went wrong (RFC 9457). The members after `detail` come with the codes that say so.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[expect(dead_code, reason = "it is the form of the document; `Problem` writes it")]
struct ProblemBody {
    /// `about:blank`: the `code` says what it is.
    r#type: String,
    /// The name of the status.
    title: String,
    status: u16,
    code: CodeWord,
    /// What is wrong, in plain words.
    detail: String,
    /// The permission that the key lacks.
    #[schema(nullable = false)]
    permission: Option<PermissionWord>,
    /// All that stands against an enrollment.
    #[schema(nullable = false)]
    refusals: Option<Vec<Refusal>>,
    /// The quote that holds now.
    #[schema(nullable = false)]
    quote: Option<Quote>,
    /// What the merge would do now.
    #[schema(nullable = false)]
    preview: Option<MergePreview>,
    /// All that is wrong with a workflow.
    #[schema(nullable = false)]
    faults: Option<Vec<String>>,
    /// The contact that has the phone.
    #[schema(nullable = false)]
    contact: Option<ids::Contact>,
    /// Why a phone cannot be used.
    #[schema(nullable = false)]
    reason: Option<String>,
    /// Where the JSON goes wrong, from 1.
    #[schema(nullable = false)]
    line: Option<u64>,
    /// Where in that line, from 1.
    #[schema(nullable = false)]
    column: Option<u64>,
    /// Under which the log has the cause.
    #[schema(nullable = false)]
    id: Option<String>,
}

/// The whole document.
pub(crate) static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut api = super::described();
    for item in api.paths.paths.values_mut() {
        let all = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        all.into_iter().flatten().for_each(complete);
    }
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("drip_…");
    let scheme = scheme.description(Some("A key, made by an owner: `POST /keys`, or at the command line.")).build();
    let components = api.components.get_or_insert_default();
    components.security_schemes.insert(KEY.to_owned(), SecurityScheme::Http(scheme).into());
    let mut document = serde_json::to_value(api).expect("a document is plain data");
    answer_in_full(&mut document);
    document
});

/// The document as it is published, with a line break at its end.
pub(crate) fn text() -> String {
    format!("{:#}\n", *DOCUMENT)
}

/// Says of every form that only answers have that all its members are always there, be it as `null`: the annotations
/// know no side, and call each member that may be nothing optional.
fn answer_in_full(document: &mut Value) {
    let mut asked = BTreeSet::from(["Problem".to_owned()]);
    for operation in
        document["paths"].as_object().into_iter().flatten().flat_map(|(_, item)| item.as_object()).flatten()
    {
        references(&operation.1["requestBody"], document, &mut asked);
    }
    let schemas = document["components"]["schemas"].as_object_mut().into_iter().flatten();
    schemas.filter(|(name, _)| !asked.contains(*name)).for_each(|(_, schema)| need_all(schema));
}

/// Adds the names of the schemas that a value leads to.
fn references(value: &Value, document: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            if let Some(name) = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
                && names.insert(name.to_owned())
            {
                references(&document["components"]["schemas"][name], document, names);
            }
            members.values().for_each(|member| references(member, document, names));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, document, names)),
        _ => {}
    }
}

fn need_all(schema: &mut Value) {
    if let Some(names) = schema["properties"].as_object().map(|members| members.keys().cloned().collect::<Vec<_>>()) {
        schema["required"] = json!(names);
    }
    for inside in ["properties", "allOf", "items"] {
        match schema.get_mut(inside) {
            Some(Value::Array(parts)) => parts.iter_mut().for_each(need_all),
            Some(Value::Object(members)) if inside == "properties" => members.values_mut().for_each(need_all),
            Some(part) => need_all(part),
            None => {}
        }
    }
}

/// Adds what the annotation of an operation leaves out.
fn complete(operation: &mut Operation) {
    let extensions = operation.extensions.get_or_insert_default();
    if !extensions.contains_key("x-permission") {
        operation.security = Some(Vec::new());
        return;
    }
    let mut codes = vec![Code::Unauthorized, Code::Forbidden, Code::Internal, Code::Unavailable];
    let own = extensions.get("x-problems").and_then(Value::as_array).cloned().unwrap_or_default();
    let read = |word: &Value| word.as_str().and_then(Code::from_word).expect("an annotation names codes that exist");
    codes.extend(own.iter().map(read));
    let json = operation.request_body.as_ref().is_some_and(|body| match body {
        utoipa::openapi::RefOr::T(body) => body.content.contains_key("application/json"),
        utoipa::openapi::RefOr::Ref(_) => true,
    });
    if json {
        codes.extend([Code::Body, Code::Json, Code::BodyTooLarge, Code::ContentType]);
    }
    if takes_key(operation) {
        codes.extend([Code::IdempotencyKey, Code::IdempotencyKeyReused]);
    }
    codes.sort_unstable_by_key(|code| (code.status(), Code::ALL.iter().position(|other| other == code)));
    codes.dedup();
    let words: Vec<&str> = codes.iter().map(|code| code.word()).collect();
    operation.extensions.get_or_insert_default().insert("x-problems".to_owned(), json!(words));
    operation.security = Some(vec![SecurityRequirement::new(KEY, Vec::<String>::new())]);
    let mut by_status = BTreeMap::<StatusCode, String>::new();
    for code in codes {
        let about = by_status.entry(code.status()).or_default();
        about.push_str(&format!("- `{}`: {}\n", code.word(), code.about()));
    }
    for (status, about) in by_status {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(about.trim_end()).content(PROBLEM, content).build();
        operation.responses.responses.insert(status.as_str().to_owned(), response.into());
    }
}

fn takes_key(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|parameter| match parameter {
        utoipa::openapi::RefOr::T(parameter) => parameter.name == "Idempotency-Key",
        utoipa::openapi::RefOr::Ref(_) => false,
    })
}

/// Show this document
///
/// OpenAPI 3.1. It needs no key.
#[utoipa::path(get, path = "/openapi.json", operation_id = "showDocument", tag = "Document",
    responses((status = 200, description = "The document.", body = Object)))]
pub(crate) async fn show() -> Response {
    static TEXT: LazyLock<String> = LazyLock::new(text);
    ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()).into_response()
}
