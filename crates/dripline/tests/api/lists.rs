//! Pages of lists: every row once, in order, and an end.

use std::collections::BTreeSet;

use domain::ids::{EnrollmentId, MessageId};
use serde_json::{Value, json};
use store::claims::Taken;
use store::{DbError, Lane};

use crate::site::{Ask, Customer, Site, operations, text};

/// All pages of a list, of this many rows each.
async fn pages(customer: &Customer<'_>, path: &str, limit: usize) -> Vec<Vec<Value>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    for _ in 0..200 {
        let page = customer.get(&format!("{path}?limit={limit}{cursor}")).await.good();
        pages.push(page["data"].as_array().unwrap().clone());
        assert!(pages.last().unwrap().len() <= limit, "{path}");
        match page["next"].as_str() {
            None => return pages,
            Some(next) => cursor = format!("&cursor={next}"),
        }
    }
    panic!("{path} never ends");
}

/// The paths of all lists that come in pages, for one contact, workflow, job and webhook.
fn lists(contact: &str, workflow: &str, job: &str, webhook: &str) -> Vec<String> {
    let paged = |operation: &crate::site::Operation| {
        let parameters = operation.body["parameters"].as_array().into_iter().flatten();
        parameters.into_iter().any(|parameter| parameter["name"] == "cursor")
    };
    let path = |operation: crate::site::Operation| {
        let id = match operation.path.split('/').nth(1) {
            Some("contacts") => contact,
            Some("workflows") => workflow,
            Some("webhooks") => webhook,
            _ => job,
        };
        operation.path.replace("{id}", id)
    };
    operations().into_iter().filter(paged).map(path).collect()
}

async fn busy<'s>(site: &'s Site) -> (Customer<'s>, Vec<String>) {
    let customer = site.customer("Acme", "+12125550100").await;
    let webhook = customer.post("/webhooks", json!({ "url": "https://example.com/hooks" })).await.good();
    let webhook = text(&webhook["id"]);
    let workflow = customer.workflow("Leads").await;
    let mut contacts = Vec::new();
    for n in 0..7 {
        contacts.push(customer.contact(&format!("+1212555012{n}")).await);
    }
    let once = json!({ "workflow": workflow, "contacts": contacts });
    customer.post("/enrollments/many", once.clone()).await.good();
    done(&customer).await;
    // A second time everybody is refused.
    customer.post("/enrollments/many", once).await.good();
    done(&customer).await;
    for contact in &contacts {
        for body in ["One", "Two", "Three"] {
            customer.post(&format!("/contacts/{contact}/messages"), json!({ "body": body })).await.good();
        }
    }
    for contact in &contacts[..3] {
        let reminder = json!({ "due_at": "2027-01-04T14:00:00Z" });
        customer.ask("PUT", &format!("/contacts/{contact}/reminder"), Some(reminder)).await.good();
    }
    for source in ["web form", "phone call", "paper"] {
        let consent = json!({ "kind": "express", "source": source, "text": "I agree." });
        customer.post(&format!("/contacts/{}/consents", contacts[0]), consent).await.good();
    }
    for n in 0..3 {
        let body = format!("Phone\n+1212555013{n}\n").into_bytes();
        let (path, key) = ("/contacts/import?no_consent=true", Some(customer.key.as_str()));
        site.ask(Ask { method: "POST", path, key, kind: Some("text/csv"), body, ..Ask::default() }).await.good();
    }
    customer.wait(60).await;
    let job = text(&customer.get("/jobs").await.good()["data"][0]["id"]);
    let all = lists(&contacts[0], &workflow, &job, &webhook);
    (customer, all)
}

/// Waits for the jobs of a customer, which go on beside the requests.
pub(crate) async fn done(customer: &Customer<'_>) {
    loop {
        let jobs = customer.get("/jobs").await.good();
        if jobs["data"].as_array().unwrap().iter().all(|job| job["state"] == "done") {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn every_list_shows_each_row_once_whatever_the_size_of_its_pages() {
    let site = Site::new();
    let (customer, lists) = busy(&site).await;
    assert!(lists.len() >= 10, "{lists:?}");
    for path in lists {
        let whole: Vec<Value> = pages(&customer, &path, 200).await.concat();
        let distinct: BTreeSet<String> = whole.iter().map(Value::to_string).collect();
        assert_eq!(distinct.len(), whole.len(), "{path}");
        let few = ["/messages/in-doubt", "/jobs", "/subscription/periods", "/payments"].contains(&path.as_str())
            || path.starts_with("/contacts/ctc") && path.ends_with("enrollments");
        assert!(whole.len() > 2 || few, "{path} has {} rows", whole.len());
        for limit in [1, 2, 3, whole.len().max(1)] {
            assert_eq!(pages(&customer, &path, limit).await.concat(), whole, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn every_list_refuses_a_wrong_limit_cursor_or_parameter() {
    let site = Site::new();
    let (customer, lists) = busy(&site).await;
    for path in lists {
        for limit in ["0", "-1", "201", "9223372036854775807"] {
            customer.get(&format!("{path}?limit={limit}")).await.problem(400, "limit");
        }
        for query in
            ["limit=many", "limit=1e3", "limit=99999999999999999999", "page=2", "limit=1&limit=2", "cursor=%ff"]
        {
            let answer = customer.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, 400, "{path}?{query}: {}", answer.text);
        }
        for cursor in ["", "x", "1", "usr_0000000000000", "2026-11-24T15:00:00Z~x", "%00"] {
            customer.get(&format!("{path}?cursor={cursor}")).await.problem(400, "cursor");
        }
    }
}

#[tokio::test]
async fn contacts_are_found_by_name_and_phone() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    for (phone, name) in [("+12125550123", "Ann Lee"), ("+13055550134", "Bob Ray"), ("+12125550135", "Ann 100%_")] {
        customer.post("/contacts", json!({ "phone": phone, "name": name })).await.good();
    }
    for (search, count) in [("ann", 2), ("3055550134", 1), ("100%25_", 1), ("%25", 0), ("", 3), ("zed", 0)] {
        let found = customer.get(&format!("/contacts?search={search}")).await.good();
        assert_eq!(found["data"].as_array().unwrap().len(), count, "{search}: {found}");
    }
    let first = customer.get("/contacts?search=ann&limit=1").await.good();
    let rest = customer.get(&format!("/contacts?search=ann&limit=1&cursor={}", text(&first["next"]))).await.good();
    assert_eq!((&rest["data"][0]["name"], &rest["next"]), (&json!("Ann 100%_"), &json!(null)));
}

#[tokio::test]
async fn the_history_goes_on_after_the_last_event_that_was_seen() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let all = customer.get("/events").await.good();
    let last = text(&all["data"].as_array().unwrap().last().unwrap()["id"]);
    assert_eq!(customer.get(&format!("/events?cursor={last}")).await.good()["data"], json!([]));
    customer.contact("+12125550123").await;
    let new = customer.get(&format!("/events?cursor={last}")).await.good();
    assert_eq!(new["data"].as_array().unwrap().len(), 1);
    assert_eq!(new["data"][0]["kind"], "contact.created");
}

#[tokio::test]
async fn an_inbox_shows_the_newest_texts_of_the_own_numbers() {
    let site = Site::new();
    let (a, b) = (site.customer("Acme", "+12125550100").await, site.customer("Bolt", "+13055550101").await);
    let phone = "+12125550123";
    let (of_a, of_b) = (a.contact(phone).await, b.contact(phone).await);
    a.post(&format!("/contacts/{of_a}/messages"), json!({ "body": "The first" })).await.good();
    a.wait(1).await;
    // More than an inbox shows, of somebody else, after it.
    let behaviour = site.parts.simulator.behaviour();
    assert_eq!(behaviour.replies.rate, 0.0);
    for n in 0..210 {
        b.post(&format!("/contacts/{of_b}/messages"), json!({ "body": format!("Noise {n}") })).await.good();
    }
    b.wait(3_600).await;
    let own = a.get(&format!("/simulator/handsets/{phone}")).await.good();
    assert_eq!(own["data"].as_array().unwrap().len(), 1, "{own}");
    let theirs = b.get(&format!("/simulator/handsets/{phone}")).await.good();
    assert_eq!(theirs["data"].as_array().unwrap().len(), 200);
    assert_eq!(theirs["data"][0]["body"], "Noise 209");
}

#[tokio::test]
async fn a_text_that_is_with_its_carrier_for_the_first_time_is_shown() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (contact, workflow) = (customer.contact("+12125550121").await, customer.workflow("Leads").await);
    let both = json!({ "contact": contact, "workflow": workflow });
    let enrollment = text(&customer.post("/enrollments", both).await.good()["enrollment"]);
    let engine = &site.parts.engine;
    let (enrollment, message): (EnrollmentId, _) = (enrollment.parse().unwrap(), MessageId(1 << 40));
    let workspace = customer.workspace;
    let taken = Taken { enrollment, message, claimed_at: Some(engine.now()) };
    let claim = move |tx: &mut store::Tx<'_>| store::claims::claim(tx, workspace, &[taken]);
    assert!(engine.store().write::<_, DbError, _>(Lane::Normal, claim).await.unwrap());
    let thread = customer.get(&format!("/contacts/{contact}/messages")).await.good();
    assert_eq!((&thread["data"][0]["state"], &thread["data"][0]["step"]), (&json!("sending"), &json!(1)), "{thread}");
    let shown = customer.get(&format!("/messages/{message}")).await.good();
    assert_eq!(shown["body"], thread["data"][0]["body"]);
    assert_ne!(shown["body"], "");
}
