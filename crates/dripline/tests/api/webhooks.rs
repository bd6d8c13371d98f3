//! Outgoing webhooks over the API: kept, told as `GET /events` shows it, verified by the scheme's own library.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use domain::access::{Permission, Permissions};
use engine::Clock;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use crate::site::{Site, text};

type Calls = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A server of the customer's: its address, and the calls that came.
async fn sink() -> (String, Calls) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, calls) = (listener.local_addr().unwrap(), Calls::default());
    let taken = Arc::clone(&calls);
    let take = post(async move |headers: HeaderMap, body: Bytes| {
        taken.lock().unwrap().push((headers, body));
        (StatusCode::ACCEPTED, "taken")
    });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hooks", take)).await });
    (format!("http://{address}/hooks"), calls)
}

#[tokio::test]
async fn a_call_says_what_the_api_shows_and_the_reference_library_verifies_it() {
    // The library compares with the machine's clock.
    let site = Site::with_clock(Clock::System);
    let customer = site.customer("Acme", "+12125550100").await;
    let (url, calls) = sink().await;
    let made = customer.post("/webhooks", json!({ "url": url })).await.good();
    let secret = text(&made["secret"]);
    let theirs = Webhook::new(&secret).unwrap();
    customer.contact("+12125550123").await;
    site.parts.engine.post_due_webhooks().await.unwrap();
    let shown = customer.get("/events?limit=200").await.good();
    let calls = calls.lock().unwrap().clone();
    assert!(calls.len() >= 2, "{calls:?}");
    for (headers, body) in &calls {
        theirs.verify(body, headers).unwrap();
        assert!(theirs.verify(b"{}", headers).is_err());
        let told: Value = serde_json::from_slice(body).unwrap();
        let event = shown["data"].as_array().unwrap().iter().find(|one| one["id"] == told["data"]["id"]).unwrap();
        assert_eq!(&told["data"], event);
        assert_eq!((&told["type"], &told["timestamp"]), (&event["kind"], &event["at"]));
        assert_eq!(headers["webhook-id"], text(&event["id"]).as_str());
    }
}

#[tokio::test]
async fn an_endpoint_is_kept_changed_and_removed() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (url, _) = sink().await;
    let body = json!({ "url": url, "description": "CRM", "kinds": ["message.received"] });
    let made = customer.post("/webhooks", body).await.good();
    let path = format!("/webhooks/{}", text(&made["id"]));
    assert_eq!((&made["state"], &made["kinds"]), (&json!("on"), &json!(["message.received"])));
    let shown = customer.get(&path).await.good();
    assert!(shown.get("secret").is_none() && shown["url"] == json!(url));
    let changed = customer.ask("PATCH", &path, Some(json!({ "kinds": [], "state": "off" }))).await.good();
    assert_eq!(
        (&changed["state"], &changed["kinds"], &changed["description"]),
        (&json!("off"), &json!([]), &json!("CRM"))
    );
    customer.post(&format!("{path}/test"), json!({})).await.problem(409, "webhook_not_on");
    let since = json!({ "since": "2026-11-24T00:00:00Z" });
    customer.post(&format!("{path}/replay"), since.clone()).await.problem(409, "webhook_not_on");
    customer.ask("PATCH", &path, Some(json!({ "state": "on" }))).await.good();
    let replayed = customer.post(&format!("{path}/replay"), since).await.good();
    assert!(replayed["queued"].as_i64().unwrap() >= 3 && replayed["next"].is_null(), "{replayed}");
    let old = json!({ "since": "2026-01-01T00:00:00Z", "which": "everything" });
    customer.post(&format!("{path}/replay"), old).await.problem(422, "webhook_invalid");
    let rotated = customer.post(&format!("{path}/secret"), json!({})).await.good();
    assert_ne!(rotated["secret"], made["secret"]);
    assert!(customer.get(&path).await.good()["old_secret_until"].is_string());
    assert_eq!(customer.ask("DELETE", &path, None).await.good()["removed"], made["id"]);
    customer.get(&path).await.problem(404, "not_found");
    assert_eq!(customer.get("/webhooks").await.good()["data"], json!([]));
}

#[tokio::test]
async fn the_log_shows_each_delivery_and_one_is_made_again() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (url, calls) = sink().await;
    let made = customer.post("/webhooks", json!({ "url": url, "kinds": ["contact.created"] })).await.good();
    let path = format!("/webhooks/{}", text(&made["id"]));
    let contact = customer.contact("+12125550123").await;
    let log = customer.get(&format!("{path}/deliveries?state=pending")).await.good()["data"][0].clone();
    assert_eq!((&log["kind"], &log["contact"], &log["tries"]), (&json!("contact.created"), &json!(contact), &json!(0)));
    site.parts.engine.post_due_webhooks().await.unwrap();
    let log = customer.get(&format!("{path}/deliveries")).await.good()["data"][0].clone();
    assert_eq!((&log["state"], &log["status"], &log["answer"]), (&json!("delivered"), &json!(202), &json!("taken")));
    assert_eq!(customer.get(&format!("{path}/deliveries?state=failed")).await.good()["data"], json!([]));
    customer.get(&format!("{path}/deliveries?state=lost")).await.problem(400, "query");
    let again = format!("{path}/deliveries/{}/replay", text(&log["event"]));
    assert_eq!(customer.post(&again, json!({})).await.good()["state"], "pending");
    site.parts.engine.post_due_webhooks().await.unwrap();
    assert_eq!(calls.lock().unwrap().len(), 2);
    customer.post(&format!("{path}/deliveries/evt_0000000000001/replay"), json!({})).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_an_endpoint_is_refused() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    for (body, says) in [
        (json!({ "url": "example.com" }), "https://example.com/hooks"),
        (json!({ "url": "https://192.168.0.1/" }), "a private address"),
        (json!({ "url": "http://93.184.215.14/" }), "without TLS"),
        (json!({ "url": "https://example.com/", "kinds": ["message.eaten"] }), "message.eaten"),
    ] {
        let problem = customer.post("/webhooks", body).await.problem(422, "webhook_invalid");
        assert!(text(&problem["detail"]).contains(says), "{problem}");
    }
    let agent = customer.with([Permission::Read, Permission::Send].into_iter().collect::<Permissions>()).await;
    let refused = agent.get("/webhooks").await.problem(403, "forbidden");
    assert_eq!(refused["permission"], "settings:write");
}
