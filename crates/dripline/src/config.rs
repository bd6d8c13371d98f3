//! The configuration: each setting is read from its flag, else from the environment, else from the
//! TOML file, else it has its default.
//!
//! The table of settings is in `setting`; `docs/configuration.md` shows it, and a test keeps the
//! page complete. No value that may hold a password is repeated in an error, a log line or `Debug`.

mod error;
mod file;
mod flags;
mod read;
mod setting;

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use domain::networks::Networks;
use engine::carriers::Reach;
use engine::mails::{Relay, Sender};
use engine::payments::Secret;
use store::Address;

pub use error::ConfigError;
pub use flags::{Base, Flags};
pub use read::{Level, PublicUrl};
pub use setting::{Kind, Origin, Reading, SETTINGS, Setting};

use crate::logs::Format;
use crate::outfit::CarrierAddresses;
use crate::proxies::Proxies;
use file::File;

/// The variable that names the configuration file where `--config` does not.
pub const FILE_VARIABLE: &str = "DRIPLINE_CONFIG";

/// The variable that holds the master key.
pub const MASTER_KEY_VARIABLE: &str = "DRIPLINE_MASTER_KEY";

/// The environment: the value of a variable by its name. A variable that is empty counts as unset.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// What the program runs with.
#[derive(Clone)]
pub struct Settings {
    /// Where the server listens.
    pub listen: SocketAddr,
    /// The address under which people and carriers reach it, without a slash at its end.
    pub public_url: PublicUrl,
    /// The database; by default an SQLite file in the data folder.
    pub database: Address,
    /// The folder of everything that is not in the database.
    pub data: PathBuf,
    /// The key that seals carriers' credentials, from its variable.
    pub master_key: Option<String>,
    /// The file that holds it where the variable does not.
    pub master_key_file: PathBuf,
    /// Other addresses of carriers than their own.
    pub carrier_addresses: CarrierAddresses,
    /// The gateways and SMSCs that accounts may name.
    pub carrier_gateways: Reach,
    /// The networks besides the public internet that webhooks may call.
    pub webhook_networks: Networks,
    /// The account at Stripe that takes cards; nothing where nobody does.
    pub stripe: Option<StripeAccount>,
    /// The mail server and in whose name it is used; nothing where no e-mail is sent.
    pub mail: Option<MailAccount>,
    /// Whether it runs as a demo: simulated carrier, a clock that can be pushed.
    pub demo: bool,
    /// What is logged.
    pub log_level: Level,
    /// How log lines are written.
    pub log_format: Format,
    /// The proxies whose word on a client's address is taken.
    pub trusted_proxies: Proxies,
    /// How long a shutdown waits for work under way.
    pub shutdown_grace: Duration,
    /// The largest request body in bytes.
    pub max_body_bytes: usize,
    readings: Vec<Reading>,
}

/// The account at Stripe that takes cards.
#[derive(Debug, Clone)]
pub struct StripeAccount {
    /// The key with which it is called.
    pub key: Secret,
    /// The secret with which it signs its calls.
    pub webhook_secret: Secret,
    /// Where it is called.
    pub address: PublicUrl,
}

/// The mail server that takes e-mails.
#[derive(Debug, Clone)]
pub struct MailAccount {
    /// Where it is, with its password.
    pub relay: Relay,
    /// In whose name mails are sent.
    pub from: Sender,
}

impl Settings {
    /// Reads every setting.
    ///
    /// # Errors
    /// The file cannot be read, is no TOML or names a setting that does not exist, or a value is not
    /// what its setting takes. The error names the place.
    pub fn load(flags: &Flags, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let file = file_of(flags, environment)?;
        let mut sources = Sources { flags, environment, file, readings: Vec::new() };
        let listen = sources.value("listen", read::listen)?;
        let data: PathBuf = sources.value("data", read::folder)?;
        Ok(Self {
            public_url: sources.or("public_url", read::public_url, || PublicUrl::of(listen))?,
            database: sources.or("database", read::database, || Address::file(data.join("dripline.db")))?,
            master_key_file: sources.or("master_key_file", read::file, || read::ShownPath(data.join("master.key")))?.0,
            carrier_addresses: sources.value("carrier_addresses", read::carrier_addresses)?,
            carrier_gateways: sources.value("carrier_gateways", read::carrier_gateways)?,
            webhook_networks: sources.value("webhook_networks", read::webhook_networks)?,
            stripe: stripe(&mut sources)?,
            mail: mail(&mut sources)?,
            demo: sources.value("demo", read::flag)?,
            log_level: sources.value("log_level", read::level)?,
            log_format: sources.value("log_format", read::format)?,
            trusted_proxies: sources.value("trusted_proxies", read::proxies)?,
            shutdown_grace: sources.value("shutdown_grace_seconds", read::grace)?,
            max_body_bytes: sources.value("max_body_bytes", read::body_bytes)?,
            master_key: master_key(environment)?,
            listen,
            data,
            readings: sources.readings,
        })
    }

    /// The address under which people reach the server, where somebody has told it: what follows from `listen` is no address for a mail.
    #[must_use]
    pub fn told_public_url(&self) -> Option<&str> {
        let told = |reading: &Reading| reading.key == "public_url" && reading.origin != Origin::Default;
        self.readings.iter().any(told).then(|| self.public_url.as_str())
    }

    /// Each setting with where it was read, in the order in which they were.
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }
}

/// Every setting as it may be shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.readings.iter().map(|reading| (reading.key, &reading.shown))).finish()
    }
}

/// Both secrets or none: with one alone either nothing could be paid, or nobody would hear of it.
fn stripe(sources: &mut Sources<'_>) -> Result<Option<StripeAccount>, ConfigError> {
    let key = sources.secret("stripe_key", read::stripe_key)?;
    let webhook_secret = sources.secret("stripe_webhook_secret", read::stripe_webhook_secret)?;
    let address = sources.value("stripe_address", read::stripe_address)?;
    let lacks = |key| {
        let reason = "must be set beside the other secret of Stripe's";
        Err(ConfigError::Value { key, origin: Origin::Default, reason })
    };
    match (key, webhook_secret) {
        (Some(key), Some(webhook_secret)) => Ok(Some(StripeAccount { key, webhook_secret, address })),
        (None, None) => Ok(None),
        (Some(_), None) => lacks("stripe_webhook_secret"),
        (None, Some(_)) => lacks("stripe_key"),
    }
}

/// The server and the sender, or neither.
fn mail(sources: &mut Sources<'_>) -> Result<Option<MailAccount>, ConfigError> {
    let relay = sources.secret("smtp_url", read::relay)?;
    let from = sources.value("smtp_from", read::sender)?;
    let lacks = |key, reason| Err(ConfigError::Value { key, origin: Origin::Default, reason });
    match (relay, from) {
        (Some(relay), Some(from)) => Ok(Some(MailAccount { relay, from })),
        (None, None) => Ok(None),
        (Some(_), None) => lacks("smtp_from", "must be set beside smtp_url: in whose name e-mails are sent"),
        (None, Some(_)) => lacks("smtp_url", "must be set beside smtp_from: the mail server that takes e-mails"),
    }
}

/// A secret, so there is no flag for it, which every process list would show.
fn master_key(environment: Environment<'_>) -> Result<Option<String>, ConfigError> {
    let text = environment(MASTER_KEY_VARIABLE).filter(|text| !text.is_empty());
    text.map(|text| text.into_string().map_err(|_| ConfigError::NotUtf8(MASTER_KEY_VARIABLE.to_owned()))).transpose()
}

fn file_of(flags: &Flags, environment: Environment<'_>) -> Result<File, ConfigError> {
    let variable = || environment(FILE_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    flags.base.config.clone().or_else(variable).map_or_else(|| Ok(File::default()), File::read)
}

/// The four places of a value, and what was read from them so far.
struct Sources<'a> {
    flags: &'a Flags,
    environment: Environment<'a>,
    file: File,
    readings: Vec<Reading>,
}

impl Sources<'_> {
    /// The text of a setting and where it stands; none where the default holds.
    fn text(&self, key: &'static str) -> Result<Option<(String, Origin)>, ConfigError> {
        let setting = Setting::named(key);
        if let Some(text) = self.flags.get(key) {
            return Ok(Some((text.to_owned(), Origin::Flag(setting.flag()))));
        }
        let variable = setting.variable();
        if let Some(text) = (self.environment)(&variable).filter(|text| !text.is_empty()) {
            let text = text.into_string().map_err(|_| ConfigError::NotUtf8(variable.clone()))?;
            return Ok(Some((text, Origin::Environment(variable))));
        }
        Ok(self.file.get(key))
    }

    /// A setting whose default is a text and that holds no secret: it is shown as it was written.
    fn value<T>(&mut self, key: &'static str, read: fn(&str) -> Result<T, &'static str>) -> Result<T, ConfigError> {
        let default = || (Setting::named(key).default.to_owned(), Origin::Default);
        let (text, origin) = self.text(key)?.unwrap_or_else(default);
        match read(&text) {
            Ok(value) => {
                self.readings.push(Reading { key, shown: text, origin });
                Ok(value)
            }
            Err(reason) => Err(ConfigError::Value { key, origin, reason }),
        }
    }

    /// A secret, which is only said to be set.
    fn secret<T>(
        &mut self,
        key: &'static str,
        read: fn(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, ConfigError> {
        let Some((text, origin)) = self.text(key)? else {
            self.readings.push(Reading { key, shown: Setting::named(key).default.to_owned(), origin: Origin::Default });
            return Ok(None);
        };
        let value = read(&text).map_err(|reason| ConfigError::Value { key, origin: origin.clone(), reason })?;
        self.readings.push(Reading { key, shown: "set".to_owned(), origin });
        Ok(Some(value))
    }

    /// A setting whose default follows from others; it is shown as its type shows itself.
    fn or<T: fmt::Display>(
        &mut self,
        key: &'static str,
        read: fn(&str) -> Result<T, &'static str>,
        default: impl FnOnce() -> T,
    ) -> Result<T, ConfigError> {
        let (value, origin) = match self.text(key)? {
            None => (default(), Origin::Default),
            Some((text, origin)) => match read(&text) {
                Ok(value) => (value, origin),
                Err(reason) => return Err(ConfigError::Value { key, origin, reason }),
            },
        };
        self.readings.push(Reading { key, shown: value.to_string(), origin });
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
