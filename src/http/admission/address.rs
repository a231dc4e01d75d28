//! The client address of a request, as the limits count it. `X-Forwarded-For` is believed only where a
//! trusted proxy wrote it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The header to which each proxy appends the address of its own peer.
const FORWARDED: &str = "X-Forwarded-For";

/// An address as the limits count it: a whole IPv4 address, or the /64 of an IPv6 address, because one
/// internet subscriber usually has a whole /64. An IPv4-mapped IPv6 address counts as IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::http) struct ClientAddress(IpAddr);

impl From<IpAddr> for ClientAddress {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
            }
            address => address,
        })
    }
}

impl std::fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// True if `address` belongs to a trusted proxy, whose `X-Forwarded-For` is believed.
pub(super) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    let address = address.to_canonical();
    trusted.iter().any(|network| network.contains(&address))
}

/// The address of the client that made the request. A request without a peer address counts as 0.0.0.0.
pub(super) fn client(request: &HttpRequest, trusted: &[IpNet]) -> ClientAddress {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    // The newest entry stands last, over all header lines together.
    let lines: Vec<_> =
        request.headers().get_all(FORWARDED).map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    nearest(peer, lines.iter().flat_map(|line| line.split(',')).rev(), trusted).into()
}

/// The nearest address that is not a trusted proxy. `before` lists the forwarded addresses, newest first. The
/// walk stops at the first untrusted address, since its own claims are not believed, and at the first entry
/// that can't be parsed. If all are trusted, the oldest is the client.
fn nearest<'a>(peer: IpAddr, before: impl Iterator<Item = &'a str>, trusted: &[IpNet]) -> IpAddr {
    let mut nearest = peer;
    for text in before {
        if !is_trusted(nearest, trusted) {
            break;
        }
        match parse(text.trim()) {
            Some(address) => nearest = address,
            None => break,
        }
    }
    nearest
}

/// Parses an address with or without a port. IPv6 addresses may stand in brackets.
fn parse(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    bare.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(peer: &str, before: &str) -> String {
        let trusted = ["10.0.0.0/8", "fd00::/8", "192.0.2.7/32"].map(|network| network.parse().expect("a network"));
        let before = before.split(',').filter(|text| !text.is_empty()).rev();
        ClientAddress::from(nearest(peer.parse().expect("an address"), before, &trusted)).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_no_trusted_proxys_is_the_client() {
        assert_eq!(found("203.0.113.5", "198.51.100.1"), "203.0.113.5");
        assert_eq!(found("10.1.2.3", ""), "10.1.2.3");
        assert_eq!(found("10.1.2.3", "198.51.100.1"), "198.51.100.1");
        assert_eq!(found("10.1.2.3", "1.1.1.1, 198.51.100.1, 192.0.2.7"), "198.51.100.1");
        assert_eq!(found("fd00::1", "[2001:db8:1:2:3:4:5:6]:4711"), "2001:db8:1:2::");
        assert_eq!(found("10.1.2.3", "10.0.0.9, 10.0.0.8"), "10.0.0.9");
    }

    #[test]
    fn what_cannot_be_read_is_as_far_as_anything_is_believed() {
        assert_eq!(found("10.1.2.3", "1.1.1.1, unknown"), "10.1.2.3");
        assert_eq!(found("10.1.2.3", "unknown, 10.0.0.9"), "10.0.0.9");
        assert_eq!(found("::ffff:10.1.2.3", "198.51.100.1:80"), "198.51.100.1");
    }

    #[test]
    fn a_subscriber_of_ipv6_is_one_address() {
        let of = |text: &str| ClientAddress::from(text.parse::<IpAddr>().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
    }
}
