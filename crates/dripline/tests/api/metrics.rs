//! The probes and the metrics: their form, and that they move with what happens.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::site::Site;

async fn scrape(site: &Site) -> String {
    let answer = site.send(Request::get("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().unwrap()),
        (200, "text/plain; version=0.0.4; charset=utf-8")
    );
    answer.text
}

/// The value of a line.
fn value(page: &str, name: &str) -> i64 {
    let line = page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {page}")).parse().unwrap()
}

#[tokio::test]
async fn every_line_is_of_the_text_format_and_every_metric_has_its_head() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    customer.get("/contacts/nobody").await.problem(404, "not_found");
    let page = scrape(&site).await;
    let (mut name, mut kind) = ("", "");
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            (name, _) = help.split_once(' ').unwrap();
        } else if let Some(given) = line.strip_prefix("# TYPE ") {
            let (of, given) = given.split_once(' ').unwrap();
            assert_eq!(of, name);
            assert!(include_str!("../../../../docs/metrics.md").contains(&format!("| `{name}")), "{name} is not told");
            assert!(["gauge", "counter", "histogram"].contains(&given), "{line}");
            kind = given;
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let of = series.split('{').next().unwrap();
            let suffix = of.strip_prefix(name).unwrap_or_else(|| panic!("{line} stands under {name}"));
            assert!(suffix.is_empty() || kind == "histogram", "{line}");
            assert!(kind != "counter" || name.ends_with("_total"), "{line}");
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
        }
    }
    let refused = "dripline_http_requests_total{method=\"GET\",path=\"/api/v1/contacts/{id}\",status=\"404\"}";
    assert_eq!(value(&page, refused), 1);
}

#[tokio::test]
async fn the_numbers_move_with_what_happens() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let page = scrape(&site).await;
    assert_eq!((value(&page, "dripline_due_workspaces"), value(&page, "dripline_messages_claimed_total")), (0, 0));
    customer.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Hello" })).await.good();
    assert_eq!(value(&scrape(&site).await, "dripline_due_workspaces"), 1);
    site.parts.engine.clock().move_to(site.parts.engine.now() + jiff::SignedDuration::from_secs(90));
    assert_eq!(value(&scrape(&site).await, "dripline_due_oldest_seconds"), 90);
    customer.wait(1).await;
    let reply = json!({ "from": "+12125550123", "to": customer.number, "body": "Yes" });
    customer.post("/simulator/replies", reply).await.good();
    let page = scrape(&site).await;
    assert_eq!(value(&page, "dripline_due_workspaces"), 0);
    assert_eq!(value(&page, "dripline_messages_claimed_total"), 1);
    assert_eq!(value(&page, "dripline_carrier_answers_total{said=\"accepted\"}"), 1);
    assert_eq!(value(&page, "dripline_callbacks_total{brought=\"text\"}"), 1);
}

#[tokio::test]
async fn the_daily_check_and_what_it_found_are_shown_and_readiness_does_not_go_by_them() {
    static STEAL: store::Sql =
        store::Sql::Same("UPDATE accounts SET balance = balance + 5 WHERE account = 'available' AND unit = 'micros'");
    let site = Site::new();
    site.customer("Acme", "+12125550100").await;
    let engine = &site.parts.engine;
    let wait = |hours| engine.clock().move_to(engine.now() + jiff::SignedDuration::from_hours(hours));
    assert_eq!(value(&scrape(&site).await, "dripline_check_oldest_seconds"), 0);
    engine.check_due().await.unwrap();
    wait(24);
    assert_eq!(value(&scrape(&site).await, "dripline_check_oldest_seconds"), 86_400, "it is planned since");
    engine.store().write(store::Lane::Normal, |tx| tx.execute(&STEAL, &[])).await.unwrap();
    assert_eq!(engine.check_due().await.unwrap().len(), 1);
    wait(1);
    let page = scrape(&site).await;
    assert_eq!(value(&page, "dripline_check_oldest_seconds"), 3_600);
    assert_eq!(value(&page, "dripline_check_faults{found_in=\"ledger\"}"), 2);
    assert_eq!(value(&page, "dripline_check_faults{found_in=\"history\"}"), 0);
    let ready = site.send(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!(ready.status, 200);
}

#[tokio::test]
async fn addresses_that_are_no_route_are_one_series() {
    let site = Site::new();
    for n in 0..50 {
        site.send(Request::get(format!("/nothing/{n}")).body(Body::empty()).unwrap()).await;
    }
    let page = scrape(&site).await;
    assert_eq!(value(&page, "dripline_http_requests_total{method=\"GET\",path=\"none\",status=\"404\"}"), 50);
    assert!(!page.contains("/nothing/"), "{page}");
}

#[tokio::test]
async fn the_probes_answer() {
    let site = Site::new();
    let alive = site.send(Request::get("/healthz").body(Body::empty()).unwrap()).await;
    assert_eq!((alive.status, alive.text.as_str()), (200, "ok\n"));
    let ready = site.send(Request::get("/readyz").body(Body::empty()).unwrap()).await;
    assert_eq!((ready.status, &ready.body["ready"]), (200, &json!(true)));
}
