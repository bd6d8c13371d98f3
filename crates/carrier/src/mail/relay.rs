//! Where the mail server is, how it is spoken to, and in whose name: read from the operator's settings. The reason for a refusal never
//! repeats the text, which may hold a password.

use std::fmt;
use std::str::FromStr;

use lettre::message::Mailbox;
use reqwest::Url;

use crate::signed::Secret;

const ADDRESS: &str = "must be smtp://user:password@host:587 (with STARTTLS) or smtps://user:password@host:465 (TLS at once), and smtp://host:25?tls=none where \
    the server has neither; other signs than letters and digits in user and password are written as in %40";
const PASSWORD: &str = "must not have a user and a password beside tls=none: a password goes over TLS only";
const FROM: &str =
    "must be an address such as no-reply@example.com, or a name and an address such as Dripline <no-reply@example.com>";

/// How the line to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (RFC 8314).
    Tls,
    /// TLS after STARTTLS (RFC 3207), without which nothing is sent.
    StartTls,
    /// None.
    Plain,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// Its name or IP address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is spoken to.
    pub security: Security,
    /// The user and the password, where it wants them.
    pub login: Option<(String, Secret)>,
}

impl FromStr for Relay {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text.trim()).map_err(|_| ADDRESS)?;
        let security = match (url.scheme(), url.query()) {
            ("smtps", None) => Security::Tls,
            ("smtp", None) => Security::StartTls,
            ("smtp", Some("tls=none")) => Security::Plain,
            _ => return Err(ADDRESS),
        };
        let host = url.host_str().map(|host| host.trim_matches(['[', ']']).to_owned()).ok_or(ADDRESS)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:".contains(&byte);
        if host.is_empty() || !host.bytes().all(plain) || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(ADDRESS);
        }
        let port = url.port().unwrap_or(match security {
            Security::Tls => 465,
            Security::StartTls => 587,
            Security::Plain => 25,
        });
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            ("", Some(_)) | (_, None) => return Err(ADDRESS),
            (user, Some(password)) => Some((decoded(user), Secret::new(decoded(password)))),
        };
        if login.is_some() && security == Security::Plain {
            return Err(PASSWORD);
        }
        Ok(Self { host, port, security, login })
    }
}

/// Without user and password.
impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// `%40` as `@`. What a form writes otherwise than an address is written as an address does first.
fn decoded(text: &str) -> String {
    let text = text.replace('+', "%2B").replace('&', "%26");
    form_urlencoded::parse(format!("={text}").as_bytes()).next().map_or_else(String::new, |(_, text)| text.into_owned())
}

/// In whose name mails are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender(pub(super) Mailbox);

impl Sender {
    /// The part of the address behind the `@`.
    pub(super) fn domain(&self) -> &str {
        self.0.email.domain()
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Sender {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        if text.chars().any(char::is_control) {
            return Err(FROM);
        }
        let mailbox: Mailbox = text.parse().map_err(|_| FROM)?;
        // The parser reads as far as it can: what is behind the address would be lost without a word.
        let address = mailbox.email.to_string();
        let whole = text == address || text.ends_with(&format!("<{address}>"));
        if !whole || !address.is_ascii() { Err(FROM) } else { Ok(Self(mailbox)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> Relay {
        text.parse().unwrap_or_else(|why| panic!("{text}: {why}"))
    }

    #[test]
    fn addresses_say_host_port_and_security() {
        let cases = [
            ("smtp://mail.example.com", "mail.example.com", 587, Security::StartTls),
            ("smtps://mail.example.com/", "mail.example.com", 465, Security::Tls),
            ("smtp://127.0.0.1:2525?tls=none", "127.0.0.1", 2525, Security::Plain),
            ("smtp://localhost?tls=none", "localhost", 25, Security::Plain),
            ("smtps://[::1]:1465", "::1", 1465, Security::Tls),
        ];
        for (text, host, port, security) in cases {
            assert_eq!(relay(text), Relay { host: host.to_owned(), port, security, login: None }, "{text}");
        }
    }

    #[test]
    fn user_and_password_are_read_as_they_were_meant_and_never_shown() {
        let relay = relay("smtps://me%40example.com:hunter2%2F+&%25@mail.example.com");
        let (user, password) = relay.login.clone().unwrap();
        assert_eq!((user.as_str(), password.reveal()), ("me@example.com", "hunter2/+&%"));
        assert!(!format!("{relay} {relay:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_being_repeated() {
        let bad = [
            "",
            "mail.example.com",
            "http://mail.example.com",
            "smtp://",
            "smtp://hunter2@mail.example.com",
            "smtp://:hunter2@mail.example.com",
            "smtp://u:hunter2@mail.example.com?tls=maybe",
            "smtps://mail.example.com?tls=none",
            "smtp://mail.example.com/path",
            "smtp://mail.example.com#x",
            "smtp://mail example.com",
            "smtp://mail.example.com:hunter2",
        ];
        for text in bad {
            assert_eq!(text.parse::<Relay>(), Err(ADDRESS), "{text}");
        }
        assert_eq!("smtp://u:hunter2@mail.example.com?tls=none".parse::<Relay>(), Err(PASSWORD));
        assert!(!ADDRESS.contains("hunter2"));
    }

    #[test]
    fn senders_are_one_address_with_or_without_a_name() {
        for text in
            ["no-reply@example.com", "Dripline <no-reply@example.com>", "\"Drip, Line\" <a.b+c@mail.example.com>"]
        {
            assert!(text.parse::<Sender>().is_ok(), "{text}");
        }
        for text in
            ["", "Dripline", "a@b@c", "a@example.com, b@example.com", "a@example.com x", "A\r\nBcc: x <a@example.com>"]
        {
            assert_eq!(text.parse::<Sender>(), Err(FROM), "{text}");
        }
    }
}
