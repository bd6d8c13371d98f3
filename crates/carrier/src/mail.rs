//! Who takes our e-mails: the trait [`Mailer`] and its words. There is a mail server ([`smtp`]), or nobody.
//!
//! A mail is sent at least once: an answer that is lost is no answer, and whoever asked sends it again, under the same `Message-ID`. What
//! matters of a failure is whose it is: the recipient's, for good; or the server's, the sender's or the line's, which passes.

mod relay;
pub mod smtp;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

pub use relay::{Relay, Security, Sender};
pub use smtp::Smtp;

/// A mail to one person, in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What tells it from all others and is the same each time that it is sent: letters, digits, `_`, `-` and `.`.
    pub id: String,
    /// The address.
    pub to: String,
    /// The subject. Whatever it holds, it is one line of the header.
    pub subject: String,
    /// The text.
    pub text: String,
    /// When it was written.
    pub at: Timestamp,
}

/// Why a mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The recipient or the mail is refused for good.
    #[error("the mail server refuses the recipient or the mail: {0}")]
    Refused(String),
    /// This mail is not taken now, or nobody knows.
    #[error("the mail server does not take the mail now: {0}")]
    NotNow(String),
    /// No mail is taken now: the server is not reached, or refuses whoever sends.
    #[error("the mail server cannot be used: {0}")]
    Down(String),
}

/// Somebody who takes e-mails.
pub trait Mailer: Send + Sync {
    /// Hands one mail over. Called with no transaction open.
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Unsent>>;
}
