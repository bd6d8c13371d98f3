//! Looks names up for the client that calls webhooks, and hands it only addresses that may be called. As the client connects to what
//! it is handed here and looks nothing up itself, a name cannot resolve to one address for a check and to another for the call.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::networks::{Line, Networks, may_call};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// What may be called, and how.
#[derive(Debug)]
pub(super) struct Guard {
    line: Line,
    allowed: Arc<Networks>,
}

/// A name none of whose addresses is called.
#[derive(Debug, thiserror::Error)]
enum NotCalled {
    /// Nothing is there.
    #[error("the name {0} has no address")]
    NoAddress(String),
    /// It cannot be looked up.
    #[error("the name {0} cannot be looked up: {1}")]
    Unknown(String, std::io::Error),
    /// It leads where nothing is called. Not as a source: the log shows the innermost cause, and this is the one that tells.
    #[error("the name {0} is not called: {1}")]
    Refused(String, domain::networks::Refused),
}

impl Guard {
    pub(super) fn new(line: Line, allowed: Arc<Networks>) -> Self {
        Self { line, allowed }
    }
}

/// The addresses that may be called.
fn passed(name: &str, found: Vec<SocketAddr>, line: Line, allowed: &Networks) -> Result<Vec<SocketAddr>, NotCalled> {
    let mut refused = None;
    let mut passed = Vec::new();
    for address in found {
        match may_call(address.ip(), line, allowed) {
            Ok(()) => passed.push(address),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    match refused {
        _ if !passed.is_empty() => Ok(passed),
        Some(why) => Err(NotCalled::Refused(name.to_owned(), why)),
        None => Err(NotCalled::NoAddress(name.to_owned())),
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (line, allowed) = (self.line, Arc::clone(&self.allowed));
        Box::pin(async move {
            let name = name.as_str();
            let unknown = |error| NotCalled::Unknown(name.to_owned(), error);
            // The port is the client's matter.
            let found = tokio::net::lookup_host((name, 0)).await.map_err(unknown)?.collect();
            let passed = passed(name, found, line, &allowed)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(found: &[&str], line: Line, allowed: &str) -> Result<Vec<String>, String> {
        let found = found.iter().map(|one| SocketAddr::new(one.parse().unwrap(), 0)).collect();
        let passed = passed("hooks.example.com", found, line, &allowed.parse().unwrap());
        passed.map(|all| all.iter().map(|one| one.ip().to_string()).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_addresses_that_may_be_called_pass() {
        let both = ["10.0.0.1", "1.1.1.1"];
        assert_eq!(through(&both, Line::Secure, "none"), Ok(vec!["1.1.1.1".to_owned()]));
        assert_eq!(through(&both, Line::Plain, "10.0.0.0/8"), Ok(vec!["10.0.0.1".to_owned()]));
        let refused = through(&["::ffff:127.0.0.1", "::1"], Line::Secure, "none").unwrap_err();
        assert!(
            refused.contains("hooks.example.com") && refused.contains("::ffff:127.0.0.1 is a loopback"),
            "{refused}"
        );
        assert!(through(&[], Line::Secure, "any").unwrap_err().contains("no address"));
    }
}
