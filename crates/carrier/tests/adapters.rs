//! The adapters over real HTTP: what they ask, and what they make of each answer, good or bad.

use std::sync::Arc;

use carrier::account::{self, Kind, Place};
use carrier::{Carrier, Checked, Finding, Held, Http, Outcome, Secret, Sought, Submission, twilio};
use domain::ids::AttemptId;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::desk::{self, Answer, Desk};

const CALLBACKS: &str = "https://texts.example.com/hooks/car_1/secret";

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn attempt() -> AttemptId {
    AttemptId(4_711)
}

fn text() -> Submission {
    Submission {
        attempt: attempt(),
        from: "+12125550100".to_owned(),
        to: "+13055550123".to_owned(),
        body: "Hi Ann & Bob, 50% off? é".to_owned(),
        segments: 1,
        deliver_by: now() + SignedDuration::from_mins(90),
    }
}

fn sought() -> Sought {
    Sought { submission: text(), submitted_at: now() }
}

/// The settings that an account of this kind is added with.
fn settings(kind: Kind) -> serde_json::Value {
    match kind {
        Kind::Twilio => json!({ "account": "AC1", "key": "SK1", "key_secret": "key secret", "token": "token" }),
        Kind::Telnyx => json!({ "key": "KEY1", "public_key": "", "profile": "profile-1" }),
        Kind::Bandwidth => json!({ "account": "500", "user": "api", "password": "password", "application": "app-1",
            "callback_user": "hooks", "callback_password": "hooks password" }),
        Kind::Plivo => json!({ "id": "MA1", "token": "token" }),
        Kind::Vonage => json!({ "key": "key1", "secret": "secret", "signature_secret": "signs" }),
        Kind::Gateway | Kind::Smpp => unreachable!("tests/gateway.rs and tests/smpp.rs have their own"),
    }
}

const NAMES: [&str; 5] = ["twilio", "telnyx", "bandwidth", "plivo", "vonage"];

/// What a carrier makes of one answer, and what it asked.
async fn submit(name: &str, answer: Answer) -> (Outcome, Vec<desk::Taken>) {
    let desk = Desk::open(vec![answer]).await;
    let carrier = pick(name, &desk.address);
    let outcome = carrier.submit(&text(), now()).await;
    (outcome, desk.taken())
}

fn pick(name: &str, base: &str) -> Arc<dyn Carrier> {
    let kind = Kind::from_word(name).unwrap();
    let place = Place { base: base.to_owned(), callbacks: CALLBACKS.to_owned() };
    account::open(kind, settings(kind), "car_1".to_owned(), place, Http::new().unwrap()).unwrap()
}

/// The body with which a carrier accepts, and what is taken from it.
fn acceptance(name: &str) -> (u16, String, &'static str, Option<u32>) {
    match name {
        "twilio" => (201, json!({ "sid": "SM1", "status": "queued", "num_segments": "2" }).to_string(), "SM1", Some(2)),
        "telnyx" => (200, json!({ "data": { "id": "t1", "parts": 2 } }).to_string(), "t1", Some(2)),
        "bandwidth" => (202, json!({ "id": "b1", "segmentCount": 2 }).to_string(), "b1", Some(2)),
        "plivo" => (202, json!({ "api_id": "a", "message_uuid": ["p1"] }).to_string(), "p1", None),
        _ => (202, json!({ "message_uuid": "v1" }).to_string(), "v1", None),
    }
}

#[tokio::test]
async fn an_accepted_text_has_the_carriers_identifier_and_count() {
    for name in NAMES {
        let (status, body, id, segments) = acceptance(name);
        let (outcome, taken) = submit(name, Answer::Says(status, body)).await;
        assert_eq!(outcome, Outcome::Accepted { carrier_id: id.to_owned(), segments }, "{name}");
        assert_eq!(taken.len(), 1, "{name} asked more than once");
    }
}

#[tokio::test]
async fn each_carrier_is_asked_as_it_documents() {
    let news = format!("{CALLBACKS}?attempt={}", attempt());
    let ask = async |name: &str| {
        let (status, body, ..) = acceptance(name);
        submit(name, Answer::Says(status, body)).await.1.remove(0)
    };
    let twilio = ask("twilio").await;
    assert_eq!(twilio.line, "POST /2010-04-01/Accounts/AC1/Messages.json");
    // `SK1:key secret`
    assert_eq!(twilio.header("authorization"), Some("Basic U0sxOmtleSBzZWNyZXQ="));
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        twilio.form(),
        [
            pair("To", "+13055550123"),
            pair("From", "+12125550100"),
            pair("Body", &text().body),
            // Called again if we are not there for a moment.
            pair("StatusCallback", &format!("{news}#rc=5&rp=ct,rt,5xx")),
            pair("SmartEncoded", "false"),
            pair("ValidityPeriod", "5400"),
        ]
    );
    let telnyx = ask("telnyx").await;
    assert_eq!(telnyx.line, "POST /v2/messages");
    assert_eq!(telnyx.header("authorization"), Some("Bearer KEY1"));
    assert_eq!(telnyx.header("idempotency-key"), Some(attempt().to_string().as_str()));
    assert_eq!(
        telnyx.json(),
        json!({ "from": "+12125550100", "to": "+13055550123", "text": text().body, "type": "SMS", "webhook_url": news,
            "use_profile_webhooks": false, "tags": [attempt()], "messaging_profile_id": "profile-1" })
    );
    let bandwidth = ask("bandwidth").await;
    assert_eq!(bandwidth.line, "POST /api/v2/users/500/messages");
    assert_eq!(
        bandwidth.json(),
        json!({ "applicationId": "app-1", "from": "+12125550100", "to": ["+13055550123"], "text": text().body, "tag": attempt(),
            "expiration": "2026-11-24T16:30:00Z" })
    );
    let plivo = ask("plivo").await;
    assert_eq!(plivo.line, "POST /v1/Account/MA1/Message/");
    assert_eq!(
        plivo.json(),
        json!({ "src": "12125550100", "dst": "13055550123", "text": text().body, "type": "sms", "url": news, "method": "POST",
            "message_expiry": 5_400 })
    );
    let vonage = ask("vonage").await;
    assert_eq!(vonage.line, "POST /v1/messages");
    assert_eq!(
        vonage.json(),
        json!({ "message_type": "text", "channel": "sms", "from": "12125550100", "to": "13055550123", "text": text().body,
            "client_ref": attempt(), "ttl": 5_400, "webhook_url": CALLBACKS, "webhook_version": "v1" })
    );
}

/// What a carrier is told of the time that a text has, where it is told.
fn time_in(name: &str, taken: &desk::Taken) -> Value {
    match name {
        "twilio" => taken.form().iter().find(|(key, _)| key == "ValidityPeriod").unwrap().1.clone().into(),
        "bandwidth" => taken.json()["expiration"].clone(),
        "plivo" => taken.json()["message_expiry"].clone(),
        "vonage" => taken.json()["ttl"].clone(),
        _ => Value::Null,
    }
}

#[tokio::test]
async fn the_time_that_is_left_is_told_to_the_second_as_far_as_the_carrier_takes_it_and_never_more() {
    let told = async |name: &str, deliver_by: Timestamp| {
        let (status, body, ..) = acceptance(name);
        let desk = Desk::open(vec![Answer::Says(status, body)]).await;
        let outcome = pick(name, &desk.address).submit(&Submission { deliver_by, ..text() }, now()).await;
        (outcome, desk.taken().first().map(|taken| time_in(name, taken)))
    };
    // What each says of 61.9 seconds, and of twelve hours.
    for (name, short, long) in [
        ("twilio", json!("61"), json!("36000")),
        ("telnyx", json!(null), json!(null)),
        ("bandwidth", json!("2026-11-24T15:01:01Z"), json!("2026-11-25T03:00:00Z")),
        ("plivo", json!(61), json!(10_799)),
        ("vonage", json!(61), json!(43_200)),
    ] {
        assert_eq!(told(name, now() + SignedDuration::from_millis(61_900)).await.1, Some(short), "{name}");
        assert_eq!(told(name, now() + SignedDuration::from_hours(12)).await.1, Some(long), "{name}");
        let over = [now(), now() - SignedDuration::from_hours(1), now() + SignedDuration::from_millis(900)];
        for deliver_by in over {
            let (outcome, asked) = told(name, deliver_by).await;
            assert!(matches!(&outcome, Outcome::Temporary { code, .. } if code == "too_late"), "{name}: {outcome:?}");
            assert_eq!(asked, None, "{name} was handed a text whose time is over");
        }
    }
    for (name, least) in [("twilio", 1), ("telnyx", 1), ("bandwidth", 10), ("plivo", 5), ("vonage", 20)] {
        let at = |seconds| now() + SignedDuration::from_secs(seconds);
        assert!(matches!(told(name, at(least)).await.0, Outcome::Accepted { .. }), "{name}");
        assert!(matches!(told(name, at(least - 1)).await.0, Outcome::Temporary { .. }), "{name}");
    }
}

#[tokio::test]
async fn a_text_that_may_have_left_is_in_doubt_and_never_sent_again() {
    for name in NAMES {
        let (accepts, ..) = acceptance(name);
        for answer in [
            Answer::Drops,
            Answer::Hangs,
            Answer::Breaks(accepts),
            Answer::Says(accepts, "no JSON".to_owned()),
            Answer::Says(accepts, "{}".to_owned()),
            Answer::SaysWith(302, "location: /elsewhere", String::new()),
            Answer::Says(100 + 200, String::new()),
        ] {
            let (outcome, taken) = submit(name, answer.clone()).await;
            assert!(matches!(outcome, Outcome::InDoubt { .. }), "{name} after {answer:?}: {outcome:?}");
            assert!(taken.len() <= 1, "{name} asked again after {answer:?}");
        }
    }
}

#[tokio::test]
async fn a_server_error_is_in_doubt_but_where_the_carrier_promises_that_nothing_was_sent() {
    for name in NAMES {
        for status in [500, 502, 503, 504] {
            let (outcome, _) = submit(name, Answer::Says(status, "<html>".to_owned())).await;
            assert!(matches!(outcome, Outcome::InDoubt { .. }), "{name} {status}: {outcome:?}");
            let own = json!({ "type": "internal-error", "description": "no", "code": 20500, "message": "no",
                "error": "no", "title": "no", "errors": [{ "code": "10007" }] });
            let (outcome, _) = submit(name, Answer::Says(status, own.to_string())).await;
            match name {
                "bandwidth" => assert!(matches!(outcome, Outcome::Temporary { .. }), "{name} {status}: {outcome:?}"),
                _ => assert!(matches!(outcome, Outcome::InDoubt { .. }), "{name} {status}: {outcome:?}"),
            }
        }
    }
}

#[tokio::test]
async fn without_a_connection_nothing_was_sent() {
    for name in NAMES {
        let outcome = pick(name, &Desk::closed().await).submit(&text(), now()).await;
        assert!(matches!(&outcome, Outcome::Temporary { code, .. } if code == "not_connected"), "{name}: {outcome:?}");
    }
}

#[tokio::test]
async fn too_many_requests_are_tried_again_after_the_carriers_wait() {
    for name in NAMES {
        let (outcome, _) = submit(name, Answer::SaysWith(429, "retry-after: 17", "{}".to_owned())).await;
        let wait = SignedDuration::from_secs(17);
        assert!(
            matches!(outcome, Outcome::Temporary { retry_after: Some(after), .. } if after == wait),
            "{name}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn credentials_that_are_not_taken_pause_the_number() {
    for name in NAMES {
        for status in [401, 403] {
            let (outcome, _) = submit(name, Answer::Says(status, "no".to_owned())).await;
            assert!(matches!(outcome, Outcome::SenderProblem { .. }), "{name} {status}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn an_account_that_the_carrier_does_not_know_pauses_the_number_and_burns_no_text() {
    for name in NAMES {
        for answer in [Answer::Says(404, "<h1>Not Found</h1>".to_owned()), Answer::Says(405, String::new())] {
            let (outcome, _) = submit(name, answer).await;
            assert!(matches!(outcome, Outcome::SenderProblem { .. }), "{name}: {outcome:?}");
        }
    }
    let unknown = json!({ "code": 20_404, "message": "The requested resource was not found", "status": 404 });
    let (outcome, _) = submit("twilio", Answer::Says(404, unknown.to_string())).await;
    assert!(matches!(outcome, Outcome::SenderProblem { ref code, .. } if code == "20404"), "{outcome:?}");
    // A code that tells of the contact says more than the status.
    let number = json!({ "code": 21_211, "message": "Invalid 'To'", "status": 404 });
    let (outcome, _) = submit("twilio", Answer::Says(404, number.to_string())).await;
    assert!(matches!(outcome, Outcome::Permanent { .. }), "{outcome:?}");
}

#[tokio::test]
async fn a_refusal_is_read_by_its_code() {
    let twilio = |code: u32| Answer::Says(400, json!({ "code": code, "message": "theirs", "status": 400 }).to_string());
    let telnyx = |code: &str| Answer::Says(422, json!({ "errors": [{ "code": code, "title": "theirs" }] }).to_string());
    let vonage = |code: &str| {
        let kind = format!("https://developer.vonage.com/api-errors/messages#{code}");
        Answer::Says(422, json!({ "type": kind, "title": "theirs", "detail": "more" }).to_string())
    };
    let bandwidth = |kind: &str| Answer::Says(400, json!({ "type": kind, "description": "theirs" }).to_string());
    let plivo = || Answer::Says(400, json!({ "api_id": "a", "error": "dst is not valid" }).to_string());
    type Expected = fn(&Outcome) -> bool;
    let cases: [(&str, Answer, Expected); 15] = [
        ("twilio", twilio(21_610), |o| matches!(o, Outcome::OptedOut { .. })),
        ("twilio", twilio(21_211), |o| matches!(o, Outcome::Permanent { .. })),
        ("twilio", twilio(21_606), |o| matches!(o, Outcome::SenderProblem { .. })),
        ("twilio", twilio(21_611), |o| matches!(o, Outcome::Temporary { retry_after: Some(_), .. })),
        ("twilio", twilio(30_007), |o| matches!(o, Outcome::Rejected { .. })),
        ("twilio", twilio(99_999), |o| matches!(o, Outcome::Rejected { reason, .. } if reason == "theirs")),
        ("telnyx", telnyx("40300"), |o| matches!(o, Outcome::OptedOut { .. })),
        ("telnyx", telnyx("40001"), |o| matches!(o, Outcome::Permanent { .. })),
        ("vonage", vonage("1170"), |o| matches!(o, Outcome::Permanent { .. })),
        ("vonage", vonage("1240"), |o| matches!(o, Outcome::OptedOut { .. })),
        ("vonage", vonage("1070"), |o| matches!(o, Outcome::SenderProblem { .. })),
        ("vonage", vonage("1150"), |o| matches!(o, Outcome::Rejected { .. })),
        ("telnyx", telnyx("40305"), |o| matches!(o, Outcome::SenderProblem { .. })),
        ("bandwidth", bandwidth("request-validation"), |o| matches!(o, Outcome::Rejected { .. })),
        ("plivo", plivo(), |o| matches!(o, Outcome::Rejected { reason, .. } if reason == "dst is not valid")),
    ];
    for (name, answer, expected) in cases {
        let (outcome, _) = submit(name, answer.clone()).await;
        assert!(expected(&outcome), "{name} after {answer:?}: {outcome:?}");
    }
}

/// A list with one text that fits, as each carrier writes it, at this many seconds from the submission.
fn listed(name: &str, seconds: i64, body: &str, attempt: AttemptId) -> serde_json::Value {
    let at = now() + SignedDuration::from_secs(seconds);
    match name {
        "twilio" => {
            let created = jiff::fmt::rfc2822::to_string(&at.in_tz("UTC").unwrap()).unwrap();
            json!({ "messages": [{ "sid": "found", "body": body, "direction": "outbound-api", "date_created": created }] })
        }
        "telnyx" => {
            json!({ "data": [{ "uuid": "found", "created_at": at, "direction": "outbound", "tags": attempt }] })
        }
        "bandwidth" => json!({ "messages": [{ "messageId": "found", "messageDirection": "OUTBOUND", "segmentCount": 1,
            "receiveTime": at }] }),
        _ => json!({ "objects": [{ "message_uuid": "found", "message_direction": "outbound", "units": 1,
            "message_time": at.strftime("%Y-%m-%d %H:%M:%S+00:00").to_string() }] }),
    }
}

async fn find(name: &str, answer: Answer) -> Finding {
    let desk = Desk::open(vec![answer]).await;
    let finding = pick(name, &desk.address).find(&sought(), now()).await;
    assert!(desk.taken().iter().all(|taken| taken.line.starts_with("GET ")), "{name} sent something");
    finding
}

#[tokio::test]
async fn a_text_in_doubt_is_found_by_its_numbers_and_time() {
    let found = Finding::Sent { carrier_id: "found".to_owned() };
    for name in ["twilio", "telnyx", "bandwidth", "plivo"] {
        let list = |seconds, body: &str, attempt| Answer::Says(200, listed(name, seconds, body, attempt).to_string());
        assert_eq!(find(name, list(3, &text().body, attempt())).await, found, "{name}");
        assert_eq!(
            find(name, list(-3_600, &text().body, attempt())).await,
            Finding::NotFound,
            "{name}: an earlier one"
        );
        assert!(matches!(find(name, Answer::Says(500, String::new())).await, Finding::Unavailable { .. }), "{name}");
        assert!(matches!(find(name, Answer::Drops).await, Finding::Unavailable { .. }), "{name}");
        assert!(matches!(find(name, Answer::Says(200, "?".to_owned())).await, Finding::Unavailable { .. }), "{name}");
    }
    let other = Answer::Says(200, listed("twilio", 3, "another text", attempt()).to_string());
    assert_eq!(find("twilio", other).await, Finding::NotFound);
    let other = Answer::Says(200, listed("telnyx", 3, "", AttemptId(4_712)).to_string());
    assert_eq!(find("telnyx", other).await, Finding::NotFound);
    assert_eq!(find("vonage", Answer::Drops).await, Finding::Unsupported);
}

#[tokio::test]
async fn a_text_in_doubt_is_found_though_the_carrier_counts_its_segments_in_another_way() {
    for (name, list, key) in [("bandwidth", "messages", "segmentCount"), ("plivo", "objects", "units")] {
        let mut one = listed(name, 3, "", attempt());
        one[list][0][key] = 3.into();
        let found = find(name, Answer::Says(200, one.to_string())).await;
        assert_eq!(found, Finding::Sent { carrier_id: "found".to_owned() }, "{name}");
    }
}

#[tokio::test]
async fn of_two_texts_that_could_be_the_one_in_doubt_none_is_taken() {
    for (name, list) in [("bandwidth", "messages"), ("plivo", "objects")] {
        let mut two = listed(name, 3, "", attempt());
        let again = two[list][0].clone();
        two[list].as_array_mut().unwrap().push(again);
        assert!(matches!(find(name, Answer::Says(200, two.to_string())).await, Finding::Unavailable { .. }), "{name}");
    }
}

#[tokio::test]
async fn a_listed_text_whose_time_cannot_be_read_is_not_taken_for_missing() {
    let times = [
        ("twilio", "messages", "date_created"),
        ("telnyx", "data", "created_at"),
        ("bandwidth", "messages", "receiveTime"),
        ("plivo", "objects", "message_time"),
    ];
    for (name, list, key) in times {
        let mut one = listed(name, 3, &text().body, attempt());
        one[list][0][key] = "yesterday".into();
        let finding = find(name, Answer::Says(200, one.to_string())).await;
        assert!(matches!(finding, Finding::Unavailable { .. }), "{name}: {finding:?}");
    }
}

#[tokio::test]
async fn the_list_of_twilio_is_read_page_by_page() {
    let mut first = listed("twilio", 3, "another text", attempt());
    first["next_page_uri"] = "/2010-04-01/Accounts/AC1/Messages.json?Page=1".into();
    let second = listed("twilio", 3, &text().body, attempt());
    let desk = Desk::open(vec![Answer::Says(200, first.to_string()), Answer::Says(200, second.to_string())]).await;
    let finding = pick("twilio", &desk.address).find(&sought(), now()).await;
    assert_eq!(finding, Finding::Sent { carrier_id: "found".to_owned() });
    assert_eq!(desk.taken()[1].line, "GET /2010-04-01/Accounts/AC1/Messages.json?Page=1");
}

#[test]
fn secrets_are_not_shown() {
    let keys =
        twilio::Keys { tokens: vec![Secret::new("hush")], shared: vec![("key".to_owned(), Secret::new("hush"))] };
    assert!(!format!("{keys:?}").contains("hush"));
}

#[tokio::test]
async fn an_account_is_checked_without_sending_anything() {
    for name in NAMES {
        let check = async |answer: Answer| {
            let desk = Desk::open(vec![answer]).await;
            let checked = pick(name, &desk.address).check().await;
            assert!(desk.taken().iter().all(|taken| taken.line.starts_with("GET ")), "{name} sent something");
            checked
        };
        let works = check(Answer::Says(200, "{}".to_owned())).await;
        if name == "vonage" {
            assert_eq!(works, Checked::Unsupported);
            continue;
        }
        assert_eq!(works, Checked::Works, "{name}");
        assert!(matches!(check(Answer::Says(401, String::new())).await, Checked::Refused { .. }), "{name}");
        assert!(matches!(check(Answer::Says(503, String::new())).await, Checked::Unavailable { .. }), "{name}");
        assert!(matches!(check(Answer::Drops).await, Checked::Unavailable { .. }), "{name}");
    }
}

#[tokio::test]
async fn the_numbers_of_an_account_are_listed_to_the_last_page() {
    let number = |name: &str, digits: &str, texts: bool| match name {
        "twilio" => json!({ "phone_number": format!("+{digits}"), "capabilities": { "sms": texts } }),
        "telnyx" => json!({ "phone_number": format!("+{digits}"), "messaging_profile_id": "profile-1",
            "features": { "sms": if texts { json!({}) } else { json!(null) } } }),
        "plivo" => json!({ "number": digits, "sms_enabled": texts }),
        _ => json!({ "msisdn": digits, "features": if texts { json!(["SMS", "VOICE"]) } else { json!(["VOICE"]) } }),
    };
    let page = |name: &str, nth: u64, numbers: Vec<Value>| {
        let more = |path: &str| if nth == 1 { json!(path) } else { json!(null) };
        match name {
            "twilio" => json!({ "incoming_phone_numbers": numbers,
                "next_page_uri": more("/2010-04-01/Accounts/AC1/IncomingPhoneNumbers.json?Page=1") }),
            "telnyx" => json!({ "data": numbers, "meta": { "page_number": nth, "total_pages": 2 } }),
            "plivo" => json!({ "objects": numbers, "meta": { "next": more("/v1/Account/MA1/Number/?offset=20") } }),
            _ => json!({ "count": 101, "numbers": numbers }),
        }
    };
    for name in NAMES {
        let (one, dumb) = (number(name, "12125550101", true), number(name, "12125550102", false));
        let first = page(name, 1, vec![one.clone(), dumb, json!({ "odd": [] })]);
        let second = page(name, 2, vec![number(name, "12125550100", true), one]);
        let desk = Desk::open(vec![Answer::Says(200, first.to_string()), Answer::Says(200, second.to_string())]).await;
        let held = pick(name, &desk.address).numbers().await;
        if name == "bandwidth" {
            assert_eq!(held, Held::Unsupported);
            continue;
        }
        assert_eq!(held, Held::Numbers(vec!["+12125550100".to_owned(), "+12125550101".to_owned()]), "{name}");
        let asked = desk.taken();
        assert!(asked.len() == 2 && asked.iter().all(|taken| taken.line.starts_with("GET ")), "{name}: {asked:?}");
        for (status, body) in [(401, ""), (200, "["), (302, "")] {
            let desk = Desk::open(vec![Answer::Says(status, body.to_owned())]).await;
            let held = pick(name, &desk.address).numbers().await;
            assert!(matches!(held, Held::Unavailable { .. }), "{name} {status}: {held:?}");
        }
    }
}
