//! Where a request comes from. A connection's other end is believed; what `X-Forwarded-For` says, only of proxies that the
//! operator named, and only as far as they vouch for it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The proxies that are believed: addresses and networks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Network>);

/// An address and how many of its leading bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    bits: u32,
}

/// A text that names no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address and no network such as 10.0.0.0/8")]
pub struct NoNetwork(String);

impl FromStr for Proxies {
    type Err = NoNetwork;

    /// Addresses and networks with commas between them.
    fn from_str(text: &str) -> Result<Self, NoNetwork> {
        let networks = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        networks.map(|part| Network::parse(part).ok_or_else(|| NoNetwork(part.to_owned()))).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.0.iter().map(|network| format!("{}/{}", network.address, network.bits)).collect();
        f.write_str(&texts.join(", "))
    }
}

impl Proxies {
    /// Whether nobody is believed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether an address is one of theirs.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whom a connection from `peer` speaks for: the last in the chain whom none of these proxies is. `forwarded` are the
    /// values of `X-Forwarded-For`, in their order; what a proxy did not vouch for, or what can't be read, ends the chain.
    pub(crate) fn client<'a>(&self, peer: IpAddr, forwarded: impl DoubleEndedIterator<Item = &'a str>) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut hops = forwarded.rev().flat_map(|value| value.rsplit(','));
        while self.contains(client) {
            let Some(named) = hops.next().and_then(read) else { break };
            client = named;
        }
        client
    }
}

/// An address as proxies write it, with or without a port.
fn read(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let bare = hop.strip_prefix('[').and_then(|rest| rest.split_once(']')).map_or(hop, |(address, _)| address);
    let parsed = bare.parse().ok().or_else(|| Some(bare.parse::<std::net::SocketAddr>().ok()?.ip()));
    parsed.map(|address: IpAddr| address.to_canonical())
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address = address.parse::<IpAddr>().ok()?.to_canonical();
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(most), |bits| bits.parse().ok()).filter(|bits| *bits <= most)?;
        Some(Self { address, bits })
    }

    fn contains(&self, other: IpAddr) -> bool {
        let differ = match (self.address, other) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differ >= self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(proxies: &str, peer: &str, forwarded: &[&str], expected: &str) {
        let proxies: Proxies = proxies.parse().unwrap();
        let client = proxies.client(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(client.to_string(), expected, "{proxies}; {peer}; {forwarded:?}");
    }

    #[test]
    fn only_named_proxies_speak_for_others() {
        check("", "198.51.100.7", &["203.0.113.1"], "198.51.100.7");
        check("", "127.0.0.1", &["203.0.113.1"], "127.0.0.1");
        check("127.0.0.1", "127.0.0.1", &["203.0.113.1"], "203.0.113.1");
        check("127.0.0.1", "127.0.0.2", &["203.0.113.1"], "127.0.0.2");
        check("10.0.0.0/8, ::1", "::ffff:10.1.2.3", &["203.0.113.1, 10.9.9.9"], "203.0.113.1");
        check("10.0.0.0/8", "10.1.2.3", &["6.6.6.6, 203.0.113.1", "10.9.9.9"], "203.0.113.1");
    }

    #[test]
    fn what_nobody_vouched_for_is_not_believed() {
        check("10.0.0.1", "10.0.0.1", &["127.0.0.1, 10.0.0.1, 203.0.113.9"], "203.0.113.9");
        check("10.0.0.1", "10.0.0.1", &["203.0.113.9, unknown"], "10.0.0.1");
        check("10.0.0.1", "10.0.0.1", &[""], "10.0.0.1");
        check("10.0.0.1", "10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", "10.0.0.1", &["10.0.0.1, 10.0.0.1"], "10.0.0.1");
    }

    #[test]
    fn ports_and_brackets_are_read_past() {
        check("10.0.0.1", "10.0.0.1", &["203.0.113.9:4711"], "203.0.113.9");
        check("10.0.0.1", "10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1");
        check("10.0.0.1", "10.0.0.1", &[" 2001:db8::2 "], "2001:db8::2");
    }

    #[test]
    fn networks_have_as_many_bits_as_their_kind() {
        for text in ["10.0.0.0/33", "::/129", "10.0.0", "proxy.example", "10.0.0.0/", "10.0.0.0/-1", "/8"] {
            assert_eq!(text.parse::<Proxies>(), Err(NoNetwork(text.to_owned())));
        }
        let proxies: Proxies = "2001:db8::/32,0.0.0.0/0".parse().unwrap();
        assert!(proxies.contains("2001:db8:ffff::1".parse().unwrap()) && proxies.contains("8.8.8.8".parse().unwrap()));
        assert!(!proxies.contains("2001:db9::1".parse().unwrap()));
    }
}
