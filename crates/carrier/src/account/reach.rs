//! Which gateways and SMSCs accounts may name: the operator's word, because the server calls them from inside its own network.
//!
//! Without it whoever may set up a workspace could make the server call any address that it reaches: a database beside it, the
//! cloud's own pages. An address is allowed by its name as it is typed, so what a name resolves to changes nothing; the operator
//! vouches for the names (decision 0014).

use std::fmt;
use std::str::FromStr;

/// The hosts that accounts may name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Reach {
    /// No gateway and no SMSC.
    #[default]
    Nowhere,
    /// Any: for an operator who is also the only user.
    Anywhere,
    /// These, each with a port or with any.
    Hosts(Vec<Host>),
}

/// A host that accounts may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

/// A host with its port, as an account names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// A name, or an IP address without brackets, in lower case.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            return write!(f, "[{}]:{}", self.host, self.port);
        }
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Reach {
    /// Whether an account may name this peer.
    #[must_use]
    pub fn allows(&self, peer: &Peer) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Anywhere => true,
            Self::Hosts(hosts) => hosts.iter().any(|host| {
                host.name.eq_ignore_ascii_case(&peer.host) && host.port.is_none_or(|port| port == peer.port)
            }),
        }
    }
}

impl FromStr for Reach {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const REASON: &str =
            "must be none, any, or hosts such as 127.0.0.1:13013 and smsc.example.com, separated by commas";
        match text.trim() {
            "" | "none" => Ok(Self::Nowhere),
            "any" => Ok(Self::Anywhere),
            list => list.split(',').map(|one| host(one.trim())).collect::<Option<_>>().map(Self::Hosts).ok_or(REASON),
        }
    }
}

/// `name`, `name:port`, `[address]` or `[address]:port`.
fn host(text: &str) -> Option<Host> {
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (name, after) = rest.split_once(']')?;
        (name, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)))
    };
    let fits = |one: char| one.is_ascii_alphanumeric() || ".-_:".contains(one);
    let is_name = !name.is_empty() && name.chars().all(fits);
    let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
    let port = match port {
        None => None,
        Some(parsed) => Some(parsed?),
    };
    is_name.then(|| Host { name: name.to_ascii_lowercase(), port })
}

/// The peer that a web address names; nothing for one that is not `http` or `https`, or that holds a user or a fragment.
pub(crate) fn of_url(url: &str) -> Option<Peer> {
    let url = reqwest::Url::parse(url).ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
    let host = url.host_str()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    let port = url.port_or_known_default()?;
    (is_plain && url.query().is_none() && url.fragment().is_none()).then_some(Peer { host, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(reach: &str, host: &str, port: u16) -> bool {
        reach.parse::<Reach>().unwrap().allows(&Peer { host: host.to_owned(), port })
    }

    #[test]
    fn only_what_the_operator_names_is_allowed() {
        assert!(!allows("none", "127.0.0.1", 13_013) && allows("any", "10.0.0.1", 1));
        let list = "127.0.0.1:13013, SMSC.example.com, [::1]:2775";
        assert!(allows(list, "127.0.0.1", 13_013) && !allows(list, "127.0.0.1", 5_432));
        assert!(allows(list, "smsc.example.com", 2_775) && allows(list, "smsc.example.com", 80));
        assert!(allows(list, "::1", 2_775) && !allows(list, "::1", 80) && !allows(list, "localhost", 13_013));
        assert!(!allows(list, "evil.smsc.example.com", 2_775) && !allows(list, "smsc.example.com.evil.org", 2_775));
        for bad in ["a b", "x:0", "x:70000", "x:", "[::1", "http://x", ","] {
            assert!(bad.parse::<Reach>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_peer_of_an_address_is_the_one_that_is_called() {
        let peer = |url: &str| of_url(url).map(|peer| peer.to_string());
        assert_eq!(peer("http://127.0.0.1:13013/cgi-bin/sendsms"), Some("127.0.0.1:13013".to_owned()));
        assert_eq!(peer("https://SMS.example.com/send"), Some("sms.example.com:443".to_owned()));
        assert_eq!(peer("http://[::1]:13013/x"), Some("[::1]:13013".to_owned()));
        // The forms in which an address hides itself are read as they are called.
        assert_eq!(peer("http://0x7f.1/x"), Some("127.0.0.1:80".to_owned()));
        for bad in ["ftp://x/", "http://user@x/", "http://a:b@x/", "http://x/?a=b", "http://x/#a", "x", ""] {
            assert_eq!(peer(bad), None, "{bad}");
        }
    }
}
