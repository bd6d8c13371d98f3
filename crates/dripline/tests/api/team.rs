//! Users: their roles, and that a workspace keeps an owner.

use domain::access::Role;
use serde_json::{Value, json};

use crate::site::{Answer, Customer, Site, text};

async fn make(customer: &Customer<'_>, name: &str, role: &str) -> Answer {
    let email = format!("{name}@example.com");
    customer
        .post("/users", json!({ "email": email, "name": name, "role": role, "password": "long enough for all" }))
        .await
}

async fn change(customer: &Customer<'_>, id: &str, change: Value) -> Answer {
    customer.ask("PATCH", &format!("/users/{id}"), Some(change)).await
}

#[tokio::test]
async fn a_user_is_made_changed_and_removed() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let id = text(&make(&customer, "sam", "agent").await.good()["id"]);
    make(&customer, "SAM", "viewer").await.problem(409, "email_taken");
    let changed = change(&customer, &id, json!({ "role": "admin", "name": "Sam the boss" })).await.good();
    assert_eq!((&changed["role"], &changed["name"]), (&json!("admin"), &json!("Sam the boss")));
    assert_eq!(change(&customer, &id, json!({})).await.good(), changed);
    assert_eq!(customer.get("/users").await.good()["data"], json!([changed]));
    assert_eq!(customer.ask("DELETE", &format!("/users/{id}"), None).await.good(), json!({ "removed": id }));
    customer.ask("DELETE", &format!("/users/{id}"), None).await.problem(404, "not_found");
    change(&customer, &id, json!({ "role": "agent" })).await.problem(404, "not_found");
    let kinds = customer.get("/events").await.text;
    assert!(kinds.contains("user.changed") && kinds.contains("user.removed") && !kinds.contains("long enough"));
    for bad in [
        json!({ "email": "sam", "name": "Sam", "role": "agent", "password": "long enough for all" }),
        json!({ "email": "s@example.com", "name": "", "role": "agent", "password": "long enough for all" }),
        json!({ "email": "s@example.com", "name": "Sam", "role": "agent", "password": "short" }),
    ] {
        customer.post("/users", bad).await.problem(422, "user_invalid");
    }
}

#[tokio::test]
async fn the_last_owner_stays() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (first, second) = (make(&customer, "ann", "owner").await.good(), make(&customer, "bob", "owner").await.good());
    let (first, second) = (text(&first["id"]), text(&second["id"]));
    change(&customer, &first, json!({ "role": "admin" })).await.good();
    change(&customer, &second, json!({ "role": "admin" })).await.problem(409, "last_owner");
    customer.ask("DELETE", &format!("/users/{second}"), None).await.problem(409, "last_owner");
    change(&customer, &second, json!({ "name": "Bob", "role": "owner" })).await.good();
    change(&customer, &first, json!({ "role": "owner" })).await.good();
    customer.ask("DELETE", &format!("/users/{second}"), None).await.good();
}

#[tokio::test]
async fn nobody_gives_or_takes_more_than_they_have() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let owner = text(&make(&customer, "ann", "owner").await.good()["id"]);
    let agent = text(&make(&customer, "bob", "agent").await.good()["id"]);
    let admin = customer.with(Role::Admin.permissions()).await;
    make(&admin, "eve", "owner").await.problem(422, "user_invalid");
    change(&admin, &agent, json!({ "role": "owner" })).await.problem(422, "user_invalid");
    change(&admin, &owner, json!({ "role": "agent" })).await.problem(422, "user_invalid");
    admin.ask("DELETE", &format!("/users/{owner}"), None).await.problem(422, "user_invalid");
    change(&admin, &agent, json!({ "role": "admin" })).await.good();
}
