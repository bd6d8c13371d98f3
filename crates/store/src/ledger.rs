//! Transfers and balances. Append-only: nothing here changes or deletes a transfer.
//!
//! [`post`] inserts transfers under the key of their cause and moves the balances by exactly what
//! was inserted, so posting the same cause twice is a no-op. The floor of an account is checked in
//! the statement that debits it.

pub mod audit;
pub mod export;
pub mod statement;

use domain::ids::WorkspaceId;
use domain::ledger::{self, Account, Transfer, Unit};
use jiff::Timestamp;

use crate::json::micros;
use crate::{DbError, Each, Read, Row, Sql, Tx, Value, tallies};

static INSERT: Each<7> = Each(Sql::Twin {
    sqlite: "
        INSERT INTO transfers (workspace_id, at, day, subject, step, reason, unit, debit, credit, amount)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (workspace_id, subject, step, reason, unit) DO NOTHING",
    postgres: "
        INSERT INTO transfers (workspace_id, at, day, subject, step, reason, unit, debit, credit, amount)
        SELECT $1, $2, $3, s, n, r, u, d, c, a
        FROM UNNEST($4::BIGINT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::TEXT[], $10::BIGINT[])
            AS t (s, n, r, u, d, c, a)
        ON CONFLICT (workspace_id, subject, step, reason, unit) DO NOTHING",
});

static MOVE: Sql = Sql::Same(
    "
    UPDATE accounts SET balance = balance + $4
    WHERE workspace_id = $1 AND account = $2 AND unit = $3 AND (balance + $4 >= 0 OR account = 'outside')",
);

static OPEN: Sql = Sql::Same(
    "
    INSERT INTO accounts (workspace_id, account, unit, balance) VALUES ($1, $2, $3, 0)
    ON CONFLICT (workspace_id, account, unit) DO NOTHING",
);

static BALANCES: Sql = Sql::Same(
    "
    SELECT account, unit, balance FROM accounts WHERE workspace_id = $1 ORDER BY account, unit",
);

/// In the order in which [`post`] moves them: segments before micros.
static LOCK: Sql = Sql::Twin {
    sqlite: "
        SELECT account, unit, balance FROM accounts
        WHERE workspace_id = $1 AND account = 'available' ORDER BY unit DESC",
    postgres: "
        SELECT account, unit, balance FROM accounts
        WHERE workspace_id = $1 AND account = 'available' ORDER BY unit DESC FOR UPDATE",
};

static SUMS: Sql = Sql::Twin {
    sqlite: "
        SELECT debit, credit, unit, SUM(amount), COUNT(*) FROM transfers
        WHERE workspace_id = $1 GROUP BY debit, credit, unit",
    postgres: "
        SELECT debit, credit, unit, CAST(SUM(amount) AS BIGINT), COUNT(*) FROM transfers
        WHERE workspace_id = $1 GROUP BY debit, credit, unit",
};

static PAGE: Sql = Sql::Same(
    "
    SELECT subject, step, reason, unit, debit, credit, amount, at FROM transfers
    WHERE workspace_id = $1 AND subject = $2 ORDER BY at, step, reason, unit",
);

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("ledger::INSERT", &INSERT.0),
    ("ledger::MOVE", &MOVE),
    ("ledger::OPEN", &OPEN),
    ("ledger::BALANCES", &BALANCES),
    ("ledger::LOCK", &LOCK),
    ("ledger::SUMS", &SUMS),
    ("ledger::PAGE", &PAGE),
    ("ledger::audit::ENROLLMENTS", &audit::ENROLLMENTS),
    ("ledger::audit::MESSAGES", &audit::MESSAGES),
    ("ledger::audit::PERIODS", &audit::PERIODS),
    ("ledger::audit::PAYMENTS", &audit::PAYMENTS),
    ("ledger::audit::STRAYS", &audit::STRAYS),
    ("ledger::audit::KINDS", &audit::KINDS),
    ("ledger::export::TRANSFERS", &export::TRANSFERS),
    ("ledger::export::FLOWS", &export::FLOWS),
    ("ledger::statement::LINES", &statement::LINES),
    ("ledger::statement::TEXTS", &statement::TEXTS),
];

/// Why transfers were not posted. The transaction must not be committed after it.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// An account would fall below zero.
    #[error("the account {account} has too few {unit}")]
    Floor {
        /// Which account.
        account: &'static str,
        /// In which unit.
        unit: &'static str,
    },
    /// Some of the transfers were there already and some were not: two causes were mixed up.
    #[error("{posted} of {given} transfers were new; a batch must be all new or all known")]
    Mixed {
        /// How many were given.
        given: usize,
        /// How many were new.
        posted: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Posts transfers. All new: the balances move. All known: nothing has moved in the end, `Ok(false)`. Either way the balances are locked.
/// Anything in between is an error, after which the transaction must not be committed.
pub fn post(tx: &mut Tx<'_>, workspace: WorkspaceId, transfers: &[Transfer], at: Timestamp) -> Result<bool, PostError> {
    if transfers.is_empty() {
        return Ok(true);
    }
    let day = tallies::day(tx, workspace, at)?;
    let shared = [workspace.0.into(), micros(at).into(), day.into()];
    // On PostgreSQL one journey: whether they are new is known once the balances have moved.
    let posted = tx.execute_each_later(&INSERT, &shared, transfers.iter().map(posting))?;
    let changes = ledger::changes(transfers);
    let moved = move_balances(tx, workspace, &changes)?;
    let posted = tx.heard(posted)?;
    if posted == 0 {
        let back: Vec<_> = moved_of(&changes, &moved, true).map(|(account, unit, by)| (account, unit, -by)).collect();
        let returned = move_balances(tx, workspace, &back)?;
        return floor(&back, &returned).map(|()| false);
    }
    if usize::try_from(posted).ok() != Some(transfers.len()) {
        return Err(PostError::Mixed { given: transfers.len(), posted });
    }
    floor(&changes, &moved)?;
    tallies::posted(tx, workspace, transfers, day);
    Ok(true)
}

fn posting(transfer: &Transfer) -> [Value; 7] {
    let (debit, credit) = transfer.reason.accounts();
    [
        transfer.cause.subject.into(),
        i64::from(transfer.cause.step).into(),
        Value::Word(transfer.reason.word()),
        Value::Word(transfer.unit.word()),
        Value::Word(debit.word()),
        Value::Word(credit.word()),
        transfer.amount.into(),
    ]
}

type Change = (Account, Unit, i64);

/// Moves balances; which of them did not have too little.
fn move_balances(tx: &mut Tx<'_>, workspace: WorkspaceId, changes: &[Change]) -> Result<Vec<bool>, DbError> {
    let params = |(account, unit, change): &Change| {
        [workspace.0.into(), Value::Word(account.word()), Value::Word(unit.word()), Value::Int(*change)]
    };
    let moved = tx.execute_all(&MOVE, &changes.iter().map(params).collect::<Vec<_>>())?;
    Ok(moved.into_iter().map(|rows| rows == 1).collect())
}

fn moved_of<'c>(changes: &'c [Change], moved: &'c [bool], which: bool) -> impl Iterator<Item = Change> + 'c {
    changes.iter().zip(moved).filter(move |(_, moved)| **moved == which).map(|(change, _)| *change)
}

fn floor(changes: &[Change], moved: &[bool]) -> Result<(), PostError> {
    match moved_of(changes, moved, false).next() {
        Some((account, unit, _)) => Err(PostError::Floor { account: account.word(), unit: unit.word() }),
        None => Ok(()),
    }
}

/// Opens all accounts of a new workspace at zero.
pub fn open_accounts(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(), DbError> {
    for account in Account::ALL {
        for unit in Unit::ALL {
            tx.execute(&OPEN, &[workspace.0.into(), account.word().into(), unit.word().into()])?;
        }
    }
    Ok(())
}

/// One balance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Balance {
    /// Which account.
    pub account: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How much is in it.
    pub amount: i64,
}

fn balance(row: &Row) -> Result<Balance, DbError> {
    Ok(Balance { account: row.text(0)?.to_owned(), unit: row.text(1)?.to_owned(), amount: row.int(2)? })
}

/// All balances of a workspace.
pub fn balances(read: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Balance>, DbError> {
    read.query(&BALANCES, &[workspace.0.into()])?.iter().map(balance).collect()
}

/// Credits and micro-dollars free to spend, locked until the transaction ends.
pub fn lock_available(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<(i64, i64), DbError> {
    let rows = tx.query_write(&LOCK, &[workspace.0.into()])?;
    available(&rows)
}

/// Credits and micro-dollars free to spend.
pub fn read_available(read: &Read<'_>, workspace: WorkspaceId) -> Result<(i64, i64), DbError> {
    available(&read.query(&BALANCES, &[workspace.0.into()])?)
}

fn available(rows: &[Row]) -> Result<(i64, i64), DbError> {
    let mut found = (0, 0);
    for row in rows {
        let balance = balance(row)?;
        match (balance.account.as_str(), balance.unit.as_str()) {
            ("available", "segments") => found.0 = balance.amount,
            ("available", "micros") => found.1 = balance.amount,
            _ => {}
        }
    }
    Ok(found)
}

/// The sum of all transfers between two accounts in one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// From which account.
    pub debit: String,
    /// To which account.
    pub credit: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// How much in all.
    pub amount: i64,
    /// In how many transfers.
    pub count: i64,
}

/// All flows of a workspace, from the transfers themselves.
pub fn flows(read: &Read<'_>, workspace: WorkspaceId) -> Result<Vec<Flow>, DbError> {
    read.query(&SUMS, &[workspace.0.into()])?.iter().map(flow).collect()
}

fn flow(row: &Row) -> Result<Flow, DbError> {
    Ok(Flow {
        debit: row.text(0)?.to_owned(),
        credit: row.text(1)?.to_owned(),
        unit: row.text(2)?.to_owned(),
        amount: row.int(3)?,
        count: row.int(4)?,
    })
}

/// A transfer as it was posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Posted {
    /// The step, from 1; 0 for the whole.
    pub step: i64,
    /// Why.
    pub reason: String,
    /// `segments` or `micros`.
    pub unit: String,
    /// From which account.
    pub debit: String,
    /// To which account.
    pub credit: String,
    /// How much.
    pub amount: i64,
    /// When.
    pub at: Timestamp,
}

/// All transfers that one enrollment, message or top-up caused.
pub fn of_subject(read: &Read<'_>, workspace: WorkspaceId, subject: i64) -> Result<Vec<Posted>, DbError> {
    let posted = |row: &Row| {
        Ok(Posted {
            step: row.int(1)?,
            reason: row.text(2)?.to_owned(),
            unit: row.text(3)?.to_owned(),
            debit: row.text(4)?.to_owned(),
            credit: row.text(5)?.to_owned(),
            amount: row.int(6)?,
            at: crate::json::timestamp(row.int(7)?)?,
        })
    };
    read.query(&PAGE, &[workspace.0.into(), subject.into()])?.iter().map(posted).collect()
}
