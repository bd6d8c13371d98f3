//! Labels in the story of a day.

use serde_json::{Value, json};

use super::Told;
use crate::site::text;

/// Words that contacts are found by.
pub(super) async fn labels(told: &Told<'_>, contact: &str) {
    let hot = told.post("/labels", json!({ "name": "Hot", "colour": "red" })).await;
    let path = format!("/labels/{}", text(&hot["id"]));
    told.customer.post("/labels", json!({ "name": "hot" })).await.problem(409, "name_taken");
    told.customer.post("/labels", json!({ "name": "Cold", "colour": "pink" })).await.problem(400, "json");
    told.customer.post("/labels", json!({ "name": " " })).await.problem(422, "settings_invalid");
    let plain = told.post("/labels", json!({ "name": "Cold" })).await;
    assert_eq!(plain["colour"], "grey");
    let warm = told.put(&path, json!({ "name": "Warm" })).await;
    assert_eq!((&warm["name"], &warm["colour"]), (&json!("Warm"), &json!("red")), "what is not given stays");
    assert_eq!(told.get("/labels").await["data"], json!([plain, warm]));
    let whom = json!({ "contacts": [contact] });
    for changed in [json!([contact]), json!([])] {
        assert_eq!(told.post(&format!("{path}/give"), whom.clone()).await["changed"], changed);
    }
    assert_eq!(told.get(&format!("/contacts/{contact}/labels")).await["data"], json!([warm]));
    let nobody = json!({ "contacts": [contact, "ctc_7zzzzzzzzzzzz"] });
    told.customer.post(&format!("{path}/take"), nobody).await.problem(404, "not_found");
    let many = json!({ "contacts": vec![contact; 501] });
    told.customer.post(&format!("{path}/give"), many).await.problem(422, "selection");
    assert_eq!(told.get("/contacts?label=warm").await["data"][0]["id"], contact);
    for changed in [json!([contact]), json!([])] {
        assert_eq!(told.post(&format!("{path}/take"), whom.clone()).await["changed"], changed);
    }
    lists(told, contact, &warm).await;
    assert_eq!(told.ask("DELETE", &path, None).await["deleted"], warm["id"]);
    told.customer.ask("DELETE", &path, None).await.problem(404, "not_found");
    told.customer.ask("PUT", &path, Some(json!({ "name": "Hot" }))).await.problem(404, "not_found");
}

/// Lists are made as labels are, or with the file that names one; contacts are found by both.
async fn lists(told: &Told<'_>, contact: &str, label: &Value) {
    let list = told.post("/labels", json!({ "name": "Dallas", "kind": "list" })).await;
    assert_eq!((&list["kind"], &label["kind"]), (&json!("list"), &json!("label")));
    told.customer.post("/labels", json!({ "name": "dallas" })).await.problem(409, "name_taken");
    told.customer.post("/labels", json!({ "name": "Paris", "kind": "town" })).await.problem(400, "json");
    let (list_path, label_path) = (format!("/labels/{}", text(&list["id"])), format!("/labels/{}", text(&label["id"])));
    let renamed = told.put(&list_path, json!({ "name": "Dallas, March" })).await;
    assert_eq!((&renamed["id"], &renamed["kind"]), (&list["id"], &json!("list")));
    let whom = json!({ "contacts": [contact] });
    told.post(&format!("{list_path}/give"), whom.clone()).await;
    let found = async |query: &str| told.get(&format!("/contacts?{query}")).await["data"].as_array().unwrap().len();
    assert_eq!(found("list=dallas,%20march").await, 1);
    assert_eq!(found("list=Dallas,%20March&label=warm").await, 0);
    told.post(&format!("{label_path}/give"), whom.clone()).await;
    assert_eq!(found("list=Dallas,%20March&label=warm").await, 1);
    // Each by its own word.
    for query in ["list=warm", "label=Dallas,%20March"] {
        told.customer.get(&format!("/contacts?{query}")).await.problem(400, "query");
    }
    told.post(&format!("{label_path}/take"), whom).await;
    assert_eq!(told.ask("DELETE", &list_path, None).await["deleted"], list["id"]);
}
