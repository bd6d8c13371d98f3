//! What carriers tell, after the signature: no body ends the reader, none is lost without a word, and what is read can be kept.
#![no_main]

use carrier::{Callback, CarrierEvent, Heard, bandwidth, gateway, plivo, telnyx, twilio, vonage};
use libfuzzer_sys::fuzz_target;

type Read = fn(&Callback<'_>) -> Heard;

const READERS: [Read; 6] = [
    twilio::heard::read,
    telnyx::heard::read,
    bandwidth::heard::read,
    plivo::heard::read,
    vonage::heard::read,
    gateway::heard::read,
];

// The first letter says whose call it is, the rest of the first line is the query, what follows is the body.
fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let (query, body) = rest.split_at(rest.iter().position(|byte| *byte == b'\n').unwrap_or(0));
    let url = format!("https://texts.example.com/hooks/car_1/secret?{}", String::from_utf8_lossy(query));
    let method = if first.is_ascii_uppercase() { "GET" } else { "POST" };
    let (body, at) = (body.get(1..).unwrap_or_default(), jiff::Timestamp::UNIX_EPOCH);
    let callback = Callback { method, url: &url, headers: &[], body, at };
    let heard = READERS[usize::from(*first) % READERS.len()](&callback);
    for event in &heard.events {
        let kept = serde_json::to_string(event).expect("it can be kept");
        assert_eq!(&serde_json::from_str::<CarrierEvent>(&kept).expect("it can be read again"), event);
        assert!(!event.event_id().is_empty(), "nothing tells a repeat from news");
    }
    for strange in &heard.strange {
        assert!(!strange.why.is_empty() && !strange.event_id.is_empty());
    }
});
