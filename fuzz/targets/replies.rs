//! What contacts write: the wishes in it, and whether a machine wrote it.
#![no_main]

use domain::{automatic, optout};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let wish = optout::read(text);
    assert_eq!(optout::read(text), wish);
    let _ = automatic::is_automatic(text);
});
