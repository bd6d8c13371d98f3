//! Who takes card payments for us: the trait [`Payments`] and its words. There is Stripe ([`crate::stripe`]), or nobody.
//!
//! As with texts, what matters of a call that fails is whether it may have been carried out: then nobody makes it again, and
//! it is looked for until it is known.

use domain::ids::{PaymentId, WorkspaceId};
use domain::money::Micros;
use domain::payment::Report;
use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// A payment that a person makes on the provider's page.
#[derive(Debug, Clone)]
pub struct Order {
    /// Ours, which the provider hands back.
    pub payment: PaymentId,
    /// Of which workspace: for those who look at the provider's pages.
    pub workspace: WorkspaceId,
    /// How much, in whole cents.
    pub amount: Micros,
    /// What the person reads beside the amount.
    pub about: String,
    /// Whether the card is kept for charges without the person.
    pub keeps_card: bool,
    /// The provider's customer, where there is one.
    pub customer: Option<String>,
    /// Where the person goes afterwards.
    pub back: String,
    /// Until when it can be paid.
    pub until: Timestamp,
    /// The provider's name for the page, where it was made before: the same is given again.
    pub session: Option<String>,
}

/// The provider's page for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The provider's name for it.
    pub session: String,
    /// Where the person pays.
    pub url: String,
}

/// A charge of a card that is kept, without a person.
#[derive(Debug, Clone)]
pub struct Charge {
    /// Ours, which the provider hands back, and by which it knows a repeat.
    pub payment: PaymentId,
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// How much, in whole cents.
    pub amount: Micros,
    /// What stands in the provider's books.
    pub about: String,
    /// The provider's customer.
    pub customer: String,
    /// The provider's name for the card.
    pub method: String,
}

/// What to look for: by the provider's names, or, where no answer has told them, among the customer's payments.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Ours.
    pub payment: PaymentId,
    /// The provider's page, as long as it is not paid.
    pub session: Option<String>,
    /// The provider's payment.
    pub intent: Option<String>,
    /// The provider's customer.
    pub customer: Option<String>,
    /// When it was begun.
    pub since: Timestamp,
}

/// What the provider says of a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Ours, as the provider has it.
    pub payment: Option<PaymentId>,
    /// The provider's payment.
    pub intent: Option<String>,
    /// Where it is.
    pub report: Report,
    /// How much came in, if it is paid.
    pub received: Micros,
    /// Where the receipt is shown.
    pub receipt: Option<String>,
    /// Why it failed, in the provider's word.
    pub failure: Option<String>,
    /// The card that paid, if the provider keeps it for a customer.
    pub card: Option<SeenCard>,
}

/// A card that the provider keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenCard {
    /// For which customer.
    pub customer: String,
    /// The provider's name for it.
    pub method: String,
    /// Such as `visa`.
    pub brand: String,
    /// Its last four digits.
    pub last_four: String,
    /// The year and the month until whose end it is valid.
    pub expires: (i64, i64),
}

/// What a call of the provider's may be about. It is only a hint: the payment is asked for, and that is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hint {
    /// Our payment, as the call names it.
    pub payment: Option<PaymentId>,
    /// The provider's payment.
    pub intent: Option<String>,
}

/// Why the provider did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The card was declined. Nothing was charged.
    #[error("the card was declined ({code})")]
    Declined {
        /// In the provider's word.
        code: String,
        /// The provider's payment, which it has nevertheless.
        intent: Option<String>,
    },
    /// Nothing was carried out; it may be tried again.
    #[error("the payment provider cannot be used just now: {0}")]
    Temporary(String),
    /// It may have been carried out: it has to be looked for.
    #[error("the payment provider gave no clear answer: {0}")]
    Unknown(String),
    /// It refuses what we send: the operator has to see to it.
    #[error("the payment provider refuses what it is asked: {0}")]
    Misconfigured(String),
}

/// The call does not come from the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotSigned {
    /// The header is missing or cannot be read.
    #[error("the signature is missing or cannot be read")]
    Unreadable,
    /// None of the signatures fits the body.
    #[error("the signature does not fit the body: is the signing secret that of this endpoint?")]
    Wrong,
    /// It was signed too long ago.
    #[error("the call was signed more than five minutes ago: is the clock of this machine right?")]
    Old,
}

/// Somebody who takes payments by card.
pub trait Payments: Send + Sync {
    /// Makes a page on which a person pays. A repeat with the same payment gives the same page.
    fn page<'a>(&'a self, order: &'a Order) -> BoxFuture<'a, Result<Page, Trouble>>;

    /// Charges a card that is kept. It is called once for each payment, whose row is durable before.
    fn charge<'a>(&'a self, charge: &'a Charge) -> BoxFuture<'a, Result<Seen, Trouble>>;

    /// Asks what became of a payment; nothing if the provider has none of that kind. Never charges anything.
    fn find<'a>(&'a self, wanted: &'a Wanted) -> BoxFuture<'a, Result<Option<Seen>, Trouble>>;

    /// Keeps a card no longer. One that is gone already is no error.
    fn forget<'a>(&'a self, method: &'a str) -> BoxFuture<'a, Result<(), Trouble>>;

    /// Checks that the provider made this call, and reads what it may be about; nothing if it is about no payment.
    ///
    /// # Errors
    /// If the provider did not make it: then it is not read.
    fn hear(&self, signature: &str, body: &[u8], now: Timestamp) -> Result<Option<Hint>, NotSigned>;
}
