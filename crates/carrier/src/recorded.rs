//! A recorded call with its keys, one JSON object a line: what `dripline carrier verify` and the tests read.
//!
//! | carrier | fields |
//! |---|---|
//! | `twilio` | `method`, `url`, `auth_token`, `algorithm` (`HMAC_SHA1` or `HMAC_SHA256`), `signature`, `raw_body` or `params` |
//! | `telnyx` | `public_key`, `headers` (`telnyx-signature-ed25519`, `telnyx-timestamp`), `raw_body`, `now` |
//! | `plivo` | `method`, `url`, `auth_token`, `scheme` (`v2` or `v3`), `nonce`, `signature`, `raw_body` or `params` |
//! | `vonage` | `authorization`, `signature_secret`, `raw_body`, `now` |
//! | `bandwidth` | `authorization`, `user`, `password` |
//! | `gateway` | `url` or `authorization`, `password` (the callback secret) |
//!
//! `params` is a list of pairs or an object. `now` is in seconds since 1970; without it the time of the check is meant. Other fields are passed over.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::callback::{Callback, Unverified};
use crate::signed::Secret;
use crate::{bandwidth, gateway, plivo, telnyx, twilio, vonage};

/// The carriers whose calls can be checked.
pub const CARRIERS: [&str; 6] = ["twilio", "telnyx", "plivo", "vonage", "bandwidth", "gateway"];

/// Why a recorded call cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum RecordedError {
    /// A field is needed that is not there.
    #[error("the field {0:?} is missing")]
    Missing(&'static str),
    /// No carrier of that name calls us.
    #[error("no carrier {0:?} is known; there are {names}", names = CARRIERS.join(", "))]
    Carrier(String),
    /// `now` is no time.
    #[error("\"now\" is {0}, no number of seconds since 1970")]
    Now(i64),
}

/// A recorded call with its keys.
#[derive(Deserialize)]
#[serde(default)]
pub struct Recorded {
    method: String,
    url: String,
    auth_token: Option<String>,
    algorithm: Option<String>,
    signature: Option<String>,
    raw_body: Option<String>,
    params: Option<Value>,
    public_key: Option<String>,
    headers: serde_json::Map<String, Value>,
    scheme: Option<String>,
    nonce: Option<String>,
    authorization: Option<String>,
    signature_secret: Option<String>,
    user: Option<String>,
    password: Option<String>,
    now: Option<i64>,
}

impl Default for Recorded {
    fn default() -> Self {
        Self {
            method: "POST".to_owned(),
            url: String::new(),
            auth_token: None,
            algorithm: None,
            signature: None,
            raw_body: None,
            params: None,
            public_key: None,
            headers: serde_json::Map::new(),
            scheme: None,
            nonce: None,
            authorization: None,
            signature_secret: None,
            user: None,
            password: None,
            now: None,
        }
    }
}

/// Checks a recorded call of a carrier; `now` is the time for one that has none.
pub fn check(carrier: &str, line: &Recorded, now: Timestamp) -> Result<Result<(), Unverified>, RecordedError> {
    let at =
        line.now.map_or(Ok(now), |second| Timestamp::from_second(second).map_err(|_| RecordedError::Now(second)))?;
    let headers = line.headers(carrier);
    let body = line.body();
    let callback = Callback {
        method: &line.method.to_ascii_uppercase(),
        url: &line.url,
        headers: &headers,
        body: body.as_bytes(),
        at,
    };
    let secret = |field: &Option<String>, name| field.clone().map(Secret::new).ok_or(RecordedError::Missing(name));
    Ok(match carrier {
        "twilio" => {
            let token = secret(&line.auth_token, "auth_token")?;
            let keys = twilio::Keys { tokens: vec![token.clone()], shared: vec![("recorded".to_owned(), token)] };
            twilio::signature::verify(&keys, &callback)
        }
        "telnyx" => {
            let key = line.public_key.clone().ok_or(RecordedError::Missing("public_key"))?;
            telnyx::signature::verify(&[key], &callback)
        }
        "plivo" => plivo::signature::verify(&[secret(&line.auth_token, "auth_token")?], &callback).map(|_| ()),
        "vonage" => vonage::signature::verify(&[secret(&line.signature_secret, "signature_secret")?], &callback),
        "bandwidth" => {
            let user = line.user.clone().ok_or(RecordedError::Missing("user"))?;
            bandwidth::signature::verify(&[(user, secret(&line.password, "password")?)], &callback)
        }
        "gateway" => gateway::secret::verify(&[secret(&line.password, "password")?], &callback),
        other => return Err(RecordedError::Carrier(other.to_owned())),
    })
}

impl Recorded {
    /// The headers that were recorded, and those whose values have fields of their own.
    fn headers(&self, carrier: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let recorded = self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), text(value)));
        let mut headers: Vec<_> = recorded.collect();
        let mut add = |name: String, value: &Option<String>| headers.extend(value.clone().map(|value| (name, value)));
        add("authorization".to_owned(), &self.authorization);
        if carrier == "twilio" {
            add("x-twilio-signature".to_owned(), &self.signature);
            let algorithm = self.algorithm.as_ref().filter(|name| *name != "HMAC_SHA1");
            let settings = algorithm.map(|name| format!("key=recorded,algorithm={name}"));
            add("x-twilio-webhooks-signature-settings".to_owned(), &settings);
        }
        if carrier == "plivo" {
            let scheme = self.scheme.as_deref().unwrap_or("v3").to_ascii_lowercase();
            add(format!("x-plivo-signature-{scheme}"), &self.signature);
            add(format!("x-plivo-signature-{scheme}-nonce"), &self.nonce);
        }
        headers
    }

    fn body(&self) -> String {
        if let Some(body) = &self.raw_body {
            return body.clone();
        }
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut form = form_urlencoded::Serializer::new(String::new());
        match &self.params {
            Some(Value::Object(params)) => form.extend_pairs(params.iter().map(|(name, value)| (name, text(value)))),
            Some(Value::Array(pairs)) => {
                form.extend_pairs(pairs.iter().filter_map(|pair| Some((text(pair.get(0)?), text(pair.get(1)?)))))
            }
            _ => &mut form,
        };
        form.finish()
    }
}
