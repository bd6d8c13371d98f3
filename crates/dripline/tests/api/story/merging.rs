//! Merging by the API: shown, held to what was shown, done; both in a workflow, and an opt-out on one number.

use serde_json::{Value, json};

use super::Told;
use crate::site::text;

/// Two of one person: fields, labels and the reminder become one; what changed meanwhile is shown anew.
pub(super) async fn merging(told: &Told<'_>) {
    let made = |phone: &str, fields: Value| json!({ "phone": phone, "fields": fields });
    let keep = told.post("/contacts", made("+12125550195", json!({ "First Name": "Mia", "City": "Miami" }))).await;
    let take = told.post("/contacts", made("+12125550196", json!({ "First Name": "Maria", "Email": "m@x.org" }))).await;
    let (keep, take) = (text(&keep["id"]), text(&take["id"]));
    let due = json!({ "due_at": "2027-01-04T14:00:00Z" });
    told.put(&format!("/contacts/{take}/reminder"), due).await;
    let path = format!("/contacts/{keep}/merge");
    let asked = json!({ "take": take, "theirs": ["first name"] });
    let shown = told.post(&format!("{path}/preview"), asked.clone()).await;
    let name = shown["fields"].as_array().unwrap().iter().find(|field| field["field"] == "firstname").unwrap();
    assert_eq!(
        (&name["value"], &name["from"], &name["dropped"]),
        (&json!("Maria"), &json!("take"), &json!("Mia")),
        "{shown}"
    );
    assert_eq!((&shown["reminder_at"], &shown["ends"]), (&json!("2027-01-04T14:00:00Z"), &json!([])));
    assert_eq!((&shown["numbers"], &shown["stops_together"]), (&json!([keep, take]), &json!(true)));
    let change = json!({ "fields": { "City": "Naples" } });
    told.ask("PATCH", &format!("/contacts/{keep}"), Some(change)).await;
    let held = |seen: &Value| json!({ "take": take, "theirs": ["first name"], "seen": seen });
    let changed = told.customer.post(&path, held(&shown["seen"])).await.problem(409, "merge_changed");
    assert_eq!(changed["preview"]["fields"][0]["value"], "Naples", "{changed}");
    let merged = told.post(&path, held(&changed["preview"]["seen"])).await;
    assert_eq!((&merged["taken"], &merged["ended"]), (&json!(take), &json!([])));
    let fields = json!({ "city": "Naples", "email": "m@x.org", "firstname": "Maria" });
    assert_eq!(merged["contact"]["fields"], fields);
    let other = told.get(&format!("/contacts/{take}")).await;
    assert_eq!((&other["fields"], &other["person"]), (&fields, &merged["contact"]["person"]));
    let events = told.get(&format!("/contacts/{take}/events")).await;
    let event = events["data"].as_array().unwrap().iter().find(|event| event["kind"] == "contact.merged").unwrap();
    assert_eq!((&event["facts"]["kept"], &event["facts"]["taken"]), (&json!(keep), &json!(take)));
    for (wrong, status, code) in [
        (asked.clone(), 422, "merge_invalid"),
        (json!({ "take": keep }), 422, "merge_invalid"),
        (json!({ "take": take, "theirs": ["Lot"] }), 422, "merge_invalid"),
        (json!({ "take": take, "goes_on": "both" }), 400, "json"),
    ] {
        told.customer.post(&path, wrong).await.problem(status, code);
    }
    runs(told, &keep).await;
}

/// A third number comes to them, and both are in a workflow.
async fn runs(told: &Told<'_>, keep: &str) {
    let (third, workflow) = (told.customer.contact("+12125550197").await, told.customer.workflow("Merged").await);
    for contact in [keep, third.as_str()] {
        told.post("/enrollments", json!({ "contact": contact, "workflow": workflow })).await;
    }
    let path = format!("/contacts/{keep}/merge");
    let asked = json!({ "take": third, "goes_on": "take" });
    let shown = told.post(&format!("{path}/preview"), asked.clone()).await;
    let end = &shown["ends"][0];
    assert_eq!((&end["contact"], &end["reason"]), (&json!(keep), &json!("removed")), "{shown}");
    assert_eq!((shown["going_on"].as_array().unwrap().len(), shown["numbers"].as_array().unwrap().len()), (1, 3));
    let merged = told.post(&path, asked).await;
    assert_eq!(
        (&merged["ended"][0]["enrollment"], &merged["ended"][0]["refunded_credits"]),
        (&end["enrollment"], &end["refunded_credits"])
    );
    let ended = told.get(&format!("/enrollments/{}", text(&end["enrollment"]))).await;
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("stopped"), &json!("removed")));
    told.ask("DELETE", &format!("/enrollments/{}", text(&shown["going_on"][0])), None).await;
}
