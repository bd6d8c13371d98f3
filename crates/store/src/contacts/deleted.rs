//! Contacts that go: found by nothing and listed nowhere, with rows that stay.

use domain::ids::{ContactId, WorkspaceId};
use jiff::Timestamp;

use super::values::Fields;
use super::{held, kept_keys, some};
use crate::json;
use crate::{DbError, Sql, Tx, conversations, labels, search};

static DELETE: Sql = Sql::Twin {
    sqlite: "
        UPDATE contacts SET deleted_at = $3, updated_at = $3
        WHERE workspace_id = $1 AND contact_id IN (SELECT value FROM json_each($2)) AND deleted_at IS NULL",
    postgres: "
        UPDATE contacts SET deleted_at = $3, updated_at = $3
        WHERE workspace_id = $1
          AND contact_id = ANY ($2::BIGINT[])
          AND deleted_at IS NULL",
};

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[("contacts::DELETE", &DELETE)];

/// Deletes a contact with its conversation and labels; false if there was none.
pub fn delete(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ContactId, now: Timestamp) -> Result<bool, DbError> {
    Ok(delete_all(tx, workspace, &[id], now)? == 1)
}

/// Deletes contacts with their conversations and labels; answers how many there were. The caller has locked them and ended what ran for
/// them before: a text that is settled meanwhile opens a conversation only where it has locked what runs ([`conversations::touch`]).
pub fn delete_all(tx: &mut Tx<'_>, workspace: WorkspaceId, ids: &[ContactId], now: Timestamp) -> Result<u64, DbError> {
    let fields = Fields::of(tx, workspace)?;
    let before = some(tx, workspace, ids)?;
    if before.is_empty() {
        return Ok(0);
    }
    search::remove(tx, workspace, &kept_keys(&before))?;
    fields.change(tx, workspace, held(&before), std::iter::empty())?;
    let list = json::list(before.iter().map(|contact| contact.id.0));
    let deleted = tx.execute(&DELETE, &[workspace.0.into(), list.clone(), json::micros(now).into()])?;
    conversations::remove(tx, workspace, list.clone())?;
    labels::take_all(tx, workspace, list)?;
    Ok(deleted)
}
