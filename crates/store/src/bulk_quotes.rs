//! Quotes of many: what was shown before a start, in parts of some hundred contacts, and what became of each part.
//!
//! A part is one row, so that a million contacts are two thousand rows: written when the price is shown, read once by the start.

use domain::ids::{ContactId, EnrollmentId, JobId, QuoteId, WorkflowId, WorkspaceId};
use domain::ledger::Amounts;
use domain::money::Micros;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// A quote as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkQuote {
    /// Its identifier.
    pub id: QuoteId,
    /// Into which workflow.
    pub workflow: WorkflowId,
    /// The version of it that was priced.
    pub version: i64,
    /// The price of a segment that no credit covers.
    pub rate: Micros,
    /// Whether everybody was asked for, and not certain contacts.
    pub everybody: bool,
    /// Whether anybody has seen it, so that a start is held to it; else it is the list of whom to start.
    pub shown: bool,
    /// How many contacts were looked at.
    pub contacts: i64,
    /// Most that start in a day; nothing for all at once.
    pub per_day: Option<u32>,
    /// When it was made.
    pub shown_at: Timestamp,
    /// Until when it may be started.
    pub expires_at: Timestamp,
    /// What it takes.
    pub amounts: Amounts,
    /// What its job has taken of that.
    pub spent: Amounts,
    /// The job that it began.
    pub job: Option<JobId>,
}

/// What was shown for one contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Whom.
    pub contact: ContactId,
    /// A mark of its texts and their segments; nothing for one who was refused.
    pub mark: Option<u32>,
}

/// Some contacts of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its place, from 0.
    pub part: i64,
    /// How many of the parts before it were to start.
    pub before: i64,
    /// In the order in which they are decided.
    pub contacts: Vec<Shown>,
}

/// What became of a part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fate {
    /// The enrollments that began; nothing while the job has not come to it.
    pub started: Option<Vec<EnrollmentId>>,
    /// Who was to start, or had started and was taken out before a text: nothing while nobody asked for that.
    pub rest: Option<Vec<ContactId>>,
}

macro_rules! columns {
    () => {
        "quote_id, workflow_id, version, rate, everybody, shown, contacts, per_day, shown_at, expires_at, credits, micros, spent_credits, \
         spent_micros, job_id"
    };
}

static INSERT: Sql = Sql::Same(concat!(
    "INSERT INTO bulk_quotes (workspace_id, ",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, 0, NULL)"
));

static INSERT_PART: Sql =
    Sql::Same("INSERT INTO bulk_parts (workspace_id, quote_id, part, contacts) VALUES ($1, $2, $3, $4)");

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM bulk_quotes WHERE workspace_id = $1 AND quote_id = $2"));

static LOCK: Sql = Sql::Twin {
    sqlite: concat!("SELECT ", columns!(), " FROM bulk_quotes WHERE workspace_id = $1 AND quote_id = $2"),
    postgres: concat!("SELECT ", columns!(), " FROM bulk_quotes WHERE workspace_id = $1 AND quote_id = $2 FOR UPDATE"),
};

static HOLD: Sql = Sql::Same("UPDATE bulk_quotes SET expires_at = $3 WHERE workspace_id = $1 AND quote_id = $2");

static BEGIN: Sql = Sql::Same("UPDATE bulk_quotes SET job_id = $3 WHERE workspace_id = $1 AND quote_id = $2");

static SPEND: Sql = Sql::Same(
    "
    UPDATE bulk_quotes SET spent_credits = spent_credits + $3, spent_micros = spent_micros + $4
    WHERE workspace_id = $1 AND quote_id = $2",
);

static PARTS: Sql = Sql::Same(
    "
    SELECT part, contacts, started, rest FROM bulk_parts
    WHERE workspace_id = $1 AND quote_id = $2 AND part > $3 ORDER BY part LIMIT $4",
);

static STARTED: Sql =
    Sql::Same("UPDATE bulk_parts SET started = $4 WHERE workspace_id = $1 AND quote_id = $2 AND part = $3");

static REST: Sql = Sql::Same("UPDATE bulk_parts SET rest = $4 WHERE workspace_id = $1 AND quote_id = $2 AND part = $3");

static OLDEST: Sql = Sql::Same(
    "
    SELECT quote_id FROM bulk_quotes WHERE workspace_id = $1 AND expires_at < $2 AND job_id IS NULL
    ORDER BY quote_id LIMIT 1",
);

static FORGET_PARTS: Sql = Sql::Same("DELETE FROM bulk_parts WHERE workspace_id = $1 AND quote_id = $2");

static FORGET: Sql = Sql::Same("DELETE FROM bulk_quotes WHERE workspace_id = $1 AND quote_id = $2 AND job_id IS NULL");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("bulk_quotes::INSERT", &INSERT),
    ("bulk_quotes::INSERT_PART", &INSERT_PART),
    ("bulk_quotes::FIND", &FIND),
    ("bulk_quotes::LOCK", &LOCK),
    ("bulk_quotes::HOLD", &HOLD),
    ("bulk_quotes::BEGIN", &BEGIN),
    ("bulk_quotes::SPEND", &SPEND),
    ("bulk_quotes::PARTS", &PARTS),
    ("bulk_quotes::STARTED", &STARTED),
    ("bulk_quotes::REST", &REST),
    ("bulk_quotes::OLDEST", &OLDEST),
    ("bulk_quotes::FORGET_PARTS", &FORGET_PARTS),
    ("bulk_quotes::FORGET", &FORGET),
];

/// The contacts of a part as they are stored: each identifier as what it is more than the one before, since those that came together
/// lie together.
#[derive(Serialize, Deserialize)]
struct Document {
    before: i64,
    steps: Vec<i64>,
    marks: Vec<Option<u32>>,
}

impl Document {
    fn of(part: &Part) -> Self {
        let mut last = 0i64;
        let step = |shown: &Shown| {
            let step = shown.contact.0.wrapping_sub(last);
            last = shown.contact.0;
            step
        };
        let steps = part.contacts.iter().map(step).collect();
        Self { before: part.before, steps, marks: part.contacts.iter().map(|shown| shown.mark).collect() }
    }

    fn part(self, part: i64) -> Part {
        let mut last = 0i64;
        let shown = |(step, mark): (i64, Option<u32>)| {
            last = last.wrapping_add(step);
            Shown { contact: ContactId(last), mark }
        };
        Part { part, before: self.before, contacts: self.steps.into_iter().zip(self.marks).map(shown).collect() }
    }
}

/// Keeps a quote. Its parts follow; until they are all there it should be one that cannot be started.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, quote: &BulkQuote) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        quote.id.0.into(),
        quote.workflow.0.into(),
        quote.version.into(),
        quote.rate.0.into(),
        i64::from(quote.everybody).into(),
        i64::from(quote.shown).into(),
        quote.contacts.into(),
        i64::from(quote.per_day.unwrap_or(0)).into(),
        json::micros(quote.shown_at).into(),
        json::micros(quote.expires_at).into(),
        quote.amounts.credits.into(),
        quote.amounts.micros.0.into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Keeps parts of a quote; false if it is gone.
pub fn insert_parts(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId, parts: &[Part]) -> Result<bool, DbError> {
    if lock(tx, workspace, id)?.is_none() {
        return Ok(false);
    }
    for part in parts {
        let document = json::text(&Document::of(part))?;
        tx.execute(&INSERT_PART, &[workspace.0.into(), id.0.into(), part.part.into(), document.into()])?;
    }
    Ok(true)
}

/// Has a quote hold until a time; false if it is gone.
pub fn hold(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId, until: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&HOLD, &[workspace.0.into(), id.0.into(), json::micros(until).into()])? == 1)
}

/// One quote, expired or not.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: QuoteId) -> Result<Option<BulkQuote>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// One quote, locked until the transaction ends: of two starts at once one waits here.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId) -> Result<Option<BulkQuote>, DbError> {
    tx.query_write(&LOCK, &[workspace.0.into(), id.0.into()])?.first().map(read).transpose()
}

fn read(row: &Row) -> Result<BulkQuote, DbError> {
    let per_day = row.int(7)?;
    let per_day = u32::try_from(per_day).map_err(|_| json::unreadable("per_day", &per_day.to_string()))?;
    Ok(BulkQuote {
        id: QuoteId(row.int(0)?),
        workflow: WorkflowId(row.int(1)?),
        version: row.int(2)?,
        rate: Micros(row.int(3)?),
        everybody: row.int(4)? == 1,
        shown: row.int(5)? == 1,
        contacts: row.int(6)?,
        per_day: Some(per_day).filter(|most| *most > 0),
        shown_at: json::timestamp(row.int(8)?)?,
        expires_at: json::timestamp(row.int(9)?)?,
        amounts: Amounts { credits: row.int(10)?, micros: Micros(row.int(11)?) },
        spent: Amounts { credits: row.int(12)?, micros: Micros(row.int(13)?) },
        job: row.opt_int(14)?.map(JobId),
    })
}

/// Notes which job a quote has begun; false if the quote is gone.
pub fn begin(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId, job: JobId) -> Result<bool, DbError> {
    Ok(tx.execute(&BEGIN, &[workspace.0.into(), id.0.into(), job.0.into()])? == 1)
}

/// Counts what some parts of the job have taken.
pub fn spend(tx: &mut Tx<'_>, workspace: WorkspaceId, id: QuoteId, taken: Amounts) -> Result<(), DbError> {
    let params = [workspace.0.into(), id.0.into(), taken.credits.into(), taken.micros.0.into()];
    tx.execute(&SPEND, &params).map(|_| ())
}

/// Parts in order, after the given one, with what became of them.
pub fn parts(
    db: &Read<'_>,
    workspace: WorkspaceId,
    id: QuoteId,
    after: i64,
    limit: i64,
) -> Result<Vec<(Part, Fate)>, DbError> {
    let row = |row: &Row| {
        let part = json::read::<Document>(row.text(1)?)?.part(row.int(0)?);
        let started = row.opt_text(2)?.map(json::read::<Vec<i64>>).transpose()?;
        let rest = row.opt_text(3)?.map(json::read::<Vec<i64>>).transpose()?;
        let started = started.map(|ids| ids.into_iter().map(EnrollmentId).collect());
        Ok((part, Fate { started, rest: rest.map(|ids| ids.into_iter().map(ContactId).collect()) }))
    };
    db.query(&PARTS, &[workspace.0.into(), id.0.into(), after.into(), limit.into()])?.iter().map(row).collect()
}

/// Notes which enrollments of a part began.
pub fn started(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (id, part): (QuoteId, i64),
    enrollments: &[EnrollmentId],
) -> Result<(), DbError> {
    let ids: Vec<i64> = enrollments.iter().map(|id| id.0).collect();
    tx.execute(&STARTED, &[workspace.0.into(), id.0.into(), part.into(), json::text(&ids)?.into()]).map(|_| ())
}

/// Notes who of a part is left after a withdrawal.
pub fn leave(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    (id, part): (QuoteId, i64),
    contacts: &[ContactId],
) -> Result<(), DbError> {
    let ids: Vec<i64> = contacts.iter().map(|id| id.0).collect();
    tx.execute(&REST, &[workspace.0.into(), id.0.into(), part.into(), json::text(&ids)?.into()]).map(|_| ())
}

/// Deletes the oldest quote that expired before a time and began no job, with its parts; false where there is none.
pub fn forget_one(tx: &mut Tx<'_>, workspace: WorkspaceId, before: Timestamp) -> Result<bool, DbError> {
    let Some(found) = tx.query_optional(&OLDEST, &[workspace.0.into(), json::micros(before).into()])? else {
        return Ok(false);
    };
    let key = [workspace.0.into(), found.int(0)?.into()];
    // One that has just begun its job stays, with its parts.
    if tx.execute(&FORGET, &key)? == 1 {
        tx.execute(&FORGET_PARTS, &key)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_reads_as_it_was_written() {
        let shown = |contact, mark| Shown { contact: ContactId(contact), mark };
        let contacts = vec![shown(7, Some(1)), shown(i64::MAX, None), shown(i64::MIN, Some(u32::MAX)), shown(7, None)];
        let part = Part { part: 3, before: 1_000, contacts };
        let text = json::text(&Document::of(&part)).unwrap();
        assert_eq!(json::read::<Document>(&text).unwrap().part(3), part);
    }
}
