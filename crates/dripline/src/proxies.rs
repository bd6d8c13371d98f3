//! Behind which proxies this server stands, and so whose word on a client's address it takes.
//!
//! | the connection comes from | the client's address |
//! |---|---|
//! | anybody else | that of the connection; what `X-Forwarded-For` says is not looked at |
//! | a trusted proxy | the rightmost address of `X-Forwarded-For` that is no trusted proxy: the last one that no client can write |
//!
//! Each proxy adds at the right who spoke to it, so whatever a client wrote there itself stands further left. What is no
//! address ends the search at the hop before it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::HeaderMap;

/// What a list of networks is.
pub(crate) const REASON: &str =
    "must be none, or addresses and networks such as 127.0.0.1, 10.0.0.0/8, but not all addresses";
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The networks of the trusted proxies; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Arc<[Network]>);

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    /// As IPv6; an IPv4 address by its mapping.
    start: u128,
    mask: u128,
}

/// Why a list of networks is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{REASON}")]
pub struct NoNetworks;

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NoNetworks;

    fn from_str(text: &str) -> Result<Self, NoNetworks> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.trim().parse().map_err(|_| NoNetworks)?;
        let most: u32 = if address.is_ipv4() { 32 } else { 128 };
        let length = length.map_or(Ok(most), |length| length.trim().parse::<u32>().map_err(|_| NoNetworks))?;
        // Whoever trusts everybody lets each client name its own address.
        if length == 0 || length > most {
            return Err(NoNetworks);
        }
        let mask = u128::MAX << (most - length);
        Ok(Self { start: bits(address) & mask, mask })
    }
}

impl FromStr for Proxies {
    type Err = NoNetworks;

    fn from_str(text: &str) -> Result<Self, NoNetworks> {
        if text.trim() == "none" {
            return Ok(Self::default());
        }
        let networks: Result<Vec<Network>, NoNetworks> = text.split(',').map(str::parse).collect();
        Ok(Self(networks?.into()))
    }
}

impl Proxies {
    fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| bits(address) & network.mask == network.start)
    }

    /// Who asks, given whose connection it is and what the headers say.
    pub(crate) fn client(&self, connection: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = plain(connection);
        let lines = headers.get_all(FORWARDED_FOR).iter().map(|line| line.to_str().unwrap_or_default());
        let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for hop in hops.into_iter().rev() {
            if !self.trust(client) {
                break;
            }
            let Some(before) = hop_of(hop.trim()) else { break };
            client = before;
        }
        client
    }
}

/// An address of the header; some proxies add the port.
fn hop_of(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let bare = bare.and_then(|text| text.parse::<Ipv6Addr>().ok()).map(IpAddr::V6);
    let address = text.parse().ok().or(bare).or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(plain)
}

/// An IPv4 address as such, also where a socket of both kinds tells it as IPv6.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(trusted: &str, connection: &str, lines: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        trusted.parse::<Proxies>().unwrap().client(connection.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed_and_only_what_no_client_can_write() {
        let one = "10.0.0.0/8";
        for (trusted, connection, lines, wanted) in [
            ("none", "10.0.0.1", &["1.1.1.1"][..], "10.0.0.1"),
            (one, "203.0.113.9", &["1.1.1.1"], "203.0.113.9"),
            (one, "11.0.0.1", &["1.1.1.1"], "11.0.0.1"),
            (one, "10.0.0.1", &[], "10.0.0.1"),
            (one, "10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            (one, "::ffff:10.0.0.1", &["::ffff:203.0.113.9"], "203.0.113.9"),
            // The client wrote the first itself, even as a proxy's own address.
            (one, "10.0.0.1", &["1.1.1.1, 203.0.113.9"], "203.0.113.9"),
            (one, "10.0.0.1", &["10.9.9.9, 203.0.113.9"], "203.0.113.9"),
            (one, "10.0.0.1", &["1.1.1.1", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            (one, "10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            (one, "10.0.0.1", &["1.1.1.1, ,10.0.0.2"], "10.0.0.2"),
            (one, "10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9"),
            (one, "10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7"),
            (one, "10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            (one, "10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("fd00::/8, 127.0.0.1", "fd12::1", &["2001:db8::7, 127.0.0.1"], "2001:db8::7"),
            ("fd00::/8, 127.0.0.1", "127.0.0.2", &["2001:db8::7"], "127.0.0.2"),
        ] {
            assert_eq!(client(trusted, connection, lines), wanted, "{trusted} {connection} {lines:?}");
        }
    }

    #[test]
    fn what_is_no_network_or_all_of_them_is_refused() {
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/0", "::/0", "::/129", "10.0.0.0/8,", "10/8"]
        {
            assert_eq!(bad.parse::<Proxies>(), Err(NoNetworks), "{bad}");
        }
    }
}
