//! Templates and their texts: what is saved means what was typed, and a count covers its text within the limits of a segment.
#![no_main]

use domain::segments::{self, Encoding, GSM7_ALONE, GSM7_PART, UCS2_ALONE, UCS2_PART};
use domain::smart;
use domain::template::{self, Fields, Smart, Template};
use libfuzzer_sys::fuzz_target;

fn counted(text: &str) {
    let counted = segments::count(text);
    assert_eq!(counted.segments, counted.parts.len());
    let most = match (counted.encoding, counted.segments) {
        (Encoding::Gsm7, 1) => GSM7_ALONE,
        (Encoding::Gsm7, _) => GSM7_PART,
        (Encoding::Ucs2, 1) => UCS2_ALONE,
        (Encoding::Ucs2, _) => UCS2_PART,
    };
    let mut end = 0;
    for part in &counted.parts {
        assert!(part.units <= most && part.end_byte >= end && text.is_char_boundary(part.end_byte));
        end = part.end_byte;
    }
    assert_eq!(end, text.len(), "the parts do not cover the text");
}

fuzz_target!(|text: &str| {
    counted(text);
    counted(&segments::normalise(text));
    counted(&smart::encode(text));
    let known = Fields::standard();
    let Ok(read) = Template::parse(text, &known) else { return };
    let saved = read.source();
    let again = Template::parse(&saved, &known).expect("what is saved can be read");
    assert_eq!(again.source(), saved);
    assert_eq!(again, read, "the saved form means something else");
    let _ = read.variables();
    let _ = read.least_segments();
    for smart in [Smart::On, Smart::Off] {
        let _ = read.worst_case(smart);
        if let Ok(rendered) = read.render(&|_| Some("{Ann} 李\r\n")) {
            let _ = template::fitted(&template::sendable(&rendered, smart));
        }
    }
});
