//! The statement of a month, as JSON and as a PDF.

use axum::body::Body;
use axum::http::Request;
use axum::http::header::{ACCEPT, AUTHORIZATION};
use serde_json::json;

use crate::site::{Answer, Customer, Site};

async fn accepting(site: &Site, customer: &Customer<'_>, path: &str, kinds: &str) -> Answer {
    let request = Request::get(format!("/api/v1{path}")).header(AUTHORIZATION, format!("Bearer {}", customer.key));
    site.send(request.header(ACCEPT, kinds).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_month_adds_up_and_is_a_pdf_for_whoever_asks_for_one() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let workflow = customer.workflow("Leads").await;
    customer.post("/enrollments", json!({ "contact": contact, "workflow": workflow })).await.good();
    let statement = customer.get("/statements/2026-11").await.good();
    let whole =
        |field: &str| statement[field]["micros"].as_i64().unwrap() + statement[field]["credits"].as_i64().unwrap();
    let lines = statement["lines"].as_array().unwrap();
    let moved: i64 =
        lines.iter().map(|line| line["micros"].as_i64().unwrap() + line["credits"].as_i64().unwrap()).sum();
    assert_eq!(whole("opening") + moved, whole("closing"), "{statement}");
    let added = lines.iter().find(|line| line["kind"] == "contacts_added").unwrap();
    assert_eq!((&added["count"], &added["what"]), (&json!(1), &json!("1 contact added, 2 segments")));
    let balances = customer.get("/balances").await.good();
    assert_eq!(statement["closing"], json!({ "credits": balances["credits"], "micros": balances["wallet"] }));
    assert_eq!(statement["held"], json!({ "credits": balances["held_credits"], "micros": balances["held_micros"] }));

    for (path, kinds) in [("/statements/2026-11", "application/pdf"), ("/statements/2026-11.pdf", "*/*")] {
        let pdf = accepting(&site, &customer, path, kinds).await;
        assert_eq!((pdf.status, &pdf.headers["content-type"]), (200, &"application/pdf".parse().unwrap()));
        assert!(pdf.text.starts_with("%PDF-1.7"), "{path}");
    }
    let json = accepting(&site, &customer, "/statements/2026-11", "application/json, application/pdf").await;
    assert_eq!(json.headers["content-type"], "application/json");
    assert_eq!(json.headers["vary"], "accept");
}

#[tokio::test]
async fn a_month_that_there_is_not_is_not_found_and_says_why() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    for (month, why) in [
        ("2026-10", "there is no statement of 2026-10: the first month is 2026-11 and the last is 2026-11"),
        ("2027-01", "the last is 2026-11"),
        ("November", "write it as 2026-11"),
        ("2026-11.csv", "write it as 2026-11"),
    ] {
        let problem = customer.get(&format!("/statements/{month}")).await.problem(404, "not_found");
        assert!(problem["detail"].as_str().unwrap().contains(why), "{problem}");
    }
}
