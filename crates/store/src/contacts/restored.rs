//! Contacts that were deleted by mistake and live again.

use domain::ids::{ContactId, WorkspaceId};
use jiff::Timestamp;

use super::values::Fields;
use super::{Contact, held, kept_keys, some};
use crate::json;
use crate::{DbError, Row, Sql, Tx, search, suppressions};

static RESTORE: Sql = Sql::Twin {
    sqlite: "
        UPDATE contacts SET deleted_at = NULL, updated_at = $3
        WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2)) AND deleted_at IS NOT NULL
          AND erased_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM contacts o
              WHERE o.workspace_id = $1 AND o.phone = contacts.phone AND o.deleted_at IS NULL)
        RETURNING contact_id",
    postgres: "
        UPDATE contacts SET deleted_at = NULL, updated_at = $3
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])
          AND deleted_at IS NOT NULL
          AND erased_at IS NULL
          AND NOT EXISTS (SELECT 1 FROM contacts o
              WHERE o.workspace_id = $1 AND o.phone = contacts.phone AND o.deleted_at IS NULL)
        RETURNING contact_id",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("contacts::RESTORE", &RESTORE)];

/// Lets deleted contacts live again, but for those that are erased and those whose phone another contact has by now; answers those that do.
pub fn restore(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    ids: &[ContactId],
    now: Timestamp,
) -> Result<Vec<Contact>, DbError> {
    let fields = Fields::of(tx, workspace)?;
    let list = json::list(ids.iter().map(|id| id.0));
    let rows = tx.query_write(&RESTORE, &[workspace.0.into(), list, json::micros(now).into()])?;
    let ids = rows.iter().map(|row: &Row| row.int(0).map(ContactId)).collect::<Result<Vec<_>, _>>()?;
    let contacts = some(tx, workspace, &ids)?;
    search::add(tx, workspace, &kept_keys(&contacts))?;
    fields.add(tx, workspace, held(&contacts))?;
    let hashes: Vec<_> = contacts.iter().map(|contact| (contact.phone_hash, contact.id)).collect();
    suppressions::take_over(tx, workspace, &hashes)?;
    Ok(contacts)
}
