//! Finding contacts and texts by words: two tables of our own, alike on both databases.
//!
//! A full-text index of either database would hold all workspaces in one, or ask for an extension of the server;
//! these tables begin with the workspace as every other, and a beginning of a word is a range of their key. Texts of
//! workflows are not kept by words: there are many, and one workflow's are all alike. Why and at what price: decision 0011.

use std::collections::BTreeSet;

use domain::ids::{ContactId, MessageId, WorkspaceId};
use domain::search::{Asked, MAX_ASKED, after_all, order_key, text_words};
use jiff::Timestamp;

use crate::json;
use crate::messages::Message;
use crate::{DbError, Each, Read, Sql, Tx, Value};

pub mod due;

/// How many keys are looked at for words that stand together, at most.
const MOST_KEYS: i64 = 50_000;
/// How many of the newest texts with the rarest word are looked at, at most.
const MOST_TEXTS: i64 = 500;

static ADD: Each<2> = Each(Sql::Twin {
    sqlite: "
        INSERT OR FAIL INTO contact_words (workspace_id, word, contact_id)
        SELECT $1, $2, c.contact_id FROM contacts c
        WHERE c.workspace_id = $1 AND c.contact_id = $3 AND c.deleted_at IS NULL
        ON CONFLICT DO NOTHING",
    postgres: "
        INSERT INTO contact_words (workspace_id, word, contact_id)
        SELECT $1, t.word, t.id FROM UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)
        WHERE EXISTS (SELECT 1 FROM contacts c
            WHERE c.workspace_id = $1 AND c.contact_id = t.id AND c.deleted_at IS NULL)
        ON CONFLICT DO NOTHING",
});

/// The contacts are there, so SQLite need not look; and a statement of one row that may not be left half done costs it no copy of
/// the pages that it changes.
static ADD_NEW: Each<2> = Each(Sql::Twin {
    sqlite: "INSERT INTO contact_words (workspace_id, word, contact_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    postgres: "
        INSERT INTO contact_words (workspace_id, word, contact_id)
        SELECT $1, t.word, t.id FROM UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)
        ON CONFLICT DO NOTHING",
});

static REMOVE: Each<2> = Each(Sql::Twin {
    sqlite: "DELETE FROM contact_words WHERE workspace_id = $1 AND word = $2 AND contact_id = $3",
    postgres: "
        DELETE FROM contact_words w USING UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)
        WHERE w.workspace_id = $1 AND w.word = t.word AND w.contact_id = t.id",
});

static ADD_TEXTS: Each<2> = Each(Sql::Twin {
    sqlite: "INSERT INTO message_words (workspace_id, word, message_id) VALUES ($1, $2, $3)",
    postgres: "
        INSERT INTO message_words (workspace_id, word, message_id)
        SELECT $1, word, id FROM UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)",
});

static REMOVE_TEXTS: Each<2> = Each(Sql::Twin {
    sqlite: "DELETE FROM message_words WHERE workspace_id = $1 AND word = $2 AND message_id = $3",
    postgres: "
        DELETE FROM message_words w USING UNNEST($2::TEXT[], $3::BIGINT[]) AS t (word, id)
        WHERE w.workspace_id = $1 AND w.word = t.word AND w.message_id = t.id",
});

/// A contact may come once for each of its keys: to leave out the others here would be to look at all keys first.
static BY_WORDS: Sql = Sql::Twin {
    sqlite: "
        SELECT contact_id FROM (
            SELECT word, contact_id FROM contact_words
            WHERE workspace_id = $1 AND word >= $2 AND word < $3 LIMIT $4)
        WHERE ($5 = '' OR instr(' ' || LTRIM(word, '^'), ' ' || $5) > 0) AND ($6 = '' OR instr(' ' || LTRIM(word, '^'), ' ' || $6) > 0)
          AND ($7 = '' OR instr(' ' || LTRIM(word, '^'), ' ' || $7) > 0)
        LIMIT $8",
    postgres: "
        SELECT contact_id FROM (
            SELECT word, contact_id FROM contact_words
            WHERE workspace_id = $1 AND word >= $2 AND word < $3 LIMIT $4) AS w
        WHERE ($5::text = '' OR strpos(' ' || LTRIM(word, '^'), ' ' || $5::text) > 0)
          AND ($6::text = '' OR strpos(' ' || LTRIM(word, '^'), ' ' || $6::text) > 0)
          AND ($7::text = '' OR strpos(' ' || LTRIM(word, '^'), ' ' || $7::text) > 0)
        LIMIT $8",
};

static BY_PHONE: Sql = Sql::Same(
    "
    SELECT contact_id FROM contacts
    WHERE workspace_id = $1 AND phone >= $2 AND phone < $3 AND deleted_at IS NULL
    ORDER BY phone LIMIT $4",
);

static COUNT_TEXTS: Sql = Sql::Twin {
    sqlite: "
        SELECT COUNT(*) FROM (
            SELECT 1 FROM message_words WHERE workspace_id = $1 AND word >= $2 AND word < $3 LIMIT $4)",
    postgres: "
        SELECT COUNT(*) FROM (
            SELECT 1 FROM message_words WHERE workspace_id = $1 AND word >= $2 AND word < $3 LIMIT $4) AS w",
};

static WITH_WORD: Sql = Sql::Same(
    "
    SELECT message_id FROM message_words WHERE workspace_id = $1 AND word = $2 ORDER BY message_id DESC LIMIT $3",
);

static WITH_BEGINNING: Sql = Sql::Same(
    "
    SELECT message_id FROM message_words WHERE workspace_id = $1 AND word > $2 AND word < $3 LIMIT $4",
);

static TEXTS: Sql = Sql::Twin {
    sqlite: "
        SELECT m.message_id, m.contact_id, m.body, m.created_at FROM messages m
        JOIN contacts c ON c.workspace_id = m.workspace_id AND c.contact_id = m.contact_id AND c.deleted_at IS NULL
        WHERE m.workspace_id = $1 AND m.message_id IN (SELECT value FROM json_each($2))
        ORDER BY m.message_id DESC",
    postgres: "
        SELECT m.message_id, m.contact_id, m.body, m.created_at FROM messages m
        JOIN contacts c ON c.workspace_id = m.workspace_id AND c.contact_id = m.contact_id AND c.deleted_at IS NULL
        WHERE m.workspace_id = $1
          AND m.message_id = ANY ($2::BIGINT[])
        ORDER BY m.message_id DESC",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("search::ADD", &ADD.0),
    ("search::ADD_NEW", &ADD_NEW.0),
    ("search::REMOVE", &REMOVE.0),
    ("search::ADD_TEXTS", &ADD_TEXTS.0),
    ("search::REMOVE_TEXTS", &REMOVE_TEXTS.0),
    ("search::BY_WORDS", &BY_WORDS),
    ("search::BY_PHONE", &BY_PHONE),
    ("search::COUNT_TEXTS", &COUNT_TEXTS),
    ("search::WITH_WORD", &WITH_WORD),
    ("search::WITH_BEGINNING", &WITH_BEGINNING),
    ("search::TEXTS", &TEXTS),
];

/// Keys in their own order, which is the table's: neighbours are written together.
fn batch<'k>(keys: impl Iterator<Item = (&'k str, i64)>) -> Vec<[Value; 2]> {
    let mut keys: Vec<_> = keys.collect();
    keys.sort_unstable();
    keys.into_iter().map(|(word, id)| [word.into(), id.into()]).collect()
}

/// Keeps contacts under keys; those that are not there are passed over.
pub(crate) fn add(tx: &mut Tx<'_>, workspace: WorkspaceId, keys: &[(String, ContactId)]) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    due::hold(tx, workspace, keys)?;
    let keys = batch(keys.iter().map(|(word, id)| (word.as_str(), id.0)));
    tx.execute_each(&ADD, &[workspace.0.into()], &keys).map(|_| ())
}

/// The same for contacts that this transaction has made.
pub(crate) fn add_new(tx: &mut Tx<'_>, workspace: WorkspaceId, keys: &[(String, ContactId)]) -> Result<(), DbError> {
    let keys = batch(keys.iter().map(|(word, id)| (word.as_str(), id.0)));
    tx.execute_each(&ADD_NEW, &[workspace.0.into()], &keys).map(|_| ())
}

/// Keeps contacts no longer under keys.
pub(crate) fn remove(tx: &mut Tx<'_>, workspace: WorkspaceId, keys: &[(String, ContactId)]) -> Result<(), DbError> {
    if keys.is_empty() {
        return Ok(());
    }
    due::note_gone(tx, workspace, keys)?;
    let keys = batch(keys.iter().map(|(word, id)| (word.as_str(), id.0)));
    tx.execute_each(&REMOVE, &[workspace.0.into()], &keys).map(|_| ())
}

/// Keeps what people wrote: inbound and manual texts, which are new.
pub(crate) fn add_texts(tx: &mut Tx<'_>, workspace: WorkspaceId, texts: &[&Message]) -> Result<(), DbError> {
    let texts: Vec<_> = texts.iter().map(|message| (message.id, message.body.as_str())).collect();
    each_word(tx, workspace, &ADD_TEXTS, &texts)
}

/// Keeps texts no longer; these are what they said.
pub(crate) fn remove_texts(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    texts: &[(MessageId, &str)],
) -> Result<(), DbError> {
    each_word(tx, workspace, &REMOVE_TEXTS, texts)
}

fn each_word(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    sql: &'static Each<2>,
    texts: &[(MessageId, &str)],
) -> Result<(), DbError> {
    let words: Vec<(String, i64)> =
        texts.iter().flat_map(|(id, body)| text_words(body).into_iter().map(|word| (word, id.0))).collect();
    if words.is_empty() {
        return Ok(());
    }
    let keys = batch(words.iter().map(|(word, id)| (word.as_str(), *id)));
    tx.run_each(sql, &[workspace.0.into()], &keys)
}

/// How a key may begin, and what else must be in it: the end of a phone; the longest word, which fits the fewest; and the
/// first, since only names are kept from each of their words.
fn keys_asked(asked: &Asked) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = asked.digits.iter().map(|digits| vec![format!("#{digits}")]).collect();
    let firsts = asked.words.first().into_iter().chain(Some(&asked.first).filter(|first| !first.is_empty()));
    for first in firsts.collect::<BTreeSet<_>>() {
        for beginning in [first.clone(), order_key(first)] {
            let others = asked.words.iter().filter(|word| *word != first).cloned();
            all.push(std::iter::once(beginning).chain(others).collect());
        }
    }
    all
}

/// Contacts whose name, phone, e-mail address, company or street fits; at most so many, in no order.
pub fn contacts(db: &Read<'_>, workspace: WorkspaceId, asked: &Asked, limit: i64) -> Result<Vec<ContactId>, DbError> {
    let most = usize::try_from(limit).unwrap_or(0);
    // Each question may find the same contacts, so none has less room for those before it.
    let mut by_phone = BTreeSet::new();
    for beginning in asked.phone_beginnings() {
        let range = [beginning.as_str().into(), after_all(&beginning).into()];
        let params = [&[workspace.0.into()], range.as_slice(), &[limit.into()]].concat();
        for row in db.query(&BY_PHONE, &params)? {
            by_phone.insert(row.int(0).map(ContactId)?);
        }
    }
    let mut by_key = BTreeSet::new();
    for words in keys_asked(asked) {
        let [first, others @ ..] = words.as_slice() else { continue };
        let mut params: Vec<Value> =
            vec![workspace.0.into(), first.as_str().into(), after_all(first).into(), MOST_KEYS.into()];
        params.extend((0..MAX_ASKED - 1).map(|place| Value::from(others.get(place).map_or("", String::as_str))));
        by_key.extend(by_words(db, params, limit)?);
    }
    // Whoever types a phone means a phone.
    let others = by_key.iter().rev().filter(|contact| !by_phone.contains(contact));
    let mut found: Vec<ContactId> = by_phone.iter().rev().chain(others).take(most).copied().collect();
    found.sort_unstable_by(|one, other| other.cmp(one));
    Ok(found)
}

/// So many contacts, or all that there are; `params` but for how many rows are wanted.
fn by_words(db: &Read<'_>, params: Vec<Value>, most: i64) -> Result<Vec<ContactId>, DbError> {
    // Most contacts have one key that begins so, some have two or three.
    let mut rows = most.saturating_mul(2);
    loop {
        let found = db.query(&BY_WORDS, &[params.as_slice(), &[rows.into()]].concat())?;
        let is_all = i64::try_from(found.len()).unwrap_or(i64::MAX) < rows;
        let mut ids = found.iter().map(|row| row.int(0).map(ContactId)).collect::<Result<Vec<_>, _>>()?;
        ids.sort_unstable_by(|one, other| other.cmp(one));
        ids.dedup();
        let most = usize::try_from(most).unwrap_or(0);
        if is_all || ids.len() >= most {
            ids.truncate(most);
            return Ok(ids);
        }
        rows = rows.saturating_mul(4);
    }
}

/// A text that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The message.
    pub message: MessageId,
    /// With whom.
    pub contact: ContactId,
    /// All of it.
    pub body: String,
    /// When it was made.
    pub at: Timestamp,
}

/// Texts that people wrote with all of the words in them, newest first; looks at the newest 500 of the rarest word.
pub fn texts(db: &Read<'_>, workspace: WorkspaceId, asked: &Asked, limit: usize) -> Result<Vec<Text>, DbError> {
    let mut rarest: Option<(i64, &String)> = None;
    for word in &asked.words {
        let params = [workspace.0.into(), word.as_str().into(), after_all(word).into(), (4 * MOST_TEXTS).into()];
        let count = db.query_one(&COUNT_TEXTS, &params)?.int(0)?;
        if rarest.is_none_or(|(least, _)| count < least) {
            rarest = Some((count, word));
        }
    }
    let Some((1.., word)) = rarest else { return Ok(Vec::new()) };
    let mut ids = Vec::new();
    for row in db.query(&WITH_WORD, &[workspace.0.into(), word.as_str().into(), MOST_TEXTS.into()])? {
        ids.push(row.int(0)?);
    }
    let range = [workspace.0.into(), word.as_str().into(), after_all(word).into(), MOST_TEXTS.into()];
    for row in db.query(&WITH_BEGINNING, &range)? {
        ids.push(row.int(0)?);
    }
    ids.sort_unstable_by(|one, other| other.cmp(one));
    ids.dedup();
    let mut found = Vec::new();
    for chunk in ids.chunks(100) {
        for row in db.query(&TEXTS, &[workspace.0.into(), json::list(chunk.iter().copied())])? {
            if found.len() < limit && asked.is_in(row.text(2)?) {
                found.push(Text {
                    message: MessageId(row.int(0)?),
                    contact: ContactId(row.int(1)?),
                    body: row.text(2)?.to_owned(),
                    at: json::timestamp(row.int(3)?)?,
                });
            }
        }
        if found.len() >= limit {
            break;
        }
    }
    Ok(found)
}
