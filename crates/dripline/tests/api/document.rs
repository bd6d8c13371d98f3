//! The document of the API: published as it is served, true of the router, whole.

use std::collections::BTreeSet;

use axum::body::Body;
use axum::http::Request;
use serde_json::Value;

use crate::site::{DOCUMENT, Site, operations};

#[tokio::test]
async fn the_published_document_is_the_served_one() {
    let site = Site::new();
    let request = Request::get("/api/v1/openapi.json").body(Body::empty()).unwrap();
    let served = site.send(request).await;
    assert_eq!(served.status, 200);
    assert_eq!(
        (&served.headers["cache-control"], &served.headers["x-content-type-options"]),
        (&"no-store".parse().unwrap(), &"nosniff".parse().unwrap())
    );
    assert!(
        served.text == include_str!("../../../../openapi.json"),
        "openapi.json is not what the code says; write it anew with `cargo run -p dripline -- openapi > openapi.json`"
    );
}

#[test]
fn it_is_openapi_3_1_and_every_operation_says_what_it_does() {
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    let nouns: Vec<&Value> = DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for operation in operations() {
        let (id, body) = (operation.id(), operation.body);
        assert!(ids.insert(id), "two operations are named {id}");
        assert!(body["summary"].as_str().is_some_and(|text| !text.is_empty()), "{id}");
        assert!(nouns.contains(&&body["tags"][0]), "{id} belongs to no noun");
        for parameter in body["parameters"].as_array().into_iter().flatten() {
            assert!(parameter["description"].is_string(), "{id}: {}", parameter["name"]);
        }
        let named = operation.path.matches('{').count();
        let given = body["parameters"].as_array().into_iter().flatten().filter(|given| given["in"] == "path").count();
        assert_eq!(named, given, "{id}");
    }
}

#[test]
fn every_reference_in_it_leads_somewhere() {
    let text = DOCUMENT.to_string();
    let names: BTreeSet<&str> =
        text.split("\"#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        assert!(DOCUMENT["components"]["schemas"].get(name).is_some(), "{name} leads nowhere");
    }
}

#[tokio::test]
async fn the_router_has_the_operations_of_the_document_and_no_other_method() {
    let site = Site::new();
    let known: BTreeSet<(String, String)> =
        operations().into_iter().map(|operation| (operation.method, operation.path)).collect();
    let paths: BTreeSet<&String> = known.iter().map(|(_, path)| path).collect();
    for path in paths {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let uri = format!("/api/v1{}", path.replace(['{', '}'], ""));
            let answer = site.send(Request::builder().method(method).uri(uri).body(Body::empty()).unwrap()).await;
            let told = known.contains(&(method.to_owned(), path.clone()));
            let expected = if !told {
                405
            } else if path == "/openapi.json" {
                200
            } else {
                401
            };
            assert_eq!(answer.status, expected, "{method} {path}");
            if answer.status == 405 {
                answer.problem(405, "method_not_allowed");
            }
        }
    }
}

#[tokio::test]
async fn an_address_that_is_not_there_is_a_problem_too() {
    let site = Site::new();
    for path in ["/api/v1", "/api/v1/", "/api/v1/nothing", "/api/v1/contacts/", "/api/v1//contacts"] {
        let answer = site.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
        answer.problem(404, "not_found");
    }
}
