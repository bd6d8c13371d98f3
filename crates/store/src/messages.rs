//! Messages, inbound and outbound. The row of a step of a workflow is made when its first try is settled, or falls into doubt: see
//! [`on_the_way`](crate::on_the_way).
//!
//! `due_at` is when the engine must look at the row next; what it does then depends on the state:
//! `queued` is claimed (manual and system messages only: a workflow message waits on its
//! enrollment's row), `sending` is past its deadline and falls into doubt, `in_doubt` is asked for
//! at the carrier.
//!
//! The attempt's identifier is the message's with the number of the try in its low five bits, so a
//! callback that carries it finds the row by its key.

pub mod counted;

use domain::ids::{AttemptId, ContactId, EnrollmentId, MessageId, NumberId, WorkspaceId};
use domain::ledger::Amounts;
use domain::message::{MessageKind, MessageState};
use domain::money::Micros;
use domain::tariff::Country;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value, search, tallies};

/// Most tries of one message: what fits into the low bits of its identifier.
pub const MAX_ATTEMPTS: i64 = 31;

/// The attempt of a message, from 1.
#[must_use]
pub fn attempt(message: MessageId, attempt: i64) -> AttemptId {
    AttemptId(message.0 | attempt.clamp(0, MAX_ATTEMPTS))
}

/// The message of an attempt, and which try it was.
#[must_use]
pub fn of_attempt(attempt: AttemptId) -> (MessageId, i64) {
    (MessageId(attempt.0 & !MAX_ATTEMPTS), attempt.0 & MAX_ATTEMPTS)
}

/// A message as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Its identifier.
    pub id: MessageId,
    /// To or from whom.
    pub contact: ContactId,
    /// Why it exists.
    pub kind: MessageKind,
    /// Where it is.
    pub state: MessageState,
    /// The enrollment that it is a step of.
    pub enrollment: Option<EnrollmentId>,
    /// Which step, from 1.
    pub step: Option<u8>,
    /// Our number.
    pub number: NumberId,
    /// The text.
    pub body: String,
    /// Its segments.
    pub segments: i64,
    /// What it took, where it was charged by itself (manual messages).
    pub amounts: Amounts,
    /// How many times it was handed to the carrier.
    pub attempts: i64,
    /// When the engine looks at it next.
    pub due_at: Option<Timestamp>,
    /// When it was claimed last.
    pub claimed_at: Option<Timestamp>,
    /// When retrying ends.
    pub give_up_at: Option<Timestamp>,
    /// How many times it was looked for at the carrier.
    pub sought: i64,
    /// The carrier's identifier.
    pub carrier_id: Option<String>,
    /// The carrier's code of the last failure.
    pub code: Option<String>,
    /// The same in plain words.
    pub detail: Option<String>,
    /// Who wrote it.
    pub author: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the carrier took it.
    pub sent_at: Option<Timestamp>,
    /// When its state changed last.
    pub state_at: Timestamp,
    /// Where the contact's number belongs; nothing for messages from before that was kept.
    pub country: Option<Country>,
}

macro_rules! columns {
    () => {
        "m.message_id, m.contact_id, m.kind, m.state, m.enrollment_id, m.step, m.number_id, m.body, m.segments, \
         m.credits, m.micros, m.attempts, m.due_at, m.claimed_at, m.give_up_at, m.sought, m.carrier_id, m.code, \
         m.detail, m.author, m.created_at, m.sent_at, m.state_at, m.country"
    };
}

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM messages m WHERE m.workspace_id = $1 AND m.message_id = $2"));

static THREAD: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM messages m WHERE m.workspace_id = $1 AND m.contact_id = $2 AND m.message_id < $3
      ORDER BY m.message_id DESC LIMIT $4"
));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM messages m
          WHERE m.workspace_id = $1 AND m.message_id IN (SELECT value FROM json_each($2)) ORDER BY m.message_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM messages m
          WHERE m.workspace_id = $1
            AND m.message_id = ANY ($2::BIGINT[])
          ORDER BY m.message_id FOR UPDATE"
    ),
};

static DUE: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM messages m
          WHERE m.workspace_id = $1 AND m.due_at IS NOT NULL AND m.due_at <= $2
          ORDER BY m.due_at, m.message_id LIMIT $3"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM messages m
          WHERE m.workspace_id = $1 AND m.due_at IS NOT NULL AND m.due_at <= $2
          ORDER BY m.due_at, m.message_id LIMIT $3
          FOR UPDATE SKIP LOCKED"
    ),
};

static HASTEN: Sql = Sql::Same(
    "
    UPDATE messages SET due_at = $2
    WHERE workspace_id = $1 AND due_at > $2 AND due_at <= $3 AND state = 'queued'",
);

static INSERT: Each<15> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO messages (workspace_id, created_at, state_at, message_id, contact_id, kind, state, enrollment_id, step,
            number_id, body, segments, attempts, due_at, claimed_at, give_up_at, author, country, credits, micros, sought)
        VALUES ($1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, 0, 0, 0)",
    postgres: "
        INSERT INTO messages (workspace_id, created_at, state_at, message_id, contact_id, kind, state, enrollment_id, step,
            number_id, body, segments, attempts, due_at, claimed_at, give_up_at, author, country, credits, micros, sought)
        SELECT $1, $2, $2, id, contact, kind, state, enrollment, step, number, body, segments, attempts, due, claimed,
            give_up, author, country, 0, 0, 0
        FROM UNNEST($3::BIGINT[], $4::BIGINT[], $5::TEXT[], $6::TEXT[], $7::BIGINT[], $8::BIGINT[], $9::BIGINT[],
                $10::TEXT[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[], $14::BIGINT[], $15::BIGINT[], $16::TEXT[],
                $17::TEXT[])
            AS t (id, contact, kind, state, enrollment, step, number, body, segments, attempts, due, claimed, give_up,
                author, country)",
});

/// Of what was claimed for its first try, and made then.
static LAND: Each<18> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO messages (workspace_id, message_id, contact_id, kind, state, enrollment_id, step, number_id, body, segments,
            attempts, due_at, claimed_at, give_up_at, carrier_id, code, detail, sent_at, state_at, country, created_at, author,
            credits, micros, sought)
        VALUES ($1, $2, $3, 'workflow', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $12,
            'workflow', 0, 0, 0)",
    postgres: "
        INSERT INTO messages (workspace_id, message_id, contact_id, kind, state, enrollment_id, step, number_id, body, segments,
            attempts, due_at, claimed_at, give_up_at, carrier_id, code, detail, sent_at, state_at, country, created_at, author,
            credits, micros, sought)
        SELECT $1, id, contact, 'workflow', state, enrollment, step, number, body, segments, attempts, due, claimed, give_up,
            carrier_id, code, detail, sent, at, country, claimed, 'workflow', 0, 0, 0
        FROM UNNEST($2::BIGINT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[],
                $9::BIGINT[], $10::BIGINT[], $11::BIGINT[], $12::BIGINT[], $13::BIGINT[], $14::TEXT[], $15::TEXT[],
                $16::TEXT[], $17::BIGINT[], $18::BIGINT[], $19::TEXT[])
            AS t (id, contact, state, enrollment, step, number, body, segments, attempts, due, claimed, give_up, carrier_id,
                code, detail, sent, at, country)",
});

static SAVE: Each<16> = Each(Sql::Twin {
    sqlite: "
        UPDATE messages SET state = $3, attempts = $4, due_at = $5, claimed_at = $6, give_up_at = $7, sought = $8,
            carrier_id = $9, code = $10, detail = $11, sent_at = $12, state_at = $13, credits = $14, micros = $15,
            segments = $16, number_id = $17
        WHERE workspace_id = $1 AND message_id = $2",
    postgres: "
        UPDATE messages SET state = t.state, attempts = t.attempts, due_at = t.due, claimed_at = t.claimed,
            give_up_at = t.give_up, sought = t.sought, carrier_id = t.carrier_id, code = t.code, detail = t.detail,
            sent_at = t.sent, state_at = t.at, credits = t.credits, micros = t.micros, segments = t.segments,
            number_id = t.number
        FROM UNNEST($2::BIGINT[], $3::TEXT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::BIGINT[],
                $9::TEXT[], $10::TEXT[], $11::TEXT[], $12::BIGINT[], $13::BIGINT[], $14::BIGINT[], $15::BIGINT[],
                $16::BIGINT[], $17::BIGINT[])
            AS t (id, state, attempts, due, claimed, give_up, sought, carrier_id, code, detail, sent, at, credits,
                micros, segments, number)
        WHERE messages.workspace_id = $1 AND messages.message_id = t.id",
});

static FOR_A_PERSON: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM messages m
      WHERE m.workspace_id = $1 AND m.state = 'in_doubt' AND m.due_at IS NULL AND m.message_id > $2
      ORDER BY m.message_id LIMIT $3"
));

static IN_DOUBT: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM messages m WHERE m.workspace_id = $1 AND m.state = 'in_doubt' AND m.message_id > $2
      ORDER BY m.message_id LIMIT $3"
));

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("messages::FIND", &FIND),
    ("messages::THREAD", &THREAD),
    ("messages::LOCK", &LOCK),
    ("messages::DUE", &DUE),
    ("messages::HASTEN", &HASTEN),
    ("messages::INSERT", &INSERT.0),
    ("messages::LAND", &LAND.0),
    ("messages::SAVE", &SAVE.0),
    ("messages::FOR_A_PERSON", &FOR_A_PERSON),
    ("messages::IN_DOUBT", &IN_DOUBT),
];

fn read(row: &Row) -> Result<Message, DbError> {
    let kind = MessageKind::from_word(row.text(2)?);
    let state = MessageState::from_word(row.text(3)?);
    Ok(Message {
        id: MessageId(row.int(0)?),
        contact: ContactId(row.int(1)?),
        kind: kind.ok_or_else(|| json::unreadable("messages.kind", row.text(2).unwrap_or_default()))?,
        state: state.ok_or_else(|| json::unreadable("messages.state", row.text(3).unwrap_or_default()))?,
        enrollment: row.opt_int(4)?.map(EnrollmentId),
        step: row.opt_int(5)?.map(json::small).transpose()?,
        number: NumberId(row.int(6)?),
        body: row.text(7)?.to_owned(),
        segments: row.int(8)?,
        amounts: Amounts { credits: row.int(9)?, micros: Micros(row.int(10)?) },
        attempts: row.int(11)?,
        due_at: json::timestamp_or_none(row.opt_int(12)?)?,
        claimed_at: json::timestamp_or_none(row.opt_int(13)?)?,
        give_up_at: json::timestamp_or_none(row.opt_int(14)?)?,
        sought: row.int(15)?,
        carrier_id: row.opt_text(16)?.map(str::to_owned),
        code: row.opt_text(17)?.map(str::to_owned),
        detail: row.opt_text(18)?.map(str::to_owned),
        author: row.text(19)?.to_owned(),
        created_at: json::timestamp(row.int(20)?)?,
        sent_at: json::timestamp_or_none(row.opt_int(21)?)?,
        state_at: json::timestamp(row.int(22)?)?,
        country: row.opt_text(23)?.and_then(Country::read),
    })
}

/// One message.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: MessageId) -> Result<Option<Message>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// The messages of a conversation, newest first, before the given one.
pub fn thread(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    before: MessageId,
    limit: i64,
) -> Result<Vec<Message>, DbError> {
    db.query_map(&THREAD, &[workspace.0.into(), contact.0.into(), before.0.into(), limit.into()], read)
}

/// Messages whose outcome is not known, oldest first, after the given one.
pub fn in_doubt(db: &Read<'_>, workspace: WorkspaceId, after: MessageId, limit: i64) -> Result<Vec<Message>, DbError> {
    db.query_map(&IN_DOUBT, &[workspace.0.into(), after.0.into(), limit.into()], read)
}

/// Messages in doubt that only a person can settle, oldest first, after the given one.
pub fn for_a_person(
    db: &Read<'_>,
    workspace: WorkspaceId,
    after: MessageId,
    limit: i64,
) -> Result<Vec<Message>, DbError> {
    db.query_map(&FOR_A_PERSON, &[workspace.0.into(), after.0.into(), limit.into()], read)
}

/// These messages, locked until the transaction ends, in the order of their keys.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[MessageId]) -> Result<Vec<Message>, DbError> {
    let list = json::list(ids.iter().map(|id| id.0));
    let rows = tx.query_map(&LOCK, &[workspace.0.into(), list], read)?;
    tallies::seen(tx, workspace, rows.iter());
    Ok(rows)
}

/// Messages at which the engine must look now, locked; those that another transaction has locked are passed over.
pub fn due(tx: &mut Tx<'_>, workspace: WorkspaceId, now: Timestamp, limit: i64) -> Result<Vec<Message>, DbError> {
    let rows = tx.query_map(&DUE, &[workspace.0.into(), json::micros(now).into(), limit.into()], read)?;
    tallies::seen(tx, workspace, rows.iter());
    Ok(rows)
}

/// Has what waits to be sent and is due until then looked at now.
pub fn hasten(tx: &mut Tx<'_>, workspace: WorkspaceId, now: Timestamp, until: Timestamp) -> Result<(), DbError> {
    tx.execute(&HASTEN, &[workspace.0.into(), json::micros(now).into(), json::micros(until).into()]).map(|_| ())
}

impl Message {
    /// Whether it is in doubt and only a person can settle it: nobody is asked any more.
    #[must_use]
    pub fn is_for_a_person(&self) -> bool {
        self.state == MessageState::InDoubt && self.due_at.is_none()
    }

    /// A message that begins: queued, without a step, never tried.
    #[must_use]
    pub fn new(
        id: MessageId,
        contact: ContactId,
        kind: MessageKind,
        number: NumberId,
        body: String,
        segments: i64,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            contact,
            kind,
            state: MessageState::Queued,
            enrollment: None,
            step: None,
            number,
            body,
            segments,
            amounts: Amounts::ZERO,
            attempts: 0,
            due_at: None,
            claimed_at: None,
            give_up_at: None,
            sought: 0,
            carrier_id: None,
            code: None,
            detail: None,
            author: kind.word().to_owned(),
            created_at: now,
            sent_at: None,
            state_at: now,
            country: None,
        }
    }
}

/// Inserts a batch of messages that begin now. What a person wrote can be searched from then on.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[Message], now: Timestamp) -> Result<(), DbError> {
    if rows.is_empty() {
        return Ok(());
    }
    let inserted = |row: &Message| {
        [
            row.id.0.into(),
            row.contact.0.into(),
            Value::Word(row.kind.word()),
            Value::Word(row.state.word()),
            row.enrollment.map(|enrollment| enrollment.0).into(),
            row.step.map(i64::from).into(),
            row.number.0.into(),
            row.body.as_str().into(),
            row.segments.into(),
            row.attempts.into(),
            time(row.due_at),
            time(row.claimed_at),
            time(row.give_up_at),
            row.author.as_str().into(),
            row.country.as_ref().map(Country::as_str).into(),
        ]
    };
    let shared = [workspace.0.into(), json::micros(now).into()];
    tx.run_each(&INSERT, &shared, rows.iter().map(inserted))?;
    tallies::made(tx, workspace, rows);
    let is_written = |row: &&Message| matches!(row.kind, MessageKind::Inbound | MessageKind::Manual);
    search::add_texts(tx, workspace, &rows.iter().filter(is_written).collect::<Vec<_>>())
}

/// Inserts messages of workflows whose first try was on its way until now, as they are now: see [`on_the_way`](crate::on_the_way).
pub fn land<'m>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    rows: impl IntoIterator<Item = &'m Message> + Clone,
) -> Result<(), DbError> {
    let landed = |row: &'m Message| {
        [
            row.id.0.into(),
            row.contact.0.into(),
            Value::Word(row.state.word()),
            row.enrollment.map(|enrollment| enrollment.0).into(),
            row.step.map(i64::from).into(),
            row.number.0.into(),
            row.body.as_str().into(),
            row.segments.into(),
            row.attempts.into(),
            time(row.due_at),
            time(row.claimed_at),
            time(row.give_up_at),
            row.carrier_id.as_deref().into(),
            row.code.as_deref().into(),
            row.detail.as_deref().into(),
            time(row.sent_at),
            json::micros(row.state_at).into(),
            row.country.as_ref().map(Country::as_str).into(),
        ]
    };
    tx.run_each(&LAND, &[workspace.0.into()], rows.clone().into_iter().map(landed))?;
    tallies::made(tx, workspace, rows);
    Ok(())
}

fn time(at: Option<Timestamp>) -> Value {
    at.map(json::micros).into()
}

/// Writes what may change of a message that the transaction has locked.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, message: &Message) -> Result<(), DbError> {
    save_all(tx, workspace, [message])
}

/// The same for many, each of them once.
pub fn save_all<'m>(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    messages: impl IntoIterator<Item = &'m Message> + Clone,
) -> Result<(), DbError> {
    for message in messages.clone() {
        tallies::message(tx, workspace, message)?;
    }
    tx.run_each(&SAVE, &[workspace.0.into()], messages.into_iter().map(saved))
}

fn saved(message: &Message) -> [Value; 16] {
    [
        message.id.0.into(),
        Value::Word(message.state.word()),
        message.attempts.into(),
        time(message.due_at),
        time(message.claimed_at),
        time(message.give_up_at),
        message.sought.into(),
        message.carrier_id.as_deref().into(),
        message.code.as_deref().into(),
        message.detail.as_deref().into(),
        time(message.sent_at),
        json::micros(message.state_at).into(),
        message.amounts.credits.into(),
        message.amounts.micros.0.into(),
        message.segments.into(),
        message.number.0.into(),
    ]
}
