//! The ledger as it is taken out: every transfer of some days, oldest first, and what all of them add up to.
//!
//! The answer is streamed, so it need not fit into memory: the database sorts it, on its disk where it must. Nothing is judged
//! here, and what is stored is given as it is.

use domain::ids::WorkspaceId;

use super::{Flow, Posted};
use crate::{DbError, Read, Row, Sql, json};

pub(super) static TRANSFERS: Sql = Sql::Same(
    "
    SELECT t.subject, t.step, t.reason, t.unit, t.debit, t.credit, t.amount, t.at, e.enrollment_id, p.payment_id
    FROM transfers t
    LEFT JOIN enrollments e ON e.workspace_id = t.workspace_id AND e.enrollment_id = t.subject
    LEFT JOIN payments p ON p.workspace_id = t.workspace_id AND p.payment_id = t.subject
    WHERE t.workspace_id = $1 AND t.day >= $2 AND t.day <= $3
    ORDER BY t.at, t.subject, t.step, t.reason, t.unit",
);

pub(super) static FLOWS: Sql = Sql::Same(
    "
    SELECT debit, credit, unit, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM transfers
    WHERE workspace_id = $1 AND day >= $2 AND day <= $3 GROUP BY debit, credit, unit",
);

/// A transfer and what caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The identifier of the enrollment, the message or the payment.
    pub subject: i64,
    /// Whether that is an enrollment.
    pub is_enrollment: bool,
    /// Whether that is a payment by card.
    pub is_payment: bool,
    /// The transfer.
    pub posted: Posted,
}

fn exported(row: &Row) -> Result<Exported, DbError> {
    let posted = Posted {
        step: row.int(1)?,
        reason: row.text(2)?.to_owned(),
        unit: row.text(3)?.to_owned(),
        debit: row.text(4)?.to_owned(),
        credit: row.text(5)?.to_owned(),
        amount: row.int(6)?,
        at: json::timestamp(row.int(7)?)?,
    };
    let (is_enrollment, is_payment) = (row.opt_int(8)?.is_some(), row.opt_int(9)?.is_some());
    Ok(Exported { subject: row.int(0)?, is_enrollment, is_payment, posted })
}

/// Gives each transfer of the workspace's days, the first and the last included, to `each`, oldest first. No statement may run in
/// it, and its first error ends the reading.
pub fn transfers<E: From<DbError>>(
    db: &Read<'_>,
    workspace: WorkspaceId,
    (first, last): (i64, i64),
    mut each: impl FnMut(Exported) -> Result<(), E>,
) -> Result<(), E> {
    let params = [workspace.0.into(), first.into(), last.into()];
    db.for_each(&TRANSFERS, &params, |row| each(exported(row)?))
}

/// All flows of the workspace's days, the first and the last included.
pub fn flows(db: &Read<'_>, workspace: WorkspaceId, (first, last): (i64, i64)) -> Result<Vec<Flow>, DbError> {
    let rows = db.query(&FLOWS, &[workspace.0.into(), first.into(), last.into()])?;
    rows.iter().map(super::flow).collect()
}
