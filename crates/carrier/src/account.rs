//! An account at a carrier, whichever it is: what a person types to add one, and the adapter that comes of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::http::Http;
use crate::{Carrier, bandwidth, plivo, telnyx, twilio, vonage};

/// The carriers that people have accounts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Twilio.
    Twilio,
    /// Telnyx.
    Telnyx,
    /// Bandwidth.
    Bandwidth,
    /// Plivo.
    Plivo,
    /// Vonage.
    Vonage,
}

/// Where an adapter calls, and where it is called.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where the carrier listens, without a closing slash.
    pub base: String,
    /// The address of ours that the carrier calls, without query.
    pub callbacks: String,
}

/// What a person types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its key in the settings.
    pub key: &'static str,
    /// What it is called at the carrier.
    pub name: &'static str,
    /// Where it is found, or what it is for.
    pub hint: &'static str,
    /// Whether it is never shown again.
    pub secret: bool,
    /// Whether it may be empty.
    pub optional: bool,
}

const fn shown(key: &'static str, name: &'static str, hint: &'static str) -> Field {
    Field { key, name, hint, secret: false, optional: false }
}

const fn secret(key: &'static str, name: &'static str, hint: &'static str) -> Field {
    Field { key, name, hint, secret: true, optional: false }
}

const fn or_empty(field: Field) -> Field {
    Field { optional: true, ..field }
}

const BEFORE: &str = "While both are in use: calls signed with either are taken.";

const TWILIO: &[Field] = &[
    shown("account", "Account SID", "Begins with AC; on the first page of Twilio's console."),
    secret("token", "Auth token", "Beside the Account SID. Twilio signs its calls with it."),
    or_empty(shown("key", "API key SID", "Begins with SK. Without one the auth token is used to send.")),
    or_empty(secret("key_secret", "API key secret", "Shown once by Twilio, when the key is made.")),
    or_empty(shown("service", "Messaging service SID", "Begins with MG, if your numbers are in a messaging service.")),
    or_empty(secret("token_before", "Auth token before", BEFORE)),
];
const TELNYX: &[Field] = &[
    secret("key", "API key", "Begins with KEY; under Account, API keys."),
    shown(
        "public_key",
        "Public key",
        "Under Account, Keys & credentials, Public key. Telnyx signs its calls with its counterpart.",
    ),
    or_empty(shown("profile", "Messaging profile ID", "Without one the profile of each number is used.")),
    or_empty(shown("public_key_before", "Public key before", BEFORE)),
];
const BANDWIDTH: &[Field] = &[
    shown("account", "Account ID", "The number of the account."),
    shown("user", "API user name", "A user who may use the messaging API."),
    secret("password", "API password", "That user's password."),
    shown("application", "Messaging application ID", "The application whose location has your numbers."),
    shown("callback_user", "Callback user ID", "As you set it on the application: Bandwidth's calls bear it."),
    secret("callback_password", "Callback password", "As you set it on the application."),
    or_empty(secret("callback_password_before", "Callback password before", BEFORE)),
];
const PLIVO: &[Field] = &[
    shown("id", "Auth ID", "On the first page of Plivo's console."),
    secret("token", "Auth token", "Beside the Auth ID. Plivo signs its calls with it."),
    or_empty(secret("token_before", "Auth token before", BEFORE)),
];
const VONAGE: &[Field] = &[
    shown("key", "API key", "On the first page of Vonage's dashboard."),
    secret("secret", "API secret", "Beside the API key."),
    secret("signature_secret", "Signature secret", "Under API settings. Vonage signs its calls with it."),
    or_empty(secret("signature_secret_before", "Signature secret before", BEFORE)),
];

impl Kind {
    /// All of them, in the order of the alphabet.
    pub const ALL: [Self; 5] = [Self::Bandwidth, Self::Plivo, Self::Telnyx, Self::Twilio, Self::Vonage];

    /// The word in settings and addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Bandwidth => "bandwidth",
            Self::Plivo => "plivo",
            Self::Vonage => "vonage",
        }
    }

    /// As its people write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Twilio => "Twilio",
            Self::Telnyx => "Telnyx",
            Self::Bandwidth => "Bandwidth",
            Self::Plivo => "Plivo",
            Self::Vonage => "Vonage",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Where the carrier listens.
    #[must_use]
    pub fn base(self) -> &'static str {
        match self {
            Self::Twilio => twilio::BASE,
            Self::Telnyx => telnyx::BASE,
            Self::Bandwidth => bandwidth::BASE,
            Self::Plivo => plivo::BASE,
            Self::Vonage => vonage::BASE,
        }
    }

    /// What has to be typed, in order.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Twilio => TWILIO,
            Self::Telnyx => TELNYX,
            Self::Bandwidth => BANDWIDTH,
            Self::Plivo => PLIVO,
            Self::Vonage => VONAGE,
        }
    }
}

/// Why the settings of an account are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A field is empty that has to be there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field is longer than any carrier's.
    #[error("{name} has {count} characters; at most {MAX_FIELD} are taken")]
    TooLong {
        /// What it is called at the carrier.
        name: &'static str,
        /// How long it is.
        count: usize,
    },
    /// A character that no carrier writes, and that would end up in an address or a header.
    #[error("{0} holds a space or a character that is not of the keyboard")]
    Character(&'static str),
    /// A field that this carrier does not have.
    #[error("{kind} has no setting {key:?}")]
    Unknown {
        /// The carrier.
        kind: &'static str,
        /// The key.
        key: String,
    },
}

impl SettingsError {
    /// The field that it is about, by what it is called at the carrier.
    #[must_use]
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Missing(name) | Self::TooLong { name, .. } | Self::Character(name) => Some(name),
            Self::Unknown { .. } => None,
        }
    }
}

/// Most characters in a field.
pub const MAX_FIELD: usize = 500;

/// The settings of an account by their keys, checked: all that this carrier needs and nothing else.
pub fn checked(
    kind: Kind,
    typed: impl IntoIterator<Item = (String, String)>,
) -> Result<serde_json::Map<String, serde_json::Value>, SettingsError> {
    let mut settings = serde_json::Map::new();
    for (key, value) in typed {
        let field = kind.fields().iter().find(|field| field.key == key);
        let field = field.ok_or(SettingsError::Unknown { kind: kind.name(), key })?;
        let value = value.trim().to_owned();
        let count = value.chars().count();
        if count > MAX_FIELD {
            return Err(SettingsError::TooLong { name: field.name, count });
        }
        // A password may be anything that a header can carry encoded; the rest goes into addresses as it is.
        let fits = |one: char| {
            if field.secret { !one.is_control() } else { one.is_ascii_graphic() && !"/?#%\\".contains(one) }
        };
        let is_key_material = field.key.starts_with("public_key");
        if !value.chars().all(|one| fits(one) || (is_key_material && one == '/')) {
            return Err(SettingsError::Character(field.name));
        }
        settings.insert(field.key.to_owned(), value.into());
    }
    for field in kind.fields() {
        let is_empty = settings.get(field.key).and_then(|value| value.as_str()).is_none_or(str::is_empty);
        if is_empty && !field.optional {
            return Err(SettingsError::Missing(field.name));
        }
    }
    Ok(settings)
}

/// The adapter for an account. Fails if the settings are not of its kind.
pub fn open(
    kind: Kind,
    settings: serde_json::Value,
    name: String,
    place: Place,
    http: Http,
) -> Result<Arc<dyn Carrier>, serde_json::Error> {
    use serde_json::from_value;
    Ok(match kind {
        Kind::Twilio => Arc::new(twilio::Twilio::new(name, from_value(settings)?, place, http)),
        Kind::Telnyx => Arc::new(telnyx::Telnyx::new(name, from_value(settings)?, place, http)),
        Kind::Bandwidth => Arc::new(bandwidth::Bandwidth::new(name, from_value(settings)?, place, http)),
        Kind::Plivo => Arc::new(plivo::Plivo::new(name, from_value(settings)?, place, http)),
        Kind::Vonage => Arc::new(vonage::Vonage::new(name, from_value(settings)?, place, http)),
    })
}
