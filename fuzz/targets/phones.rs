//! Cells with phone numbers: whatever is taken is E.164, and is taken again as itself.
#![no_main]

use domain::phone::{Phone, Region};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|cell: &str| {
    for region in [Region::US, Region::GB] {
        let Ok(phone) = Phone::parse(cell, region) else { continue };
        let text = phone.to_string();
        assert_eq!(Phone::stored(&text), Some(phone), "{cell:?}");
        assert_eq!(Phone::parse(&text, Region::DE), Ok(phone), "{cell:?}");
    }
});
