//! An account at a carrier, whichever it is: what a person types to add one, and the adapter that comes of it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::fields::{Field, Shape};
pub use self::reach::{Host, Peer, Reach};
use crate::http::Http;
use crate::{Carrier, bandwidth, gateway, plivo, smpp, telnyx, twilio, vonage};

mod fields;
mod reach;

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
    /// A gateway of one's own that speaks HTTP as Kannel does.
    Gateway,
    /// An SMSC, over SMPP 3.4.
    Smpp,
}

/// Where an adapter calls, and where it is called.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where the carrier listens, without a closing slash.
    pub base: String,
    /// The address of ours that the carrier calls, without query.
    pub callbacks: String,
}

impl Kind {
    /// All of them, in the order of the alphabet; what one runs oneself comes last.
    pub const ALL: [Self; 7] =
        [Self::Bandwidth, Self::Plivo, Self::Telnyx, Self::Twilio, Self::Vonage, Self::Gateway, Self::Smpp];

    /// The word in settings and addresses.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Twilio => "twilio",
            Self::Telnyx => "telnyx",
            Self::Bandwidth => "bandwidth",
            Self::Plivo => "plivo",
            Self::Vonage => "vonage",
            Self::Gateway => "gateway",
            Self::Smpp => "smpp",
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
            Self::Gateway => "HTTP gateway (Kannel)",
            Self::Smpp => "SMPP 3.4",
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Where the carrier listens; nothing where the account itself says it.
    #[must_use]
    pub fn base(self) -> Option<&'static str> {
        match self {
            Self::Twilio => Some(twilio::BASE),
            Self::Telnyx => Some(telnyx::BASE),
            Self::Bandwidth => Some(bandwidth::BASE),
            Self::Plivo => Some(plivo::BASE),
            Self::Vonage => Some(vonage::BASE),
            Self::Gateway | Self::Smpp => None,
        }
    }

    /// Whether it calls us; who does not tells us over a link of ours.
    #[must_use]
    pub fn calls_us(self) -> bool {
        self != Self::Smpp
    }

    /// Our address as it is to be set at the other side: with what makes it repeat a call that failed, where that is asked for there.
    #[must_use]
    pub fn to_set(self, callbacks: &str) -> String {
        if self == Self::Twilio { format!("{callbacks}{}", twilio::AGAIN) } else { callbacks.to_owned() }
    }

    /// What has to be written down at the other side besides our address, where there is more to it.
    #[must_use]
    pub fn lines(self, callbacks: &str) -> Option<String> {
        (self == Self::Gateway).then(|| gateway::lines(callbacks))
    }

    /// What has to be typed, in order.
    #[must_use]
    pub fn fields(self) -> &'static [Field] {
        match self {
            Self::Twilio => fields::TWILIO,
            Self::Telnyx => fields::TELNYX,
            Self::Bandwidth => fields::BANDWIDTH,
            Self::Plivo => fields::PLIVO,
            Self::Vonage => fields::VONAGE,
            Self::Gateway => fields::GATEWAY,
            Self::Smpp => fields::SMPP,
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
    /// It is not what the field takes.
    #[error("{name} must be {wants}")]
    Shape {
        /// What it is called at the carrier.
        name: &'static str,
        /// What the field takes.
        wants: String,
    },
    /// The operator of this server has not allowed the host.
    #[error("this server may not call {peer}: its operator has to add it to carrier_gateways")]
    NotAllowed {
        /// What the field is called.
        name: &'static str,
        /// The host and the port.
        peer: Peer,
    },
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
            Self::Missing(name)
            | Self::TooLong { name, .. }
            | Self::Character(name)
            | Self::Shape { name, .. }
            | Self::NotAllowed { name, .. } => Some(name),
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
    reach: &Reach,
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
        fits(field, &value)?;
        settings.insert(field.key.to_owned(), value.into());
    }
    for field in kind.fields() {
        let is_empty = settings.get(field.key).and_then(|value| value.as_str()).is_none_or(str::is_empty);
        if is_empty && !field.optional {
            return Err(SettingsError::Missing(field.name));
        }
    }
    may_reach(kind, &settings, reach)?;
    Ok(settings)
}

/// Whether a value has the shape of its field; an empty one has.
fn fits(field: &Field, value: &str) -> Result<(), SettingsError> {
    // A password may be anything that a header can carry encoded; the rest goes into addresses as it is.
    let plain = |one: char| {
        if field.secret { !one.is_control() } else { one.is_ascii_graphic() && !"/?#%\\".contains(one) }
    };
    let token = |one: char| one.is_ascii_alphanumeric() || "-_".contains(one);
    let wants = match field.shape {
        _ if value.is_empty() => return Ok(()),
        Shape::Word if value.chars().all(plain) => return Ok(()),
        Shape::Base64 if value.chars().all(|one| plain(one) || one == '/') => return Ok(()),
        Shape::Word | Shape::Base64 => return Err(SettingsError::Character(field.name)),
        Shape::Url => "an address such as http://127.0.0.1:13013/cgi-bin/sendsms, without user and query".to_owned(),
        Shape::Host => "the name of a host or an IP address, without a port".to_owned(),
        Shape::Number(least, most) => format!("a whole number from {least} to {most}"),
        Shape::Choice(words) => words.join(" or "),
        Shape::Token => "at least 16 letters, digits, - and _".to_owned(),
    };
    let has_it = match field.shape {
        Shape::Url => reach::of_url(value).is_some(),
        Shape::Host => value.chars().all(|one| one.is_ascii_alphanumeric() || ".-_:".contains(one)),
        Shape::Number(least, most) => value.parse::<u32>().is_ok_and(|number| (least..=most).contains(&number)),
        Shape::Choice(words) => words.contains(&value),
        Shape::Token => value.len() >= 16 && value.chars().all(token),
        Shape::Word | Shape::Base64 => true,
    };
    if has_it { Ok(()) } else { Err(SettingsError::Shape { name: field.name, wants }) }
}

/// Whether the server may call what the settings name; a carrier's own address is always allowed.
pub fn may_reach(
    kind: Kind,
    settings: &serde_json::Map<String, serde_json::Value>,
    reach: &Reach,
) -> Result<(), SettingsError> {
    let Some(peer) = peer(kind, settings) else { return Ok(()) };
    let name = kind.fields()[0].name;
    if reach.allows(&peer) { Ok(()) } else { Err(SettingsError::NotAllowed { name, peer }) }
}

/// The peer that the settings themselves name.
fn peer(kind: Kind, settings: &serde_json::Map<String, serde_json::Value>) -> Option<Peer> {
    let text = |key: &str| settings.get(key).and_then(|value| value.as_str()).unwrap_or_default();
    match kind {
        Kind::Gateway => reach::of_url(text("url")),
        Kind::Smpp => {
            Some(Peer { host: text("host").to_ascii_lowercase(), port: text("port").parse().unwrap_or(smpp::PORT) })
        }
        Kind::Twilio | Kind::Telnyx | Kind::Bandwidth | Kind::Plivo | Kind::Vonage => None,
    }
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
        Kind::Gateway => Arc::new(gateway::Gateway::new(name, from_value(settings)?, &place, http)),
        Kind::Smpp => Arc::new(smpp::Smpp::new(name, from_value(settings)?)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_twilio_has_to_be_asked_to_call_again() {
        let here = "https://texts.example.com/hooks/1/2";
        for kind in Kind::ALL {
            let again = if kind == Kind::Twilio { "#rc=5&rp=ct,rt,5xx" } else { "" };
            assert_eq!(kind.to_set(here), format!("{here}{again}"), "{}", kind.name());
        }
    }
}
