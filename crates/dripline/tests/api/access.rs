//! Who may ask: no key, a wrong one, one without the permission.

use domain::access::{Permission, Permissions};
use serde_json::{Value, json};

use crate::crawl::{Wish, request};
use crate::site::{Ask, Site, operations};

#[tokio::test]
async fn every_operation_but_the_document_needs_a_key() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let own = customer.belongings("+12125550123").await;
    let revoked = customer.with(Permissions::all()).await;
    let id = revoked.get("/keys").await.good()["data"].as_array().unwrap().last().unwrap()["id"].clone();
    customer.ask("DELETE", &format!("/keys/{}", id.as_str().unwrap()), None).await.good();
    let last = if customer.key.ends_with('0') { '1' } else { '0' };
    let other = format!("{}{last}", &customer.key[..customer.key.len() - 1]);
    for operation in operations() {
        let (path, body) = request(&operation, &own, &Wish::default());
        for key in [None, Some(""), Some("drip_1_2_3"), Some(other.as_str()), Some(revoked.key.as_str())] {
            let body = body.clone().map(|body| body.to_string().into_bytes()).unwrap_or_default();
            let kind = Some("application/json");
            let asked = Ask { method: &operation.method, path: &path, key, kind, body, ..Ask::default() };
            let answer = site.ask(asked).await;
            if operation.is_closed() {
                assert_eq!(answer.headers["www-authenticate"], "Bearer", "{}", operation.id());
                answer.problem(401, "unauthorized");
            } else {
                answer.good();
            }
        }
    }
}

#[tokio::test]
async fn a_key_without_the_permission_is_told_which_one_it_lacks() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let own = customer.belongings("+12125550123").await;
    for permission in Permissions::all().iter() {
        let others = Permissions::all().iter().filter(|other| *other != permission).collect();
        let lacking = customer.with(others).await;
        let needing = |operation: &crate::site::Operation| operation.body["x-permission"] == permission.word();
        for operation in operations().into_iter().filter(needing) {
            let (path, body) = request(&operation, &own, &Wish::default());
            let answer = lacking.ask(&operation.method, &path, body).await;
            assert_eq!(answer.body["permission"], permission.word(), "{}: {}", operation.id(), answer.text);
            answer.problem(403, "forbidden");
        }
    }
}

#[tokio::test]
async fn every_permission_opens_something() {
    let needed: Vec<Value> = operations().into_iter().map(|operation| operation.body["x-permission"].clone()).collect();
    for permission in Permissions::all().iter() {
        assert!(needed.contains(&json!(permission.word())), "{}", permission.word());
    }
}

#[tokio::test]
async fn a_compliance_list_needs_more_than_contacts() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let agent = customer.with([Permission::Read, Permission::ContactsWrite].into_iter().collect()).await;
    let path = format!("/contacts/{contact}/suppressions/compliance_blocked");
    for method in ["PUT", "DELETE"] {
        let refused = agent.ask(method, &path, None).await.problem(403, "forbidden");
        assert_eq!(refused["permission"], "settings:write");
        assert_eq!(customer.ask(method, &path, None).await.good(), json!({ "changed": true }));
    }
}

#[tokio::test]
async fn a_key_makes_none_that_may_do_more() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let maker = customer.with([Permission::KeysWrite, Permission::Read].into_iter().collect()).await;
    let beyond = json!({ "name": "x", "permissions": ["read", "send"] });
    maker.post("/keys", beyond).await.problem(422, "key_invalid");
    let made = maker.post("/keys", json!({ "name": "x", "permissions": ["read"] })).await.good();
    let made = crate::site::Customer { key: crate::site::text(&made["secret"]), ..maker.clone() };
    made.get("/contacts").await.good();
    assert_eq!(made.get("/keys").await.problem(403, "forbidden")["permission"], "keys:write");
}
