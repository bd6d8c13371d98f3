//! What an SMSC sends, read off the socket as a link reads it: no bytes end the reader, PDUs are the same however they are cut on their way,
//! and what a delivery says can be kept.
#![no_main]

use carrier::CarrierEvent;
use carrier::smpp::alphabet::Alphabet;
use carrier::smpp::heard::{Ids, Said, Text, read};
use carrier::smpp::parts;
use carrier::smpp::pdu::{Delivery, Frame};
use carrier::smpp::receipt::Told;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

/// Every PDU up to the end, or up to a length that cannot be.
fn frames(input: &[u8], at_once: usize) -> (Vec<Frame>, bool) {
    let (mut inbox, mut frames) = (Vec::new(), Vec::new());
    for chunk in input.chunks(at_once.max(1)) {
        inbox.extend_from_slice(chunk);
        loop {
            match Frame::take(&mut inbox) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn keeps(said: Said) {
    match said {
        Said::Receipt(receipt, _) => {
            // No database keeps a NUL.
            let words = [&receipt.event_id, &receipt.carrier_id, &receipt.from];
            assert!(words.iter().all(|word| !word.is_empty() && !word.contains('\0')), "{receipt:?}");
            assert!(receipt.code.as_ref().is_none_or(|code| !code.contains('\0')), "{receipt:?}");
            let event = CarrierEvent::Receipt(receipt);
            let kept = serde_json::to_string(&event).expect("it can be kept");
            assert_eq!(serde_json::from_str::<CarrierEvent>(&kept).expect("it can be read again"), event);
        }
        Said::Text(Text { from, to, data_coding, bytes, part }) => {
            assert!(from.starts_with('+') && to.starts_with('+'), "{from} {to}");
            assert!(part.is_none_or(|place| place.count > 1 && (1..=place.count).contains(&place.number)), "{part:?}");
            for alphabet in [Alphabet::Gsm, Alphabet::Latin1] {
                let (body, media) = Text::written(data_coding, &bytes, alphabet);
                assert_eq!(media > 0, matches!(data_coding, 2 | 4), "a text is lost");
                // What a contact may write, we may write. Longer ones are slow to count and no other.
                if body.len() <= 400
                    && let Some(parts) = parts::cut(&body, alphabet, data_coding)
                {
                    assert!(parts.iter().all(|part| part.bytes.len() <= 160));
                }
            }
        }
        Said::Strange(why) => assert!(!why.is_empty()),
    }
}

// The first byte says how the bytes are cut on their way.
fuzz_target!(|input: &[u8]| {
    let Some((at_once, bytes)) = input.split_first() else { return };
    let (read_in_pieces, is_broken) = frames(bytes, usize::from(*at_once));
    let (read_at_once, _) = frames(bytes, bytes.len());
    assert_eq!(read_in_pieces, read_at_once, "a PDU depends on how it was cut");
    let written: Vec<u8> = read_in_pieces.iter().flat_map(Frame::bytes).collect();
    assert!(bytes.starts_with(&written), "a PDU was read as another");
    assert!(is_broken || bytes.len() - written.len() < 128 * 1024, "a PDU that is whole was left");
    for frame in &read_in_pieces {
        // Whatever it asks: the rest of the bodies holds nothing that is read further.
        let delivery = Delivery::read(&frame.body);
        let _ = Told::read(&String::from_utf8_lossy(&delivery.text)).state();
        for (alphabet, ids) in
            [(Alphabet::Gsm, Ids::Same), (Alphabet::Latin1, Ids::Decimal), (Alphabet::Gsm, Ids::Hexadecimal)]
        {
            keeps(read(&delivery, alphabet, ids, Timestamp::UNIX_EPOCH));
        }
    }
});
