//! Two workspaces with one of everything: for each place of the document where an identifier goes, the one workspace's
//! key with the other's identifier gets what an identifier that nothing has gets, and nothing of the other's.
//!
//! The places are read from the document, so that a new operation cannot escape.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::forms::{properties, resolved};
use crate::site::{Customer, Operation, Site, operations};

type Belongings = BTreeMap<&'static str, String>;

/// Which identifier is to stand where: a place such as `path` or `.contacts[]`.
#[derive(Default)]
pub(crate) struct Wish<'a> {
    place: &'a str,
    id: &'a str,
}

/// A request to an operation with one's own identifiers, but for the wish.
pub(crate) fn request(operation: &Operation, own: &Belongings, wish: &Wish<'_>) -> (String, Option<Value>) {
    let mut path = operation.path.clone();
    for (name, form) in parameters(operation) {
        let value = match (name, kind(form)) {
            (_, Some(_)) if wish.place == "path" => wish.id.to_owned(),
            (_, Some(kind)) => own[kind].clone(),
            ("kind", None) => "do_not_contact".to_owned(),
            ("month", None) => "2026-11".to_owned(),
            _ => "+12125550123".to_owned(),
        };
        path = path.replace(&format!("{{{name}}}"), &value);
    }
    let body = body_of(operation).map(|form| value(form, own, wish, String::new()));
    (path, body)
}

fn parameters(operation: &Operation) -> impl Iterator<Item = (&'static str, &'static Value)> {
    let all = operation.body["parameters"].as_array().into_iter().flatten().filter(|given| given["in"] == "path");
    all.map(|given| (given["name"].as_str().unwrap(), &given["schema"]))
}

fn body_of(operation: &Operation) -> Option<&'static Value> {
    operation.body["requestBody"]["content"]["application/json"].get("schema")
}

/// The name of the kind of identifier that a form is.
fn kind(form: &'static Value) -> Option<&'static str> {
    let name = form["$ref"].as_str().map(|path| path.rsplit('/').next().unwrap());
    name.filter(|_| resolved(form)["pattern"].is_string())
}

/// The form itself, where it may also be nothing.
fn something(form: &'static Value) -> &'static Value {
    let choices = form["oneOf"].as_array().into_iter().flatten();
    choices.into_iter().find(|choice| choice["type"] != "null").unwrap_or(form)
}

/// Of contacts and a filter an operation takes one, and a filter asks one thing at a time here.
fn is_left_out(place: &str, name: &str, wish: &Wish<'_>) -> bool {
    let by_filter = wish.place.starts_with(".filter.");
    match (place, name) {
        ("", "filter") => !by_filter,
        ("", "contacts") => by_filter,
        (".filter", name) => wish.place.strip_prefix(".filter.") != Some(name),
        _ => false,
    }
}

fn value(form: &'static Value, own: &Belongings, wish: &Wish<'_>, place: String) -> Value {
    let form = something(form);
    if let Some(kind) = kind(form) {
        return json!(if wish.place == place { wish.id } else { &own[kind] });
    }
    let whole = resolved(form);
    if let Some(sample) = whole.get("example").or_else(|| whole["examples"].get(0)) {
        // An example names nobody's own things.
        let mut ids = Vec::new();
        collect(form, String::new(), &mut ids);
        assert!(ids.is_empty(), "{whole}");
        return sample.clone();
    }
    let kinds = |name: &str| whole["type"] == name || whole["type"].as_array().is_some_and(|all| all[0] == name);
    if kinds("array") {
        return json!([value(&whole["items"], own, wish, format!("{place}[]"))]);
    }
    let members = properties(whole);
    if !members.is_empty() {
        let of =
            |(name, form): (&str, &'static Value)| (name.to_owned(), value(form, own, wish, format!("{place}.{name}")));
        let asked = members.into_iter().filter(|(name, _)| !is_left_out(&place, name, wish));
        return Value::Object(asked.map(of).collect());
    }
    whole["enum"].get(0).cloned().unwrap_or_else(|| {
        if kinds("integer") {
            json!(1)
        } else if kinds("number") {
            json!(0)
        } else if kinds("boolean") {
            json!(false)
        } else {
            json!("text")
        }
    })
}

/// Every place of an operation where an identifier goes, with its kind.
fn places(operation: &Operation) -> Vec<(String, &'static str)> {
    let mut all: Vec<_> =
        parameters(operation).filter_map(|(_, form)| Some(("path".to_owned(), kind(form)?))).collect();
    if let Some(form) = body_of(operation) {
        collect(form, String::new(), &mut all);
    }
    // Plans are the operator's: none of them is another workspace's.
    all.retain(|(_, kind)| *kind != "PlanId");
    all
}

fn collect(form: &'static Value, place: String, all: &mut Vec<(String, &'static str)>) {
    let form = something(form);
    if let Some(kind) = kind(form) {
        all.push((place, kind));
        return;
    }
    let whole = resolved(form);
    if !whole["items"].is_null() {
        collect(&whole["items"], format!("{place}[]"), all);
    }
    for (name, form) in properties(whole) {
        collect(form, format!("{place}.{name}"), all);
    }
}

/// What an operation says of an identifier in its body that the workspace does not have.
fn expected(operation: &Operation, place: &str) -> (u16, &'static str) {
    match (operation.id(), place) {
        // SPEC 3: what is unknown is one of the refusals, all of which are told together.
        ("createQuote", _) => (422, "enrollment_refused"),
        // The own quote is for the own contact and workflow.
        ("enroll" | "enrollQuoted", _) => (422, "quote_unknown"),
        ("orderWorkflows", _) => (422, "workflow_invalid"),
        ("createManyQuote", ".filter.import" | ".filter.workflow") => (422, "selection"),
        // Who of the selection is unknown is among those that are refused.
        ("createManyQuote" | "enrollMany", ".contacts[]") => (200, ""),
        _ => (404, "not_found"),
    }
}

#[tokio::test]
async fn another_workspaces_identifiers_are_as_good_as_none() {
    let site = Site::new();
    let (a, b) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt Secret", "+13055550101").await);
    let (own, others) = (a.belongings("+12125550123").await, b.belongings("+13055550134").await);
    let mut crawled = 0;
    for operation in operations() {
        for (place, kind) in places(&operation) {
            let theirs = &others[kind];
            let nobody = format!("{}_7zzzzzzzzzzzz", &theirs[..3]);
            let there = ask(&a, &operation, &own, &Wish { place: &place, id: theirs }).await;
            let nowhere = ask(&a, &operation, &own, &Wish { place: &place, id: &nobody }).await;
            let of = format!("{} with another's {kind} at {place}: {}", operation.id(), there.text);
            assert_eq!((there.status, there.code()), expected(&operation, &place), "{of}");
            assert_eq!(masked(&there.body, theirs), masked(&nowhere.body, &nobody), "{of}");
            let rest = there.text.replace(theirs.as_str(), "");
            let leaked = others.values().find(|id| rest.contains(id.as_str()));
            assert_eq!(leaked, None, "{of}");
            assert!(!rest.contains("Bolt") && !rest.contains("+1305555"), "{of}");
            crawled += 1;
        }
    }
    assert!(crawled >= 35, "only {crawled} places were crawled");
    // Nothing of the other's has changed meanwhile.
    assert_eq!(others, unchanged(&b, &others).await);
}

async fn ask(customer: &Customer<'_>, operation: &Operation, own: &Belongings, wish: &Wish<'_>) -> crate::site::Answer {
    let (path, body) = request(operation, own, wish);
    customer.ask(&operation.method, &path, body).await
}

/// An answer without what differs between two requests anyway.
fn masked(body: &Value, id: &str) -> Value {
    let text = body.to_string().replace(id, "ID");
    let mut body: Value = serde_json::from_str(&text).unwrap();
    // What was made just now has a name of its own.
    if body["id"].as_str().is_some_and(|id| id.starts_with("job_") || id.starts_with("quo_")) {
        body["id"] = json!("new");
    }
    body
}

/// What the other workspace has, read by its own key.
async fn unchanged(customer: &Customer<'_>, before: &Belongings) -> Belongings {
    let mut after = before.clone();
    for (kind, path) in [
        ("ContactId", "contacts"),
        ("WorkflowId", "workflows"),
        ("EnrollmentId", "enrollments"),
        ("MessageId", "messages"),
    ] {
        let shown = customer.get(&format!("/{path}/{}", before[kind])).await.good();
        after.insert(kind, crate::site::text(&shown["id"]));
    }
    let enrollment = customer.get(&format!("/enrollments/{}", before["EnrollmentId"])).await.good();
    assert_eq!(enrollment["state"], "active");
    assert_eq!(
        customer.get(&format!("/contacts/{}/suppressions", before["ContactId"])).await.good(),
        json!({ "data": [] })
    );
    after
}

#[tokio::test]
async fn lists_hold_the_own_only_wherever_the_cursor_points() {
    let site = Site::new();
    let (a, b) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt Secret", "+13055550101").await);
    a.belongings("+12125550123").await;
    let others = b.belongings("+13055550134").await;
    let lists = operations().into_iter().filter(|operation| operation.method == "GET" && !operation.path.contains('{'));
    for operation in lists.filter(Operation::is_closed) {
        let mut paths = vec![operation.path.clone()];
        paths.extend(others.values().map(|id| format!("{}?cursor={id}", operation.path)));
        for path in paths {
            let answer = a.get(&path).await;
            let rest = answer.text.clone();
            let leaked = others.values().find(|id| rest.contains(id.as_str()));
            assert_eq!(leaked, None, "{path}: {rest}");
            assert!(!rest.contains("Bolt") && !rest.contains("+1305555"), "{path}: {rest}");
        }
    }
}

#[tokio::test]
async fn phones_of_another_workspace_are_no_way_in() {
    let site = Site::new();
    let (a, b) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt Secret", "+13055550101").await);
    let contact = b.contact("+13055550134").await;
    b.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Bolt says hello" })).await.good();
    b.wait(60).await;
    assert_eq!(b.get("/simulator/handsets/+13055550134").await.good()["data"][0]["body"], "Bolt says hello");
    assert_eq!(a.get("/simulator/handsets/+13055550134").await.good()["data"], json!([]));
    let reply = json!({ "from": "+13055550134", "to": b.number, "body": "STOP" });
    a.post("/simulator/replies", reply).await.problem(404, "not_found");
    // The same phone may be a contact of both, and neither learns of the other.
    a.contact("+13055550134").await;
    let taken = a.post("/numbers", json!({ "phone": b.number })).await.problem(409, "phone_taken");
    assert!(!taken.to_string().contains("Bolt"), "{taken}");
}
