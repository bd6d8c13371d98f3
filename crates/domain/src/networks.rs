//! Which IP addresses belong to the public internet, and which a server may call on somebody's word.
//!
//! Whoever may name an address for the server to call could otherwise have it call into its own network: a database beside it,
//! the cloud's metadata, its own pages. So only public addresses may be called, and those that the operator allows.
//!
//! | form | read as |
//! |---|---|
//! | IPv4-mapped (`::ffff:a.b.c.d`) | the IPv4 address itself: that is where the connection goes |
//! | NAT64 (`64:ff9b::/96`), 6to4 (`2002::/16`) | the IPv4 address inside: it has to be public too |
//! | any other IPv6 | public only within `2000::/3`, less what is reserved there |
//!
//! Source: the IANA special-purpose address registries of IPv4 and IPv6 (RFC 6890 and after). Nothing is resolved here.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// As IPv6; an IPv4 address by its mapping.
    start: u128,
    /// How many of its 128 bits count.
    length: u32,
}

/// A text that is no address and no network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no address and no network")]
pub struct NoNetwork;

/// Bits before an IPv4 address in its mapping.
const MAPPING: u32 = 96;

impl Network {
    const fn v4(address: [u8; 4], length: u32) -> Self {
        let [a, b, c, d] = address;
        Self { start: Ipv4Addr::new(a, b, c, d).to_ipv6_mapped().to_bits(), length: MAPPING + length }
    }

    const fn v6(segments: [u16; 8], length: u32) -> Self {
        let [a, b, c, d, e, f, g, h] = segments;
        Self { start: Ipv6Addr::new(a, b, c, d, e, f, g, h).to_bits(), length }
    }

    /// Whether it is all addresses of a kind.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.length == 0 || (self.length == MAPPING && self.start == Self::v4([0; 4], 0).start)
    }

    /// Whether the address is one of it.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        bits(address) & self.mask() == self.start
    }

    fn mask(&self) -> u128 {
        u128::MAX.checked_shl(128 - self.length).unwrap_or(0)
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NoNetwork;

    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
        let address: IpAddr = address.trim().parse().map_err(|_| NoNetwork)?;
        let (before, most) = if address.is_ipv4() { (MAPPING, 32) } else { (0, 128) };
        let length = length.map_or(Ok(most), |length| length.trim().parse::<u32>().map_err(|_| NoNetwork))?;
        if length > most {
            return Err(NoNetwork);
        }
        let whole = Self { start: 0, length: before + length };
        Ok(Self { start: bits(address) & whole.mask(), ..whole })
    }
}

/// What is not public, and what it is called. The first that fits is the one.
const RESERVED: [(Network, &str); 29] = [
    (Network::v4([0, 0, 0, 0], 8), "an unspecified address"),
    (Network::v4([10, 0, 0, 0], 8), "a private address"),
    (Network::v4([100, 64, 0, 0], 10), "an address inside of a provider's network"),
    (Network::v4([127, 0, 0, 0], 8), "a loopback address"),
    (Network::v4([169, 254, 0, 0], 16), "a link-local address"),
    (Network::v4([172, 16, 0, 0], 12), "a private address"),
    (Network::v4([192, 0, 0, 0], 24), "a reserved address"),
    (Network::v4([192, 0, 2, 0], 24), "an address of documentation"),
    (Network::v4([192, 88, 99, 0], 24), "a reserved address"),
    (Network::v4([192, 168, 0, 0], 16), "a private address"),
    (Network::v4([198, 18, 0, 0], 15), "an address of benchmarks"),
    (Network::v4([198, 51, 100, 0], 24), "an address of documentation"),
    (Network::v4([203, 0, 113, 0], 24), "an address of documentation"),
    (Network::v4([224, 0, 0, 0], 4), "a multicast address"),
    (Network::v4([240, 0, 0, 0], 4), "a reserved address"),
    (Network::v6([0; 8], 128), "an unspecified address"),
    (Network::v6([0, 0, 0, 0, 0, 0, 0, 1], 128), "a loopback address"),
    (Network::v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "a private address"),
    (Network::v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "a reserved address"),
    // Teredo, benchmarks and the rest of the protocols' own.
    (Network::v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "a reserved address"),
    (Network::v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "an address of documentation"),
    (Network::v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "an address of documentation"),
    (Network::v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "a unique local address"),
    (Network::v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "a link-local address"),
    (Network::v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "a private address"),
    (Network::v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "a multicast address"),
    // Whatever is left outside of global unicast, in three parts: what begins with 000, with 01, with 1.
    (Network::v6([0, 0, 0, 0, 0, 0, 0, 0], 3), "a reserved address"),
    (Network::v6([0x4000, 0, 0, 0, 0, 0, 0, 0], 2), "a reserved address"),
    (Network::v6([0x8000, 0, 0, 0, 0, 0, 0, 0], 1), "a reserved address"),
];

/// What an address is, if it is not one of the public internet.
#[must_use]
pub fn reserved(address: IpAddr) -> Option<&'static str> {
    let inner = inside(address).map_or(address, IpAddr::V4);
    // An IPv4 address is its mapping here, which lies in what is left over.
    let known =
        RESERVED.iter().find(|(network, _)| network.has(inner) && (inner.is_ipv6() || network.length >= MAPPING));
    known.map(|(_, what)| *what)
}

/// The IPv4 address that an IPv6 address leads to.
fn inside(address: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(address) = address else { return None };
    let embedded = |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => {
            embedded(high, low)
        }
        _ => None,
    }
}

/// Networks that the operator allows besides the public internet; by default none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Whether none is allowed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the address is in one of them.
    #[must_use]
    pub fn have(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.has(address))
    }
}

impl FromStr for Networks {
    type Err = NoNetwork;

    /// `none`, `any`, or addresses and networks separated by commas.
    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        match text.trim() {
            "none" => Ok(Self::default()),
            "any" => Ok(Self(vec![Network { start: 0, length: 0 }])),
            list => list.split(',').map(|one| one.trim().parse()).collect::<Result<_, _>>().map(Self),
        }
    }
}

/// How it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// With TLS.
    Secure,
    /// Without: only where the operator vouches for the network.
    Plain,
}

/// An address that is not called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    address: IpAddr,
    what: &'static str,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, which this server does not call", self.address, self.what)
    }
}

/// Whether an address may be called.
///
/// # Errors
/// If it may not; the error says what kind of address it is.
pub fn may_call(address: IpAddr, line: Line, allowed: &Networks) -> Result<(), Refused> {
    if allowed.have(address) {
        return Ok(());
    }
    let refused = |what| Err(Refused { address, what });
    match (reserved(address), line) {
        (Some(what), _) => refused(what),
        (None, Line::Plain) => refused("in no network that may be called without TLS"),
        (None, Line::Secure) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_not_public_is_known_in_every_form() {
        for (address, what) in [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "unspecified"),
            ("10.0.0.0", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "provider"),
            ("100.127.255.255", "provider"),
            ("127.0.0.1", "loopback"),
            ("127.255.0.3", "loopback"),
            ("169.254.169.254", "link-local"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.170", "reserved"),
            ("192.0.2.1", "documentation"),
            ("192.88.99.1", "reserved"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.7", "documentation"),
            ("203.0.113.7", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::2", "reserved"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.1.2.3", "private"),
            ("::ffff:169.254.169.254", "link-local"),
            ("::ffff:0:127.0.0.1", "reserved"),
            ("64:ff9b::127.0.0.1", "loopback"),
            ("64:ff9b::a9fe:a9fe", "link-local"),
            ("64:ff9b:1::8.8.8.8", "private"),
            ("100::1", "reserved"),
            ("2001::1", "reserved"),
            ("2001:0:7f00:1::", "reserved"),
            ("2001:2::1", "reserved"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::", "loopback"),
            ("2002:a00:1::5", "private"),
            ("2002:c0a8:101::", "private"),
            ("3fff::1", "documentation"),
            ("3fff:fff::1", "documentation"),
            ("4000::1", "reserved"),
            ("5f00::1", "reserved"),
            ("7fff::1", "reserved"),
            ("9000::1", "reserved"),
            ("fc00::1", "unique local"),
            ("fd12:3456::1", "unique local"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "private"),
            ("ff02::1", "multicast"),
        ] {
            let found = reserved(ip(address)).unwrap_or_else(|| panic!("{address} counts as public"));
            assert!(found.contains(what), "{address} is {found}");
            assert!(may_call(ip(address), Line::Secure, &Networks::default()).is_err(), "{address}");
        }
    }

    #[test]
    fn what_is_public_may_be_called_with_tls_only() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.1.1",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2000::1",
            "2001:200::1",
            "2001:db9::1",
            "2606:4700:4700::1111",
            "2a00:1450::1",
            "3ffe::1",
            "3fff:1000::1",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2002:101:101::1",
        ] {
            assert_eq!(reserved(ip(address)), None, "{address}");
            assert_eq!(may_call(ip(address), Line::Secure, &Networks::default()), Ok(()), "{address}");
            assert!(may_call(ip(address), Line::Plain, &Networks::default()).is_err(), "{address}");
        }
    }

    #[test]
    fn the_operator_allows_networks_and_nothing_beside_them() {
        let allowed: Networks = "127.0.0.1, 10.1.0.0/16, fd00::/8, 1.1.1.1".parse().unwrap();
        for (address, line, may) in [
            ("127.0.0.1", Line::Plain, true),
            ("::ffff:127.0.0.1", Line::Plain, true),
            ("127.0.0.2", Line::Plain, false),
            ("10.1.255.255", Line::Secure, true),
            ("10.2.0.0", Line::Secure, false),
            ("fd12::1", Line::Plain, true),
            ("fc00::1", Line::Plain, false),
            ("1.1.1.1", Line::Plain, true),
            ("1.1.1.2", Line::Plain, false),
            ("1.1.1.2", Line::Secure, true),
            ("2002:a01:1::", Line::Secure, false),
        ] {
            assert_eq!(may_call(ip(address), line, &allowed).is_ok(), may, "{address} {line:?}");
        }
        let any: Networks = "any".parse().unwrap();
        assert!(["127.0.0.1", "::1", "fe80::1", "255.255.255.255"].iter().all(|one| any.have(ip(one))));
        assert!("none".parse::<Networks>().unwrap().is_empty() && !any.is_empty());
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for bad in ["", "localhost", "10.0.0.0/33", "10.0.0.0/", "::/129", "10.0.0.0/8,", "10/8", "any, 10.0.0.0/8"] {
            assert_eq!(bad.parse::<Networks>(), Err(NoNetwork), "{bad}");
        }
        for (text, everything) in [("0.0.0.0/0", true), ("::/0", true), ("0.0.0.0/1", false), ("10.0.0.0/8", false)] {
            assert_eq!(text.parse::<Network>().unwrap().is_everything(), everything, "{text}");
        }
        let refused = may_call(ip("::ffff:127.0.0.1"), Line::Secure, &Networks::default()).unwrap_err();
        assert_eq!(refused.to_string(), "::ffff:127.0.0.1 is a loopback address, which this server does not call");
    }
}
