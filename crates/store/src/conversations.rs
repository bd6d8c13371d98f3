//! Conversations: when each was last active and what in it is unread.

use domain::ids::{ContactId, MessageId, WorkspaceId};
use jiff::Timestamp;
use serde::Serialize;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A line of the list of conversations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// With whom.
    pub contact: ContactId,
    /// The contact's name.
    pub name: String,
    /// The contact's phone.
    pub phone: String,
    /// When the last message went or came.
    pub last_at: Timestamp,
    /// The last message.
    pub last_message: MessageId,
    /// Its text.
    pub last_body: String,
    /// When the contact wrote last.
    pub last_inbound_at: Option<Timestamp>,
    /// When we wrote last.
    pub last_outbound_at: Option<Timestamp>,
    /// How many inbound messages nobody has read.
    pub unread: i64,
}

/// A message that touches its conversation.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// With whom.
    pub contact: ContactId,
    /// The message.
    pub message: MessageId,
    /// From which side.
    pub side: Side,
}

/// From which side a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The contact's.
    Inbound,
    /// Ours.
    Outbound,
}

static TOUCH: Sql = Sql::Twin {
    sqlite: "
        INSERT INTO conversations (workspace_id, contact_id, last_at, last_message_id, last_inbound_at, last_outbound_at,
            unread)
        SELECT $1, value ->> 'contact', $3, value ->> 'message', value ->> 'inbound', value ->> 'outbound', value ->> 'unread'
        FROM json_each($2) WHERE true
        ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
            last_at = excluded.last_at, last_message_id = excluded.last_message_id,
            last_inbound_at = COALESCE(excluded.last_inbound_at, conversations.last_inbound_at),
            last_outbound_at = COALESCE(excluded.last_outbound_at, conversations.last_outbound_at),
            unread = conversations.unread + excluded.unread",
    postgres: "
        INSERT INTO conversations (workspace_id, contact_id, last_at, last_message_id, last_inbound_at, last_outbound_at,
            unread)
        SELECT $1, contact, $3, message, inbound, outbound, unread
        FROM jsonb_to_recordset($2::text::jsonb)
            AS t (contact BIGINT, message BIGINT, inbound BIGINT, outbound BIGINT, unread BIGINT)
        ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
            last_at = excluded.last_at, last_message_id = excluded.last_message_id,
            last_inbound_at = COALESCE(excluded.last_inbound_at, conversations.last_inbound_at),
            last_outbound_at = COALESCE(excluded.last_outbound_at, conversations.last_outbound_at),
            unread = conversations.unread + excluded.unread",
};

static PAGE: Sql = Sql::Same(
    "
    SELECT v.contact_id, c.name, c.phone, v.last_at, v.last_message_id, m.body, v.last_inbound_at, v.last_outbound_at,
        v.unread
    FROM conversations v
    JOIN contacts c ON c.workspace_id = v.workspace_id AND c.contact_id = v.contact_id
    JOIN messages m ON m.workspace_id = v.workspace_id AND m.message_id = v.last_message_id
    WHERE v.workspace_id = $1 AND (v.last_at < $2 OR (v.last_at = $2 AND v.contact_id < $3))
    ORDER BY v.last_at DESC, v.contact_id DESC
    LIMIT $4",
);

static FIND: Sql = Sql::Same(
    "
    SELECT last_inbound_at, last_outbound_at FROM conversations WHERE workspace_id = $1 AND contact_id = $2",
);

static READ: Sql = Sql::Same("UPDATE conversations SET unread = 0 WHERE workspace_id = $1 AND contact_id = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("conversations::TOUCH", &TOUCH),
    ("conversations::PAGE", &PAGE),
    ("conversations::FIND", &FIND),
    ("conversations::READ", &READ),
];

#[derive(Serialize)]
struct Touched {
    contact: i64,
    message: i64,
    inbound: Option<i64>,
    outbound: Option<i64>,
    unread: i64,
}

/// Moves conversations to the top for these messages: at most one for each contact.
pub fn touch(tx: &mut Tx<'_>, workspace: WorkspaceId, touches: &[Touch], now: Timestamp) -> Result<(), DbError> {
    if touches.is_empty() {
        return Ok(());
    }
    let at = json::micros(now);
    let touched = |touch: &Touch| Touched {
        contact: touch.contact.0,
        message: touch.message.0,
        inbound: (touch.side == Side::Inbound).then_some(at),
        outbound: (touch.side == Side::Outbound).then_some(at),
        unread: i64::from(touch.side == Side::Inbound),
    };
    let rows: Vec<_> = touches.iter().map(touched).collect();
    tx.execute(&TOUCH, &[workspace.0.into(), json::text(&rows)?.into(), at.into()]).map(|_| ())
}

/// Conversations, newest first, before the given place in that order.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    before: (Timestamp, ContactId),
    limit: i64,
) -> Result<Vec<Conversation>, DbError> {
    let params = [workspace.0.into(), json::micros(before.0).into(), before.1.0.into(), limit.into()];
    let line = |row: &Row| {
        Ok(Conversation {
            contact: ContactId(row.int(0)?),
            name: row.text(1)?.to_owned(),
            phone: row.text(2)?.to_owned(),
            last_at: json::timestamp(row.int(3)?)?,
            last_message: MessageId(row.int(4)?),
            last_body: row.text(5)?.to_owned(),
            last_inbound_at: json::timestamp_or_none(row.opt_int(6)?)?,
            last_outbound_at: json::timestamp_or_none(row.opt_int(7)?)?,
            unread: row.int(8)?,
        })
    };
    db.query(&PAGE, &params)?.iter().map(line).collect()
}

/// When the contact wrote last.
pub fn last_inbound(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<Option<Timestamp>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), contact.0.into()])?;
    json::timestamp_or_none(row.map(|row| row.opt_int(0)).transpose()?.flatten())
}

/// Marks a conversation as read; false if there is none.
pub fn mark_read(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<bool, DbError> {
    Ok(tx.execute(&READ, &[workspace.0.into(), contact.0.into()])? == 1)
}
