//! Payments by card: one row each, made before the provider is called.
//!
//! A payment is changed under the lock of its workspace's row (`workspaces::lock`), as everything is that moves the wallet
//! from outside; so whoever was told of it twice posts it once.

use domain::ids::{PaymentId, WorkspaceId};
use domain::money::Micros;
use domain::payment::{Dispute, Kind, Report, State, Verdict};
use jiff::Timestamp;

use crate::{DbError, Read, Row, Sql, Tx, json};

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// Its identifier, which the provider has too, and which its transfers name.
    pub id: PaymentId,
    /// Who began it, and what for.
    pub kind: Kind,
    /// How much.
    pub amount: Micros,
    /// Whether the card is kept for later.
    pub keeps_card: bool,
    /// Whose card is charged without a person: the provider's customer and card.
    pub card: Option<(String, String)>,
    /// Who began it: an identifier, or `dripline`.
    pub actor: String,
    /// The provider's page.
    pub session: Option<String>,
    /// The provider's payment.
    pub intent: Option<String>,
    /// Where the provider shows the receipt.
    pub receipt: Option<String>,
    /// Why it failed, in the provider's word.
    pub failure: Option<String>,
    /// What is known of it.
    pub report: Report,
    /// What was refunded and is out of the wallet.
    pub refund_taken: Micros,
    /// What is disputed and is out of the wallet.
    pub dispute_taken: Micros,
    /// In how many postings.
    pub postings: i64,
    /// What should be out of the wallet and was not in it.
    pub owed: Micros,
    /// When it was begun.
    pub created_at: Timestamp,
    /// When it was paid, or failed.
    pub settled_at: Option<Timestamp>,
    /// When the provider is asked next.
    pub look_at: Option<Timestamp>,
}

macro_rules! columns {
    () => {
        "payment_id, kind, amount, keeps_card, customer, method, actor, created_at, session, intent, receipt, failure, state,
        refunded, dispute, dispute_opened, disputed, refund_taken, dispute_taken, postings, owed, settled_at, look_at"
    };
}

static INSERT: Sql = Sql::Same(concat!(
    "INSERT INTO payments (workspace_id, ",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
        $24)"
));

static SAVE: Sql = Sql::Same(
    "
    UPDATE payments SET session = $3, intent = $4, receipt = $5, failure = $6, state = $7, refunded = $8, dispute = $9,
        dispute_opened = $10, disputed = $11, refund_taken = $12, dispute_taken = $13, postings = $14, owed = $15,
        settled_at = $16, look_at = $17
    WHERE workspace_id = $1 AND payment_id = $2",
);

static FIND: Sql =
    Sql::Same(concat!("SELECT ", columns!(), " FROM payments WHERE workspace_id = $1 AND payment_id = $2"));

static PAGE: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM payments WHERE workspace_id = $1 AND payment_id < $2 ORDER BY payment_id DESC LIMIT $3"
));

static OWED: Sql = Sql::Same(concat!(
    "SELECT ",
    columns!(),
    " FROM payments WHERE workspace_id = $1 AND owed > 0 ORDER BY payment_id LIMIT $2"
));

static OPEN: Sql = Sql::Same(
    "
    SELECT COUNT(*) FROM payments WHERE workspace_id = $1 AND state = 'open' AND kind <> 'checkout'",
);

static SPENT: Sql = Sql::Same(
    "
    SELECT CAST(COALESCE(SUM(amount), 0) AS BIGINT) FROM payments
    WHERE workspace_id = $1 AND created_at > $2 AND kind = 'recharge' AND state IN ('open', 'paid')",
);

static DUE: Sql =
    Sql::Same("SELECT workspace_id, payment_id FROM payments WHERE look_at <= $1 ORDER BY look_at LIMIT $2");

static BY_ID: Sql = Sql::Same("SELECT workspace_id, payment_id FROM payments WHERE payment_id = $1");

static BY_INTENT: Sql = Sql::Same("SELECT workspace_id, payment_id FROM payments WHERE intent = $1");

/// Every statement of this file, for the test that prepares them on both databases.
pub(crate) const ALL: &[(&str, &Sql)] = &[
    ("payments::INSERT", &INSERT),
    ("payments::SAVE", &SAVE),
    ("payments::FIND", &FIND),
    ("payments::PAGE", &PAGE),
    ("payments::OWED", &OWED),
    ("payments::OPEN", &OPEN),
    ("payments::SPENT", &SPENT),
    ("payments::DUE", &DUE),
    ("payments::BY_ID", &BY_ID),
    ("payments::BY_INTENT", &BY_INTENT),
];

fn word<T>(column: &str, word: &str, read: impl Fn(&str) -> Option<T>) -> Result<T, DbError> {
    read(word).ok_or_else(|| json::unreadable(column, word))
}

fn dispute(row: &Row) -> Result<Option<Dispute>, DbError> {
    let Some(verdict) = row.opt_text(14)? else { return Ok(None) };
    let verdict = word("payments.dispute", verdict, Verdict::from_word)?;
    Ok(Some(Dispute { verdict, opened: row.int(15)?, amount: Micros(row.int(16)?) }))
}

fn read(row: &Row) -> Result<Payment, DbError> {
    let text = |column: usize| Ok::<_, DbError>(row.opt_text(column)?.map(str::to_owned));
    Ok(Payment {
        id: PaymentId(row.int(0)?),
        kind: word("payments.kind", row.text(1)?, Kind::from_word)?,
        amount: Micros(row.int(2)?),
        keeps_card: row.flag(3)?,
        card: text(4)?.zip(text(5)?),
        actor: row.text(6)?.to_owned(),
        created_at: json::timestamp(row.int(7)?)?,
        session: text(8)?,
        intent: text(9)?,
        receipt: text(10)?,
        failure: text(11)?,
        report: Report {
            state: word("payments.state", row.text(12)?, State::from_word)?,
            refunded: Micros(row.int(13)?),
            dispute: dispute(row)?,
        },
        refund_taken: Micros(row.int(17)?),
        dispute_taken: Micros(row.int(18)?),
        postings: row.int(19)?,
        owed: Micros(row.int(20)?),
        settled_at: json::timestamp_or_none(row.opt_int(21)?)?,
        look_at: json::timestamp_or_none(row.opt_int(22)?)?,
    })
}

/// What changes of a payment, in the order of the columns from `session` on.
fn changing(row: &Payment) -> [crate::Value; 15] {
    let dispute = row.report.dispute;
    [
        row.session.clone().into(),
        row.intent.clone().into(),
        row.receipt.clone().into(),
        row.failure.clone().into(),
        row.report.state.word().into(),
        row.report.refunded.0.into(),
        dispute.map(|dispute| dispute.verdict.word().to_owned()).into(),
        dispute.map(|dispute| dispute.opened).into(),
        dispute.map_or(0, |dispute| dispute.amount.0).into(),
        row.refund_taken.0.into(),
        row.dispute_taken.0.into(),
        row.postings.into(),
        row.owed.0.into(),
        row.settled_at.map(json::micros).into(),
        row.look_at.map(json::micros).into(),
    ]
}

/// Inserts a payment that is begun.
pub fn insert(tx: &mut Tx<'_>, workspace: WorkspaceId, row: &Payment) -> Result<(), DbError> {
    let (customer, method) = row.card.clone().unzip();
    let mut params = vec![
        workspace.0.into(),
        row.id.0.into(),
        row.kind.word().into(),
        row.amount.0.into(),
        i64::from(row.keeps_card).into(),
        customer.into(),
        method.into(),
        row.actor.as_str().into(),
        json::micros(row.created_at).into(),
    ];
    params.extend(changing(row));
    tx.execute(&INSERT, &params).map(|_| ())
}

/// Stores what is known of a payment. Its workspace's row has to be locked.
pub fn save(tx: &mut Tx<'_>, workspace: WorkspaceId, row: &Payment) -> Result<(), DbError> {
    let mut params = vec![workspace.0.into(), row.id.0.into()];
    params.extend(changing(row));
    tx.execute(&SAVE, &params).map(|_| ())
}

/// A payment of the workspace.
pub fn find(db: &Read<'_>, workspace: WorkspaceId, id: PaymentId) -> Result<Option<Payment>, DbError> {
    db.query_optional(&FIND, &[workspace.0.into(), id.0.into()])?.as_ref().map(read).transpose()
}

/// Payments before the given one, newest first.
pub fn page(db: &Read<'_>, workspace: WorkspaceId, before: PaymentId, limit: i64) -> Result<Vec<Payment>, DbError> {
    db.query(&PAGE, &[workspace.0.into(), before.0.into(), limit.into()])?.iter().map(read).collect()
}

/// Payments of which something is owed, oldest first.
pub fn owed(db: &Read<'_>, workspace: WorkspaceId, limit: i64) -> Result<Vec<Payment>, DbError> {
    db.query(&OWED, &[workspace.0.into(), limit.into()])?.iter().map(read).collect()
}

/// How many payments that no person began may still be paid.
pub fn open_by_itself(db: &Read<'_>, workspace: WorkspaceId) -> Result<i64, DbError> {
    db.query_one(&OPEN, &[workspace.0.into()])?.int(0)
}

/// How much was recharged since then, or may still be.
pub fn recharged(db: &Read<'_>, workspace: WorkspaceId, since: Timestamp) -> Result<Micros, DbError> {
    db.query_one(&SPENT, &[workspace.0.into(), json::micros(since).into()])?.int(0).map(Micros)
}

fn place(row: &Row) -> Result<(WorkspaceId, PaymentId), DbError> {
    Ok((WorkspaceId(row.int(0)?), PaymentId(row.int(1)?)))
}

/// Payments of all workspaces of which the provider is to be asked, the longest due first.
pub fn due(db: &Read<'_>, now: Timestamp, limit: i64) -> Result<Vec<(WorkspaceId, PaymentId)>, DbError> {
    db.query(&DUE, &[json::micros(now).into(), limit.into()])?.iter().map(place).collect()
}

/// Whose payment this is.
pub fn whose(db: &Read<'_>, id: PaymentId) -> Result<Option<(WorkspaceId, PaymentId)>, DbError> {
    db.query_optional(&BY_ID, &[id.0.into()])?.as_ref().map(place).transpose()
}

/// Whose payment the provider knows by this name.
pub fn by_intent(db: &Read<'_>, intent: &str) -> Result<Option<(WorkspaceId, PaymentId)>, DbError> {
    db.query_optional(&BY_INTENT, &[intent.into()])?.as_ref().map(place).transpose()
}
