//! What opening accounts at carriers, calling webhooks, taking cards and sending e-mails takes: the master key from its variable or file, the clients, our public address.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::carriers::Kind;
use engine::mails::{Postbox, Smtp, SmtpError};
use engine::payments::{Stripe, Till};
use engine::roll::Outfit;
use engine::sealed::{KeyError, MasterKeys};
use engine::webhooks::Poster;

use crate::config::Settings;

/// Why accounts cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OutfitError {
    /// The file cannot be read or made.
    #[error("the master key file {} cannot be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What is there is no key.
    #[error("the master key from {place} is refused")]
    Key {
        /// The variable or the file.
        place: String,
        /// Why.
        #[source]
        source: KeyError,
    },
    /// The HTTPS client cannot start.
    #[error(transparent)]
    Http(#[from] engine::carriers::HttpError),
    /// TLS to the mail server cannot start.
    #[error(transparent)]
    Mail(#[from] SmtpError),
}

/// What happens where there is no key yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfMissing {
    /// One is made, but for a database of many nodes: a key made by one would open nothing on the others.
    Make,
    /// There is no outfit.
    GoWithout,
}

/// The outfit; none without a key.
pub fn outfit(settings: &Settings, if_missing: IfMissing) -> Result<Option<Outfit>, OutfitError> {
    let Some(keys) = keys(settings, if_missing)? else { return Ok(None) };
    Ok(Some(Outfit {
        keys,
        http: engine::carriers::Http::new()?,
        poster: Poster::new(settings.webhook_networks.clone())?,
        public_url: settings.public_url.as_str().to_owned(),
        reach: settings.carrier_gateways.clone(),
        bases: settings.carrier_addresses.0.clone(),
    }))
}

/// Who takes cards; nobody where the operator has no account at Stripe.
pub fn till(settings: &Settings) -> Result<Option<Till>, OutfitError> {
    let Some(account) = &settings.stripe else { return Ok(None) };
    let (key, signing) = (account.key.clone(), account.webhook_secret.clone());
    let stripe = Stripe::new(engine::carriers::Http::new()?, account.address.as_str(), key, signing);
    Ok(Some(Till { payments: Arc::new(stripe), public_url: settings.public_url.as_str().to_owned() }))
}

/// Who takes e-mails; nobody where the operator has set up no mail server.
pub fn postbox(settings: &Settings) -> Result<Option<Postbox>, OutfitError> {
    let Some(account) = &settings.mail else { return Ok(None) };
    let smtp = Smtp::new(account.relay.clone(), account.from.clone())?;
    Ok(Some(Postbox { mailer: Arc::new(smtp), public_url: settings.told_public_url().map(str::to_owned) }))
}

fn keys(settings: &Settings, if_missing: IfMissing) -> Result<Option<MasterKeys>, OutfitError> {
    if let Some(text) = &settings.master_key {
        let place = || "DRIPLINE_MASTER_KEY".to_owned();
        return MasterKeys::parse(text).map(Some).map_err(|source| OutfitError::Key { place: place(), source });
    }
    let path = &settings.master_key_file;
    let failed = |source| OutfitError::File { path: path.clone(), source };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if if_missing == IfMissing::GoWithout || settings.database.is_server() {
                return Ok(None);
            }
            make(path).map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let refused = |source| OutfitError::Key { place: path.display().to_string(), source };
    MasterKeys::parse(&text).map(Some).map_err(refused)
}

/// A new key in a file that only this program's user may read. If another process was faster, its key is the one.
fn make(path: &Path) -> io::Result<String> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let key = format!("{}\n", MasterKeys::draw());
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(key.as_bytes())?;
            file.sync_all()?;
            Ok(key)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => fs::read_to_string(path),
        Err(error) => Err(error),
    }
}

/// Other addresses of carriers than their own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarrierAddresses(pub BTreeMap<Kind, String>);

impl std::str::FromStr for CarrierAddresses {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REASON: &str =
            "must be carriers with addresses, such as twilio=http://127.0.0.1:4010, separated by commas";
        let pair = |pair: &str| {
            let (kind, address) = pair.trim().split_once('=')?;
            let is_web = ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme));
            let kind = Kind::from_word(kind.trim()).filter(|kind| kind.base().is_some())?;
            is_web.then_some((kind, address.trim_end_matches('/').to_owned()))
        };
        if text.trim().is_empty() || text == "none" {
            return Ok(Self::default());
        }
        text.split(',').map(pair).collect::<Option<_>>().map(Self).ok_or(REASON)
    }
}
