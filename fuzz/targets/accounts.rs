//! What people type as the settings of an account: what is taken opens, and holds nothing that could leave its place in an address.
#![no_main]

use carrier::account::{self, Kind};
use libfuzzer_sys::fuzz_target;

// The first letter says which carrier; each line is a setting, with its key before the equals sign.
fuzz_target!(|input: &str| {
    let Some(first) = input.bytes().next() else { return };
    let kind = Kind::ALL[usize::from(first) % Kind::ALL.len()];
    let typed = input.lines().filter_map(|line| line.split_once('='));
    let typed: Vec<(String, String)> = typed.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let reach = "127.0.0.1".parse().expect("it is an address");
    let Ok(settings) = account::checked(kind, typed, &reach) else { return };
    for field in kind.fields() {
        let value = settings.get(field.key).and_then(|value| value.as_str()).unwrap_or_default();
        assert!(!value.chars().any(char::is_control), "{} holds a control character", field.key);
        assert!(value.chars().count() <= account::MAX_FIELD);
        assert!(field.optional || !value.is_empty());
    }
});
