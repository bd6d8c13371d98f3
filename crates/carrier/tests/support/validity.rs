//! For how long an SMSC may try to deliver a text, as the text says.

use rusmpp::pdus::SubmitSm;

/// In seconds from when it came; nothing where it does not say that in the relative form (SMPP 3.4, §7.1.1.2).
pub(crate) fn seconds(pdu: &SubmitSm) -> Option<i64> {
    let told = pdu.validity_period.as_str().strip_suffix("000R")?;
    let part = |at: usize| told.get(at..at + 2)?.parse::<i64>().ok();
    let [years, months, days] = [part(0)?, part(2)?, part(4)?];
    let [hours, minutes, seconds] = [part(6)?, part(8)?, part(10)?];
    (years + months == 0).then_some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}
