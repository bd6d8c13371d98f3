//! What a person types for each kind of account: the fields, what they are for, and what fits in them.

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
    /// What fits in it.
    pub shape: Shape,
}

/// What fits in a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A word of the keyboard's characters, none of which means something in an address; a secret may be any text.
    Word,
    /// The same, and slashes as in base64.
    Base64,
    /// A web address, without user and query.
    Url,
    /// A host's name or IP address.
    Host,
    /// A whole number between two, both included.
    Number(u32, u32),
    /// One of these words; the first holds where nothing is typed.
    Choice(&'static [&'static str]),
    /// At least 16 letters, digits, `-` and `_`: what passes through every form of address unchanged.
    Token,
}

const fn shown(key: &'static str, name: &'static str, hint: &'static str) -> Field {
    Field { key, name, hint, secret: false, optional: false, shape: Shape::Word }
}

const fn secret(key: &'static str, name: &'static str, hint: &'static str) -> Field {
    Field { key, name, hint, secret: true, optional: false, shape: Shape::Word }
}

const fn or_empty(field: Field) -> Field {
    Field { optional: true, ..field }
}

const fn shaped(shape: Shape, field: Field) -> Field {
    Field { shape, ..field }
}

const BEFORE: &str = "While both are in use: calls signed with either are taken.";

pub(super) const TWILIO: &[Field] = &[
    shown("account", "Account SID", "Begins with AC; on the first page of Twilio's console."),
    secret("token", "Auth token", "Beside the Account SID. Twilio signs its calls with it."),
    or_empty(shown("key", "API key SID", "Begins with SK. Without one the auth token is used to send.")),
    or_empty(secret("key_secret", "API key secret", "Shown once by Twilio, when the key is made.")),
    or_empty(shown("service", "Messaging service SID", "Begins with MG, if your numbers are in a messaging service.")),
    or_empty(secret("token_before", "Auth token before", BEFORE)),
];
pub(super) const TELNYX: &[Field] = &[
    secret("key", "API key", "Begins with KEY; under Account, API keys."),
    shaped(
        Shape::Base64,
        shown(
            "public_key",
            "Public key",
            "Under Account, Keys & credentials, Public key. Telnyx signs its calls with its counterpart.",
        ),
    ),
    or_empty(shown("profile", "Messaging profile ID", "Without one the profile of each number is used.")),
    or_empty(shaped(Shape::Base64, shown("public_key_before", "Public key before", BEFORE))),
];
pub(super) const BANDWIDTH: &[Field] = &[
    shown("account", "Account ID", "The number of the account."),
    shown("user", "API user name", "A user who may use the messaging API."),
    secret("password", "API password", "That user's password."),
    shown("application", "Messaging application ID", "The application whose location has your numbers."),
    shown("callback_user", "Callback user ID", "As you set it on the application: Bandwidth's calls bear it."),
    secret("callback_password", "Callback password", "As you set it on the application."),
    or_empty(secret("callback_password_before", "Callback password before", BEFORE)),
];
pub(super) const PLIVO: &[Field] = &[
    shown("id", "Auth ID", "On the first page of Plivo's console."),
    secret("token", "Auth token", "Beside the Auth ID. Plivo signs its calls with it."),
    or_empty(secret("token_before", "Auth token before", BEFORE)),
];
pub(super) const VONAGE: &[Field] = &[
    shown("key", "API key", "On the first page of Vonage's dashboard."),
    secret("secret", "API secret", "Beside the API key."),
    secret("signature_secret", "Signature secret", "Under API settings. Vonage signs its calls with it."),
    or_empty(secret("signature_secret_before", "Signature secret before", BEFORE)),
];
pub(super) const GATEWAY: &[Field] = &[
    shaped(
        Shape::Url,
        shown(
            "url",
            "Address of sendsms",
            "Such as http://127.0.0.1:13013/cgi-bin/sendsms. The operator of this server has to allow the host (carrier_gateways).",
        ),
    ),
    shown("user", "User name", "The username of the group sendsms-user in kannel.conf."),
    secret("password", "Password", "That user's password."),
    or_empty(shown("smsc", "SMSC ID", "The smsc-id through which the gateway shall send; without one it chooses.")),
    shaped(
        Shape::Token,
        secret(
            "callback_secret",
            "Callback secret",
            "Make one up: at least 16 letters, digits, - and _. The gateway's calls bear it.",
        ),
    ),
    or_empty(shaped(
        Shape::Token,
        secret(
            "callback_secret_before",
            "Callback secret before",
            "While both are in use: calls that bear either are taken.",
        ),
    )),
];
pub(super) const SMPP: &[Field] = &[
    shaped(
        Shape::Host,
        shown(
            "host",
            "Host",
            "The SMSC's name or address. The operator of this server has to allow it (carrier_gateways).",
        ),
    ),
    or_empty(shaped(Shape::Number(1, 65_535), shown("port", "Port", "2775 if empty."))),
    or_empty(shaped(
        Shape::Choice(&["no", "yes"]),
        shown("tls", "TLS", "Yes if the SMSC wants the connection encrypted."),
    )),
    shown("system_id", "System ID", "The name of your account, at most 15 characters."),
    secret("password", "Password", "At most 8 characters at most SMSCs."),
    or_empty(shown("system_type", "System type", "If the SMSC wants one.")),
    or_empty(shaped(Shape::Number(0, 6), shown("source_ton", "TON of your numbers", "1, international, if empty."))),
    or_empty(shaped(Shape::Number(0, 18), shown("source_npi", "NPI of your numbers", "1, E.164, if empty."))),
    or_empty(shaped(
        Shape::Number(1, 1_000),
        shown("window", "Window", "Texts that may wait for their answers at once; 10 if empty."),
    )),
    or_empty(shaped(
        Shape::Number(1, 1_000),
        shown("per_second", "Texts a second", "What the SMSC allows, counted in parts; no limit if empty."),
    )),
    or_empty(shaped(
        Shape::Choice(&["gsm", "latin1"]),
        shown("alphabet", "Default alphabet", "What the SMSC means by data coding 0; GSM 03.38 at most of them."),
    )),
    or_empty(shaped(
        Shape::Choice(&["same", "decimal", "hexadecimal"]),
        shown(
            "receipt_ids",
            "Identifiers in receipts",
            "As the answers write them, or in decimal or hexadecimal where the answers write the other.",
        ),
    )),
];
