//! Idempotency keys over HTTP: one key, one thing, one answer.

use serde_json::{Value, json};

use crate::site::{Customer, Site, text};

/// Each request that makes something or spends: its path, a body, another body.
async fn makers(customer: &Customer<'_>) -> Vec<(String, Option<Value>, Option<Value>)> {
    let contact = customer.contact("+12125550123").await;
    let (workflow, other) = (customer.workflow("Leads").await, customer.workflow("Others").await);
    let brand = |name: &str| json!({ "name": name, "state": "draft" });
    let campaign = |name: &str| json!({ "name": name, "state": "draft" });
    let noted = text(&customer.post("/brands", brand("C")).await.good()["id"]);
    let hook = |url: &str| json!({ "url": url });
    let webhook = text(&customer.post("/webhooks", hook("https://example.com/c")).await.good()["id"]);
    let step = json!([{ "after_days": 0, "text": "Hello" }]);
    let (plan, larger) = (customer.offered("Small").await, customer.offered("Large").await);
    let mut all = vec![
        (format!("/contacts/{contact}/messages"), Some(json!({ "body": "One" })), Some(json!({ "body": "Two" }))),
        (
            format!("/contacts/{contact}/consents"),
            Some(json!({ "kind": "express", "source": "web form", "text": "I agree." })),
            Some(json!({ "kind": "express", "source": "paper", "text": "I agree." })),
        ),
        (
            "/suppression-lists".to_owned(),
            Some(json!({ "name": "A", "kind": "do_not_contact", "source": "office" })),
            Some(json!({ "name": "A", "kind": "compliance_blocked", "source": "office" })),
        ),
        ("/contacts".to_owned(), Some(json!({ "phone": "+12125550124" })), Some(json!({ "phone": "+12125550125" }))),
        (
            "/workflows".to_owned(),
            Some(json!({ "name": "A", "steps": step })),
            Some(json!({ "name": "B", "steps": step })),
        ),
        (format!("/workflows/{workflow}/duplicate"), None, None),
        ("/numbers".to_owned(), Some(json!({ "phone": "+12125550111" })), Some(json!({ "phone": "+12125550112" }))),
        ("/brands".to_owned(), Some(brand("A")), Some(brand("B"))),
        (format!("/brands/{noted}/campaigns"), Some(campaign("A")), Some(campaign("B"))),
        (
            "/keys".to_owned(),
            Some(json!({ "name": "A", "permissions": ["read"] })),
            Some(json!({ "name": "A", "permissions": ["send"] })),
        ),
        (
            "/users".to_owned(),
            Some(json!({ "email": "a@example.com", "name": "A", "role": "agent", "password": "long enough for all" })),
            Some(json!({ "email": "b@example.com", "name": "A", "role": "agent", "password": "long enough for all" })),
        ),
        ("/webhooks".to_owned(), Some(hook("https://example.com/a")), Some(hook("https://example.com/b"))),
        (format!("/webhooks/{webhook}/secret"), None, None),
        (format!("/webhooks/{webhook}/test"), None, None),
        (
            "/enrollments".to_owned(),
            Some(json!({ "contact": contact, "workflow": workflow })),
            Some(json!({ "contact": contact, "workflow": other })),
        ),
        (
            "/enrollments/many".to_owned(),
            Some(json!({ "workflow": workflow })),
            Some(json!({ "workflow": workflow, "contacts": [contact] })),
        ),
        (
            "/payments".to_owned(),
            Some(json!({ "amount_micros": 25_000_000 })),
            Some(json!({ "amount_micros": 30_000_000 })),
        ),
        ("/subscription".to_owned(), Some(json!({ "plan": plan })), Some(json!({ "plan": larger }))),
    ];
    all.push(merge(customer).await);
    all.extend(erasures(customer).await);
    all
}

/// Of those, the one that merges two.
async fn merge(customer: &Customer<'_>) -> (String, Option<Value>, Option<Value>) {
    let (keep, take) = (customer.contact("+12125550193").await, customer.contact("+12125550194").await);
    let other = json!({ "take": take, "goes_on": "take" });
    (format!("/contacts/{keep}/merge"), Some(json!({ "take": take })), Some(other))
}

/// Of those, the ones that erase somebody.
async fn erasures(customer: &Customer<'_>) -> Vec<(String, Option<Value>, Option<Value>)> {
    let leaving = customer.contact("+12125550191").await;
    customer.contact("+12125550192").await;
    vec![
        (
            format!("/contacts/{leaving}/erase"),
            Some(json!({ "do_not_contact": false })),
            Some(json!({ "do_not_contact": true })),
        ),
        (
            "/contacts/erase".to_owned(),
            Some(json!({ "phone": "+12125550192", "do_not_contact": false })),
            Some(json!({ "phone": "+12125550192", "do_not_contact": true })),
        ),
    ]
}

/// Whether a job is made.
fn is_job(path: &str) -> bool {
    path == "/enrollments/many" || path.ends_with("/erase")
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_another_request_is_refused() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let _stripe = site.with_cards();
    let makers = makers(&customer).await;
    let taking = crate::site::operations().into_iter().filter(|operation| {
        let parameters = operation.body["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|parameter| parameter["name"] == "Idempotency-Key")
    });
    assert_eq!(taking.count(), makers.len(), "an operation that takes a key is not tried here");
    for (nth, (path, body, other)) in makers.into_iter().enumerate() {
        let key = format!("key {nth}");
        let first = customer.once(&path, &key, body.clone()).await.good();
        crate::lists::done(&customer).await;
        let mut again = customer.once(&path, &key, body.clone()).await.good();
        match path.as_str() {
            // Only the hash of a secret is stored: there is nothing to show a second time.
            path if path == "/keys" || path == "/webhooks" || path.ends_with("/secret") => {
                assert_eq!(again["secret"], Value::Null);
                again["secret"] = first["secret"].clone();
            }
            // A job is shown as it is now.
            path if is_job(path) => again = json!({ "id": again["id"] }),
            _ => {}
        }
        let expected = if is_job(&path) { json!({ "id": first["id"] }) } else { first };
        assert_eq!(again, expected, "{path}");
        if other.is_some() {
            customer.once(&path, &key, other).await.problem(409, "idempotency_key_reused");
        }
        customer
            .once("/contacts", &key, Some(json!({ "phone": "+12125550139" })))
            .await
            .problem(409, "idempotency_key_reused");
    }
    assert_eq!(customer.get("/contacts").await.good()["data"].as_array().unwrap().len(), 4);
    assert_eq!(customer.get("/workflows").await.good()["data"].as_array().unwrap().len(), 4);
    assert_eq!(customer.get("/numbers").await.good()["data"].as_array().unwrap().len(), 2);
    assert_eq!(customer.get("/users").await.good()["data"].as_array().unwrap().len(), 1);
    assert_eq!(customer.get("/keys").await.good()["data"].as_array().unwrap().len(), 2);
    assert_eq!(customer.get("/webhooks").await.good()["data"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_repeated_message_neither_texts_nor_charges_twice() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let path = format!("/contacts/{contact}/messages");
    let first = customer.once(&path, "k", Some(json!({ "body": "Hello" }))).await.good();
    customer.wait(60).await;
    // After it was sent the repeat still gets the first answer, as it was.
    let again = customer.once(&path, "k", Some(json!({ "body": "Hello" }))).await.good();
    customer.wait(60).await;
    assert_eq!((&first, &first["state"]), (&again, &json!("queued")));
    let shown = customer.get(&format!("/messages/{}", text(&first["id"]))).await.good();
    assert_eq!(shown["state"], "delivered");
    assert_eq!(customer.get(&path).await.good()["data"].as_array().unwrap().len(), 1);
    let inbox = customer.get("/simulator/handsets/+12125550123").await.good();
    assert_eq!(inbox["data"].as_array().unwrap().len(), 1);
    assert_eq!(customer.get("/balances").await.good()["credits"], 99);
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    customer.once("/contacts", "k", Some(json!({ "phone": "12" }))).await.problem(422, "phone");
    customer.once("/workflows", "k", Some(json!({ "name": " ", "steps": [] }))).await.problem(422, "workflow_invalid");
    customer.once("/contacts", "k", Some(json!({ "phone": "+12125550123" }))).await.good();
}

#[tokio::test]
async fn a_key_belongs_to_its_workspace() {
    let site = Site::new();
    let (a, b) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt", "+13055550101").await);
    let body = Some(json!({ "phone": "+12125550123" }));
    let of_a = a.once("/contacts", "k", body.clone()).await.good();
    let of_b = b.once("/contacts", "k", body).await.good();
    assert_ne!(of_a["id"], of_b["id"]);
}
