//! Labels in the story of a day.

use serde_json::json;

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
    assert_eq!(told.ask("DELETE", &path, None).await["deleted"], warm["id"]);
    told.customer.ask("DELETE", &path, None).await.problem(404, "not_found");
    told.customer.ask("PUT", &path, Some(json!({ "name": "Hot" }))).await.problem(404, "not_found");
}
