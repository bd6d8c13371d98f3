//! Bad input: each gets a problem with a stable code that says what is wrong and where, and nothing is kept of it.

use domain::access::Permissions;
use serde_json::json;

use crate::site::{Ask, Customer, MAX_FILE, MAX_JSON, Site};

/// A contact from these bytes.
async fn raw(customer: &Customer<'_>, path: &str, kind: Option<&str>, body: &[u8]) -> crate::site::Answer {
    let key = Some(customer.key.as_str());
    customer.site.ask(Ask { method: "POST", path, key, kind, body: body.to_vec(), ..Ask::default() }).await
}

#[tokio::test]
async fn a_body_that_is_not_the_wanted_json_is_told_with_its_place() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let json = Some("application/json");
    for (body, says, line, column) in [
        (&b""[..], "EOF", 1, 0),
        (b"\x00\xff\xfe", "expected value", 1, 1),
        (b"{\"phone\": \"\xff\"}", "unicode", 1, 12),
        (b"{\"phone\": 12}", "expected a string", 1, 12),
        (b"{}", "missing field `phone`", 1, 2),
        (b"{\n  \"phone\": \"1\", \"fax\": 2\n}", "unknown field `fax`", 2, 21),
        (b"[1, 2]", "expected a string", 1, 2),
        (b"{\"phone\": \"1\", \"phone\": \"2\"}", "duplicate field `phone`", 1, 22),
        (b"{\"phone\": \"1\"} trailing", "trailing characters", 1, 16),
    ] {
        let problem = raw(&customer, "/contacts", json, body).await.problem(400, "json");
        assert!(problem["detail"].as_str().unwrap().contains(says), "{problem}");
        assert_eq!((&problem["line"], &problem["column"]), (&json!(line), &json!(column)), "{problem}");
    }
    let deep = "[".repeat(10_000);
    raw(&customer, "/contacts", json, deep.as_bytes()).await.problem(400, "json");
    assert_eq!(customer.get("/contacts").await.good()["data"], json!([]));
}

#[tokio::test]
async fn a_body_of_another_kind_or_too_large_is_refused() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/json2"), Some("")]
    {
        raw(&customer, "/contacts", kind, b"{}").await.problem(415, "content_type");
    }
    let good = br#"{"phone": "+12125550123"}"#;
    raw(&customer, "/contacts", Some("Application/JSON; charset=utf-8"), good).await.good();
    let mut large = vec![b' '; MAX_JSON];
    raw(&customer, "/contacts", Some("application/json"), &large).await.problem(400, "json");
    large.push(b' ');
    raw(&customer, "/contacts", Some("application/json"), &large).await.problem(413, "body_too_large");
    // A file may be larger, and is bounded too.
    let mut csv = b"Phone,Note\n+12125550124,x\n".to_vec();
    while csv.len() < MAX_FILE {
        csv.extend_from_slice(b"+12125550125,");
        csv.resize(MAX_FILE.min(csv.len() + 1_000_000), b'x');
        csv.push(b'\n');
    }
    csv.truncate(MAX_FILE);
    assert_eq!(
        raw(&customer, "/contacts/import?no_consent=true", Some("text/csv"), &csv).await.good()["counts"]["created"],
        1
    );
    csv.push(b'\n');
    raw(&customer, "/contacts/import?no_consent=true", Some("text/csv"), &csv).await.problem(413, "body_too_large");
}

#[tokio::test]
async fn a_file_that_is_none_is_refused_and_bad_rows_are_told() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    for body in [&b""[..], b"\n\n", b"Phone\n", b"Name,City\nAnn,Miami\n", b"Phone,First Name,First Name\n1,2,3\n"] {
        let refused = raw(&customer, "/contacts/import?no_consent=true", Some("text/csv"), body).await;
        let problem = refused.problem(422, "import_refused");
        assert!(problem["detail"].as_str().unwrap().len() > 20, "{problem}");
    }
    let mixed = b"\xef\xbb\xbfPhone;First Name\r\n(212) 555-0123;Ann\r\n12;Bob\r\n";
    let report = raw(&customer, "/contacts/import?no_consent=true", Some("text/csv"), mixed).await.good();
    assert_eq!((&report["counts"]["created"], &report["counts"]["rejected"]), (&json!(1), &json!(1)));
    assert_eq!((&report["rejects"][0]["row"], &report["rejects"][0]["line"]), (&json!(3), &json!(3)));
}

#[tokio::test]
async fn identifiers_that_cannot_be_are_not_found_and_name_their_kind_in_a_body() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let workflow = customer.workflow("Leads").await;
    for id in ["1", "ctc_", "ctc_00000000000ia", "CTC_0000000000000", workflow.as_str(), "%00", "%ff%fe", "ctc_é"] {
        let id = id.replace('é', "%C3%A9");
        customer.get(&format!("/contacts/{id}")).await.problem(404, "not_found");
        customer.get(&format!("/contacts/{id}/events")).await.problem(404, "not_found");
    }
    let wrong = json!({ "contact": workflow, "workflow": workflow });
    let problem = customer.post("/quotes", wrong).await.problem(400, "json");
    assert!(problem["detail"].as_str().unwrap().contains("ctc_ and 13 letters"), "{problem}");
    let contact = customer.contact("+12125550123").await;
    customer.ask("PUT", &format!("/contacts/{contact}/suppressions/nothing"), None).await.problem(404, "not_found");
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_in_plain_words() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let contact = customer.contact("+12125550123").await;
    let bad = json!({ "phone": "911", "fields": {} });
    assert!(customer.post("/contacts", bad).await.problem(422, "phone")["reason"].is_string());
    let long = json!({ "phone": "+12125550124", "fields": { "Note": "x".repeat(5_000) } });
    customer.post("/contacts", long).await.problem(422, "contact_invalid");
    let taken = customer.post("/contacts", json!({ "phone": "+12125550123" })).await.problem(409, "phone_taken");
    assert_eq!(taken["contact"], json!(contact));
    let nul = json!({ "body": "a\u{0}b" });
    assert_eq!(customer.post(&format!("/contacts/{contact}/messages"), nul).await.good()["body"], "ab");
    for (body, code) in [(" \n ", "message_empty"), ("x".repeat(400).as_str(), "message_too_long")] {
        let path = format!("/contacts/{contact}/messages");
        customer.post(&path, json!({ "body": body })).await.problem(422, code);
    }
    let step = |days: i64, text: &str| json!({ "after_days": days, "text": text });
    for steps in [
        json!([step(0, "{Nothing}")]),
        json!([step(366, "a")]),
        json!([step(0, "a\u{0}b")]),
        json!(vec![step(1, "a"); 10]),
    ] {
        let body = json!({ "name": "Leads", "steps": steps });
        let problem = customer.post("/workflows", body).await.problem(422, "workflow_invalid");
        assert!(problem["detail"].is_string());
    }
    customer
        .post("/numbers", json!({ "phone": "+12125550101", "carrier": "pigeon" }))
        .await
        .problem(422, "number_invalid");
    customer.post("/numbers", json!({ "phone": "+12125550101", "per_day": -1 })).await.problem(422, "number_invalid");
    let unknown = json!({ "name": "x", "permissions": ["read", "fly"] });
    let problem = customer.post("/keys", unknown).await.problem(400, "json");
    assert!(problem["detail"].as_str().unwrap().contains("\"fly\" is none of: read"), "{problem}");
    customer.post("/keys", json!({ "name": "x", "permissions": [] })).await.problem(422, "key_invalid");
}

#[tokio::test]
async fn settings_that_cannot_be_leave_the_old_ones() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await;
    let before = customer.get("/workspace").await.good();
    let with = |member: &str, value: serde_json::Value| {
        let mut settings = before["settings"].clone();
        settings[member] = value;
        json!({ "settings": settings })
    };
    let hours =
        |start: i64, end: i64, days: &[i64]| json!({ "start_minute": start, "end_minute": end, "weekdays": days });
    for change in [
        json!({ "zone": "Mars/Olympus" }),
        json!({ "name": " " }),
        with("hours", hours(600, 540, &[1])),
        with("hours", hours(0, 1_441, &[1])),
        with("hours", hours(540, 600, &[])),
        with("hours", hours(540, 600, &[0])),
        with("help_text", json!("")),
        with("opt_out_text", json!("x".repeat(500))),
    ] {
        customer.ask("PATCH", "/workspace", Some(change)).await.problem(422, "settings_invalid");
    }
    let odd = with("stop_person", json!("maybe"));
    customer.ask("PATCH", "/workspace", Some(odd)).await.problem(400, "json");
    let partly = json!({ "settings": { "help_text": "x" } });
    customer.ask("PATCH", "/workspace", Some(partly)).await.problem(400, "json");
    assert_eq!(customer.get("/workspace").await.good(), before);
}

#[tokio::test]
async fn the_clock_of_a_server_that_is_no_demo_stays() {
    let site = Site::with_clock(engine::Clock::System);
    let customer = site.customer("Acme", "+12125550100").await;
    customer.get("/simulator/clock").await.good();
    customer.post("/simulator/clock", json!({ "seconds": 60 })).await.problem(400, "clock");
    customer.get("/simulator/stats").await.problem(400, "clock");
    customer.get("/simulator/behaviour").await.problem(400, "clock");
    customer.ask("PUT", "/simulator/behaviour", Some(json!({}))).await.problem(400, "clock");
    let script = Some(json!({ "reactions": [] }));
    customer.ask("PUT", "/simulator/handsets/+12125550123/script", script).await.problem(400, "clock");
    let demo = Site::new();
    let customer = demo.customer("Acme", "+12125550100").await;
    for seconds in [-1, 31_622_401, i64::MAX] {
        customer.post("/simulator/clock", json!({ "seconds": seconds })).await.problem(400, "seconds");
    }
    let more = json!({ "faults": { "temporary": 2.0 } });
    customer.ask("PUT", "/simulator/behaviour", Some(more)).await.problem(422, "behaviour_invalid");
}

#[tokio::test]
async fn an_idempotency_key_that_cannot_be_is_refused_before_anything_is_done() {
    let site = Site::new();
    let customer = site.customer("Acme", "+12125550100").await.with(Permissions::all()).await;
    for key in ["", "x".repeat(256).as_str()] {
        let made = customer.once("/contacts", key, Some(json!({ "phone": "+12125550123" }))).await;
        made.problem(400, "idempotency_key");
    }
    assert_eq!(customer.get("/contacts").await.good()["data"], json!([]));
}
