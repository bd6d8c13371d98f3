//! Saved views: filters of a list under a name, a user's own or everybody's.

use domain::ids::{UserId, ViewId, WorkspaceId};
use jiff::Timestamp;

use crate::json;
use crate::{DbError, Read, Row, Sql, Tx};

/// The list that a view filters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The Messenger's conversations.
    Messenger,
    /// The contacts.
    Contacts,
}

impl Place {
    /// The word that the database holds.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Messenger => "messenger",
            Self::Contacts => "contacts",
        }
    }

    fn from_word(word: &str) -> Result<Self, DbError> {
        let of = |place: &Self| place.word() == word;
        [Self::Messenger, Self::Contacts].into_iter().find(of).ok_or_else(|| json::unreadable("place", word))
    }
}

/// A saved view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its identifier.
    pub id: ViewId,
    /// Whose; nothing if it is everybody's.
    pub user: Option<UserId>,
    /// Its name.
    pub name: String,
    /// Of which list.
    pub place: Place,
    /// The filter, as the query of that list's address.
    pub filter: String,
}

static LIST: Sql = Sql::Same(
    "
    SELECT view_id, user_id, name, place, filter FROM saved_views
    WHERE workspace_id = $1 AND (user_id IS NULL OR user_id = $2) AND place = $3 ORDER BY view_id LIMIT $4",
);

static FIND: Sql = Sql::Same(
    "
    SELECT view_id, user_id, name, place, filter FROM saved_views WHERE workspace_id = $1 AND view_id = $2",
);

static INSERT: Sql = Sql::Same(
    "
    INSERT INTO saved_views (workspace_id, view_id, user_id, name, place, filter, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)",
);

static DELETE: Sql = Sql::Same("DELETE FROM saved_views WHERE workspace_id = $1 AND view_id = $2");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] =
    &[("views::LIST", &LIST), ("views::FIND", &FIND), ("views::INSERT", &INSERT), ("views::DELETE", &DELETE)];

fn read(row: &Row) -> Result<View, DbError> {
    Ok(View {
        id: ViewId(row.int(0)?),
        user: row.opt_int(1)?.map(UserId),
        name: row.text(2)?.to_owned(),
        place: Place::from_word(row.text(3)?)?,
        filter: row.text(4)?.to_owned(),
    })
}

/// A user's views of a list and those of everybody, oldest first.
pub fn list(
    db: &Read<'_>,
    workspace: WorkspaceId,
    user: Option<UserId>,
    place: Place,
    limit: i64,
) -> Result<Vec<View>, DbError> {
    let user = user.map_or(0, |user| user.0);
    let params = [workspace.0.into(), user.into(), place.word().into(), limit.into()];
    db.query(&LIST, &params)?.iter().map(read).collect()
}

/// One view.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: ViewId) -> Result<Option<View>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// Keeps a view.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, view: &View, now: Timestamp) -> Result<(), DbError> {
    let params = [
        workspace.0.into(),
        view.id.0.into(),
        view.user.map(|user| user.0).into(),
        view.name.as_str().into(),
        view.place.word().into(),
        view.filter.as_str().into(),
        json::micros(now).into(),
    ];
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Deletes a view; false if there is none.
pub fn delete(tx: &mut Tx<'_>, workspace: WorkspaceId, id: ViewId) -> Result<bool, DbError> {
    Ok(tx.execute(&DELETE, &[workspace.0.into(), id.0.into()])? == 1)
}
