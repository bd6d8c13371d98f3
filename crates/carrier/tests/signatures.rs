//! The signature checks against calls that the carriers' own libraries signed and judged.

use carrier::account::{self, Kind, Place};
use carrier::recorded::{self, Recorded};
use carrier::{Callback, Http};
use jiff::Timestamp;
use serde_json::Value;

const URL: &str = "https://texts.example.com/hooks/car_1/secret";

fn check(carrier: &str, line: &str) -> Result<(), carrier::Unverified> {
    let line: Recorded = serde_json::from_str(line).unwrap();
    recorded::check(carrier, &line, Timestamp::UNIX_EPOCH).unwrap()
}

/// Every line of a file has the verdict that it records; how many there were.
fn agree(carrier: &str, lines: &str) -> usize {
    let mut wrong = Vec::new();
    for line in lines.lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let verdict = check(carrier, line);
        if verdict.is_ok() != row["valid"].as_bool().unwrap() {
            wrong.push(format!("{} {}: {verdict:?}", row["id"], row["why"]));
        }
    }
    assert!(wrong.is_empty(), "{carrier} judges otherwise:\n{}", wrong.join("\n"));
    lines.lines().count()
}

#[test]
fn twilio_is_judged_as_its_libraries_do() {
    assert_eq!(agree("twilio", include_str!("../testdata/twilio_signatures.jsonl")), 100);
}

#[test]
fn telnyx_is_judged_as_its_libraries_do() {
    assert_eq!(agree("telnyx", include_str!("../testdata/telnyx_signatures.jsonl")), 48);
}

#[test]
fn plivo_is_judged_as_its_libraries_do() {
    assert_eq!(agree("plivo", include_str!("../testdata/plivo_signatures.jsonl")), 60);
}

#[test]
fn vonage_is_judged_as_its_library_does_and_by_the_hash_of_the_body() {
    assert_eq!(agree("vonage", include_str!("../testdata/vonage_jwt.jsonl")), 29);
}

#[test]
fn every_byte_of_a_signed_call_matters() {
    // Of a good call of each carrier one byte of the body is changed, at each place.
    for (carrier, lines) in [
        ("twilio", include_str!("../testdata/twilio_signatures.jsonl")),
        ("telnyx", include_str!("../testdata/telnyx_signatures.jsonl")),
        ("vonage", include_str!("../testdata/vonage_jwt.jsonl")),
    ] {
        let mut good = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let good =
            good.find(|row| row["valid"] == true && row["raw_body"].as_str().is_some_and(|body| body.len() > 40));
        let row = good.unwrap();
        let body = row["raw_body"].as_str().unwrap();
        for place in (0..body.len()).filter(|place| body.is_char_boundary(*place) && body.is_char_boundary(place + 1)) {
            let changed = format!("{}\u{7f}{}", &body[..place], &body[place + 1..]);
            let mut forged = row.clone();
            forged["raw_body"] = changed.into();
            let verdict = check(carrier, &forged.to_string());
            assert!(verdict.is_err(), "{carrier}: byte {place}");
        }
    }
}

#[test]
fn a_password_is_compared_whole() {
    let line = |authorization: &str| {
        serde_json::json!({ "authorization": authorization, "user": "hooks", "password": "secret" }).to_string()
    };
    let check = |authorization: &str| check("bandwidth", &line(authorization)).is_ok();
    // base64 of `hooks:secret`, `hooks:secre`, `hooks:secret2`, and of another name.
    assert!(check("Basic aG9va3M6c2VjcmV0"));
    assert!(check("basic aG9va3M6c2VjcmV0"));
    for wrong in
        ["Basic aG9va3M6c2VjcmU=", "Basic aG9va3M6c2VjcmV0Mg==", "Basic aG9vazpzZWNyZXQ=", "Bearer x", "Basic ?", ""]
    {
        assert!(!check(wrong), "{wrong:?}");
    }
}

#[test]
fn a_call_that_cannot_be_checked_says_why() {
    let fails =
        |carrier: &str| recorded::check(carrier, &Recorded::default(), Timestamp::UNIX_EPOCH).unwrap_err().to_string();
    assert_eq!(fails("twilio"), "the field \"auth_token\" is missing");
    assert_eq!(
        fails("acme"),
        "no carrier \"acme\" is known; there are twilio, telnyx, plivo, vonage, bandwidth, gateway"
    );
}

#[test]
fn a_nonce_that_was_not_signed_counts_for_nothing() {
    use base64::Engine as _;
    let settings = serde_json::json!({ "id": "MA1", "token": "token" });
    let place = Place { base: "http://127.0.0.1:1".to_owned(), callbacks: URL.to_owned() };
    let plivo = account::open(Kind::Plivo, settings, "car_1".to_owned(), place, Http::new().unwrap()).unwrap();
    let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, b"token");
    let signature =
        base64::engine::general_purpose::STANDARD.encode(aws_lc_rs::hmac::sign(&key, format!("{URL}1").as_bytes()));
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [
        header("x-plivo-signature-v3-nonce", "made up"),
        header("x-plivo-signature-v2", &signature),
        header("x-plivo-signature-v2-nonce", "1"),
    ];
    let callback = Callback { method: "POST", url: URL, headers: &headers, body: b"", at: Timestamp::UNIX_EPOCH };
    assert_eq!(plivo.hear(&callback).unwrap().once.as_deref(), Some("1"));
}

#[test]
fn only_a_form_that_is_posted_is_read_as_only_that_is_signed() {
    let body = b"MessageSid=SM1&MessageUUID=m1&From=%2B13055550123&To=%2B12125550100&Body=Hi&Text=Hi";
    let callback = Callback { method: "HEAD", url: URL, headers: &[], body, at: Timestamp::UNIX_EPOCH };
    for heard in [carrier::twilio::heard::read(&callback), carrier::plivo::heard::read(&callback)] {
        assert!(heard.events.is_empty(), "{heard:?}");
    }
}
