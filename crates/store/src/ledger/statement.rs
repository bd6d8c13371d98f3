//! The statement: what moved the balance on a day, by what caused it.
//!
//! A day's sums are tallies ([`crate::tallies`]). What it opens to is read here, from the transfers of that day by an
//! index that leaves earnings out: those move nothing that the customer has, and there is one for each text.

use domain::ids::{ContactId, EnrollmentId, MessageId, PeriodId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::message::MessageState;
use domain::money::Micros;
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, json};

/// Credits and money of a reason or of several, of the transfers `t`.
macro_rules! sums {
    ($reasons:literal) => {
        concat!(
            "CAST(SUM(CASE WHEN t.unit = 'segments' AND t.reason IN (",
            $reasons,
            ") THEN t.amount ELSE 0 END) AS BIGINT), CAST(SUM(CASE WHEN t.unit = 'micros' AND t.reason IN (",
            $reasons,
            ") THEN t.amount ELSE 0 END) AS BIGINT)"
        )
    };
}

// The day's subjects first, so that the page is cut before anything is looked up for it.
pub(super) static LINES: Sql = Sql::Same(concat!(
    "
    WITH lines (subject, at, out_credits, out_micros, back_credits, back_micros, in_credits, in_micros, paid_credits,
        paid_micros) AS (
        SELECT t.subject, MIN(t.at), ",
    sums!("'charge'"),
    ", ",
    sums!("'refund', 'return', 'correction', 'reversal'"),
    ", ",
    sums!("'topup', 'grant', 'dispute_won'"),
    ", ",
    sums!("'withdrawal', 'fee', 'expiry', 'dispute', 'repayment'"),
    "
        FROM transfers t
        WHERE t.workspace_id = $1 AND t.day = $2 AND t.reason <> 'earn' AND t.subject < $3
        GROUP BY t.subject ORDER BY t.subject DESC LIMIT $4
    )
    SELECT l.subject, l.at, l.out_credits, l.out_micros, l.back_credits, l.back_micros, l.in_credits, l.in_micros,
        l.paid_credits, l.paid_micros, e.contact_id, e.workflow_id, w.name, m.contact_id, m.state, c.name, c.phone, p.number
    FROM lines l
    LEFT JOIN enrollments e ON e.workspace_id = $1 AND e.enrollment_id = l.subject
    LEFT JOIN workflows w ON w.workspace_id = $1 AND w.workflow_id = e.workflow_id
    LEFT JOIN messages m ON m.workspace_id = $1 AND m.message_id = l.subject
    LEFT JOIN periods p ON p.workspace_id = $1 AND p.period_id = l.subject
    LEFT JOIN contacts c ON c.workspace_id = $1 AND c.contact_id = COALESCE(e.contact_id, m.contact_id)
    ORDER BY l.subject DESC",
));

pub(super) static TEXTS: Sql = Sql::Same(
    "
    SELECT message_id, step, state, segments, body, sent_at, state_at FROM messages
    WHERE workspace_id = $1 AND contact_id = $2 AND enrollment_id = $3 AND message_id > $3
    ORDER BY message_id",
);

/// What caused a line of the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A contact's run through a workflow.
    Enrollment {
        /// Which.
        id: EnrollmentId,
        /// Whose.
        contact: Party,
        /// Through which workflow.
        workflow: WorkflowId,
        /// The workflow's name.
        name: String,
    },
    /// A message that a person wrote.
    Message {
        /// Which.
        id: MessageId,
        /// To whom.
        contact: Party,
        /// What became of it.
        state: Option<MessageState>,
    },
    /// Money or credits that came or went by hand, or by card.
    Payment(i64),
    /// A month of the plan, or its trial, which is number 0.
    Period {
        /// Which.
        id: PeriodId,
        /// Its number.
        number: i64,
    },
}

/// A contact as the statement names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Which.
    pub id: ContactId,
    /// The name that is shown.
    pub name: String,
    /// The phone.
    pub phone: String,
}

/// What one thing moved on one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The identifier of the subject: the cursor.
    pub id: i64,
    /// What caused it.
    pub subject: Subject,
    /// When it moved first on that day.
    pub at: Timestamp,
    /// What it took.
    pub charged: Amounts,
    /// What came back.
    pub back: Amounts,
    /// What was paid in.
    pub paid_in: Amounts,
    /// What was paid out, or ended.
    pub paid_out: Amounts,
}

fn amounts(row: &Row, place: usize) -> Result<Amounts, DbError> {
    Ok(Amounts { credits: row.int(place)?, micros: Micros(row.int(place + 1)?) })
}

fn party(row: &Row, id: i64) -> Result<Party, DbError> {
    let text = |place| row.opt_text(place).map(|text| text.unwrap_or_default().to_owned());
    Ok(Party { id: ContactId(id), name: text(15)?, phone: text(16)? })
}

fn line(row: &Row) -> Result<Line, DbError> {
    let id = row.int(0)?;
    let subject = match (row.opt_int(10)?, row.opt_int(13)?) {
        (Some(contact), _) => Subject::Enrollment {
            id: EnrollmentId(id),
            contact: party(row, contact)?,
            workflow: WorkflowId(row.opt_int(11)?.unwrap_or(0)),
            name: row.opt_text(12)?.unwrap_or_default().to_owned(),
        },
        (None, Some(contact)) => Subject::Message {
            id: MessageId(id),
            contact: party(row, contact)?,
            state: row.opt_text(14)?.and_then(MessageState::from_word),
        },
        (None, None) => match row.opt_int(17)? {
            Some(number) => Subject::Period { id: PeriodId(id), number },
            None => Subject::Payment(id),
        },
    };
    Ok(Line {
        id,
        subject,
        at: json::timestamp(row.int(1)?)?,
        charged: amounts(row, 2)?,
        back: amounts(row, 4)?,
        paid_in: amounts(row, 6)?,
        paid_out: amounts(row, 8)?,
    })
}

/// What moved the balance on a day, newest subjects first, before the given one.
pub fn lines(db: &Read<'_>, workspace: WorkspaceId, day: i64, before: i64, limit: i64) -> Result<Vec<Line>, DbError> {
    let params = [workspace.0.into(), day.into(), before.into(), limit.into()];
    db.query(&LINES, &params)?.iter().map(line).collect()
}

/// A message of an enrollment, as the statement shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Which.
    pub id: MessageId,
    /// Which step, from 1.
    pub step: u8,
    /// What became of it.
    pub state: MessageState,
    /// Its segments.
    pub segments: i64,
    /// What it says.
    pub body: String,
    /// When the carrier took it.
    pub sent_at: Option<Timestamp>,
    /// When its state changed last.
    pub state_at: Timestamp,
}

/// The messages of one enrollment, by the conversation's index.
pub fn texts(
    db: &Read<'_>,
    workspace: WorkspaceId,
    contact: ContactId,
    enrollment: EnrollmentId,
) -> Result<Vec<Text>, DbError> {
    let text = |row: &Row| {
        let state = MessageState::from_word(row.text(2)?);
        Ok(Text {
            id: MessageId(row.int(0)?),
            step: json::small(row.opt_int(1)?.unwrap_or(0))?,
            state: state.ok_or_else(|| json::unreadable("messages.state", row.text(2).unwrap_or_default()))?,
            segments: row.int(3)?,
            body: row.text(4)?.to_owned(),
            sent_at: json::timestamp_or_none(row.opt_int(5)?)?,
            state_at: json::timestamp(row.int(6)?)?,
        })
    };
    let params = [workspace.0.into(), contact.0.into(), enrollment.0.into()];
    db.query(&TEXTS, &params)?.iter().map(text).collect()
}
