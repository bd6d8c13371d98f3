//! Contacts that were there before the order of names was kept among their keys.

use std::collections::HashSet;

use domain::ids::{ContactId, WorkspaceId};
use domain::search::{fold, order_key, plain_key};

use super::{kept_keys, page};
use crate::search;
use crate::{DbError, Each, Sql, Tx};

/// So many at a time.
const PAGE: i64 = 1_000;

/// The first of these rows were folded by a database, which folds less.
static FOLD: Each<2> = Each(Sql::Twin {
    sqlite: "UPDATE contacts SET name_key = $3 WHERE workspace_id = $1 AND contact_id = $2 AND name_key <> $3",
    postgres: "
        UPDATE contacts SET name_key = t.name
        FROM UNNEST($2::BIGINT[], $3::TEXT[]) AS t (id, name)
        WHERE contacts.workspace_id = $1 AND contacts.contact_id = t.id AND contacts.name_key <> t.name",
});

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("contacts::order::FOLD", &FOLD.0)];

/// Gives all contacts the key of their whole names, and takes from them the one that they had before, unless something else of theirs is
/// found by it. It holds no lock of fields: its migration has dropped an index of the table before, and so has the table alone.
pub(crate) fn sort_in(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    let mut after = ContactId(i64::MIN);
    loop {
        let contacts = page(tx, workspace, after, PAGE)?;
        let Some(last) = contacts.last() else { return Ok(()) };
        after = last.id;
        let names: Vec<(ContactId, String)> =
            contacts.iter().map(|contact| (contact.id, fold(&contact.name))).collect();
        let rows = names.iter().map(|(id, name)| [id.0.into(), name.as_str().into()]);
        tx.execute_each(&FOLD, &[workspace.0.into()], rows)?;
        let kept: HashSet<_> = kept_keys(&contacts).into_iter().collect();
        let before = names.iter().filter_map(|(id, name)| Some((plain_key(name)?, *id)));
        search::remove(tx, workspace, &before.filter(|key| !kept.contains(key)).collect::<Vec<_>>())?;
        let keys: Vec<_> = names.iter().map(|(id, name)| (order_key(name), *id)).collect();
        search::add(tx, workspace, &keys)?;
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{ContactRow, delete, insert};
    use super::*;
    use crate::{Lane, testing};

    const WORKSPACE: WorkspaceId = WorkspaceId(1);
    const KEYS: Sql = Sql::Same("SELECT word, contact_id FROM contact_words ORDER BY word, contact_id");
    const NAMES: Sql = Sql::Same("SELECT name_key FROM contacts WHERE deleted_at IS NULL ORDER BY contact_id");
    const WITHOUT_ORDER: Sql = Sql::Same("DELETE FROM contact_words WHERE word LIKE '^%'");
    const BY_THE_DATABASE: Sql = Sql::Same("UPDATE contacts SET name_key = LOWER(name)");

    /// All keys, and how the names of those who are there are folded.
    type Told = (Vec<(String, i64)>, Vec<String>);

    fn told(tx: &Tx<'_>) -> Result<Told, DbError> {
        let keys = tx.query(&KEYS, &[])?;
        let keys = keys.iter().map(|row| Ok((row.text(0)?.to_owned(), row.int(1)?))).collect::<Result<_, DbError>>()?;
        let names = tx.query(&NAMES, &[])?;
        Ok((keys, names.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_, _>>()?))
    }

    #[test]
    fn contacts_that_were_there_get_their_place_and_keep_what_else_is_found_so() {
        let (long, wide) = ("é".repeat(70), "𐐨 ".repeat(50));
        let names = ["Gone", "Ann O'Lee", "", "José Müller", &long, &wide, "Acme Inc"].map(str::to_owned);
        let row = |(id, name): (i64, String)| ContactRow {
            id: ContactId(id),
            phone: format!("+1212555010{id}"),
            phone_hash: id,
            person: None,
            // A company of its contact's name is found by a key that the name had before.
            fields: vec![("company".to_owned(), "Acme, Inc.".to_owned())],
            name,
        };
        let rows: Vec<ContactRow> = (0..).zip(names).map(row).collect();
        for db in testing::databases() {
            let rows = rows.clone();
            let both = db.store.write_blocking::<_, DbError, _>(Lane::Normal, move |tx| {
                insert(tx, WORKSPACE, &rows, Timestamp::UNIX_EPOCH)?;
                delete(tx, WORKSPACE, ContactId(0), Timestamp::UNIX_EPOCH)?;
                let wanted = told(tx)?;
                tx.execute(&WITHOUT_ORDER, &[])?;
                tx.execute(&BY_THE_DATABASE, &[])?;
                let plain = rows.iter().skip(1).filter_map(|row| Some((plain_key(&fold(&row.name))?, row.id)));
                search::add(tx, WORKSPACE, &plain.collect::<Vec<_>>())?;
                assert!(told(tx)? != wanted);
                sort_in(tx, WORKSPACE)?;
                Ok((wanted, told(tx)?))
            });
            let (wanted, got) = both.unwrap();
            assert_eq!(got, wanted, "{}", db.name);
            assert!(got.0.contains(&("acme inc".to_owned(), 6)), "{}", db.name);
        }
    }
}
