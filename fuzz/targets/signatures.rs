//! Calls as they come in from the network: nothing ends the check, and nothing passes that no key of ours has signed.
#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use carrier::account::{self, Kind, Place};
use carrier::{Callback, Carrier, Http};
use libfuzzer_sys::fuzz_target;

/// Secrets that are in no seed.
static CARRIERS: LazyLock<Vec<Arc<dyn Carrier>>> = LazyLock::new(|| {
    let http = Http::new().expect("the client starts");
    let open = |kind: Kind| {
        let value = |field: &account::Field| match field.key {
            "public_key" => "6hVZHWS2eZ3KKDOg5IEXCMJOR31K1d4a8dWPd3oPWVo=".to_owned(),
            "url" => "http://127.0.0.1:9/cgi-bin/sendsms".to_owned(),
            _ => "sSuYcTzGqWpLkNbVxRdE".to_owned(),
        };
        let needed = kind.fields().iter().filter(|field| !field.optional);
        let settings: BTreeMap<_, _> = needed.map(|field| (field.key, value(field))).collect();
        let settings = serde_json::to_value(settings).expect("it is JSON");
        let callbacks = "https://texts.example.com/hooks/car_1/secret".to_owned();
        let place = Place { base: "http://127.0.0.1:9".to_owned(), callbacks };
        account::open(kind, settings, "car_1".to_owned(), place, http.clone()).ok()
    };
    Kind::ALL.into_iter().filter_map(open).collect()
});

// The first letter says whose call it is; then the query, a line for each header, an empty line, the body.
fuzz_target!(|input: &[u8]| {
    let Some((first, rest)) = input.split_first() else { return };
    let end = rest.windows(2).position(|two| two == b"\n\n").unwrap_or(rest.len());
    let (head, body) = (String::from_utf8_lossy(&rest[..end]), rest.get(end + 2..).unwrap_or_default());
    let mut lines = head.split('\n');
    let url = format!("https://texts.example.com/hooks/car_1/secret?{}", lines.next().unwrap_or_default());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let method = if first.is_ascii_uppercase() { "GET" } else { "POST" };
    let at = jiff::Timestamp::from_second(1_800_000_000).expect("it is a time");
    let callback = Callback { method, url: &url, headers: &headers, body, at };
    let carrier = &CARRIERS[usize::from(*first) % CARRIERS.len()];
    assert!(carrier.hear(&callback).is_err(), "{} took a call that nobody signed", carrier.name());
});
