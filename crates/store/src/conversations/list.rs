//! The list of conversations: newest first, by the page, through a filter; and how many each filter has.
//!
//! Each state has an index of its own, in the order of the list, so a page costs the same however many there are. A filter
//! by label walks the label's index, one by user the user's; what is asked besides is looked at row by row. Counts stop at
//! [`MOST_COUNTED`]: nobody works through more, and an exact count of all costs as much as reading them.

use std::cmp::Reverse;

use domain::ids::{ContactId, EnrollmentId, LabelId, MessageId, UserId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Value};

/// Where counting stops.
pub const MOST_COUNTED: i64 = 1_000;

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
    /// Its state, in the database's word.
    pub last_state: String,
    /// When the contact wrote last.
    pub last_inbound_at: Option<Timestamp>,
    /// When we wrote last.
    pub last_outbound_at: Option<Timestamp>,
    /// How many inbound messages nobody has read.
    pub unread: i64,
    /// Whether the last message is the contact's.
    pub is_theirs: bool,
    /// The enrollment that runs.
    pub enrollment: Option<EnrollmentId>,
    /// Whether the contact has opted out.
    pub opted_out: bool,
    /// Who takes care of it.
    pub assignee: Option<UserId>,
}

/// What state a conversation is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Any.
    #[default]
    All,
    /// Something in it was not read.
    Unread,
    /// The last word is the contact's, who has not opted out.
    Unreplied,
    /// The last word is ours, and the contact has not opted out.
    Awaiting,
    /// A workflow runs.
    InWorkflow,
    /// The contact has opted out.
    OptedOut,
}

impl Standing {
    /// All of them, in the order of the screen.
    pub const ALL: [Self; 6] =
        [Self::All, Self::Unread, Self::Unreplied, Self::Awaiting, Self::InWorkflow, Self::OptedOut];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Unread => "unread",
            Self::Unreplied => "unreplied",
            Self::Awaiting => "awaiting",
            Self::InWorkflow => "in_workflow",
            Self::OptedOut => "opted_out",
        }
    }

    /// Reads the word back.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.word() == word)
    }
}

/// Which conversations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filter {
    /// In this state.
    pub standing: Standing,
    /// This user's.
    pub assignee: Option<UserId>,
    /// With this label.
    pub label: Option<LabelId>,
}

macro_rules! page {
    ($from:literal, $where:literal) => {
        concat!(
            "SELECT v.contact_id, c.name, c.phone, v.last_at, v.last_message_id, m.body, v.last_inbound_at,
                v.last_outbound_at, v.unread, v.side, v.enrollment_id, v.opted_out, v.assignee_id, m.state
            FROM ",
            $from,
            "
            JOIN contacts c ON c.workspace_id = v.workspace_id AND c.contact_id = v.contact_id
            JOIN messages m ON m.workspace_id = v.workspace_id AND m.message_id = v.last_message_id
            WHERE v.workspace_id = $1 AND c.deleted_at IS NULL AND ",
            $where
        )
    };
}

macro_rules! of_state {
    ($where:literal) => {
        Sql::Same(concat!(
            page!("conversations v", $where),
            " AND v.last_at <= $2 AND (v.last_at < $2 OR v.contact_id < $3)
            ORDER BY v.last_at DESC, v.contact_id DESC
            LIMIT $4"
        ))
    };
}

/// The state as a parameter, where another index leads.
macro_rules! in_state {
    ($place:literal) => {
        concat!(
            "(",
            $place,
            " = 'all' OR (",
            $place,
            " = 'unread' AND v.unread > 0)
              OR (",
            $place,
            " = 'unreplied' AND v.side = 'in' AND v.opted_out = 0)
              OR (",
            $place,
            " = 'awaiting' AND v.side = 'out' AND v.opted_out = 0)
              OR (",
            $place,
            " = 'in_workflow' AND v.enrollment_id IS NOT NULL) OR (",
            $place,
            " = 'opted_out' AND v.opted_out = 1))"
        )
    };
}

static PAGE_UNREAD: Sql = of_state!("v.unread > 0");
static PAGE_UNREPLIED: Sql = of_state!("v.side = 'in' AND v.opted_out = 0");
static PAGE_AWAITING: Sql = of_state!("v.side = 'out' AND v.opted_out = 0");
static PAGE_IN_WORKFLOW: Sql = of_state!("v.enrollment_id IS NOT NULL");
static PAGE_OPTED_OUT: Sql = of_state!("v.opted_out = 1");

static PAGE_ASSIGNED: Sql = Sql::Same(concat!(
    page!("conversations v", "v.assignee_id = $5 AND "),
    in_state!("$6"),
    " AND v.last_at <= $2 AND (v.last_at < $2 OR v.contact_id < $3)
    ORDER BY v.last_at DESC, v.contact_id DESC
    LIMIT $4"
));

static PAGE_LABELLED: Sql = Sql::Same(concat!(
    page!(
        "contact_labels l
            JOIN conversations v ON v.workspace_id = l.workspace_id AND v.contact_id = l.contact_id",
        "l.workspace_id = $1 AND l.label_id = $5 AND l.last_at IS NOT NULL AND ($7 = 0 OR v.assignee_id = $7)
           AND EXISTS (SELECT 1 FROM labels t
               WHERE t.workspace_id = $1 AND t.label_id = $5 AND t.kind = 'label' AND t.deleted_at IS NULL) AND "
    ),
    in_state!("$6"),
    " AND l.last_at <= $2 AND (l.last_at < $2 OR l.contact_id < $3)
    ORDER BY l.last_at DESC, l.contact_id DESC
    LIMIT $4"
));

static COUNTS: Sql = Sql::Same(
    "
    SELECT
        (SELECT COUNT(*) FROM (SELECT 1 FROM conversations WHERE workspace_id = $1 LIMIT $2) AS a),
        (SELECT COUNT(*) FROM (SELECT 1 FROM conversations WHERE workspace_id = $1 AND unread > 0 LIMIT $2) AS b),
        (SELECT COUNT(*) FROM
            (SELECT 1 FROM conversations WHERE workspace_id = $1 AND side = 'in' AND opted_out = 0 LIMIT $2) AS c),
        (SELECT COUNT(*) FROM
            (SELECT 1 FROM conversations WHERE workspace_id = $1 AND side = 'out' AND opted_out = 0 LIMIT $2) AS d),
        (SELECT COUNT(*) FROM
            (SELECT 1 FROM conversations WHERE workspace_id = $1 AND enrollment_id IS NOT NULL LIMIT $2) AS e),
        (SELECT COUNT(*) FROM (SELECT 1 FROM conversations WHERE workspace_id = $1 AND opted_out = 1 LIMIT $2) AS f),
        (SELECT COUNT(*) FROM
            (SELECT 1 FROM conversations WHERE workspace_id = $1 AND assignee_id = $3 AND assignee_id IS NOT NULL
             LIMIT $2) AS g)",
);

static LABEL_COUNTS: Sql = Sql::Same(
    "
    SELECT t.label_id, (SELECT COUNT(*) FROM (
        SELECT 1 FROM contact_labels l
        WHERE l.workspace_id = $1 AND l.label_id = t.label_id AND l.last_at IS NOT NULL LIMIT $2) AS n)
    FROM labels t WHERE t.workspace_id = $1 AND t.deleted_at IS NULL",
);

static DRIFTED: Sql = Sql::Same(
    "
    SELECT v.contact_id
    FROM conversations v
    JOIN contacts c ON c.workspace_id = v.workspace_id AND c.contact_id = v.contact_id
    JOIN messages m ON m.workspace_id = v.workspace_id AND m.message_id = v.last_message_id
    WHERE v.workspace_id = $1 AND (
        c.deleted_at IS NOT NULL
        OR v.side <> CASE WHEN m.kind = 'inbound' THEN 'in' ELSE 'out' END
        OR COALESCE(v.enrollment_id, 0) <> COALESCE((
            SELECT r.enrollment_id FROM runs r
            WHERE r.workspace_id = v.workspace_id AND r.contact_id = v.contact_id), 0)
        OR v.opted_out <> (
            SELECT COUNT(*) FROM suppressions s
            WHERE s.workspace_id = v.workspace_id AND s.phone_hash = c.phone_hash AND s.kind = 'opted_out'
              AND s.lifted_at IS NULL)
        OR EXISTS (
            SELECT 1 FROM contact_labels l
            WHERE l.workspace_id = v.workspace_id AND l.contact_id = v.contact_id
              AND (l.last_at IS NULL OR l.last_at <> v.last_at)))
    ORDER BY v.contact_id",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("conversations::list::PAGE_UNREAD", &PAGE_UNREAD),
    ("conversations::list::PAGE_UNREPLIED", &PAGE_UNREPLIED),
    ("conversations::list::PAGE_AWAITING", &PAGE_AWAITING),
    ("conversations::list::PAGE_IN_WORKFLOW", &PAGE_IN_WORKFLOW),
    ("conversations::list::PAGE_OPTED_OUT", &PAGE_OPTED_OUT),
    ("conversations::list::PAGE_ASSIGNED", &PAGE_ASSIGNED),
    ("conversations::list::PAGE_LABELLED", &PAGE_LABELLED),
    ("conversations::list::DRIFTED", &DRIFTED),
    ("conversations::list::COUNTS", &COUNTS),
    ("conversations::list::LABEL_COUNTS", &LABEL_COUNTS),
];

fn line(row: &Row) -> Result<Conversation, DbError> {
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
        is_theirs: row.text(9)? == "in",
        enrollment: row.opt_int(10)?.map(EnrollmentId),
        opted_out: row.flag(11)?,
        assignee: row.opt_int(12)?.map(UserId),
        last_state: row.text(13)?.to_owned(),
    })
}

/// Conversations, newest first, before the given place in that order.
pub fn page(
    db: &Read<'_>,
    workspace: WorkspaceId,
    filter: Filter,
    before: (Timestamp, ContactId),
    limit: i64,
) -> Result<Vec<Conversation>, DbError> {
    let mut params = vec![workspace.0.into(), json::micros(before.0).into(), before.1.0.into(), limit.into()];
    let statement = match (filter.label, filter.assignee, filter.standing) {
        (Some(label), assignee, standing) => {
            params.extend([label.0.into(), standing.word().into(), assignee.map_or(0, |user| user.0).into()]);
            &PAGE_LABELLED
        }
        (None, Some(assignee), standing) => {
            params.extend([assignee.0.into(), standing.word().into()]);
            &PAGE_ASSIGNED
        }
        (None, None, Standing::All) => return page_of_all(db, &params, limit),
        (None, None, Standing::Unread) => &PAGE_UNREAD,
        (None, None, Standing::Unreplied) => &PAGE_UNREPLIED,
        (None, None, Standing::Awaiting) => &PAGE_AWAITING,
        (None, None, Standing::InWorkflow) => &PAGE_IN_WORKFLOW,
        (None, None, Standing::OptedOut) => &PAGE_OPTED_OUT,
    };
    db.query(statement, &params)?.iter().map(line).collect()
}

/// The same of all conversations: each is in one of three lists, whose first ones are merged.
fn page_of_all(db: &Read<'_>, params: &[Value], limit: i64) -> Result<Vec<Conversation>, DbError> {
    let mut all = Vec::new();
    for part in [&PAGE_UNREPLIED, &PAGE_AWAITING, &PAGE_OPTED_OUT] {
        for row in db.query(part, params)? {
            all.push(line(&row)?);
        }
    }
    all.sort_unstable_by_key(|one| Reverse((one.last_at, one.contact)));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(all)
}

/// How many conversations each filter has, at most [`MOST_COUNTED`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// In each state, in the order of [`Standing::ALL`].
    pub standings: [i64; 6],
    /// This user's.
    pub mine: i64,
}

/// Counts for a user; for nobody in particular if there is none.
pub fn counts(db: &Read<'_>, workspace: WorkspaceId, user: Option<UserId>) -> Result<Counts, DbError> {
    let user = user.map_or(0, |user| user.0);
    let row = db.query_one(&COUNTS, &[workspace.0.into(), MOST_COUNTED.into(), user.into()])?;
    let mut counts = Counts { mine: row.int(6)?, ..Counts::default() };
    for (place, count) in counts.standings.iter_mut().enumerate() {
        *count = row.int(place)?;
    }
    Ok(counts)
}

/// How many conversations each label has, at most [`MOST_COUNTED`].
pub fn label_counts(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<(LabelId, i64)>, DbError> {
    let rows = db.query(&LABEL_COUNTS, &[workspace.0.into(), MOST_COUNTED.into()])?;
    rows.iter().map(|row| Ok((LabelId(row.int(0)?), row.int(1)?))).collect()
}

/// Conversations whose row says something else than the rows that it was made from: none, or a transaction forgot them.
pub fn drifted(db: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<ContactId>, DbError> {
    db.query(&DRIFTED, &[workspace.0.into()])?.iter().map(|row| row.int(0).map(ContactId)).collect()
}
