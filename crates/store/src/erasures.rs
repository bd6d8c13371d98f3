//! Taking out of the rows whatever tells of a person, and leaving the rows: they hold money, figures and evidence.
//!
//! What goes and what stays is one table, at the head of the engine's `erasing`. Texts and answers go a portion at a time, in
//! transactions of their own; the rest is what one person has of it, some tens of rows.

use domain::consent::Evidence;
use domain::ids::{ConsentId, ContactId, MessageId, PersonId, WorkspaceId};
use domain::message::MessageKind;
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx, search};

/// The name that an erased contact is listed under, where something still speaks of it.
pub const NAME: &str = "Erased contact";

static OF_PERSON: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts WHERE workspace_id = $1 AND person_id = $2 ORDER BY contact_id LIMIT $3",
);

static OF_PHONE: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts WHERE workspace_id = $1 AND phone = $2 AND deleted_at IS NULL
    UNION ALL
    SELECT contact_id FROM contacts
    WHERE workspace_id = $1 AND phone = $2 AND deleted_at IS NOT NULL AND erased_at IS NULL",
);

static LOCK: Sql = Sql::Twin {
    sqlite: "
        SELECT contact_id FROM contacts
        WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2)) ORDER BY contact_id",
    postgres: "
        SELECT contact_id FROM contacts
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])
        ORDER BY contact_id FOR UPDATE",
};

static ON_THE_WAY: Sql = Sql::Same(
    "
    SELECT (SELECT COUNT(*) FROM messages
            WHERE workspace_id = $1 AND contact_id = $2 AND state IN ('queued', 'sending', 'in_doubt'))
        + (SELECT COUNT(*) FROM enrollments e
            WHERE e.workspace_id = $1 AND COALESCE(e.claimed_at, 0) > 0 AND e.enrollment_id IN (
                SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = $2
                UNION ALL
                SELECT p.enrollment_id FROM enrollments p
                WHERE p.workspace_id = $1 AND p.contact_id = $2 AND p.state <> 'active'))",
);

static CONTACT: Sql = Sql::Same(
    "
    UPDATE contacts
    SET phone = '', phone_hash = 0, person_id = NULL, name = $4, name_key = '', fields = '[]', number_id = NULL,
        import_id = NULL, reassigned_at = NULL, erased_at = $3, updated_at = $3
    WHERE workspace_id = $1 AND contact_id = $2 AND deleted_at IS NOT NULL",
);

static NOTES: Sql = Sql::Same("DELETE FROM notes WHERE workspace_id = $1 AND contact_id = $2");

static REMINDER: Sql = Sql::Same("DELETE FROM reminders WHERE workspace_id = $1 AND contact_id = $2");

static QUOTES: Sql = Sql::Same("DELETE FROM quotes WHERE workspace_id = $1 AND contact_id = $2");

static IMPORTS: Sql = Sql::Same("DELETE FROM import_changes WHERE workspace_id = $1 AND contact_id = $2");

static RUNS: Sql = Sql::Same(
    "
    UPDATE enrollments SET field_values = '[]'
    WHERE workspace_id = $1 AND enrollment_id IN (
        SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = $2
        UNION ALL
        SELECT p.enrollment_id FROM enrollments p
        WHERE p.workspace_id = $1 AND p.contact_id = $2 AND p.state <> 'active')",
);

static LISTS: Sql = Sql::Same(
    "
    UPDATE suppressions SET contact_id = NULL WHERE workspace_id = $1 AND phone_hash = $2",
);

static CONSENTS: Sql = Sql::Same(
    "
    SELECT consent_id, evidence FROM consents WHERE workspace_id = $1 AND phone_hash = $2 ORDER BY consent_id",
);

static CONSENT: Sql = Sql::Same(
    "
    UPDATE consents SET contact_id = NULL, message_id = NULL, evidence = $4
    WHERE workspace_id = $1 AND phone_hash = $2 AND consent_id = $3",
);

static TEXTS: Sql = Sql::Same(
    "
    SELECT message_id, kind, body FROM messages
    WHERE workspace_id = $1 AND contact_id = $2 AND message_id > $3 ORDER BY message_id LIMIT $4",
);

static BLANK: Sql = Sql::Twin {
    sqlite: "
        UPDATE messages SET body = '', detail = NULL
        WHERE workspace_id = $1 AND message_id IN (SELECT value FROM json_each($2))",
    postgres: "
        UPDATE messages SET body = '', detail = NULL
        WHERE workspace_id = $1
          AND message_id = ANY ($2::BIGINT[])",
};

static ANSWERS_UNTIL: Sql = Sql::Same(
    "
    SELECT at FROM answers WHERE workspace_id = $1 AND at > $2 ORDER BY at LIMIT 1 OFFSET $3",
);

static ANSWERS: Sql = Sql::Twin {
    sqlite: "
        UPDATE answers SET request_hash = 'erased', answer = ''
        WHERE workspace_id = $1 AND at > $2 AND at <= $3 AND instr(answer, $4) > 0",
    postgres: "
        UPDATE answers SET request_hash = 'erased', answer = ''
        WHERE workspace_id = $1 AND at > $2 AND at <= $3 AND strpos(answer, $4) > 0",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("erasures::OF_PERSON", &OF_PERSON),
    ("erasures::OF_PHONE", &OF_PHONE),
    ("erasures::LOCK", &LOCK),
    ("erasures::ON_THE_WAY", &ON_THE_WAY),
    ("erasures::CONTACT", &CONTACT),
    ("erasures::NOTES", &NOTES),
    ("erasures::REMINDER", &REMINDER),
    ("erasures::QUOTES", &QUOTES),
    ("erasures::IMPORTS", &IMPORTS),
    ("erasures::RUNS", &RUNS),
    ("erasures::LISTS", &LISTS),
    ("erasures::CONSENTS", &CONSENTS),
    ("erasures::CONSENT", &CONSENT),
    ("erasures::TEXTS", &TEXTS),
    ("erasures::BLANK", &BLANK),
    ("erasures::ANSWERS_UNTIL", &ANSWERS_UNTIL),
    ("erasures::ANSWERS", &ANSWERS),
];

fn ids(rows: &[Row]) -> Result<Vec<ContactId>, DbError> {
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// The contacts of one person, deleted ones too, at most so many.
pub fn of_person(
    db: &Read<'_>,
    workspace: WorkspaceId,
    person: PersonId,
    limit: i64,
) -> Result<Vec<ContactId>, DbError> {
    ids(&db.query(&OF_PERSON, &[workspace.0.into(), person.0.into(), limit.into()])?)
}

/// The contacts that have or had this phone and are not erased.
pub fn of_phone(db: &Read<'_>, workspace: WorkspaceId, phone: &str) -> Result<Vec<ContactId>, DbError> {
    ids(&db.query(&OF_PHONE, &[workspace.0.into(), phone.into()])?)
}

/// Locks these contacts, deleted ones too, in the order of their keys.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<(), DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    tx.query_write(&LOCK, &[workspace.0.into(), list]).map(|_| ())
}

/// How many texts to a contact are queued, with the carrier, or in doubt.
pub fn on_the_way(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<i64, DbError> {
    db.query_one(&ON_THE_WAY, &[workspace.0.into(), contact.0.into()])?.int(0)
}

/// Empties the row of a deleted contact and of its runs, and drops its notes, reminder, quotes and what imports changed of it.
pub fn empty(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: ContactId, now: Timestamp) -> Result<(), DbError> {
    let own = [workspace.0.into(), contact.0.into()];
    for sql in [&NOTES, &REMINDER, &QUOTES, &IMPORTS, &RUNS] {
        tx.execute(sql, &own)?;
    }
    let [workspace, contact] = own;
    tx.execute(&CONTACT, &[workspace, contact, json::micros(now).into(), NAME.into()]).map(|_| ())
}

/// Leaves of lists and consents of a phone what holds under its hash; says how many consents there are.
pub fn unlink(tx: &mut Tx<'_>, workspace: WorkspaceId, phone_hash: i64) -> Result<usize, DbError> {
    let of_phone = [workspace.0.into(), phone_hash.into()];
    tx.execute(&LISTS, &of_phone)?;
    let consents = tx.query(&CONSENTS, &of_phone)?;
    for row in &consents {
        let (id, kept) = (ConsentId(row.int(0)?), row.text(1)?);
        let left = json::read::<Evidence>(kept)?.without_person(kept);
        let params = [workspace.0.into(), phone_hash.into(), id.0.into(), json::text(&left)?.into()];
        tx.execute(&CONSENT, &params)?;
    }
    Ok(consents.len())
}

/// Empties the texts with a contact after the given one, at most so many; answers the last, or nothing if that was all.
pub fn texts(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    after: MessageId,
    limit: i64,
) -> Result<Option<MessageId>, DbError> {
    let rows = tx.query(&TEXTS, &[workspace.0.into(), contact.0.into(), after.0.into(), limit.into()])?;
    let mut written = Vec::new();
    for row in &rows {
        // Texts of workflows are not kept by their words (`search`).
        if row.text(1)? != MessageKind::Workflow.word() {
            written.push((MessageId(row.int(0)?), row.text(2)?));
        }
    }
    search::remove_texts(tx, workspace, &written)?;
    let ids = rows.iter().map(|row| row.int(0)).collect::<Result<Vec<i64>, _>>()?;
    tx.execute(&BLANK, &[workspace.0.into(), json::list(ids.iter().copied())])?;
    let full = i64::try_from(ids.len()).is_ok_and(|count| count == limit);
    Ok(ids.last().filter(|_| full).map(|id| MessageId(*id)))
}

/// Takes back the kept answers that name one of these contacts, of so many that were given after a time (in microseconds); answers until
/// when, or nothing if those were all. The key stays: a repeat of the request is refused, and does nothing.
pub fn answers(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    after: i64,
    limit: i64,
) -> Result<Option<i64>, DbError> {
    let last = tx.query_optional(&ANSWERS_UNTIL, &[workspace.0.into(), after.into(), (limit - 1).into()])?;
    let last = last.map(|row| row.int(0)).transpose()?;
    for contact in contacts {
        let until = last.unwrap_or(i64::MAX);
        let params = [workspace.0.into(), after.into(), until.into(), contact.to_string().into()];
        tx.execute(&ANSWERS, &params)?;
    }
    Ok(last)
}
