//! Records of consent, kept under the phone's hash so that they outlive the contact. Nothing here changes or deletes a row; what is left of
//! one whose person is erased is `erasures`'s matter.

use std::collections::HashSet;

use domain::consent::{Evidence, Kind, Said, text_hash};
use domain::ids::{ConsentId, ContactId, MessageId, WorkspaceId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// One record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Its identifier.
    pub id: ConsentId,
    /// The hash of the phone that it is about.
    pub phone_hash: i64,
    /// The contact that had the phone when it was recorded.
    pub contact: Option<ContactId>,
    /// What it says.
    pub kind: Kind,
    /// How it came about: a form, a keyword, a call, an import.
    pub source: String,
    /// The text that the person agreed to, as it was shown.
    pub text: Option<String>,
    /// When the person said it.
    pub given_at: Timestamp,
    /// The zone in which that time was told.
    pub zone: String,
    /// Until when it holds.
    pub expires_at: Option<Timestamp>,
    /// The text in which the person said it.
    pub message: Option<MessageId>,
    /// What proves it.
    pub evidence: Evidence,
    /// Who recorded it.
    pub actor: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

static INSERT: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO consents (workspace_id, phone_hash, consent_id, contact_id, kind, source, text_hash, given_at, zone,
            expires_at, message_id, evidence, actor, recorded_at)
        SELECT $1, value ->> 'hash', value ->> 'id', value ->> 'contact', value ->> 'kind', value ->> 'source',
            value ->> 'text', value ->> 'given', value ->> 'zone', value ->> 'expires', value ->> 'message',
            value ->> 'evidence', value ->> 'actor', value ->> 'recorded'
        FROM json_each($2)",
    postgres: "
        INSERT INTO consents (workspace_id, phone_hash, consent_id, contact_id, kind, source, text_hash, given_at, zone,
            expires_at, message_id, evidence, actor, recorded_at)
        SELECT $1, hash, id, contact, kind, source, text, given, zone, expires, message, evidence, actor, recorded
        FROM jsonb_to_recordset($2::text::jsonb)
            AS t (hash BIGINT, id BIGINT, contact BIGINT, kind TEXT, source TEXT, text TEXT, given BIGINT, zone TEXT,
                expires BIGINT, message BIGINT, evidence TEXT, actor TEXT, recorded BIGINT)",
};

static INSERT_TEXTS: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO consent_texts (workspace_id, text_hash, body, created_at)
        SELECT $1, value ->> 'hash', value ->> 'body', $3 FROM json_each($2) WHERE true
        ON CONFLICT (workspace_id, text_hash) DO NOTHING",
    postgres: "
        INSERT INTO consent_texts (workspace_id, text_hash, body, created_at)
        SELECT $1, hash, body, $3 FROM jsonb_to_recordset($2::text::jsonb) AS t (hash TEXT, body TEXT)
        ON CONFLICT (workspace_id, text_hash) DO NOTHING",
};

static OF: Sql = Sql::Same(
    "
    SELECT c.consent_id, c.phone_hash, c.contact_id, c.kind, c.source, t.body, c.given_at, c.zone, c.expires_at,
        c.message_id, c.evidence, c.actor, c.recorded_at
    FROM consents c
    LEFT JOIN consent_texts t ON t.workspace_id = c.workspace_id AND t.text_hash = c.text_hash
    WHERE c.workspace_id = $1 AND c.phone_hash = $2 AND c.consent_id < $3
    ORDER BY c.consent_id DESC LIMIT $4",
);

static SAID: Sql = Sql::Twin {
    sqlite: "
        SELECT phone_hash, kind, given_at, expires_at FROM consents
        WHERE workspace_id = $1 AND phone_hash IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT phone_hash, kind, given_at, expires_at FROM consents
        WHERE workspace_id = $1
          AND phone_hash = ANY ($2::BIGINT[])",
};

static MARKS: Sql = Sql::Twin {
    sqlite: "
        SELECT phone_hash, kind, source, given_at FROM consents
        WHERE workspace_id = $1 AND phone_hash IN (SELECT value FROM json_each($2))",
    postgres: "
        SELECT phone_hash, kind, source, given_at FROM consents
        WHERE workspace_id = $1
          AND phone_hash = ANY ($2::BIGINT[])",
};

/// The phone is that of the contact that has it now: of one that was deleted it is told only where it came back.
static PAGE: Sql = Sql::Same(
    "
    SELECT c.consent_id, c.phone_hash, c.contact_id, c.kind, c.source, t.body, c.given_at, c.zone, c.expires_at,
        c.message_id, c.evidence, c.actor, c.recorded_at, n.contact_id, n.name, n.phone
    FROM consents c
    LEFT JOIN consent_texts t ON t.workspace_id = c.workspace_id AND t.text_hash = c.text_hash
    LEFT JOIN contacts o ON o.workspace_id = c.workspace_id AND o.contact_id = c.contact_id
    LEFT JOIN contacts n ON n.workspace_id = c.workspace_id AND n.phone = o.phone AND n.deleted_at IS NULL
    WHERE c.workspace_id = $1 AND (c.phone_hash, c.consent_id) > ($2, $3)
    ORDER BY c.phone_hash, c.consent_id LIMIT $4",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("consents::INSERT", &INSERT),
    ("consents::INSERT_TEXTS", &INSERT_TEXTS),
    ("consents::OF", &OF),
    ("consents::SAID", &SAID),
    ("consents::MARKS", &MARKS),
    ("consents::PAGE", &PAGE),
];

#[derive(Serialize)]
struct Written<'c> {
    hash: i64,
    id: i64,
    contact: Option<i64>,
    kind: &'static str,
    source: &'c str,
    text: Option<&'c str>,
    given: i64,
    zone: &'c str,
    expires: Option<i64>,
    message: Option<i64>,
    evidence: String,
    actor: &'c str,
    recorded: i64,
}

#[derive(Serialize)]
struct Text<'c> {
    hash: &'c str,
    body: &'c str,
}

/// Adds records, each with its text; a text that is there already is not written again.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, consents: &[Consent], now: Timestamp) -> Result<(), DbError> {
    if consents.is_empty() {
        return Ok(());
    }
    let mut texts: Vec<&str> = consents.iter().filter_map(|consent| consent.text.as_deref()).collect();
    texts.sort_unstable();
    texts.dedup();
    let hashes: Vec<String> = texts.iter().map(|text| text_hash(text)).collect();
    if !texts.is_empty() {
        let rows: Vec<Text<'_>> = hashes.iter().zip(&texts).map(|(hash, body)| Text { hash, body }).collect();
        tx.execute(&INSERT_TEXTS, &[workspace.0.into(), json::text(&rows)?.into(), json::micros(now).into()])?;
    }
    let hash_of = |text: &String| {
        let place = texts.binary_search(&text.as_str()).ok()?;
        hashes.get(place).map(String::as_str)
    };
    let written = |consent: &Consent| json::text(&consent.evidence);
    let evidence = consents.iter().map(written).collect::<Result<Vec<String>, DbError>>()?;
    let rows: Vec<Written<'_>> = consents
        .iter()
        .zip(evidence)
        .map(|(consent, evidence)| Written {
            hash: consent.phone_hash,
            id: consent.id.0,
            contact: consent.contact.map(|contact| contact.0),
            kind: consent.kind.word(),
            source: &consent.source,
            text: consent.text.as_ref().and_then(hash_of),
            given: json::micros(consent.given_at),
            zone: &consent.zone,
            expires: consent.expires_at.map(json::micros),
            message: consent.message.map(|message| message.0),
            evidence,
            actor: &consent.actor,
            recorded: json::micros(consent.recorded_at),
        })
        .collect();
    tx.execute(&INSERT, &[workspace.0.into(), json::text(&rows)?.into()]).map(|_| ())
}

fn kind_of(word: &str) -> Result<Kind, DbError> {
    Kind::from_word(word).ok_or_else(|| json::unreadable("consents.kind", word))
}

fn read(row: &Row) -> Result<Consent, DbError> {
    Ok(Consent {
        id: ConsentId(row.int(0)?),
        phone_hash: row.int(1)?,
        contact: row.opt_int(2)?.map(ContactId),
        kind: kind_of(row.text(3)?)?,
        source: row.text(4)?.to_owned(),
        text: row.opt_text(5)?.map(str::to_owned),
        given_at: json::timestamp(row.int(6)?)?,
        zone: row.text(7)?.to_owned(),
        expires_at: json::timestamp_or_none(row.opt_int(8)?)?,
        message: row.opt_int(9)?.map(MessageId),
        evidence: json::read(row.text(10)?)?,
        actor: row.text(11)?.to_owned(),
        recorded_at: json::timestamp(row.int(12)?)?,
    })
}

/// The records of a phone, the newest first, before the given one.
pub fn of(
    db: &Read<'_>,
    workspace: WorkspaceId,
    hash: i64,
    before: ConsentId,
    limit: i64,
) -> Result<Vec<Consent>, DbError> {
    db.query(&OF, &[workspace.0.into(), hash.into(), before.0.into(), limit.into()])?.iter().map(read).collect()
}

/// What the standing of these phones is read from: one pair for each record.
pub fn said(db: &Read<'_>, workspace: WorkspaceId, hashes: &[i64]) -> Result<Vec<(i64, Said)>, DbError> {
    let said = |row: &Row| {
        let said = Said {
            kind: kind_of(row.text(1)?)?,
            given_at: json::timestamp(row.int(2)?)?,
            expires_at: json::timestamp_or_none(row.opt_int(3)?)?,
        };
        Ok((row.int(0)?, said))
    };
    let list = json::list(hashes.iter().copied());
    db.query(&SAID, &[workspace.0.into(), list])?.iter().map(said).collect()
}

/// What distinguishes one consent of a phone from another: kind, source and time.
pub type Mark = (i64, Kind, String, Timestamp);

/// The marks of all that is on record for these phones.
pub fn known(db: &Read<'_>, workspace: WorkspaceId, hashes: &[i64]) -> Result<HashSet<Mark>, DbError> {
    let mark =
        |row: &Row| Ok((row.int(0)?, kind_of(row.text(1)?)?, row.text(2)?.to_owned(), json::timestamp(row.int(3)?)?));
    let list = json::list(hashes.iter().copied());
    db.query(&MARKS, &[workspace.0.into(), list])?.iter().map(mark).collect()
}

/// A record with who has the phone now, if anybody does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The record.
    pub consent: Consent,
    /// Contact, name and phone.
    pub owner: Option<(ContactId, String, String)>,
}

/// Records of all phones, phone by phone in the order of their recording, after the given place.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    after: (i64, ConsentId),
    limit: i64,
) -> Result<Vec<Exported>, DbError> {
    let exported = |row: &Row| {
        let owner = match (row.opt_int(13)?, row.opt_text(14)?, row.opt_text(15)?) {
            (Some(id), Some(name), Some(phone)) => Some((ContactId(id), name.to_owned(), phone.to_owned())),
            _ => None,
        };
        Ok(Exported { consent: read(row)?, owner })
    };
    let params = [workspace.0.into(), after.0.into(), after.1.0.into(), limit.into()];
    db.query(&PAGE, &params)?.iter().map(exported).collect()
}
