//! The gateway adapter over real HTTP: what it asks, what it makes of each answer, and what its calls tell. Kannel itself answers in
//! `dripline/tests/kannel`.

#[allow(dead_code, reason = "shared between test binaries")]
use std::sync::Arc;

use carrier::account::{self, Kind, Place, Reach, SettingsError};
use carrier::{
    Callback, Carrier, CarrierEvent, Checked, FailureClass, Finding, Http, Outcome, ReceiptState, Sought, Submission,
    Unverified,
};
use domain::ids::AttemptId;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::support::desk::{Answer, Desk, Taken};

const CALLBACKS: &str = "https://texts.example.com/hooks/car_1/key";
const SECRET: &str = "a-secret_of-the-gateway";

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn text(body: &str) -> Submission {
    Submission {
        attempt: AttemptId(4_711),
        from: "+12125550100".to_owned(),
        to: "+13055550123".to_owned(),
        body: body.to_owned(),
        segments: 1,
        deliver_by: now() + SignedDuration::from_mins(90),
    }
}

fn gateway(base: &str) -> Arc<dyn Carrier> {
    let settings = json!({ "url": format!("{base}/cgi-bin/sendsms"), "user": "us&r", "password": "p=ss", "smsc": "one",
        "callback_secret": SECRET, "callback_secret_before": "the-secret-before-it" });
    let place = Place { base: String::new(), callbacks: CALLBACKS.to_owned() };
    account::open(Kind::Gateway, settings, "car_1".to_owned(), place, Http::new().unwrap()).unwrap()
}

async fn submit(body: &str, answer: Answer) -> (Outcome, Vec<Taken>) {
    let desk = Desk::open(vec![answer]).await;
    let outcome = gateway(&desk.address).submit(&text(body), now()).await;
    (outcome, desk.taken())
}

fn asked(taken: &Taken) -> Vec<(String, String)> {
    let query = taken.line.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

#[tokio::test]
async fn the_gateway_is_asked_as_kannel_documents() {
    let accepts = || Answer::Says(202, "0: Accepted for delivery".to_owned());
    let (outcome, taken) = submit("Hi Ann & Bob, 50% off? é", accepts()).await;
    let id = AttemptId(4_711).to_string();
    assert_eq!(outcome, Outcome::Accepted { carrier_id: id.clone(), segments: None });
    assert!(taken[0].line.starts_with("GET /cgi-bin/sendsms?"), "{}", taken[0].line);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let news = format!("{CALLBACKS}?attempt={id}&secret={SECRET}&from=12125550100&dlr=%d&said=%A");
    let plain = [
        pair("username", "us&r"),
        pair("password", "p=ss"),
        pair("from", "+12125550100"),
        pair("to", "+13055550123"),
        pair("text", "Hi Ann & Bob, 50% off? é"),
        pair("charset", "UTF-8"),
        pair("dlr-mask", "31"),
        pair("dlr-url", &news),
        pair("validity", "90"),
        pair("smsc", "one"),
    ];
    assert_eq!(asked(&taken[0]), plain);
    let (_, taken) = submit("Grüße 😀", accepts()).await;
    let wide = asked(&taken[0]);
    assert!(wide.contains(&pair("coding", "2")) && wide.contains(&pair("text", "Grüße 😀")), "{wide:?}");
}

#[tokio::test]
async fn the_gateway_is_told_whole_minutes_and_gets_no_text_that_has_none() {
    for (seconds, told) in [(60, Some("1")), (119, Some("1")), (4 * 3_600, Some("240")), (59, None), (-1, None)] {
        let desk = Desk::open(vec![Answer::Says(202, "0: Accepted for delivery".to_owned())]).await;
        let text = Submission { deliver_by: now() + SignedDuration::from_secs(seconds), ..text("Hi") };
        let outcome = gateway(&desk.address).submit(&text, now()).await;
        let query = desk.taken().first().map(asked);
        let minutes = query.and_then(|query| query.into_iter().find(|(key, _)| key == "validity"));
        assert_eq!(minutes.as_ref().map(|(_, value)| value.as_str()), told, "{seconds}: {outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Temporary { .. }), told.is_none(), "{seconds}: {outcome:?}");
    }
}

#[tokio::test]
async fn each_answer_is_what_kannel_means_by_it() {
    type Expected = fn(&Outcome) -> bool;
    let says = |status, words: &str| Answer::Says(status, words.to_owned());
    let cases: [(Answer, Expected); 15] = [
        (says(202, "3: Queued for later delivery"), |o| matches!(o, Outcome::Accepted { .. })),
        (says(202, "<html>Welcome"), |o| matches!(o, Outcome::InDoubt { .. })),
        (says(200, ""), |o| matches!(o, Outcome::InDoubt { .. })),
        (says(503, "Temporal failure, try again later."), |o| matches!(o, Outcome::Temporary { .. })),
        (says(503, "<html>Service Unavailable"), |o| matches!(o, Outcome::InDoubt { .. })),
        (says(500, "Temporal failure"), |o| matches!(o, Outcome::InDoubt { .. })),
        (says(403, "Authorization failed for sendsms"), |o| matches!(o, Outcome::SenderProblem { .. })),
        (says(403, "forbidden"), |o| matches!(o, Outcome::SenderProblem { .. })),
        (says(403, "Not routable. Do not try again."), |o| matches!(o, Outcome::Rejected { .. })),
        (says(403, "Number(s) has/have been denied by white- and/or black-lists."), |o| {
            matches!(o, Outcome::Rejected { .. })
        }),
        (says(400, "Sender missing and no global set, rejected"), |o| matches!(o, Outcome::SenderProblem { .. })),
        (says(400, "Empty receiver number not allowed, rejected"), |o| matches!(o, Outcome::Rejected { .. })),
        (says(429, "slow down"), |o| matches!(o, Outcome::Temporary { .. })),
        (Answer::Drops, |o| matches!(o, Outcome::InDoubt { .. })),
        (Answer::SaysWith(302, "location: /elsewhere", String::new()), |o| matches!(o, Outcome::InDoubt { .. })),
    ];
    for (answer, expected) in cases {
        let (outcome, taken) = submit("Hi", answer.clone()).await;
        assert!(expected(&outcome), "after {answer:?}: {outcome:?}");
        assert!(taken.len() <= 1, "asked again after {answer:?}");
    }
    let closed = gateway(&Desk::closed().await);
    assert!(
        matches!(closed.submit(&text("Hi"), now()).await, Outcome::Temporary { code, .. } if code == "not_connected")
    );
    let sought = Sought { submission: text("Hi"), submitted_at: now() };
    assert_eq!(closed.find(&sought, now()).await, Finding::Unsupported);
}

#[tokio::test]
async fn a_check_sends_nothing_and_tells_credentials_from_trouble() {
    let check = async |answer| {
        let desk = Desk::open(vec![answer]).await;
        let checked = gateway(&desk.address).check().await;
        assert!(!desk.taken()[0].line.contains("to="), "a check names a receiver");
        checked
    };
    let says = |status, words: &str| Answer::Says(status, words.to_owned());
    assert_eq!(check(says(400, "Missing receiver number, rejected")).await, Checked::Works);
    assert!(matches!(check(says(403, "Authorization failed for sendsms")).await, Checked::Refused { .. }));
    assert!(matches!(check(says(404, "")).await, Checked::Refused { .. }));
    assert!(matches!(check(says(500, "")).await, Checked::Unavailable { .. }));
}

fn hear(query: &str, headers: &[(String, String)]) -> Result<carrier::Heard, Unverified> {
    let url = format!("{CALLBACKS}?{query}");
    let callback = Callback { method: "GET", url: &url, headers, body: b"", at: now() };
    gateway("http://127.0.0.1:1").hear(&callback)
}

fn event(query: &str) -> CarrierEvent {
    let heard = hear(&format!("secret={SECRET}&{query}"), &[]).unwrap();
    assert_eq!(heard.strange, [], "{query}");
    heard.events.into_iter().next().unwrap()
}

#[test]
fn only_a_call_that_bears_the_secret_is_read() {
    let inbound = "id=1&from=%2B13055550123&to=12125550100&text=Hi";
    assert_eq!(hear(inbound, &[]), Err(Unverified::Missing("the parameter secret")));
    assert_eq!(hear(&format!("secret=&{inbound}"), &[]), Err(Unverified::Password));
    assert_eq!(hear(&format!("secret={SECRET}x&{inbound}"), &[]), Err(Unverified::Password));
    assert!(hear(&format!("secret=the-secret-before-it&{inbound}"), &[]).is_ok());
    // `kannel:a-secret_of-the-gateway`
    let basic = |text: &str| {
        use base64::Engine as _;
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        [("authorization".to_owned(), format!("Basic {encoded}"))]
    };
    assert!(hear(inbound, &basic(&format!("kannel:{SECRET}"))).is_ok());
    assert_eq!(hear(inbound, &basic("kannel:wrong")), Err(Unverified::Password));
}

#[test]
fn receipts_name_our_attempt_and_its_state() {
    let told = |dlr: &str, said: &str| {
        let attempt = AttemptId(4_711);
        match event(&format!("attempt={attempt}&from=12125550100&dlr={dlr}&said={said}")) {
            CarrierEvent::Receipt(receipt) => receipt,
            CarrierEvent::Inbound(inbound) => panic!("{inbound:?}"),
        }
    };
    let delivered = told("1", "id%3A7+stat%3ADELIVRD+err%3A000");
    assert_eq!((delivered.state, delivered.attempt), (ReceiptState::Delivered, Some(AttemptId(4_711))));
    assert_eq!((delivered.from.as_str(), delivered.code), ("+12125550100", None));
    assert_eq!(told("8", "ACK%2F").state, ReceiptState::Sent);
    assert_eq!(told("4", "").state, ReceiptState::Queued);
    let expired = told("2", "id%3A7+stat%3AEXPIRED+err%3A027+text%3A");
    assert_eq!((expired.state, expired.failure), (ReceiptState::Undelivered, Some(FailureClass::Expired)));
    assert_eq!(expired.code.as_deref(), Some("EXPIRED 027"));
    // As Kannel's own queue says it: without an SMSC that had it, and of one that was away.
    for words in ["NACK%2Fvalidity+expired", "NACK%2FMessage+rejected+by+bearerbox%2C+validity+expired%21"] {
        let given_up = told("16", words);
        assert_eq!((given_up.state, given_up.failure), (ReceiptState::Failed, Some(FailureClass::Expired)), "{words}");
        assert_eq!(given_up.code.as_deref(), Some("validity expired"));
    }
    let refused = told("16", "NACK%2F0x0000000b%2FInvalid+Destination+Address");
    assert_eq!((refused.state, refused.failure), (ReceiptState::Failed, Some(FailureClass::BadNumber)));
    assert_eq!(refused.code.as_deref(), Some("0x0000000B"));
    assert_eq!(told("16", "NACK%2F0x00000400%2FVendor").failure, None);
}

#[test]
fn texts_are_read_in_the_alphabet_that_they_come_in() {
    let body = |more: &str| match event(&format!("id=u1&from=%2B13055550123&to=12125550100&time=1795532400&{more}")) {
        CarrierEvent::Inbound(inbound) => (inbound.body, inbound.media, inbound.event_id, inbound.at),
        CarrierEvent::Receipt(receipt) => panic!("{receipt:?}"),
    };
    let (plain, media, id, at) = body("text=Yes+%26+50%25+%C3%A9&coding=0&charset=UTF-8");
    assert_eq!((plain.as_str(), media, id.as_str()), ("Yes & 50% é", 0, "u1:received"));
    assert_eq!(at, Timestamp::from_second(1_795_532_400).unwrap());
    assert_eq!(body("text=%D8%3D%DE%00%00A&coding=2&charset=UTF-16BE").0, "😀A");
    assert_eq!(body("text=%D8%3D%DE%00&coding=2").0, "😀");
    assert_eq!(body("text=%F0%9F%98%80&coding=2&charset=UTF-8").0, "😀");
    assert_eq!(body("text=%E9&charset=ISO-8859-1").0, "é");
    assert_eq!(body("text=%FF%").0, "\u{FFFD}%");
    let (data, media, ..) = body("text=%01%02&coding=1");
    assert_eq!((data.as_str(), media), ("", 1));
    assert_eq!(body("text=").0, "", "an empty text is a reply too");
}

#[test]
fn the_settings_name_only_what_the_operator_allows() {
    let typed = |url: &str, secret: &str| {
        let pairs = [("url", url), ("user", "u"), ("password", "p"), ("callback_secret", secret)];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned()))
    };
    let reach: Reach = "127.0.0.1:13013".parse().unwrap();
    let check = |url: &str, secret: &str| account::checked(Kind::Gateway, typed(url, secret), &reach).map(drop);
    assert_eq!(check("http://127.0.0.1:13013/cgi-bin/sendsms", SECRET), Ok(()));
    for elsewhere in ["http://127.0.0.1:5432/", "http://localhost:13013/", "http://169.254.169.254/latest/meta-data"] {
        let refused = check(elsewhere, SECRET).unwrap_err();
        assert!(matches!(refused, SettingsError::NotAllowed { .. }), "{elsewhere}: {refused}");
    }
    let said = check("http://10.0.0.1/x", SECRET).unwrap_err().to_string();
    assert_eq!(said, "this server may not call 10.0.0.1:80: its operator has to add it to carrier_gateways");
    for (url, secret) in [
        ("ftp://127.0.0.1/", SECRET),
        ("http://127.0.0.1:13013/?a=b", SECRET),
        ("http://127.0.0.1:13013/x", "short"),
        ("http://127.0.0.1:13013/x", "has spaces and % signs"),
    ] {
        assert!(matches!(check(url, secret), Err(SettingsError::Shape { .. })), "{url} {secret}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_call_ends_the_reader_and_none_is_lost(query in "(attempt|dlr|text|id|from|to|coding|charset|said|time|=|&|%[0-9A-Fa-f]{2}|[a-z0-9+%]){0,40}") {
        let url = format!("{CALLBACKS}?{query}");
        let heard = carrier::gateway::heard::read(&Callback { method: "GET", url: &url, headers: &[], body: b"", at: now() });
        prop_assert_eq!(heard.events.len() + heard.strange.len(), 1);
    }
}
