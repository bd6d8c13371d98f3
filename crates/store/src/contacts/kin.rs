//! Contacts with the others of the same persons.

use domain::ids::WorkspaceId;

use super::{Contact, read_all};
use crate::{DbError, Later, Sql, Tx, json};

/// The identifiers of the contacts with the phones in `$2`, and of those of the same persons.
macro_rules! kin_of_phones {
    (sqlite) => {
        "SELECT p.contact_id FROM contacts p
            WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.phone IN (SELECT value FROM json_each($2))
            UNION
            SELECT k.contact_id FROM contacts p
            JOIN contacts k ON k.workspace_id = $1 AND k.person_id = p.person_id AND k.deleted_at IS NULL
            WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.phone IN (SELECT value FROM json_each($2))"
    };
    (postgres) => {
        "SELECT p.contact_id FROM contacts p
            WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.phone = ANY ($2::TEXT[])
            UNION
            SELECT k.contact_id FROM contacts p
            JOIN contacts k ON k.workspace_id = $1 AND k.person_id = p.person_id AND k.deleted_at IS NULL
            WHERE p.workspace_id = $1 AND p.deleted_at IS NULL AND p.phone = ANY ($2::TEXT[])"
    };
}
pub(crate) use kin_of_phones;

pub(super) static LOCK: Sql = Sql::Twin {
    sqlite: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id IN (",
        kin_of_phones!(sqlite),
        ") ORDER BY c.contact_id"
    ),
    postgres: concat!(
        "SELECT ",
        columns!(),
        " FROM contacts c
          WHERE c.workspace_id = $1 AND c.deleted_at IS NULL AND c.contact_id = ANY (ARRAY(",
        kin_of_phones!(postgres),
        ")) ORDER BY c.contact_id FOR UPDATE"
    ),
};

/// The contacts with these phones and those of the same persons, locked until the transaction ends, in the order of their keys.
pub fn lock(tx: &mut Tx<'_>, workspace: WorkspaceId, phones: &[&str]) -> Result<Later<Vec<Contact>>, DbError> {
    tx.query_later(&LOCK, &[workspace.0.into(), json::texts(phones)], |rows| read_all(&rows))
}
