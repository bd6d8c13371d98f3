//! What an audit may find wrong, in words with identifiers. How it is found is in `audit`.

use domain::ids::EnrollmentId;

/// What is wrong in the books, in words with identifiers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A balance is not the sum of its transfers.
    #[error("the account {account} holds {stored} {unit}, but its transfers add up to {computed}")]
    Balance {
        /// Which account.
        account: String,
        /// `segments` or `micros`.
        unit: String,
        /// What the account holds.
        stored: i64,
        /// What the transfers say.
        computed: i64,
    },
    /// One of the eight accounts of the workspace is missing.
    #[error("the account {account} in {unit} is missing")]
    NoAccount {
        /// Which account.
        account: &'static str,
        /// In which unit.
        unit: &'static str,
    },
    /// All balances of a unit do not add up to zero.
    #[error("the balances in {unit} add up to {sum}, not to zero")]
    Sum {
        /// In which unit.
        unit: &'static str,
        /// Their sum.
        sum: i64,
    },
    /// An account other than outside is below zero.
    #[error("the account {account} is at {amount} {unit}, below zero")]
    BelowZero {
        /// Which account.
        account: String,
        /// `segments` or `micros`.
        unit: String,
        /// How much is in it.
        amount: i64,
    },
    /// Transfers between accounts that their reason does not name.
    #[error("{count} transfers of reason {reason} go from {debit} to {credit} in {unit}, which no rule allows")]
    Kind {
        /// Why they were posted.
        reason: String,
        /// From which account.
        debit: String,
        /// To which account.
        credit: String,
        /// `segments` or `micros`.
        unit: String,
        /// How many.
        count: i64,
    },
    /// A contact is not in the workflow that it runs through, or is in one that it does not: a reply would end the wrong one, or none.
    #[error("{enrollment}: it runs and its contact is in no workflow, or the other way round")]
    Run {
        /// Which enrollment.
        enrollment: EnrollmentId,
    },
    /// A step is with a carrier and no row says so, or two do: it would never be asked for, or be charged twice.
    #[error("{enrollment}: its step is on its way and has a message already, or is not and has none")]
    OnTheWay {
        /// Which enrollment.
        enrollment: EnrollmentId,
    },
    /// A transfer that nothing caused.
    #[error(
        "a {reason} of {amount} {unit} names {subject}, which is no enrollment, no charged message, no period and no payment"
    )]
    Stray {
        /// The identifier, as an enrollment's.
        subject: EnrollmentId,
        /// Why it was posted.
        reason: String,
        /// `segments` or `micros`.
        unit: String,
        /// How much.
        amount: i64,
    },
    /// A period of the plan took or granted something else than its terms say.
    #[error("{subject}: the {reason} in {unit} is {moved}, but the terms and whether it was paid say {price}")]
    Period {
        /// Which period.
        subject: String,
        /// `fee`, `grant` or `expiry`.
        reason: &'static str,
        /// `segments` or `micros`.
        unit: &'static str,
        /// What was posted.
        moved: i64,
        /// What should be.
        price: i64,
    },
    /// What came in or went of a payment by card is not what its row says.
    #[error("{subject}: the {reason} is {moved} micros, but the payment says {wanted}")]
    Payment {
        /// Which payment.
        subject: String,
        /// `topup`, `repayment` or `dispute`.
        reason: &'static str,
        /// What was posted.
        moved: i64,
        /// What should be.
        wanted: i64,
    },
    /// Prices or a state that this program cannot read.
    #[error("{subject}: {what} cannot be read")]
    Unreadable {
        /// Which enrollment or message.
        subject: String,
        /// What of it.
        what: &'static str,
    },
    /// The charge is not the price.
    #[error("{subject} was charged {charged} {unit}, but its price is {price}")]
    Charge {
        /// Which enrollment or message.
        subject: String,
        /// `segments` or `micros`.
        unit: &'static str,
        /// What was charged.
        charged: i64,
        /// What it costs.
        price: i64,
    },
    /// What was charged is not where it should be.
    #[error(
        "{subject}: of {charged} {unit} charged, {earned} were earned, {refunded} refunded and {returned} returned, \
         which leaves {} held instead of {held}", charged - earned - refunded - returned
    )]
    Held {
        /// Which enrollment or message.
        subject: String,
        /// `segments` or `micros`.
        unit: &'static str,
        /// What was charged.
        charged: i64,
        /// What was earned.
        earned: i64,
        /// What came back at the early end.
        refunded: i64,
        /// What came back for single messages.
        returned: i64,
        /// What should be held.
        held: i64,
    },
    /// More went out of a step than its price.
    #[error("{subject} step {step}: {gone} {unit} were earned or returned, but its price is {price}")]
    Step {
        /// Which enrollment or message.
        subject: String,
        /// Which step, from 1; 0 for the whole.
        step: i64,
        /// `segments` or `micros`.
        unit: &'static str,
        /// What was earned and returned.
        gone: i64,
        /// What it costs.
        price: i64,
    },
    /// More was corrected than was earned.
    #[error("{subject} step {step}: {corrected} {unit} were corrected, but {earned} were earned")]
    Correction {
        /// Which enrollment or message.
        subject: String,
        /// Which step, from 1; 0 for the whole.
        step: i64,
        /// `segments` or `micros`.
        unit: &'static str,
        /// What was corrected.
        corrected: i64,
        /// What was earned.
        earned: i64,
    },
    /// Prepaid is not what unsent messages hold.
    #[error("the account prepaid holds {stored} {unit}, but unsent messages hold {held}")]
    Prepaid {
        /// In which unit.
        unit: &'static str,
        /// What the account holds.
        stored: i64,
        /// What enrollments and messages hold.
        held: i64,
    },
    /// A figure is not what the rows say.
    #[error("{what} of {subject} is counted as {stored}, but the rows say {computed}")]
    Tally {
        /// A day, or a workflow with its step.
        subject: String,
        /// What is counted.
        what: String,
        /// The stored count, with its segments and amounts.
        stored: String,
        /// What the rows say.
        computed: String,
    },
}

impl Fault {
    /// The kind of it, in a word for logs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Balance { .. } => "balance",
            Self::NoAccount { .. } => "no_account",
            Self::Sum { .. } => "sum",
            Self::BelowZero { .. } => "below_zero",
            Self::Kind { .. } => "kind",
            Self::Period { .. } => "period",
            Self::Payment { .. } => "payment",
            Self::Run { .. } => "run",
            Self::OnTheWay { .. } => "on_the_way",
            Self::Stray { .. } => "stray",
            Self::Unreadable { .. } => "unreadable",
            Self::Charge { .. } => "charge",
            Self::Held { .. } => "held",
            Self::Step { .. } => "step",
            Self::Correction { .. } => "correction",
            Self::Prepaid { .. } => "prepaid",
            Self::Tally { .. } => "tally",
        }
    }
}
