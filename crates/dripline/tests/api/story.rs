//! The main job by the API alone: price, start, text, reply, refund, proof; and every operation on the way, so that each
//! has answered well at least once.

mod labels;
mod merging;
mod money;

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::site::{Ask, Customer, Site, operation, operations, text};

/// Asks, and remembers which operations have answered well.
struct Told<'s> {
    customer: Customer<'s>,
    seen: Mutex<BTreeSet<&'static str>>,
}

impl Told<'_> {
    async fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let good = self.customer.ask(method, path, body).await.good();
        self.seen.lock().unwrap().insert(operation(method, path).unwrap().id());
        good
    }

    async fn get(&self, path: &str) -> Value {
        self.ask("GET", path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.ask("POST", path, Some(body)).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.ask("PUT", path, Some(body)).await
    }
}

#[tokio::test]
async fn a_day_through_every_operation() {
    let site = Site::new();
    let told = Told { customer: site.customer("Acme", "+12125550100").await, seen: Mutex::default() };
    told.get("/openapi.json").await;
    office(&told).await;
    let (contact, workflow) = people(&told).await;
    run(&told, &contact, &workflow).await;
    reminder(&told, &contact, &workflow).await;
    labels::labels(&told, &contact).await;
    ends(&told, &contact, &workflow).await;
    simulator(&told).await;
    merging::merging(&told).await;
    erasing(&told).await;
    doubt(&told).await;
    webhooks(&told).await;
    plan(&told).await;
    money::balance_notice(&told).await;
    money::payments(&site, &told).await;
    assert_eq!(told.get("/ledger").await["clean"], true);
    assert_eq!(told.get("/statements/2026-11").await["month"], "2026-11");
    let seen = told.seen.into_inner().unwrap();
    let missed: Vec<&str> =
        operations().iter().map(|operation| operation.id()).filter(|id| !seen.contains(id)).collect();
    assert_eq!(missed, Vec::<&str>::new(), "these operations have not answered well in any story");
}

/// Somebody to come back to.
async fn reminder(told: &Told<'_>, contact: &str, workflow: &str) {
    let path = format!("/contacts/{contact}/reminder");
    let wish = |due: &str| json!({ "due_at": due, "note": "After the holidays", "workflow": workflow });
    let set = told.put(&path, wish("2027-01-04T14:00:00Z")).await;
    assert_eq!((&set["note"], &set["told_at"]), (&json!("After the holidays"), &Value::Null));
    for due in ["2026-01-04T14:00:00Z", "2037-01-04T14:00:00Z"] {
        told.customer.ask("PUT", &path, Some(wish(due))).await.problem(422, "reminder_invalid");
    }
    assert_eq!(told.get("/reminders").await["data"], json!([set]));
    assert_eq!(told.ask("DELETE", &path, None).await["changed"], true);
    assert_eq!(told.ask("DELETE", &path, None).await["changed"], false);
}

/// A person who asks to be forgotten, by a contact and by a phone.
async fn erasing(told: &Told<'_>) {
    let (one, other) = (told.customer.contact("+12125550191").await, told.customer.contact("+12125550192").await);
    let path = format!("/contacts/{one}/erase");
    let job = told.post(&path, json!({ "do_not_contact": true })).await;
    assert_eq!((&job["kind"], &job["total"]), (&json!("erase"), &json!(1)));
    crate::lists::done(&told.customer).await;
    told.customer.get(&format!("/contacts/{one}")).await.problem(404, "not_found");
    told.customer.post(&path, json!({ "do_not_contact": true })).await.problem(404, "not_found");
    let again = told.customer.contact("+12125550191").await;
    let lists = told.customer.get(&format!("/contacts/{again}/suppressions")).await.good();
    assert_eq!(lists["data"], json!(["do_not_contact"]), "it outlives the person");
    told.customer.post(&format!("/contacts/{other}/messages"), json!({ "body": "On its way" })).await.good();
    let by_phone = |phone: &str| json!({ "phone": phone, "do_not_contact": false });
    let early = told.customer.post("/contacts/erase", by_phone("(212) 555-0192")).await;
    assert!(text(&early.problem(409, "texts_on_the_way")["detail"]).contains("in doubt (1)"));
    told.customer.wait(60).await;
    told.post("/contacts/erase", by_phone("(212) 555-0192")).await;
    told.customer.post("/contacts/erase", by_phone("12")).await.problem(422, "phone");
    told.customer.post("/contacts/erase", by_phone("+12125550198")).await.problem(404, "not_found");
    crate::lists::done(&told.customer).await;
}

/// A plan: looked at, chosen, canceled, kept.
async fn plan(told: &Told<'_>) {
    let plan = told.customer.offered("Free").await;
    assert_eq!(told.get("/plans").await["data"][0]["id"], json!(plan));
    assert_eq!(told.get(&format!("/plans/{plan}/offer")).await["now"], true);
    assert_eq!(told.get("/subscription").await["plan"], Value::Null);
    assert_eq!(told.post("/subscription", json!({ "plan": plan })).await["standing"], "active");
    assert_ne!(told.post("/subscription/cancel", json!({})).await["ends_at"], Value::Null);
    assert_eq!(told.post("/subscription/resume", json!({})).await["at_end"], "renew");
    assert_eq!(told.get("/subscription/periods").await["data"][0]["number"], 1);
    told.customer.post("/subscription", json!({ "plan": "pln_7zzzzzzzzzzzz" })).await.problem(404, "not_found");
}

/// An endpoint that is told what happens.
async fn webhooks(told: &Told<'_>) {
    let made = told.post("/webhooks", json!({ "url": "https://example.com/hooks", "description": "CRM" })).await;
    let path = format!("/webhooks/{}", text(&made["id"]));
    assert!(text(&made["secret"]).starts_with("whsec_"));
    assert!(!told.get("/webhooks").await.to_string().contains("whsec_"));
    told.ask("PATCH", &path, Some(json!({ "kinds": ["message.received"] }))).await;
    assert_eq!(told.get(&path).await["kinds"], json!(["message.received"]));
    told.post(&format!("{path}/secret"), json!({})).await;
    let tested = text(&told.post(&format!("{path}/test"), json!({})).await["event"]);
    let log = told.get(&format!("{path}/deliveries")).await;
    assert_eq!((&log["data"][0]["event"], &log["data"][0]["state"]), (&json!(tested), &json!("pending")));
    told.post(&format!("{path}/deliveries/{tested}/replay"), json!({})).await;
    let since = json!({ "since": log["data"][0]["at"], "which": "everything" });
    assert_eq!(told.post(&format!("{path}/replay"), since).await["queued"], 0, "it waits already");
    told.ask("DELETE", &path, None).await;
}

/// The workspace, its numbers, keys and users.
async fn office(told: &Told<'_>) {
    let mut settings = told.get("/workspace").await["settings"].clone();
    settings["hours"]["end_minute"] = json!(1_140);
    settings["help_text"] = json!("Call us.");
    let changed = told.ask("PATCH", "/workspace", Some(json!({ "name": "Acme Homes", "settings": settings }))).await;
    assert_eq!((&changed["name"], &changed["settings"]), (&json!("Acme Homes"), &settings));
    assert_eq!(told.get("/workspace").await, changed);
    let balances = told.get("/balances").await;
    assert_eq!((&balances["credits"], &balances["wallet"]), (&json!(100), &json!(25_000_000)));
    let number = told.post("/numbers", json!({ "phone": "(305) 555-0101", "per_minute": 60 })).await;
    assert_eq!((&number["phone"], &number["per_minute"]), (&json!("+13055550101"), &json!(60)));
    assert_eq!(told.get("/numbers").await["data"].as_array().unwrap().len(), 2);
    let change = json!({ "state": "paused", "per_day": 500 });
    let path = format!("/numbers/{}", text(&number["id"]));
    let paused = told.ask("PATCH", &path, Some(change)).await;
    assert_eq!((&paused["number"]["state"], &paused["number"]["per_day"]), (&json!("paused"), &json!(500)));
    registration(told, &path).await;
    let key = told.post("/keys", json!({ "name": "CRM", "permissions": ["read", "enroll"] })).await;
    assert!(text(&key["secret"]).starts_with("drip_"));
    assert!(!told.get("/keys").await.to_string().contains(&text(&key["secret"])));
    told.ask("DELETE", &format!("/keys/{}", text(&key["id"])), None).await;
    let user = json!({ "email": "sam@example.com", "name": "Sam", "role": "agent", "password": "long enough for all" });
    let user = told.post("/users", user).await;
    told.ask("PATCH", &format!("/users/{}", text(&user["id"])), Some(json!({ "role": "viewer" }))).await;
    assert_eq!(told.get("/users").await["data"][0]["role"], "viewer");
    told.ask("DELETE", &format!("/users/{}", text(&user["id"])), None).await;
}

/// A brand, its campaign, and the number of this path in it.
async fn registration(told: &Told<'_>, number: &str) {
    let facts = json!({ "company": "Acme LLC" });
    let brand =
        json!({ "name": "Acme", "registry_id": "B1", "state": "approved", "facts": facts, "segments_per_day": 2000 });
    let noted = told.post("/brands", brand.clone()).await;
    assert_eq!((&noted["share"], &noted["facts"]), (&json!(40), &facts));
    let place = format!("/brands/{}", text(&noted["id"]));
    assert_eq!(told.ask("PUT", &place, Some(brand)).await, noted);
    let campaign = json!({ "name": "Leads", "registry_id": "C1", "state": "approved", "segments_per_minute": 75 });
    let leads = told.post(&format!("{place}/campaigns"), campaign.clone()).await;
    let there = format!("/campaigns/{}", text(&leads["id"]));
    assert_eq!(told.ask("PUT", &there, Some(campaign)).await, leads);
    assert_eq!(told.get("/registrations").await, json!({ "brands": [noted], "campaigns": [leads] }));
    let registered = json!({ "campaign": leads["id"], "state": "approved" });
    let registered = told.ask("PUT", &format!("{number}/registration"), Some(registered)).await;
    assert_eq!((&registered["campaign"], &registered["registration"]), (&leads["id"], &json!("approved")));
    told.customer.ask("DELETE", &there, None).await.problem(409, "registration_in_use");
    told.customer.ask("DELETE", &place, None).await.problem(409, "registration_in_use");
    told.ask("PUT", &format!("{number}/registration"), Some(json!({ "campaign": null, "state": "draft" }))).await;
    told.ask("DELETE", &there, None).await;
    told.ask("DELETE", &place, None).await;
}

/// Contacts and workflows.
async fn people(told: &Told<'_>) -> (String, String) {
    let fields = json!({ "First Name": "Ann", "State": "NY" });
    let made = told.post("/contacts", json!({ "phone": "(212) 555-0123", "fields": fields })).await;
    assert_eq!((&made["phone"], &made["name"]), (&json!("+12125550123"), &json!("Ann")));
    let contact = text(&made["id"]);
    let change = json!({ "fields": { "Address": "12 Oak Street", "state": null } });
    let changed = told.ask("PATCH", &format!("/contacts/{contact}"), Some(change)).await;
    assert_eq!(changed["fields"], json!({ "firstname": "Ann", "address": "12 Oak Street" }));
    assert_eq!(told.get(&format!("/contacts/{contact}")).await, changed);
    let key = Some(told.customer.key.as_str());
    let csv = b"Phone,First Name\n212-555-0124,Bob\n212-555-0125,Cat\nnone,Dan\n".to_vec();
    let file = |path| Ask { method: "POST", path, key, kind: Some("text/csv"), body: csv.clone(), ..Ask::default() };
    let found = told.customer.site.ask(file("/contacts/import/check?no_consent=true")).await.good();
    assert_eq!((&found["counts"]["created"], &found["made"][0]["name"]), (&json!(2), &json!("Bob")));
    assert!(told.get("/contacts?search=Bob").await["data"].as_array().unwrap().is_empty(), "nothing is stored");
    let report = told.customer.site.ask(file("/contacts/import?no_consent=true")).await.good();
    told.seen.lock().unwrap().extend(["importContacts", "checkImport"]);
    assert_eq!(found["counts"], report["counts"]);
    assert_eq!((&report["counts"]["created"], &report["counts"]["rejected"]), (&json!(2), &json!(1)));
    assert_eq!(told.get("/contacts?search=Bob").await["data"].as_array().unwrap().len(), 1);
    assert_eq!(told.get(&format!("/imports/{}", text(&report["import"]))).await["counts"], report["counts"]);
    assert_eq!(told.get("/imports").await["data"][0]["id"], report["import"]);
    let other = Ask { body: b"Phone\n212-555-0126\n".to_vec(), ..file("/contacts/import?no_consent=true") };
    let other = text(&told.customer.site.ask(other).await.good()["import"]);
    told.post(&format!("/imports/{other}/undo"), json!({})).await;
    let undone = crate::imports::until(&told.customer, &format!("/imports/{other}"), "undone").await;
    assert_eq!(undone["undoing"]["deleted"], 1);
    let step = |days: i64, text: &str| json!({ "after_days": days, "text": text });
    let steps = json!([step(0, "Hi {First Name|there}!"), step(3, "Still there?")]);
    let made = told.post("/workflows", json!({ "name": "Leads", "steps": steps })).await;
    assert_eq!((&made["version"], &made["status"], &made["total_days"]), (&json!(1), &json!("inactive"), &json!(3)));
    let workflow = text(&made["id"]);
    let path = format!("/workflows/{workflow}");
    let steps = json!([step(0, "Hi {First Name|there}!"), step(4, "Still there?"), step(7, "Last note.")]);
    let edit = json!({ "name": "Leads", "steps": steps, "version": 1 });
    let edited = told.ask("PUT", &path, Some(edit.clone())).await;
    assert_eq!((&edited["version"], &edited["messages"], &edited["steps"]), (&json!(2), &json!(3), &steps));
    told.customer.ask("PUT", &path, Some(edit)).await.problem(409, "workflow_not_changeable");
    let bare = json!({ "name": "Leads", "steps": steps });
    told.customer.ask("PUT", &path, Some(bare)).await.problem(400, "version");
    assert_eq!(told.get(&path).await, edited);
    let copy = told.ask("POST", &format!("{path}/duplicate"), None).await;
    assert_eq!(copy["name"], "Leads (copy)");
    let order = json!({ "workflows": [copy["id"], workflow] });
    assert_eq!(told.ask("PUT", "/workflows/order", Some(order)).await["data"][0]["id"], copy["id"]);
    assert_eq!(told.get("/workflows").await["data"][1]["id"], json!(workflow));
    told.ask("DELETE", &format!("/workflows/{}", text(&copy["id"])), None).await;
    (contact, workflow)
}

/// Price, start, text, reply, refund.
async fn run(told: &Told<'_>, contact: &str, workflow: &str) {
    let both = json!({ "contact": contact, "workflow": workflow });
    let quote = told.post("/quotes", both.clone()).await;
    assert_eq!(quote["messages"][0]["text"], "Hi Ann!");
    assert_eq!((&quote["segments"], &quote["credits"], &quote["cost"]), (&json!(3), &json!(3), &json!("$0.00")));
    let start = json!({ "contact": contact, "workflow": workflow, "quote": quote["id"] });
    let started = told.post("/enrollments", start).await;
    assert_eq!((&started["charged_credits"], &started["charged_micros"]), (&json!(3), &json!(0)));
    assert_eq!(started["last_at"], quote["messages"][2]["due_at"]);
    let refused = told.customer.post("/quotes", both).await.problem(422, "enrollment_refused");
    assert_eq!(refused["refusals"][0]["code"], "already_enrolled");
    assert_eq!(told.get(&format!("/workflows/{workflow}/enrollments")).await["data"][0]["id"], started["enrollment"]);
    assert_eq!(told.get(&format!("/workflows/{workflow}/pause")).await["refunded"]["credits"], 3);
    told.customer.wait(60).await;
    let thread = told.get(&format!("/contacts/{contact}/messages")).await;
    let first = &thread["data"][0];
    assert_eq!(
        (&first["kind"], &first["state"], &first["body"], &first["step"]),
        (&json!("workflow"), &json!("delivered"), &json!("Hi Ann!"), &json!(1))
    );
    assert_eq!(told.get(&format!("/messages/{}", text(&first["id"]))).await, *first);
    assert_eq!(told.get("/simulator/handsets/+12125550123").await["data"][0]["body"], "Hi Ann!");
    let reply = json!({ "from": "+12125550123", "to": "+12125550100", "body": "Who is this?" });
    told.post("/simulator/replies", reply).await;
    let ended = told.get(&format!("/enrollments/{}", text(&started["enrollment"]))).await;
    assert_eq!((&ended["state"], &ended["reason"]), (&json!("stopped"), &json!("replied")));
    assert_eq!(told.get(&format!("/contacts/{contact}/enrollments")).await["data"], json!([ended]));
    assert_eq!(told.get("/balances").await["credits"], 99);
    let line = told.get("/conversations").await["data"][0].clone();
    assert_eq!((&line["last_body"], &line["unread"]), (&json!("Who is this?"), &json!(1)));
    assert_eq!(told.ask("POST", &format!("/contacts/{contact}/read"), None).await, json!({ "changed": true }));
    assert_eq!(told.get("/conversations").await["data"][0]["unread"], 0);
    let sent = told.post(&format!("/contacts/{contact}/messages"), json!({ "body": "It is Sam." })).await;
    assert_eq!((&sent["kind"], &sent["state"]), (&json!("manual"), &json!("queued")));
    told.customer.wait(60).await;
    let events = told.get(&format!("/contacts/{contact}/events")).await;
    let stopped =
        events["data"].as_array().unwrap().iter().find(|event| event["kind"] == "enrollment.stopped").unwrap();
    assert_eq!((&stopped["facts"]["reason"], &stopped["facts"]["refunded_credits"]), (&json!("replied"), &json!(2)));
    assert!(told.get("/events").await["data"].as_array().unwrap().len() > 10);
    assert_eq!(told.get("/messages/in-doubt").await["data"], json!([]));
}

/// By a quote that is no longer true for one of three; held back, since nothing has gone; and without a quote. Says the last job.
async fn many(told: &Told<'_>, shown: &Value, all: Value) -> String {
    assert_eq!((&shown["days"][0]["starts"], &shown["beyond"]), (&json!(3), &json!(0)), "{shown}");
    let quoted = json!({ "quote": shown["id"] });
    let job = told.post("/enrollments/quoted", quoted.clone()).await;
    assert_eq!(job["kind"], "enroll");
    crate::lists::done(&told.customer).await;
    assert_eq!(told.post("/enrollments/quoted", quoted).await["id"], job["id"], "a quote starts once");
    let path = format!("/jobs/{}", text(&job["id"]));
    let done = told.get(&path).await;
    assert_eq!((&done["started"], &done["refused"]), (&json!(2), &json!(1)));
    let held = told.post(&format!("{path}/withdraw"), json!({ "whom": "unbegun" })).await;
    crate::lists::done(&told.customer).await;
    let held = told.get(&format!("/jobs/{}", text(&held["id"]))).await;
    assert_eq!((&held["kind"], &held["started"], &held["refused"]), (&json!("withdraw"), &json!(2), &json!(1)));
    let rest = told.post(&format!("/jobs/{}/quote", text(&held["id"])), json!({ "per_day": 1 })).await;
    assert_eq!((&rest["starts"], &rest["days"][1]["starts"]), (&json!(2), &json!(1)), "{rest}");
    let job = text(&told.post("/enrollments/many", all).await["id"]);
    crate::lists::done(&told.customer).await;
    job
}

/// Many at once, and the ways out.
async fn ends(told: &Told<'_>, contact: &str, workflow: &str) {
    let all = json!({ "workflow": workflow });
    let preview = told.post("/quotes/many", all.clone()).await;
    assert_eq!((&preview["starts"], &preview["refusals"]), (&json!(3), &json!(0)));
    told.ask("PUT", &format!("/contacts/{contact}/suppressions/do_not_contact"), None).await;
    assert_eq!(told.get(&format!("/contacts/{contact}/suppressions")).await["data"], json!(["do_not_contact"]));
    let blocked = told.customer.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Hello" })).await;
    blocked.problem(422, "do_not_contact");
    let opt_out = told.customer.ask("PUT", &format!("/contacts/{contact}/suppressions/opted_out"), None).await;
    opt_out.problem(422, "not_by_hand");
    consent(told, contact).await;
    lists(told, contact).await;
    let job = many(told, &preview, all).await;
    let done = told.get(&format!("/jobs/{job}")).await;
    assert_eq!((&done["total"], &done["started"], &done["refused"]), (&json!(3), &json!(2), &json!(1)));
    let refusals = told.get(&format!("/jobs/{job}/refusals")).await;
    assert_eq!(
        (&refusals["data"][0]["contact"], &refusals["data"][0]["refusals"][0]["code"]),
        (&json!(contact), &json!("do_not_contact"))
    );
    assert_eq!(told.get("/jobs").await["data"][0], done);
    told.ask("DELETE", &format!("/contacts/{contact}/suppressions/do_not_contact"), None).await;
    let running = told.get("/enrollments?limit=1").await["data"][0].clone();
    let path = format!("/enrollments/{}", text(&running["id"]));
    assert_eq!(told.ask("DELETE", &path, None).await["refunded_credits"], 3);
    told.customer.ask("DELETE", &path, None).await.problem(409, "enrollment_ended");
    let removal = told.ask("POST", &format!("/workflows/{workflow}/pause"), None).await;
    assert_eq!((&removal["contacts"], &removal["refunded"]["credits"]), (&json!(1), &json!(3)));
    assert_eq!(told.get(&format!("/workflows/{workflow}/enrollments")).await["data"], json!([]));
    assert_eq!(told.ask("DELETE", &format!("/contacts/{contact}"), None).await, json!({ "deleted": contact }));
    told.customer.get(&format!("/contacts/{contact}")).await.problem(404, "not_found");
}

/// A list of phones that came from outside.
async fn lists(told: &Told<'_>, contact: &str) {
    let new = json!({ "name": "Litigators", "kind": "compliance_blocked", "source": "Vendor", "dated": "2026-11-01" });
    let list = told.post("/suppression-lists", new).await;
    assert_eq!((&list["state"], &list["phones"]), (&json!("kept"), &json!(0)));
    let path = format!("/suppression-lists/{}", text(&list["id"]));
    let phones = json!({ "phones": ["+12125550123", "2125550139", "nobody"] });
    let added = told.post(&format!("{path}/phones"), phones.clone()).await;
    assert_eq!((&added["added"], &added["rejects"][0]["place"]), (&json!(2), &json!(3)));
    assert_eq!(told.customer.post(&format!("{path}/phones"), phones).await.good()["added"], 0);
    let blocked = told.get(&format!("/contacts/{contact}/suppressions")).await["data"].clone();
    assert_eq!(blocked, json!(["do_not_contact", "compliance_blocked"]));
    let by_hand =
        told.customer.ask("DELETE", &format!("/contacts/{contact}/suppressions/compliance_blocked"), None).await;
    by_hand.problem(409, "held_by_list");
    let dropped = told.ask("DELETE", &format!("{path}/phones/+12125550139"), None).await;
    assert_eq!(dropped["changed"], true);
    let opted_out = json!({ "name": "A", "kind": "opted_out", "source": "Vendor" });
    told.customer.post("/suppression-lists", opted_out).await.problem(422, "list_invalid");
    let removed = told.ask("DELETE", &path, None).await;
    assert_eq!((&removed["state"], &removed["freed"]), (&json!("removed"), &json!(1)));
    assert_eq!(told.get("/suppression-lists").await["data"], json!([removed]));
    assert_eq!(told.get(&format!("/contacts/{contact}/suppressions")).await["data"], json!(["do_not_contact"]));
}

/// What the contact agreed to, and took back.
async fn consent(told: &Told<'_>, contact: &str) {
    let path = format!("/contacts/{contact}/consents");
    assert_eq!(told.get(&path).await["standing"], "none");
    let agreed = json!({ "kind": "written", "source": "web form", "text": "I agree to texts from Acme.",
        "evidence": { "url": "https://acme.example/offer", "ip": "192.0.2.7" } });
    let recorded = told.post(&path, agreed.clone()).await;
    assert_eq!((&recorded["lifted_opt_out"], &recorded["suppressions"]), (&json!(false), &json!(["do_not_contact"])));
    assert_eq!(recorded["consent"]["evidence"]["ip"], "192.0.2.7");
    let nothing = json!({ "kind": "express", "source": "web form" });
    told.customer.post(&path, nothing).await.problem(422, "consent_invalid");
    told.customer.post(&path, json!({ "kind": "maybe", "source": "x" })).await.problem(400, "json");
    let history = told.get(&path).await;
    assert_eq!((&history["standing"], &history["data"][0]), (&json!("valid"), &recorded["consent"]));
    let all = told.get("/consents?limit=1").await;
    assert_eq!((&all["data"][0]["contact"], &all["data"][0]["phone"]), (&json!(contact), &json!("+12125550123")));
    let next = format!("/consents?limit=1&cursor={}", text(&all["next"]));
    assert_eq!(told.get(&next).await["data"], json!([]));
    told.customer.get("/consents?cursor=evt_06b9zq4h8g000").await.problem(400, "cursor");
}

async fn simulator(told: &Told<'_>) {
    let before = told.get("/simulator/clock").await;
    let pushed = told.post("/simulator/clock", json!({ "seconds": 3_600 })).await;
    assert_ne!(before["now"], pushed["now"]);
    let mut behaviour = told.get("/simulator/behaviour").await;
    behaviour["replies"]["rate"] = json!(0.5);
    assert_eq!(told.ask("PUT", "/simulator/behaviour", Some(behaviour.clone())).await, behaviour);
    let reaction = json!({ "answer": "permanent", "receipts": [], "replies": [] });
    let path = "/simulator/handsets/+12125550124/script";
    let scripted = told.ask("PUT", path, Some(json!({ "reactions": [reaction] }))).await;
    assert_eq!(scripted, json!({ "reactions": 1 }));
    let stats = told.get("/simulator/stats").await;
    assert_eq!((&stats["texts"], &stats["most_per_attempt"]), (&json!(2), &json!(1)));
}

/// A message whose outcome is lost, at a carrier that cannot be asked: a person settles it.
async fn doubt(told: &Told<'_>) {
    let contact = text(&told.post("/contacts", json!({ "phone": "+12125550150" })).await["id"]);
    let mut behaviour = told.get("/simulator/behaviour").await;
    (behaviour["faults"]["lost_before"], behaviour["find"]) = (json!(1.0), json!("missing"));
    told.ask("PUT", "/simulator/behaviour", Some(behaviour)).await;
    let sent = told.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Hello" })).await;
    let path = format!("/messages/{}/settle", text(&sent["id"]));
    told.customer.post(&path, json!({ "fate": "sent" })).await.problem(409, "not_in_doubt");
    told.customer.wait(600).await;
    let listed = told.get("/messages/in-doubt?for_a_person=true").await;
    let in_doubt = (&listed["data"][0]["id"], &listed["data"][0]["state"], &listed["data"][0]["for_a_person"]);
    assert_eq!(in_doubt, (&sent["id"], &json!("in_doubt"), &json!(true)));
    assert_eq!(told.get("/messages/in-doubt").await["data"], listed["data"]);
    told.customer.post(&path, json!({ "fate": "perhaps" })).await.problem(400, "json");
    let before = told.get("/balances").await;
    let settled = told.post(&path, json!({ "fate": "not_sent" })).await;
    assert_eq!((&settled["state"], &settled["code"]), (&json!("failed"), &json!("not_sent")));
    let after = told.get("/balances").await;
    assert_eq!(after["credits"].as_i64().unwrap(), before["credits"].as_i64().unwrap() + 1, "it comes back");
    told.customer.post(&path, json!({ "fate": "sent" })).await.problem(409, "not_in_doubt");
}

#[tokio::test]
async fn a_script_decides_what_follows_from_the_next_text() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let reply = json!({ "body": "Yes", "after_ms": 5_000, "copies": 2, "media": 0 });
    let reaction = json!({ "answer": "accept", "receipts": [], "replies": [reply] });
    let path = "/simulator/handsets/+12125550123/script";
    customer.ask("PUT", path, Some(json!({ "reactions": [reaction] }))).await.good();
    customer.post(&format!("/contacts/{contact}/messages"), json!({ "body": "Interested?" })).await.good();
    customer.wait(60).await;
    let thread = customer.get(&format!("/contacts/{contact}/messages")).await.good();
    let bodies: Vec<&Value> = thread["data"].as_array().unwrap().iter().map(|message| &message["body"]).collect();
    assert_eq!(bodies, [&json!("Yes"), &json!("Interested?")]);
    customer.ask("PUT", "/simulator/handsets/12/script", Some(json!({ "reactions": [] }))).await.problem(400, "from");
    let many = json!({ "reactions": vec![reaction_of("accept"); 101] });
    customer.ask("PUT", path, Some(many)).await.problem(422, "behaviour_invalid");
    customer.ask("PUT", path, Some(json!({ "reactions": [reaction_of("dance")] }))).await.problem(400, "json");
}

fn reaction_of(answer: &str) -> Value {
    json!({ "answer": answer, "receipts": [], "replies": [] })
}

#[tokio::test]
async fn a_quote_that_is_no_longer_true_starts_nothing() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (contact, workflow) = (customer.contact("+12125550123").await, customer.workflow("Leads").await);
    let both = json!({ "contact": contact, "workflow": workflow });
    let quote = customer.post("/quotes", both).await.good();
    let change = json!({ "fields": { "First Name": "Anna" } });
    customer.ask("PATCH", &format!("/contacts/{contact}"), Some(change)).await.good();
    let start = json!({ "contact": contact, "workflow": workflow, "quote": quote["id"] });
    let problem = customer.post("/enrollments", start.clone()).await.problem(409, "quote_changed");
    assert!(text(&problem["quote"]["messages"][0]["text"]).starts_with("Hi Anna"), "{problem}");
    customer.wait(16 * 60).await;
    customer.post("/enrollments", start).await.problem(422, "quote_unknown");
    assert_eq!(customer.get("/balances").await.good()["credits"], 100);
}

#[tokio::test]
async fn the_new_quote_of_a_start_that_was_refused_for_the_old_one_can_be_started_with() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (contact, workflow) = (customer.contact("+12125550123").await, customer.workflow("Leads").await);
    let quote = customer.post("/quotes", json!({ "contact": contact, "workflow": workflow })).await.good();
    let change = json!({ "fields": { "First Name": "Anna" } });
    customer.ask("PATCH", &format!("/contacts/{contact}"), Some(change)).await.good();
    let start = |quote: &Value| json!({ "contact": contact, "workflow": workflow, "quote": quote["id"] });
    let problem = customer.post("/enrollments", start(&quote)).await.problem(409, "quote_changed");
    customer.post("/enrollments", start(&problem["quote"])).await.good();
}

#[tokio::test]
async fn an_enrollment_starts_from_a_later_message_and_pays_only_for_what_it_sends() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let (contact, workflow) = (customer.contact("+12125550123").await, customer.workflow("Leads").await);
    let from = |step: u8| json!({ "contact": contact, "workflow": workflow, "from_step": step });
    let whole = customer.post("/quotes", json!({ "contact": contact, "workflow": workflow })).await.good();
    let quote = customer.post("/quotes", from(2)).await.good();
    let steps: Vec<_> = quote["messages"].as_array().unwrap().iter().map(|message| message["step"].clone()).collect();
    assert_eq!(json!(steps)[0], 2, "{quote}");
    assert_eq!(steps.len() + 1, whole["messages"].as_array().unwrap().len());
    assert_eq!(quote["messages"][0]["text"], whole["messages"][1]["text"]);
    let problem = customer.post("/quotes", from(9)).await.problem(422, "enrollment_refused");
    assert_eq!(problem["refusals"][0]["code"], "step_unknown");
    let mut start = from(2);
    start["quote"] = quote["id"].clone();
    let started = customer.post("/enrollments", start).await.good();
    assert_eq!(started["charged_credits"], quote["credits"]);
    let shown = customer.get(&format!("/enrollments/{}", text(&started["enrollment"]))).await.good();
    assert_eq!((&shown["first_step"], &shown["next_step"]), (&json!(2), &json!(2)));
}
