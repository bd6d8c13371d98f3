//! The flags of the settings, for the commands that need them.
//!
//! Every flag is kept as text, so that a flag, a variable and a line of the file are read alike.

use std::path::PathBuf;

use clap::Args;

/// The flags that every command on a database takes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Base {
    /// The configuration file, in TOML [env: DRIPLINE_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The database: sqlite:PATH or postgres://… [env: DRIPLINE_DATABASE] [default: sqlite:data/dripline.db]
    #[arg(long, value_name = "ADDRESS")]
    pub database: Option<String>,
    /// The data folder [env: DRIPLINE_DATA] [default: data]
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<String>,
    /// What is logged: off, error, warn, info, debug, trace [env: DRIPLINE_LOG_LEVEL] [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub log_level: Option<String>,
    /// How log lines are written: text or json [env: DRIPLINE_LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
}

/// The flags of every setting, for the server.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct Flags {
    /// The flags that other commands take too.
    #[command(flatten)]
    pub base: Base,
    /// IP address and port of the web server [env: DRIPLINE_LISTEN] [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
    /// The address under which the server is reached [env: DRIPLINE_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// The file with the key that seals carriers' credentials [env: DRIPLINE_MASTER_KEY_FILE] [default: data/master.key]
    #[arg(long, value_name = "FILE")]
    pub master_key_file: Option<String>,
    /// Other addresses of carriers, for tests [env: DRIPLINE_CARRIER_ADDRESSES] [default: none]
    #[arg(long, value_name = "CARRIER=URL,...")]
    pub carrier_addresses: Option<String>,
    /// Gateways and SMSCs that accounts may name, such as 127.0.0.1:13013, or any [env: DRIPLINE_CARRIER_GATEWAYS]
    #[arg(long, value_name = "HOSTS")]
    pub carrier_gateways: Option<String>,
    /// Networks besides the public internet that webhooks may call, or any [env: DRIPLINE_WEBHOOK_NETWORKS] [default: none]
    #[arg(long, value_name = "NETWORKS")]
    pub webhook_networks: Option<String>,
    /// Another address at which Stripe is called, for tests [env: DRIPLINE_STRIPE_ADDRESS] [default: Stripe's own]
    #[arg(long, value_name = "URL")]
    pub stripe_address: Option<String>,
    /// In whose name e-mails are sent, such as "Dripline <no-reply@example.com>" [env: DRIPLINE_SMTP_FROM] [default: none]
    #[arg(long, value_name = "ADDRESS")]
    pub smtp_from: Option<String>,
    /// Run as a demo: simulated carrier, a clock that can be pushed [env: DRIPLINE_DEMO]
    #[arg(long, value_name = "true|false", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub demo: Option<String>,
    /// Proxies whose X-Forwarded-For is believed [env: DRIPLINE_TRUSTED_PROXIES] [default: none]
    #[arg(long, value_name = "NETWORKS")]
    pub trusted_proxies: Option<String>,
    /// How long a shutdown waits for work under way [env: DRIPLINE_SHUTDOWN_GRACE_SECONDS] [default: 30]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub shutdown_grace_seconds: Option<String>,
    /// The largest request body [env: DRIPLINE_MAX_BODY_BYTES] [default: 104857600]
    #[arg(long, value_name = "BYTES", allow_negative_numbers = true)]
    pub max_body_bytes: Option<String>,
}

impl From<Base> for Flags {
    fn from(base: Base) -> Self {
        Self { base, ..Self::default() }
    }
}

impl Flags {
    /// What the flag of a setting was given.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        let text = match key {
            "listen" => &self.listen,
            "public_url" => &self.public_url,
            "database" => &self.base.database,
            "data" => &self.base.data,
            "master_key_file" => &self.master_key_file,
            "carrier_addresses" => &self.carrier_addresses,
            "carrier_gateways" => &self.carrier_gateways,
            "webhook_networks" => &self.webhook_networks,
            "stripe_address" => &self.stripe_address,
            "smtp_from" => &self.smtp_from,
            "demo" => &self.demo,
            "log_level" => &self.base.log_level,
            "log_format" => &self.base.log_format,
            "trusted_proxies" => &self.trusted_proxies,
            "shutdown_grace_seconds" => &self.shutdown_grace_seconds,
            "max_body_bytes" => &self.max_body_bytes,
            _ => &None,
        };
        text.as_deref()
    }
}
