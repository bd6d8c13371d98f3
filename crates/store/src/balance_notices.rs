//! Below which balance of its wallet a workspace is told. Where there is no row, nobody has said anything and it never had so much.
//!
//! A row is written under the lock of its workspace's row (`workspaces::lock`).

use domain::balance::Notice;
use domain::ids::WorkspaceId;
use domain::money::Micros;

use crate::{DbError, Read, Row, Sql, Tx};

static FIND: Sql = Sql::Same("SELECT below, mails, armed FROM balance_notices WHERE workspace_id = $1");

static SAVE: Sql = Sql::Same(
    "
    INSERT INTO balance_notices (workspace_id, below, mails, armed) VALUES ($1, $2, $3, $4)
    ON CONFLICT (workspace_id) DO UPDATE SET below = excluded.below, mails = excluded.mails, armed = excluded.armed",
);

/// Outer joins, so that workspaces come first in the plan: SQLite would begin with the accounts of all and sort them.
static PAGE: Sql = Sql::Same(
    "
    SELECT n.below, n.mails, n.armed, w.workspace_id, COALESCE(a.balance, 0)
    FROM workspaces w
    LEFT JOIN accounts a ON a.workspace_id = w.workspace_id AND a.account = 'available' AND a.unit = 'micros'
    LEFT JOIN balance_notices n ON n.workspace_id = w.workspace_id
    WHERE w.workspace_id > $1
    ORDER BY w.workspace_id
    LIMIT $2",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] =
    &[("balance_notices::FIND", &FIND), ("balance_notices::SAVE", &SAVE), ("balance_notices::PAGE", &PAGE)];

fn read(row: &Row) -> Result<Notice, DbError> {
    Ok(Notice { below: row.opt_int(0)?.map(Micros), mails: row.flag(1)?, armed: row.flag(2)? })
}

/// What was said or noted; nothing if neither was.
pub fn find(db: &Read<'_>, workspace: WorkspaceId) -> Result<Option<Notice>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into()])?.as_ref().map(read).transpose()
}

/// Stores it in place of what was there. The workspace's row has to be locked.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, notice: Notice) -> Result<(), DbError> {
    let below = notice.below.map(|below| below.0);
    tx.execute(&SAVE, &[workspace.0.into(), below.into(), notice.mails.into(), notice.armed.into()]).map(|_| ())
}

/// A workspace as a look finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub workspace: WorkspaceId,
    /// Its notice, or what holds where there is none.
    pub notice: Notice,
    /// What is in its wallet.
    pub wallet: Micros,
}

/// Workspaces after the given one, in order, with their notices and wallets.
pub fn page(db: &Read<'_>, after: WorkspaceId, limit: i64) -> Result<Vec<Standing>, DbError> {
    let standing = |row: &Row| {
        let notice = if row.opt_int(2)?.is_some() { read(row)? } else { Notice::default() };
        Ok(Standing { workspace: WorkspaceId(row.int(3)?), notice, wallet: Micros(row.int(4)?) })
    };
    db.query(&PAGE, &[after.0.into(), limit.into()])?.iter().map(standing).collect()
}
