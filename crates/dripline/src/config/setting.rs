//! The table of settings: names, defaults and meanings, and where a value was read.

use std::fmt;
use std::path::PathBuf;

/// What the configuration file writes for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text in quotes.
    Text,
    /// The same, never shown, and without a flag, which every list of processes would show.
    Secret,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Flag,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text | Self::Secret => "a text in quotes",
            Self::Number => "a whole number",
            Self::Flag => "true or false",
        })
    }
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the file; the flag and the variable are made from it.
    pub key: &'static str,
    /// How the file writes it.
    pub kind: Kind,
    /// What holds where nothing is set, as the file would write it (without quotes).
    pub default: &'static str,
    /// What it does, for the page.
    pub meaning: &'static str,
}

/// Every setting, in the order of the page.
pub const SETTINGS: [Setting; 19] = [
    Setting {
        key: "listen",
        kind: Kind::Text,
        default: "127.0.0.1:8080",
        meaning: "IP address and port of the web server; `0.0.0.0:8080` takes connections from everywhere",
    },
    Setting {
        key: "public_url",
        kind: Kind::Text,
        default: "http:// and `listen`",
        meaning: "the address under which people and carriers reach the server; carriers call back there",
    },
    Setting {
        key: "database",
        kind: Kind::Text,
        default: "sqlite: and `data`/dripline.db",
        meaning: "`sqlite:PATH`, or `postgres://user:password@host/name`; the password is never shown",
    },
    Setting {
        key: "data",
        kind: Kind::Text,
        default: "data",
        meaning: "the folder of everything that is not in the database, and of the default one",
    },
    Setting {
        key: "master_key_file",
        kind: Kind::Text,
        default: "`data`/master.key",
        meaning: "the file with the key that seals carriers' credentials and webhooks' secrets: 32 bytes in base64, older ones behind it; made at the \
            first start beside an SQLite file; the variable `DRIPLINE_MASTER_KEY` goes before it",
    },
    Setting {
        key: "carrier_addresses",
        kind: Kind::Text,
        default: "none",
        meaning: "other addresses at which carriers are called, such as `twilio=http://127.0.0.1:4010`; for tests",
    },
    Setting {
        key: "carrier_gateways",
        kind: Kind::Text,
        default: "none",
        meaning: "the gateways and SMSCs of their own that accounts may name, such as `127.0.0.1:13013, smsc.example.com`: the server \
            calls them from inside its network; `any` where nobody but the operator adds accounts",
    },
    Setting {
        key: "webhook_networks",
        kind: Kind::Text,
        default: "none",
        meaning: "addresses and networks besides the public internet that outgoing webhooks may call, with or without TLS, such as \
            `127.0.0.1, 10.0.0.0/8`: whoever may change settings can have the server call them; `any` where nobody but the operator may",
    },
    Setting {
        key: "stripe_key",
        kind: Kind::Secret,
        default: "none",
        meaning: "the secret or restricted key of the account at Stripe that takes cards (`sk_…`, `rk_…`); without it nobody pays by card here; never shown",
    },
    Setting {
        key: "stripe_webhook_secret",
        kind: Kind::Secret,
        default: "none",
        meaning: "the signing secret (`whsec_…`) of the endpoint at Stripe that calls `public_url`/hooks/stripe; needed beside `stripe_key`; never shown",
    },
    Setting {
        key: "stripe_address",
        kind: Kind::Text,
        default: "https://api.stripe.com",
        meaning: "another address at which Stripe is called; for tests",
    },
    Setting {
        key: "smtp_url",
        kind: Kind::Secret,
        default: "none",
        meaning: "the mail server that takes e-mails: `smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465`, or \
            `smtp://host:25?tls=none` inside a network of one's own; without it no e-mail is sent; never shown",
    },
    Setting {
        key: "smtp_from",
        kind: Kind::Text,
        default: "none",
        meaning: "in whose name e-mails are sent, such as `Dripline <no-reply@example.com>`; needed beside `smtp_url`",
    },
    Setting {
        key: "demo",
        kind: Kind::Flag,
        default: "false",
        meaning: "run as a demo: a simulated carrier, and a clock that can be pushed",
    },
    Setting {
        key: "log_level",
        kind: Kind::Text,
        default: "info",
        meaning: "`off`, `error`, `warn`, `info`, `debug` or `trace`; for one part more: `info,store=debug`",
    },
    Setting {
        key: "log_format",
        kind: Kind::Text,
        default: "text",
        meaning: "`text` for people, or `json`: one object a line",
    },
    Setting {
        key: "trusted_proxies",
        kind: Kind::Text,
        default: "none",
        meaning: "addresses and networks of the proxies before this server, such as `127.0.0.1, 10.0.0.0/8`: \
            what they say in `X-Forwarded-For` is believed, nobody else's word is",
    },
    Setting {
        key: "shutdown_grace_seconds",
        kind: Kind::Number,
        default: "30",
        meaning: "how long a shutdown waits for requests and sends under way, 0 to 3600",
    },
    Setting {
        key: "max_body_bytes",
        kind: Kind::Number,
        default: "104857600",
        meaning: "the largest request body, uploads included, 1024 to 4294967296",
    },
];

impl Setting {
    /// The setting of a name that stands in the table.
    pub(super) fn named(key: &str) -> &'static Self {
        SETTINGS.iter().find(|setting| setting.key == key).expect("the setting stands in the table")
    }

    /// Its flag, such as `--log-level`.
    #[must_use]
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    /// Its environment variable, such as `DRIPLINE_LOG_LEVEL`.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("DRIPLINE_{}", self.key.to_uppercase())
    }
}

/// Where a value was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A flag of the command line.
    Flag(String),
    /// An environment variable.
    Environment(String),
    /// A line of the configuration file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// Nothing is set.
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Environment(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The setting's name.
    pub key: &'static str,
    /// Its value, without secrets.
    pub shown: String,
    /// Where it was read.
    pub origin: Origin,
}
