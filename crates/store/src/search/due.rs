//! Keys of contacts that come by the thousand: written behind the contacts, very many at a time and in the order of their table.
//!
//! 500 contacts have 3,500 keys, spread over the whole table, and each page of it that changes is written to the log. So whoever brings in many
//! notes them as due (`words_due`), and one writer of a workspace at a time takes some hundred thousand of them, sorts their keys, and writes them
//! in many small transactions, in each of which neighbours share their pages (decision 0044).
//!
//! Until its span is [`finish`]ed a contact may be found by nothing, or by some of its keys. What it is found by after that is what it would be
//! found by if its keys had been written with it, whatever happened to it meanwhile:
//!
//! - A change writes its new keys and removes its old ones as always. An old one may yet be written by whoever had read the contact before, so it is
//!   noted (`words_gone`), and removed when the span is finished, unless the contact has got it again. Whoever finishes waits for changes that
//!   are under way, also for those that bring a key again: they hold the span.
//! - A writer that dies leaves its spans, and another begins them anew: to write a key twice does nothing. One that was only slow writes nothing
//!   more, since each of its transactions asks whether the turn is still its own (`word_turns`).

use std::collections::BTreeSet;
use std::ops::Range;

use domain::ids::{ContactId, WorkspaceId};
use jiff::Timestamp;

use super::{ADD_NEW, REMOVE};
use crate::contacts;
use crate::json;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value};

mod keys;

pub use keys::{KeyRows, Keys};

/// So many keys are written before it is asked whether something inbound waits: some milliseconds.
const PART: usize = 2_000;
/// Most spans that one transaction finishes: whoever changes one of their contacts waits for it.
const MOST_SPANS: usize = 50;
/// Most rows of `words_gone` that one transaction looks through, but for those of one span.
const MOST_GONE: usize = 2_000;

static PUT_OFF: Sql =
    Sql::Same("INSERT INTO words_due (workspace_id, first_id, last_id, noted_at) VALUES ($1, $2, $3, $4)");

static AMONG: Sql = Sql::Same(
    "
    SELECT first_id, last_id FROM words_due
    WHERE workspace_id = $1 AND first_id <= $3 AND last_id >= $2 ORDER BY first_id",
);

static HOLD: Sql = Sql::Twin {
    sqlite: "
        SELECT first_id, last_id FROM words_due
        WHERE workspace_id = $1 AND first_id IN (SELECT value FROM json_each($2)) ORDER BY first_id",
    postgres: "
        SELECT first_id, last_id FROM words_due
        WHERE workspace_id = $1 AND first_id = ANY ($2::BIGINT[]) ORDER BY first_id FOR SHARE",
};

static NOTE: Each<2> = Each(Sql::Twin {
    sqlite: "INSERT INTO words_gone (workspace_id, word, contact_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    postgres: "
        INSERT INTO words_gone (workspace_id, word, contact_id)
        SELECT $1, t.word, t.id FROM UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)
        ON CONFLICT DO NOTHING",
});

static WAITING: Sql = Sql::Same(
    "
    SELECT workspace_id FROM words_due WHERE workspace_id > $1 AND (noted_at < $2 OR noted_at > $3)
    ORDER BY workspace_id LIMIT 1",
);

static SPANS: Sql =
    Sql::Same("SELECT first_id, last_id FROM words_due WHERE workspace_id = $1 ORDER BY first_id LIMIT $2");

static LAST: Sql =
    Sql::Same("SELECT first_id, last_id FROM words_due WHERE workspace_id = $1 ORDER BY first_id DESC LIMIT 1");

static TAKE: Sql = Sql::Same(
    "
    INSERT INTO word_turns (workspace_id, holder, moved_at) VALUES ($1, $2, $3)
    ON CONFLICT (workspace_id) DO UPDATE SET holder = $2, moved_at = $3
    WHERE word_turns.moved_at < $4 OR word_turns.moved_at > $5",
);

static MOVE: Sql = Sql::Same("UPDATE word_turns SET moved_at = $3 WHERE workspace_id = $1 AND holder = $2");

static FINISH: Sql = Sql::Same("DELETE FROM words_due WHERE workspace_id = $1 AND first_id = $2");

static GONE: Sql = Sql::Same(
    "
    SELECT word, contact_id FROM words_gone WHERE workspace_id = $1 AND contact_id >= $2 AND contact_id <= $3",
);

static FORGET: Sql =
    Sql::Same("DELETE FROM words_gone WHERE workspace_id = $1 AND contact_id >= $2 AND contact_id <= $3");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("search::due::PUT_OFF", &PUT_OFF),
    ("search::due::AMONG", &AMONG),
    ("search::due::HOLD", &HOLD),
    ("search::due::NOTE", &NOTE.0),
    ("search::due::WAITING", &WAITING),
    ("search::due::SPANS", &SPANS),
    ("search::due::LAST", &LAST),
    ("search::due::keys::CONTACTS", &keys::CONTACTS),
    ("search::due::TAKE", &TAKE),
    ("search::due::MOVE", &MOVE),
    ("search::due::FINISH", &FINISH),
    ("search::due::GONE", &GONE),
    ("search::due::FORGET", &FORGET),
];

/// Contacts whose keys were put off together: these two, and whoever's identifier lies between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first of them.
    pub first: ContactId,
    /// The last.
    pub last: ContactId,
}

impl Span {
    fn read(row: &Row) -> Result<Self, DbError> {
        Ok(Self { first: ContactId(row.int(0)?), last: ContactId(row.int(1)?) })
    }

    fn bounds(self, workspace: WorkspaceId) -> [Value; 3] {
        [workspace.0.into(), self.first.0.into(), self.last.0.into()]
    }
}

/// Notes that these contacts, which this transaction has made, are to be kept under their keys later.
pub(crate) fn put_off(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    contacts: impl Iterator<Item = ContactId> + Clone,
    now: Timestamp,
) -> Result<(), DbError> {
    let Some((first, last)) = contacts.clone().min().zip(contacts.max()) else { return Ok(()) };
    let at = json::micros(now).into();
    tx.execute(&PUT_OFF, &[Span { first, last }.bounds(workspace).as_slice(), &[at]].concat()).map(|_| ())
}

/// Spans without those that none of some contacts is in.
fn with(spans: &[Row], contacts: &BTreeSet<ContactId>) -> Result<Vec<Span>, DbError> {
    let spans = spans.iter().map(Span::read).collect::<Result<Vec<_>, _>>()?;
    Ok(spans.into_iter().filter(|span| contacts.range(span.first..=span.last).next().is_some()).collect())
}

/// The spans that these contacts are in, as far as they are known to anybody else.
fn among(db: &Read<'_>, workspace: WorkspaceId, contacts: &BTreeSet<ContactId>) -> Result<Vec<Span>, DbError> {
    let Some((first, last)) = contacts.first().zip(contacts.last()) else { return Ok(Vec::new()) };
    let span = Span { first: *first, last: *last };
    with(&db.query(&AMONG, &span.bounds(workspace))?, contacts)
}

/// Whether one of these contacts is not found by all of its keys yet, or what it was found by may be noted.
pub fn is_due(db: &Read<'_>, workspace: WorkspaceId, contacts: &[ContactId]) -> Result<bool, DbError> {
    Ok(!among(db, workspace, &contacts.iter().copied().collect())?.is_empty())
}

/// The spans that the contacts of these keys are in. None of them is finished until this transaction ends.
pub(super) fn hold(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    keys: &[(String, ContactId)],
) -> Result<Vec<Span>, DbError> {
    let contacts = keys.iter().map(|(_, contact)| *contact).collect();
    let spans = among(tx, workspace, &contacts)?;
    if spans.is_empty() {
        return Ok(spans);
    }
    let list = json::list(spans.iter().map(|span| span.first.0));
    with(&tx.query_write(&HOLD, &[workspace.0.into(), list])?, &contacts)
}

/// Notes those of these keys that somebody may yet write, though their contacts are to be found by them no more.
pub(super) fn note_gone(tx: &mut Tx<'_>, workspace: WorkspaceId, keys: &[(String, ContactId)]) -> Result<(), DbError> {
    let spans = hold(tx, workspace, keys)?;
    let is_due = |contact: ContactId| spans.iter().any(|span| (span.first..=span.last).contains(&contact));
    let due = keys.iter().filter(|(_, contact)| is_due(*contact));
    let due = super::batch(due.map(|(word, contact)| (word.as_str(), contact.0)));
    if due.is_empty() {
        return Ok(());
    }
    tx.execute_each(&NOTE, &[workspace.0.into()], &due).map(|_| ())
}

/// The next workspace behind the given one that has keys which were put off, but for those that were between two times.
pub fn waiting(db: &Read<'_>, after: WorkspaceId, but: &Range<Timestamp>) -> Result<Option<WorkspaceId>, DbError> {
    let times = [but.start, but.end].map(|time| json::micros(time).into());
    let row = db.query_optional(&WAITING, &[&[after.0.into()], times.as_slice()].concat())?;
    row.map(|row| row.int(0).map(WorkspaceId)).transpose()
}

/// The last span of a workspace that is due.
pub fn last(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Span>, DbError> {
    db.query_optional(&LAST, &[workspace.0.into()])?.as_ref().map(Span::read).transpose()
}

/// The spans of a workspace that are due, oldest first, at most so many.
pub fn spans(db: &Read<'_>, workspace: WorkspaceId, limit: i64) -> Result<Vec<Span>, DbError> {
    db.query(&SPANS, &[workspace.0.into(), limit.into()])?.iter().map(Span::read).collect()
}

/// Takes the turn of a workspace for a holder, unless somebody else has it who was heard of between these times.
pub fn take(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    holder: i64,
    now: Timestamp,
    heard: &Range<Timestamp>,
) -> Result<bool, DbError> {
    let times = [now, heard.start, heard.end].map(|time| json::micros(time).into());
    Ok(tx.execute(&TAKE, &[&[workspace.0.into(), holder.into()], times.as_slice()].concat())? == 1)
}

/// Has the holder of a turn heard of; false if it is not the holder's any more.
fn move_turn(tx: &mut Tx<'_>, workspace: WorkspaceId, holder: i64, now: Timestamp) -> Result<bool, DbError> {
    Ok(tx.execute(&MOVE, &[workspace.0.into(), holder.into(), json::micros(now).into()])? == 1)
}

/// Gives a turn back, so that the next need not wait until nothing was heard of its holder for long.
pub fn give_back(tx: &mut Tx<'_>, workspace: WorkspaceId, holder: i64) -> Result<(), DbError> {
    move_turn(tx, workspace, holder, Timestamp::UNIX_EPOCH).map(|_| ())
}

/// Returns once every transaction has ended that writes contacts of the workspace and held its lock before. Whoever lists spans, waits, and then reads
/// their contacts reads what those have written who did not know of a span; all others know of it and hold it. Such a contact need not have
/// come with its span: its identifier only lies in it.
pub fn wait(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    contacts::values::wait_for_writers(tx, workspace)
}

/// Writes rows from the given one on and says how far it came: to their end, unless something inbound waits. Nothing if the turn is not the
/// holder's any more.
pub fn write(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    holder: i64,
    (rows, from): (&KeyRows, usize),
    now: Timestamp,
) -> Result<Option<usize>, DbError> {
    if !move_turn(tx, workspace, holder, now)? {
        return Ok(None);
    }
    let mut reached = from;
    for part in rows.from(from).chunks(PART) {
        tx.execute_each(&ADD_NEW, &[workspace.0.into()], part)?;
        reached += part.len();
        if tx.is_awaited() {
            break;
        }
    }
    Ok(Some(reached))
}

/// Finishes the first of these spans, all of whose keys were written, and says how many: as many as one transaction may. Nothing if the turn
/// is not the holder's any more.
pub fn finish(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    holder: i64,
    spans: &[Span],
    now: Timestamp,
) -> Result<Option<usize>, DbError> {
    if !move_turn(tx, workspace, holder, now)? {
        return Ok(None);
    }
    let mut gone = 0;
    for (place, span) in spans.iter().take(MOST_SPANS).enumerate() {
        // Waits for every change that holds the span; each of those that come after finds that it is finished.
        tx.execute(&FINISH, &[workspace.0.into(), span.first.0.into()])?;
        gone += settle(tx, workspace, *span)?;
        if gone >= MOST_GONE {
            return Ok(Some(place + 1));
        }
    }
    Ok(Some(spans.len().min(MOST_SPANS)))
}

/// Removes what the contacts of a span are found by no more; says how many keys were noted.
fn settle(tx: &mut Tx<'_>, workspace: WorkspaceId, span: Span) -> Result<usize, DbError> {
    let rows = tx.query(&GONE, &span.bounds(workspace))?;
    if rows.is_empty() {
        return Ok(0);
    }
    let key = |row: &Row| Ok((row.text(0)?.to_owned(), ContactId(row.int(1)?)));
    let gone = rows.iter().map(key).collect::<Result<Vec<_>, DbError>>()?;
    let ids: BTreeSet<ContactId> = gone.iter().map(|(_, contact)| *contact).collect();
    let there = contacts::some(tx, workspace, &ids.into_iter().collect::<Vec<_>>())?;
    let kept: BTreeSet<_> = contacts::kept_keys(&there).into_iter().collect();
    let stale = gone.iter().filter(|key| !kept.contains(*key)).map(|(word, contact)| (word.as_str(), contact.0));
    tx.execute_each(&REMOVE, &[workspace.0.into()], super::batch(stale))?;
    tx.execute(&FORGET, &span.bounds(workspace))?;
    Ok(gone.len())
}
