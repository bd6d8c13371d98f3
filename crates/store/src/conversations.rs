//! Conversations: when each was last active, what in it is unread, and whatever else the Messenger filters by. The list itself
//! is in `conversations/list.rs`.
//!
//! | column | moved by |
//! |---|---|
//! | `last_*`, `side`, `unread` | [`touch`]: a message that came or went; [`mark_read`], [`mark_unread`] |
//! | `enrollment_id` | [`enrollments`](crate::enrollments) and [`claims::advance`](crate::claims::advance): the start and every end |
//! | `opted_out` | [`set_opted_out`]: the contact's phone comes onto that list or leaves it |
//! | `assignee_id` | [`assign`] |
//!
//! Rows are locked after messages and before accounts. A deleted contact has no conversation.

pub mod list;

use domain::ids::{ContactId, EnrollmentId, MessageId, UserId, WorkspaceId};
use jiff::Timestamp;
use rustc_hash::FxHashSet;

use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value};

pub use list::Conversation;

/// A message that touches its conversation.
#[derive(Debug, Clone, Copy)]
pub struct Touch {
    /// With whom.
    pub contact: ContactId,
    /// The message.
    pub message: MessageId,
    /// From which side.
    pub side: Side,
    /// Whether it is probably the first: SQLite then looks for no conversation before it opens one, nor does PostgreSQL where that is so of
    /// all, and `runs` is given, or where contacts are locked ([`touch_locked`]).
    pub is_first: bool,
    /// The enrollment in which the contact is, which the transaction has locked, and ends after this if it does; nothing if it has to be
    /// looked for.
    pub runs: Option<EnrollmentId>,
}

/// From which side a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The contact's.
    Inbound,
    /// Ours.
    Outbound,
}

static TOUCH: Each<6> = Each(Sql::Twin {
    sqlite: "
        UPDATE conversations SET last_at = $2, last_message_id = $4, side = $8, unread = unread + $7,
            last_inbound_at = COALESCE($5, last_inbound_at), last_outbound_at = COALESCE($6, last_outbound_at)
        WHERE workspace_id = $1 AND contact_id = $3",
    postgres: "
        UPDATE conversations SET last_at = $2, last_message_id = t.message, side = t.side,
            unread = conversations.unread + t.unread,
            last_inbound_at = COALESCE(t.inbound, conversations.last_inbound_at),
            last_outbound_at = COALESCE(t.outbound, conversations.last_outbound_at)
        FROM UNNEST($3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[])
            AS t (contact, message, inbound, outbound, unread, side)
        WHERE conversations.workspace_id = $1 AND conversations.contact_id = t.contact
        RETURNING contact_id",
});

/// For those who have no conversation yet, or probably none; one that is there is passed over on SQLite, and moved on PostgreSQL, where
/// another transaction may open it meanwhile, and nobody asks which were written. Rows go in the order of keys. A deleted contact gets none. Whoever ends what runs meanwhile
/// finds no row to say so in, so what runs is locked, here or before, until the row is there to be seen: one of the two sees the other.
static OPEN: Each<7> = Each(Sql::Twin {
    sqlite: "
        INSERT OR FAIL INTO conversations (workspace_id, contact_id, last_at, last_message_id, last_inbound_at, last_outbound_at,
            unread, side, enrollment_id, opted_out)
        SELECT $1, c.contact_id, $2, $4, $5, $6, $7, $8,
            COALESCE($9, (SELECT r.enrollment_id FROM runs r WHERE r.workspace_id = $1 AND r.contact_id = $3)),
            EXISTS (SELECT 1 FROM suppressions s
             WHERE s.workspace_id = $1 AND s.phone_hash = c.phone_hash AND s.kind = 'opted_out' AND s.lifted_at IS NULL)
        FROM contacts c
        WHERE c.workspace_id = $1 AND c.contact_id = $3 AND c.deleted_at IS NULL
        ON CONFLICT (workspace_id, contact_id) DO NOTHING",
    postgres: "
        INSERT INTO conversations (workspace_id, contact_id, last_at, last_message_id, last_inbound_at, last_outbound_at,
            unread, side, enrollment_id, opted_out)
        SELECT $1, c.contact_id, $2, t.message, t.inbound, t.outbound, t.unread, t.side,
            COALESCE(t.runs, (SELECT e.enrollment_id FROM runs r
             JOIN enrollments e ON e.workspace_id = $1 AND e.enrollment_id = r.enrollment_id AND e.state = 'active'
             WHERE r.workspace_id = $1 AND r.contact_id = c.contact_id FOR SHARE OF e)),
            CASE WHEN EXISTS (SELECT 1 FROM suppressions s
             WHERE s.workspace_id = $1 AND s.phone_hash = c.phone_hash AND s.kind = 'opted_out' AND s.lifted_at IS NULL)
            THEN 1 ELSE 0 END
        FROM UNNEST($3::BIGINT[], $4::BIGINT[], $5::BIGINT[], $6::BIGINT[], $7::BIGINT[], $8::TEXT[], $9::BIGINT[])
            AS t (contact, message, inbound, outbound, unread, side, runs)
        JOIN contacts c ON c.workspace_id = $1 AND c.contact_id = t.contact AND c.deleted_at IS NULL
        ORDER BY t.contact
        ON CONFLICT (workspace_id, contact_id) DO UPDATE SET
            last_at = excluded.last_at, last_message_id = excluded.last_message_id, side = excluded.side,
            last_inbound_at = COALESCE(excluded.last_inbound_at, conversations.last_inbound_at),
            last_outbound_at = COALESCE(excluded.last_outbound_at, conversations.last_outbound_at),
            unread = conversations.unread + excluded.unread",
});

static TOUCH_LABELS: Sql = Sql::Twin {
    sqlite: "
        UPDATE contact_labels SET last_at = $3
        WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        UPDATE contact_labels SET last_at = $3
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])",
};

static ENTER: Each<2> = Each(Sql::Twin {
    sqlite: "UPDATE conversations SET enrollment_id = $2 WHERE workspace_id = $1 AND contact_id = $3",
    postgres: "
        UPDATE conversations SET enrollment_id = t.id
        FROM UNNEST($2::BIGINT[], $3::BIGINT[]) AS t (id, contact)
        WHERE conversations.workspace_id = $1 AND conversations.contact_id = t.contact",
});

static LEAVE: Sql = Sql::Twin {
    sqlite: "
        UPDATE conversations SET enrollment_id = NULL
        FROM enrollments AS e
        WHERE e.workspace_id = $1 AND e.enrollment_id IN (SELECT value FROM json_each($2))
          AND conversations.workspace_id = $1 AND conversations.contact_id = e.contact_id
          AND conversations.enrollment_id = e.enrollment_id",
    postgres: "
        UPDATE conversations SET enrollment_id = NULL
        FROM enrollments AS e
        WHERE e.workspace_id = $1
          AND e.enrollment_id = ANY ($2::BIGINT[])
          AND conversations.workspace_id = $1 AND conversations.contact_id = e.contact_id
          AND conversations.enrollment_id = e.enrollment_id",
};

static OPTED_OUT: Sql =
    Sql::Same("UPDATE conversations SET opted_out = $3 WHERE workspace_id = $1 AND contact_id = $2");

static FIND: Sql = Sql::Same(
    "
    SELECT last_inbound_at, last_outbound_at, last_at, unread, assignee_id, enrollment_id
    FROM conversations WHERE workspace_id = $1 AND contact_id = $2",
);

static LOCK: Sql = Sql::Twin {
    sqlite: "
        SELECT contact_id, last_at, unread, assignee_id FROM conversations
        WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2))
        ORDER BY contact_id",
    postgres: "
        SELECT contact_id, last_at, unread, assignee_id FROM conversations
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])
        ORDER BY contact_id FOR UPDATE",
};

static READ: Sql = Sql::Twin {
    sqlite: "
        UPDATE conversations SET unread = 0
        WHERE workspace_id = $1 AND unread > 0 AND contact_id IN (SELECT value FROM json_each($2))
        RETURNING contact_id",
    postgres: "
        UPDATE conversations SET unread = 0
        WHERE workspace_id = $1 AND unread > 0
          AND contact_id = ANY ($2::BIGINT[])
        RETURNING contact_id",
};

static UNREAD: Sql = Sql::Twin {
    sqlite: "
        UPDATE conversations SET unread = 1
        WHERE workspace_id = $1 AND unread = 0 AND contact_id IN (SELECT value FROM json_each($2))
        RETURNING contact_id",
    postgres: "
        UPDATE conversations SET unread = 1
        WHERE workspace_id = $1 AND unread = 0
          AND contact_id = ANY ($2::BIGINT[])
        RETURNING contact_id",
};

static ASSIGN: Sql = Sql::Twin {
    sqlite: "
        UPDATE conversations SET assignee_id = $3
        WHERE workspace_id = $1 AND assignee_id IS NOT $3 AND contact_id IN (SELECT value FROM json_each($2))
        RETURNING contact_id",
    postgres: "
        UPDATE conversations SET assignee_id = $3
        WHERE workspace_id = $1 AND assignee_id IS DISTINCT FROM $3
          AND contact_id = ANY ($2::BIGINT[])
        RETURNING contact_id",
};

static REMOVE: Sql = Sql::Twin {
    sqlite: "
        DELETE FROM conversations WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2))",
    postgres: "
        DELETE FROM conversations
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("conversations::TOUCH", &TOUCH.0),
    ("conversations::OPEN", &OPEN.0),
    ("conversations::TOUCH_LABELS", &TOUCH_LABELS),
    ("conversations::ENTER", &ENTER.0),
    ("conversations::LEAVE", &LEAVE),
    ("conversations::OPTED_OUT", &OPTED_OUT),
    ("conversations::FIND", &FIND),
    ("conversations::LOCK", &LOCK),
    ("conversations::READ", &READ),
    ("conversations::UNREAD", &UNREAD),
    ("conversations::ASSIGN", &ASSIGN),
    ("conversations::REMOVE", &REMOVE),
];

impl Side {
    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Inbound => "in",
            Self::Outbound => "out",
        }
    }
}

/// Moves conversations to the top for these messages: at most one for each contact.
pub fn touch(tx: &mut Tx<'_>, workspace: WorkspaceId, touches: &[Touch], now: Timestamp) -> Result<(), DbError> {
    // Only where what runs is locked: whoever deletes a contact ends that first, and its conversation would come back from an insertion that waited
    // for the deletion.
    if touches.iter().all(|touch| touch.is_first && touch.runs.is_some()) {
        return touch_locked(tx, workspace, touches, now);
    }
    touch_each(tx, workspace, touches, now)?;
    touch_labels(tx, workspace, touches, now)
}

/// The same where the transaction has locked the contacts or what runs of them: on PostgreSQL one statement that nobody waits for, whichever
/// conversations are there, so that their order holds.
pub fn touch_locked(tx: &mut Tx<'_>, workspace: WorkspaceId, touches: &[Touch], now: Timestamp) -> Result<(), DbError> {
    if tx.is_embedded() {
        touch_each(tx, workspace, touches, now)?;
    } else {
        let at = json::micros(now);
        tx.run_each(&OPEN, &[workspace.0.into(), at.into()], touches.iter().map(|touch| opened(touch, at)))?;
    }
    touch_labels(tx, workspace, touches, now)
}

fn touch_each(tx: &mut Tx<'_>, workspace: WorkspaceId, touches: &[Touch], now: Timestamp) -> Result<(), DbError> {
    let at = json::micros(now);
    let shared = [workspace.0.into(), at.into()];
    let is_embedded = tx.is_embedded();
    let is_opened_first = |touch: &&Touch| touch.is_first && is_embedded;
    let first = touches.iter().filter(is_opened_first).map(|touch| opened(touch, at));
    let written: FxHashSet<i64> = tx.changed_each(&OPEN, &shared, first, 0)?.into_iter().collect();
    let others: Vec<_> = touches.iter().filter(|touch| !written.contains(&touch.contact.0)).collect();
    let there = tx.changed_each(&TOUCH, &shared, others.iter().map(|touch| moved(touch, at)), 0)?;
    let there: FxHashSet<i64> = there.into_iter().collect();
    let none = others.into_iter().filter(|touch| !is_opened_first(touch) && !there.contains(&touch.contact.0));
    tx.run_each(&OPEN, &shared, none.map(|touch| opened(touch, at)))
}

fn moved(touch: &Touch, at: i64) -> [Value; 6] {
    [
        touch.contact.0.into(),
        touch.message.0.into(),
        (touch.side == Side::Inbound).then_some(at).into(),
        (touch.side == Side::Outbound).then_some(at).into(),
        (touch.side == Side::Inbound).into(),
        Value::Word(touch.side.word()),
    ]
}

fn opened(touch: &Touch, at: i64) -> [Value; 7] {
    let [contact, message, inbound, outbound, unread, side] = moved(touch, at);
    [contact, message, inbound, outbound, unread, side, touch.runs.map(|runs| runs.0).into()]
}

/// After the conversations, whose rows are locked by now: a label that is given meanwhile waits for them.
fn touch_labels(tx: &mut Tx<'_>, workspace: WorkspaceId, touches: &[Touch], now: Timestamp) -> Result<(), DbError> {
    if touches.is_empty() {
        return Ok(());
    }
    let list = json::list(touches.iter().map(|touch| touch.contact.0));
    tx.run(&TOUCH_LABELS, &[workspace.0.into(), list, json::micros(now).into()])
}

/// Contacts begin these enrollments.
pub(crate) fn enter(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    rows: impl Iterator<Item = (EnrollmentId, ContactId)>,
) -> Result<(), DbError> {
    let rows = rows.map(|(id, contact)| [id.0.into(), contact.0.into()]);
    tx.run_each(&ENTER, &[workspace.0.into()], rows)
}

/// These enrollments run no longer.
pub(crate) fn leave(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ids: impl Iterator<Item = EnrollmentId>,
) -> Result<(), DbError> {
    let mut ids = ids.map(|id| id.0).peekable();
    if ids.peek().is_none() {
        return Ok(());
    }
    tx.run(&LEAVE, &[workspace.0.into(), json::list(ids)])
}

/// Whether the contact has opted out.
pub fn set_opted_out(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    opted_out: bool,
) -> Result<(), DbError> {
    tx.execute(&OPTED_OUT, &[workspace.0.into(), contact.0.into(), opted_out.into()]).map(|_| ())
}

/// Where one conversation stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the contact wrote last.
    pub last_inbound_at: Option<Timestamp>,
    /// When we wrote last.
    pub last_outbound_at: Option<Timestamp>,
    /// How many inbound messages nobody has read.
    pub unread: i64,
    /// Who takes care of it.
    pub assignee: Option<UserId>,
}

/// Where a conversation stands; nothing if there is none yet.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<Option<Standing>, DbError> {
    let row = db.query_optional(&FIND, &[workspace.0.into(), contact.0.into()])?;
    let standing = |row: Row| {
        Ok(Standing {
            last_inbound_at: json::timestamp_or_none(row.opt_int(0)?)?,
            last_outbound_at: json::timestamp_or_none(row.opt_int(1)?)?,
            unread: row.int(3)?,
            assignee: row.opt_int(4)?.map(UserId),
        })
    };
    row.map(standing).transpose()
}

/// All conversations, newest first, before the given place in that order.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    before: (Timestamp, ContactId),
    limit: i64,
) -> Result<Vec<Conversation>, DbError> {
    list::page(db, workspace, list::Filter::default(), before, limit)
}

/// When the contact wrote last.
pub fn last_inbound(db: &Read<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<Option<Timestamp>, DbError> {
    Ok(find(db, workspace, contact)?.and_then(|standing| standing.last_inbound_at))
}

/// Of these contacts those that have a conversation, locked until the transaction ends, and when each was last active.
pub(crate) fn lock(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
) -> Result<Vec<(ContactId, i64)>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    let rows = tx.query_write(&LOCK, &[workspace.0.into(), list])?;
    rows.iter().map(|row| Ok((ContactId(row.int(0)?), row.int(1)?))).collect()
}

fn changed(rows: &[Row]) -> Result<Vec<ContactId>, DbError> {
    rows.iter().map(|row| row.int(0).map(ContactId)).collect()
}

/// Marks conversations as read, and says which had something unread.
pub fn mark_read(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<Vec<ContactId>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    changed(&tx.query_write(&READ, &[workspace.0.into(), list])?)
}

/// Marks conversations as unread, and says which had nothing unread.
pub fn mark_unread(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<Vec<ContactId>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    changed(&tx.query_write(&UNREAD, &[workspace.0.into(), list])?)
}

/// Gives conversations to a user or to nobody, and says which had somebody else.
pub fn assign(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: &[ContactId],
    to: Option<UserId>,
) -> Result<Vec<ContactId>, DbError> {
    let list = json::list(contacts.iter().map(|id| id.0));
    changed(&tx.query_write(&ASSIGN, &[workspace.0.into(), list, to.map(|user| user.0).into()])?)
}

/// The contacts of a list are deleted: their conversations are no longer listed.
pub(crate) fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, contacts: Value) -> Result<(), DbError> {
    tx.execute(&REMOVE, &[workspace.0.into(), contacts]).map(|_| ())
}
