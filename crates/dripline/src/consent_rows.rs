//! Records of consent as rows of a table, the same on the page and at the command line.

use domain::consent::text_hash;
use engine::consents::Exported;
use jiff::Timestamp;

/// The columns.
pub(crate) const COLUMNS: [&str; 24] = [
    "record",
    "phone",
    "contact",
    "name",
    "phone_hash",
    "kind",
    "source",
    "text",
    "text_sha256",
    "given_at",
    "zone",
    "expires_at",
    "version",
    "language",
    "url",
    "certificate",
    "ip",
    "user_agent",
    "words",
    "file",
    "evidence_sha256",
    "message",
    "recorded_by",
    "recorded_at",
];

/// The cells of a record, in the order of the columns; what is not known is empty.
pub(crate) fn cells(row: &Exported) -> [String; 24] {
    let (consent, evidence) = (&row.consent, &row.consent.evidence);
    let (contact, name, phone) =
        row.owner.clone().map_or_else(Default::default, |(id, name, phone)| (id.to_string(), name, phone));
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    [
        consent.id.to_string(),
        phone,
        contact,
        name,
        format!("{:016x}", consent.phone_hash),
        consent.kind.word().to_owned(),
        consent.source.clone(),
        text(&consent.text),
        consent.text.as_deref().map(text_hash).unwrap_or_default(),
        consent.given_at.to_string(),
        consent.zone.clone(),
        time(consent.expires_at),
        text(&evidence.version),
        text(&evidence.language),
        text(&evidence.url),
        text(&evidence.certificate),
        text(&evidence.ip),
        text(&evidence.user_agent),
        text(&evidence.words),
        text(&evidence.file),
        text(&evidence.erased),
        consent.message.map(|message| message.to_string()).unwrap_or_default(),
        consent.actor.clone(),
        consent.recorded_at.to_string(),
    ]
}
