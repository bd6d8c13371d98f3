//! A mail server, spoken to by SMTP (RFC 5321): one connection for one mail, as there are few.
//!
//! | what fails | is |
//! |---|---|
//! | the connection, TLS, the password, or the sender for good | [`Unsent::Down`]: the operator's to see to |
//! | the recipient or the mail, with 5xx | [`Unsent::Refused`] |
//! | the same with 4xx, or the line behind the recipient | [`Unsent::NotNow`] |

use std::time::{Duration, SystemTime};

use domain::mail::one_line;
use futures_util::future::BoxFuture;
use lettre::address::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;

use super::relay::{Relay, Security, Sender};
use super::{Letter, Mailer, Unsent};

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait until a mail is taken.
const WHOLE: Duration = Duration::from_secs(45);
/// Longest wait for the farewell, on which nothing depends.
const FAREWELL: Duration = Duration::from_secs(2);
/// Most characters that are kept of what a server says.
const SAID: usize = 200;

/// The settings of the mail server cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("TLS to the mail server cannot start")]
pub struct SmtpError(#[source] Error);

/// A mail server.
#[derive(Clone)]
pub struct Smtp {
    relay: Relay,
    from: Sender,
    tls: TlsParameters,
}

impl Smtp {
    /// Makes it, with the certificates of the machine. Nothing is connected yet.
    ///
    /// # Errors
    /// The machine has no usable certificates.
    pub fn new(relay: Relay, from: Sender) -> Result<Self, SmtpError> {
        let tls = TlsParameters::new(relay.host.clone()).map_err(SmtpError)?;
        Ok(Self { relay, from, tls })
    }

    /// A connection on which a mail may be sent.
    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let (hello, address) = (ClientId::Domain(self.from.domain().to_owned()), (&*self.relay.host, self.relay.port));
        let at_once = (self.relay.security == Security::Tls).then(|| self.tls.clone());
        let mut line = AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT), &hello, at_once, None).await?;
        if self.relay.security == Security::StartTls {
            line.starttls(self.tls.clone(), &hello).await?;
        }
        if let Some((user, password)) = &self.relay.login {
            let credentials = Credentials::new(user.clone(), password.reveal().to_owned());
            line.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(line)
    }

    /// Until the server has taken the mail.
    async fn hand_over(&self, letter: &Letter) -> Result<AsyncSmtpConnection, Unsent> {
        let (to, message) = self.message(letter)?;
        let mut line = self.connect().await.map_err(|error| Unsent::Down(said(&error)))?;
        let sender = line.command(Mail::new(Some(self.from.0.email.clone()), Vec::new())).await;
        sender.map_err(|error| if error.is_transient() { not_now(&error) } else { Unsent::Down(said(&error)) })?;
        line.command(Rcpt::new(to, Vec::new())).await.map_err(|error| refusal(&error))?;
        line.command(Data).await.map_err(|error| refusal(&error))?;
        line.message(&message).await.map_err(|error| refusal(&error))?;
        Ok(line)
    }

    /// The recipient, and the mail as it goes over the line.
    fn message(&self, letter: &Letter) -> Result<(Address, Vec<u8>), Unsent> {
        let to: Address = letter.to.parse().ok().filter(is_ascii).ok_or_else(|| {
            // Such addresses need SMTPUTF8, which few servers have from end to end.
            Unsent::Refused("the address is none that a mail can be sent to".to_owned())
        })?;
        let built = Message::builder()
            .date(instant(letter.at))
            .from(self.from.0.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(as_written(&letter.subject))
            .message_id(Some(format!("<{}@{}>", plain(&letter.id), self.from.domain())))
            // So that nobody's out-of-office answers it (RFC 3834).
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .singlepart(SinglePart::builder().header(ContentType::TEXT_PLAIN).body(letter.text.clone()));
        let built = built.map_err(|error| Unsent::Refused(format!("the mail cannot be written: {error}")))?;
        Ok((to, built.formatted()))
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, letter: &'a Letter) -> BoxFuture<'a, Result<(), Unsent>> {
        Box::pin(async {
            let handed = tokio::time::timeout(WHOLE, self.hand_over(letter)).await;
            let late = |_| Unsent::NotNow(format!("it was not taken within {} seconds", WHOLE.as_secs()));
            let mut line = handed.map_err(late)??;
            drop(tokio::time::timeout(FAREWELL, line.quit()).await);
            Ok(())
        })
    }
}

fn refusal(error: &Error) -> Unsent {
    if error.is_permanent() { Unsent::Refused(said(error)) } else { not_now(error) }
}

fn not_now(error: &Error) -> Unsent {
    Unsent::NotNow(said(error))
}

/// What went wrong, in one line.
fn said(error: &Error) -> String {
    one_line(&error.to_string()).chars().take(SAID).collect()
}

fn is_ascii(address: &Address) -> bool {
    let text: &str = address.as_ref();
    text.is_ascii()
}

/// A subject that reads as it was written: one that looks like an encoded word (RFC 2047) would be decoded by whoever reads it, to line
/// breaks too.
fn as_written(subject: &str) -> String {
    one_line(subject).replace("=?", "= ?")
}

/// As the header of a mail wants it, to the second; nothing that we send is older than 1970.
fn instant(at: jiff::Timestamp) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}

/// What may stand in a `Message-ID`.
fn plain(id: &str) -> String {
    id.chars().filter(|sign| sign.is_ascii_alphanumeric() || "_-.".contains(*sign)).collect()
}

#[cfg(test)]
mod tests;
