//! What the carriers' calls tell: one body of each shape, and any other body loses nothing and ends nothing.

use carrier::{
    Callback, CarrierEvent, Cost, FailureClass, Heard, Inbound, Receipt, ReceiptState, Signal, bandwidth, plivo,
    telnyx, twilio, vonage,
};
use domain::ids::AttemptId;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

const URL: &str = "https://texts.example.com/hooks/car_1/secret";

fn now() -> Timestamp {
    "2026-11-24T15:00:00Z".parse().unwrap()
}

fn news() -> String {
    format!("{URL}?attempt={}", AttemptId(4_711))
}

fn read(carrier: &str, url: &str, body: &[u8]) -> Heard {
    let callback = Callback { method: "POST", url, headers: &[], body, at: now() };
    match carrier {
        "twilio" => twilio::heard::read(&callback),
        "telnyx" => telnyx::heard::read(&callback),
        "bandwidth" => bandwidth::heard::read(&callback),
        "plivo" => plivo::heard::read(&callback),
        _ => vonage::heard::read(&callback),
    }
}

fn one(carrier: &str, url: &str, body: &str) -> CarrierEvent {
    let heard = read(carrier, url, body.as_bytes());
    assert_eq!(heard.strange, [], "{carrier}: {body}");
    assert_eq!(heard.events.len(), 1, "{carrier}: {body}");
    heard.events.into_iter().next().unwrap()
}

fn inbound(carrier: &str, body: &str) -> Inbound {
    match one(carrier, URL, body) {
        CarrierEvent::Inbound(inbound) => inbound,
        CarrierEvent::Receipt(receipt) => panic!("{carrier}: {receipt:?}"),
    }
}

fn receipt(carrier: &str, url: &str, body: &str) -> Receipt {
    match one(carrier, url, body) {
        CarrierEvent::Receipt(receipt) => receipt,
        CarrierEvent::Inbound(inbound) => panic!("{carrier}: {inbound:?}"),
    }
}

fn telnyx(kind: &str, payload: &Value) -> String {
    json!({ "data": { "event_type": kind, "id": "e1", "occurred_at": "2026-11-24T14:59:00.000+00:00", "payload": payload } }).to_string()
}

fn bandwidth(kind: &str, more: &Value) -> String {
    let mut event = json!({ "type": kind, "time": "2026-11-24T14:59:00.000Z", "to": "+12125550100", "message": { "id": "m1",
        "owner": "+12125550100", "from": "+13055550123", "to": ["+12125550100"], "text": "Yes", "tag": AttemptId(4_711),
        "segmentCount": 1 } });
    for (key, value) in more.as_object().unwrap() {
        event[key] = value.clone();
    }
    json!([event]).to_string()
}

#[test]
fn a_text_from_a_handset_is_read_from_each_carrier() {
    let telnyx_payload = json!({ "id": "m1", "from": { "phone_number": "+13055550123" }, "to": [{ "phone_number": "+12125550100" }],
        "text": "Yes", "media": [] });
    let cases = [
        (
            "twilio",
            "MessageSid=SM1&From=%2B13055550123&To=%2B12125550100&Body=Yes&NumMedia=0&SmsStatus=received".to_owned(),
        ),
        ("telnyx", telnyx("message.received", &telnyx_payload)),
        ("bandwidth", bandwidth("message-received", &json!({}))),
        ("plivo", "MessageUUID=m1&From=13055550123&To=12125550100&Text=Yes&Type=sms".to_owned()),
        (
            "vonage",
            json!({ "message_uuid": "m1", "from": "13055550123", "to": "12125550100", "channel": "sms", "text": "Yes",
            "message_type": "text", "timestamp": "2026-11-24T14:59:00Z" })
            .to_string(),
        ),
    ];
    for (carrier, body) in cases {
        let read = inbound(carrier, &body);
        assert_eq!((read.from.as_str(), read.to.as_str()), ("+13055550123", "+12125550100"), "{carrier}");
        assert_eq!((read.body.as_str(), read.media, read.signal), ("Yes", 0, None), "{carrier}");
        // The same call again is the same event.
        assert_eq!(inbound(carrier, &body).event_id, read.event_id, "{carrier}");
    }
}

#[test]
fn a_text_that_was_not_delivered_in_time_is_told_as_that_and_nothing_else() {
    let telnyx = |status: &str, code: &str| {
        let payload = json!({ "id": "m1", "from": { "phone_number": "+12125550100" }, "errors": [{ "code": code }],
            "to": [{ "phone_number": "+13055550123", "status": status }] });
        telnyx("message.finalized", &payload)
    };
    let twilio = |code| format!("MessageSid=SM1&From=%2B12125550100&To=x&MessageStatus=failed&ErrorCode={code}");
    let vonage = json!({ "message_uuid": "m1", "from": "12125550100", "to": "13055550123", "status": "expired" });
    for (carrier, body) in [
        ("twilio", twilio(30_036)),
        ("telnyx", telnyx("sending_failed", "40014")),
        ("telnyx", telnyx("expired", "40005")),
        ("bandwidth", bandwidth("message-failed", &json!({ "errorCode": 4_360 }))),
        ("bandwidth", bandwidth("message-failed", &json!({ "errorCode": 4_794 }))),
        ("plivo", "MessageUUID=m1&From=12125550100&To=13055550123&Status=failed&ErrorCode=420".to_owned()),
        ("vonage", vonage.to_string()),
    ] {
        let told = receipt(carrier, &news(), &body);
        assert!(matches!(told.state, ReceiptState::Undelivered | ReceiptState::Failed), "{carrier}: {told:?}");
        assert_eq!(told.failure, Some(FailureClass::Expired), "{carrier}: {told:?}");
    }
    assert_eq!(receipt("twilio", &news(), &twilio(30_003)).failure, Some(FailureClass::Temporary));
    // Bandwidth waited for a receipt that never came: the text was sent, as far as anybody knows.
    let silent = receipt("bandwidth", &news(), &bandwidth("message-failed", &json!({ "errorCode": 9_902 })));
    assert_eq!((silent.state, silent.failure), (ReceiptState::Sent, None));
}

#[test]
fn what_a_carrier_charges_is_read_where_it_tells_it_and_a_strange_price_loses_nothing() {
    let parties = json!({ "id": "m1", "from": { "phone_number": "+12125550100" }, "parts": 2,
        "to": [{ "phone_number": "+13055550123", "status": "delivered" }] });
    let told = |cost: Value| {
        let mut payload = parties.clone();
        payload["cost"] = cost;
        telnyx("message.finalized", &payload)
    };
    let plivo = "MessageUUID=m1&From=12125550100&To=13055550123&Status=delivered&Units=2&TotalAmount=";
    let vonage = |usage: Value| {
        json!({ "message_uuid": "m1", "from": "12125550100", "to": "13055550123", "status": "delivered", "usage": usage }).to_string()
    };
    let cost = |micros, currency: &str| Some(Cost { micros, currency: currency.to_owned() });
    for (carrier, body, expected) in [
        ("telnyx", told(json!({ "amount": "0.0080", "currency": "USD" })), cost(8_000, "USD")),
        ("telnyx", told(json!({ "amount": 0.008, "currency": "USD" })), cost(8_000, "USD")),
        ("telnyx", told(json!("free")), None),
        ("telnyx", told(json!({ "amount": ["?"], "currency": 7 })), None),
        ("plivo", format!("{plivo}0.01100"), cost(11_000, "USD")),
        ("plivo", format!("{plivo}much"), None),
        ("vonage", vonage(json!({ "currency": "EUR", "price": "0.0333" })), cost(33_300, "EUR")),
        ("vonage", vonage(json!([1])), None),
    ] {
        assert_eq!(receipt(carrier, URL, &body).cost, expected, "{carrier} {body}");
    }
}

#[test]
fn a_picture_without_a_text_is_a_text_too() {
    let telnyx_payload = json!({ "from": { "phone_number": "+13055550123" }, "to": [{ "phone_number": "+12125550100" }],
        "text": null, "media": [{ "url": "https://x" }] });
    let vonage = json!({ "message_uuid": "m1", "from": "13055550123", "to": "12125550100", "message_type": "image" });
    for (carrier, body) in [
        ("twilio", "MessageSid=MM1&From=%2B13055550123&To=%2B12125550100&Body=&NumMedia=1".to_owned()),
        ("telnyx", telnyx("message.received", &telnyx_payload)),
        ("plivo", "MessageUUID=m1&From=13055550123&To=12125550100&Type=mms&MediaCount=1".to_owned()),
        ("vonage", vonage.to_string()),
    ] {
        let read = inbound(carrier, &body);
        assert_eq!((read.body.as_str(), read.media), ("", 1), "{carrier}");
    }
}

#[test]
fn what_a_carrier_took_for_an_opt_out_is_told() {
    let twilio =
        |kind: &str| format!("MessageSid=SM1&From=%2B13055550123&To=%2B12125550100&Body=fertig&OptOutType={kind}");
    assert_eq!(inbound("twilio", &twilio("STOP")).signal, Some(Signal::Stop));
    assert_eq!(inbound("twilio", &twilio("START")).signal, Some(Signal::Start));
    assert_eq!(inbound("twilio", &twilio("HELP")).signal, Some(Signal::Help));
    assert_eq!(inbound("twilio", &twilio("")).signal, None);
}

#[test]
fn news_of_a_text_names_our_attempt_and_its_failure() {
    let status = |status: &str, code: &str| {
        format!("MessageSid=SM1&MessageStatus={status}&From=%2B12125550100&To=%2B13055550123&ErrorCode={code}")
    };
    let payload = |status: &str, errors: Value| {
        json!({ "id": "t1", "from": { "phone_number": "+12125550100" }, "to": [{ "phone_number": "+13055550123", "status": status }],
            "parts": 2, "tags": [AttemptId(4_711)], "errors": errors })
    };
    let plivo = |status: &str, code: &str| {
        format!("MessageUUID=p1&Status={status}&From=12125550100&To=13055550123&ErrorCode={code}&Units=2")
    };
    let vonage = |status: &str, error: Value| {
        json!({ "message_uuid": "v1", "from": "12125550100", "to": "13055550123", "status": status, "client_ref": AttemptId(4_711),
            "error": error, "sms": { "count_total": "2" }, "timestamp": "2026-11-24T14:59:00Z" })
        .to_string()
    };
    let cases = [
        ("twilio", status("delivered", ""), ReceiptState::Delivered, None, None),
        (
            "twilio",
            status("undelivered", "30006"),
            ReceiptState::Undelivered,
            Some("30006"),
            Some(FailureClass::BadNumber),
        ),
        ("twilio", status("failed", "21610"), ReceiptState::Failed, Some("21610"), Some(FailureClass::OptedOut)),
        ("telnyx", telnyx("message.sent", &payload("sent", json!([]))), ReceiptState::Sent, None, None),
        (
            "telnyx",
            telnyx("message.finalized", &payload("delivery_unconfirmed", json!([]))),
            ReceiptState::Sent,
            None,
            None,
        ),
        (
            "telnyx",
            telnyx("message.finalized", &payload("delivery_failed", json!([{ "code": "40001" }]))),
            ReceiptState::Undelivered,
            Some("40001"),
            Some(FailureClass::BadNumber),
        ),
        ("bandwidth", bandwidth("message-delivered", &json!({})), ReceiptState::Delivered, None, None),
        (
            "bandwidth",
            bandwidth("message-failed", &json!({ "errorCode": 4775 })),
            ReceiptState::Undelivered,
            Some("4775"),
            Some(FailureClass::OptedOut),
        ),
        // A receipt that never came is no failure.
        ("bandwidth", bandwidth("message-failed", &json!({ "errorCode": 9902 })), ReceiptState::Sent, None, None),
        ("plivo", plivo("delivered", "000"), ReceiptState::Delivered, None, None),
        ("plivo", plivo("undelivered", "30"), ReceiptState::Undelivered, Some("30"), Some(FailureClass::Filtered)),
        ("vonage", vonage("submitted", Value::Null), ReceiptState::Sent, None, None),
        (
            "vonage",
            vonage("undeliverable", json!({ "type": "https://x#3", "title": "3" })),
            ReceiptState::Undelivered,
            Some("3"),
            Some(FailureClass::BadNumber),
        ),
    ];
    for (carrier, body, state, code, failure) in cases {
        let url = if carrier == "twilio" || carrier == "plivo" { news() } else { URL.to_owned() };
        let read = receipt(carrier, &url, &body);
        assert_eq!(read.attempt, Some(AttemptId(4_711)), "{carrier}");
        assert_eq!((read.state, read.code.as_deref(), read.failure), (state, code, failure), "{carrier}: {body}");
        assert_eq!(read.from, "+12125550100", "{carrier}");
    }
}

#[test]
fn a_failure_that_vonage_writes_with_a_number_for_a_title_is_read_by_it() {
    let body = json!({ "message_uuid": "v1", "from": "12125550100", "to": "13055550123", "status": "rejected",
        "error": { "type": "https://x/messages#1240", "title": 1240, "detail": null } });
    let read = receipt("vonage", URL, &body.to_string());
    assert_eq!((read.code.as_deref(), read.failure), (Some("1240"), Some(FailureClass::OptedOut)));
}

/// Every place in a JSON value, as the way to it.
fn places(value: &Value, way: &str) -> Vec<String> {
    let below: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{way}/{name}"), value)).collect(),
        Value::Array(list) => (0..).zip(list).map(|(nth, value): (usize, _)| (format!("{way}/{nth}"), value)).collect(),
        _ => Vec::new(),
    };
    below.iter().flat_map(|(way, value)| [vec![way.clone()], places(value, way)].concat()).collect()
}

#[test]
fn a_strange_field_that_a_text_can_do_without_does_not_keep_it_from_stopping_a_workflow() {
    let telnyx = json!({ "data": { "event_type": "message.received", "id": "e1", "occurred_at": "2026-11-24T14:59:00Z",
        "payload": { "id": "t1", "from": { "phone_number": "+13055550123", "status": "" }, "to": [{ "phone_number": "+12125550100",
        "status": "webhook_delivered" }], "text": "Yes", "parts": 1, "tags": [], "errors": [], "media": [],
        "autoresponse_type": "none" } } });
    let bandwidth = json!([{ "type": "message-received", "time": "2026-11-24T14:59:00.000Z", "description": "d",
        "to": "+12125550100", "message": { "id": "m1", "owner": "+12125550100", "from": "+13055550123", "text": "Yes",
        "tag": "x", "segmentCount": 1, "media": [] } }]);
    let vonage = json!({ "message_uuid": "m1", "from": "13055550123", "to": "12125550100", "message_type": "text", "text": "Yes",
        "timestamp": "2026-11-24T14:59:00Z", "client_ref": "x", "sms": { "num_messages": "1" } });
    let needed =
        ["/data", "event_type", "id", "payload", "from", "to", "phone_number", "/0", "type", "message", "message_uuid"];
    for (carrier, sound) in [("telnyx", telnyx), ("bandwidth", bandwidth), ("vonage", vonage)] {
        for place in places(&sound, "").iter().filter(|place| !needed.iter().any(|end| place.ends_with(end))) {
            for junk in [json!(null), json!(-7), json!("yesterday"), json!({ "a": [1] }), json!([{}, 2])] {
                let mut strange = sound.clone();
                *strange.pointer_mut(place).unwrap() = junk.clone();
                let heard = read(carrier, URL, strange.to_string().as_bytes());
                let texts = heard.events.iter().filter(|event| matches!(event, CarrierEvent::Inbound(_))).count();
                assert_eq!((texts, heard.strange.len()), (1, 0), "{carrier}: {place} is {junk}: {heard:?}");
            }
        }
    }
}

#[test]
fn a_list_of_events_with_one_that_is_strange_loses_none() {
    let good: Value = serde_json::from_str(&bandwidth("message-delivered", &json!({}))).unwrap();
    let body = json!([good[0], { "type": "message-yodelled", "message": { "id": "m2", "owner": "+12125550100" } }, 7])
        .to_string();
    let heard = read("bandwidth", URL, body.as_bytes());
    assert_eq!((heard.events.len(), heard.strange.len()), (1, 2));
    assert!(heard.strange[0].raw.contains("yodelled"));
}

/// Bodies that are nearly right: one of each carrier with a piece cut out, doubled or replaced.
fn bodies() -> impl Strategy<Value = (usize, Vec<u8>)> {
    let payload = json!({ "id": "t1", "from": { "phone_number": "+12125550100" }, "to": [{ "phone_number": "+13055550123",
        "status": "delivered" }], "parts": 2, "errors": [{ "code": 1 }] });
    let good = [
        "MessageSid=SM1&MessageStatus=delivered&From=%2B12125550100&To=%2B13055550123&ErrorCode=30003".to_owned(),
        telnyx("message.finalized", &payload),
        bandwidth("message-failed", &json!({ "errorCode": 4720 })),
        "MessageUUID=p1&Status=delivered&From=12125550100&To=13055550123&Units=2".to_owned(),
        json!({ "message_uuid": "v1", "from": "1", "to": "13055550123", "status": "delivered" }).to_string(),
    ];
    (0..5usize, any::<proptest::sample::Index>(), 0..12usize, prop::collection::vec(any::<u8>(), 0..6)).prop_map(
        move |(carrier, place, cut, put)| {
            let mut bytes = good[carrier].clone().into_bytes();
            let from = place.index(bytes.len());
            let to = (from + cut).min(bytes.len());
            bytes.splice(from..to, put);
            (carrier, bytes)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_body_ends_the_reader_and_none_is_lost((carrier, body) in bodies()) {
        let carrier = ["twilio", "telnyx", "bandwidth", "plivo", "vonage"][carrier];
        let heard = read(carrier, URL, &body);
        let empty_list = carrier == "bandwidth" && serde_json::from_slice::<Vec<Value>>(&body).is_ok_and(|list| list.is_empty());
        prop_assert!(!heard.events.is_empty() || !heard.strange.is_empty() || empty_list, "lost: {}", String::from_utf8_lossy(&body));
        for strange in &heard.strange {
            prop_assert!(!strange.event_id.is_empty() && !strange.why.is_empty());
        }
    }
}
