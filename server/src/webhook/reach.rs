//! Which addresses a webhook may reach.
//!
//! The configuration names hosts, but what a name leads to is decided by whoever holds the name,
//! and can change between a check and the call (DNS rebinding). So the rule is applied to the
//! addresses themselves, each time that a connection is made: [`Guard`] is the resolver of the
//! client, and there is no other way to an address. A literal address in a URL meets no resolver;
//! it cannot change, and is judged when the configuration is read.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// How far webhooks may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// To public addresses.
    Public,
    /// To private and loopback addresses as well.
    Private,
}

impl Reach {
    /// What a configuration says.
    pub(crate) const fn of(webhook_private: bool) -> Self {
        if webhook_private { Self::Private } else { Self::Public }
    }

    /// Whether an address may be called.
    pub(crate) fn allows(self, address: IpAddr) -> bool {
        let address = plain(address);
        !is_never(address) && (self == Self::Private || is_public(address))
    }

    /// Whether one of these may be called, or what its configuration has to say instead.
    pub(crate) fn check(self, addresses: &[IpAddr]) -> Result<(), &'static str> {
        let allowed = |reach: Self| addresses.iter().any(|address| reach.allows(*address));
        if allowed(self) {
            Ok(())
        } else if allowed(Self::Private) {
            Err("must lead to a public address; webhook_private = true allows private ones")
        } else {
            Err("leads to an address that is never called: link-local, multicast, or a cloud's own")
        }
    }
}

/// The IPv4 address that an IPv6 address stands for, if it does.
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    let [a, b, c, d, e, f, high, low] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match [a, b, c, d, e, f] {
        // Mapped, then compatible (but for :: and ::1), then translated (NAT64).
        [0, 0, 0, 0, 0, 0xffff] => v4(high, low),
        [0, 0, 0, 0, 0, 0] if (high, low) > (0, 1) => v4(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0] => v4(high, low),
        // 6to4: the address of its gateway.
        [0x2002, b, c, ..] => v4(b, c),
        _ => address,
    }
}

/// Addresses where no shop is, and where clouds keep what a program on their machines may know.
fn is_never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.octets()[0] == 0
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4 == Ipv4Addr::new(100, 100, 100, 200)
        }
        IpAddr::V6(v6) => {
            v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unicast_link_local()
                || v6 == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)
        }
    }
}

/// What the registries of special addresses (RFC 6890) leave for the public.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let is_shared = a == 100 && b & 0xc0 == 64;
            let is_benchmark = a == 198 && b & 0xfe == 18;
            let is_protocol = a == 192 && b == 0 && c == 0;
            let is_reserved = a >= 240;
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_documentation()
                || is_shared
                || is_benchmark
                || is_protocol
                || is_reserved)
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            let is_global = a & 0xe000 == 0x2000;
            // 2001::/23 is for protocols, Teredo among them; then what is for documents.
            let is_special = a == 0x2001 && (b < 0x200 || b == 0xdb8) || a == 0x3fff;
            is_global && !is_special
        }
    }
}

/// The resolver of the client: only the names of the configuration, only addresses within reach.
#[derive(Clone, Debug)]
pub(super) struct Guard {
    pub(super) hosts: Arc<BTreeSet<String>>,
    pub(super) reach: Reach,
}

/// No address of the name may be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfReach;

impl fmt::Display for OutOfReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host has no address that may be called")
    }
}

impl std::error::Error for OutOfReach {}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { hosts, reach } = self.clone();
        Box::pin(async move {
            if !hosts.contains(name.as_str()) {
                return Err(OutOfReach.into());
            }
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = allowed(found, reach)?;
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Those that may be called, at least one.
fn allowed(
    found: impl Iterator<Item = SocketAddr>,
    reach: Reach,
) -> Result<Vec<SocketAddr>, OutOfReach> {
    let allowed: Vec<SocketAddr> = found.filter(|found| reach.allows(found.ip())).collect();
    if allowed.is_empty() { Err(OutOfReach) } else { Ok(allowed) }
}

/// The address that a URL names instead of a host name.
pub(crate) fn literal(url: &str) -> Option<IpAddr> {
    let url = reqwest::Url::parse(url).ok()?;
    url.host_str()?.trim_matches(['[', ']']).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_public_need_permission_and_some_never_get_it() {
        for (address, public, private) in [
            ("1.1.1.1", true, true),
            ("100.63.255.255", true, true),
            ("172.32.0.1", true, true),
            ("198.20.0.1", true, true),
            ("2606:4700::1111", true, true),
            ("2001:200::1", true, true),
            ("::ffff:1.1.1.1", true, true),
            ("64:ff9b::101:101", true, true),
            ("127.0.0.1", false, true),
            ("127.9.9.9", false, true),
            ("10.0.0.1", false, true),
            ("172.16.0.1", false, true),
            ("172.31.255.255", false, true),
            ("192.168.1.1", false, true),
            ("100.64.0.1", false, true),
            ("192.0.0.8", false, true),
            ("192.0.2.1", false, true),
            ("198.18.0.1", false, true),
            ("198.51.100.1", false, true),
            ("203.0.113.7", false, true),
            ("240.0.0.1", false, true),
            ("::1", false, true),
            ("fc00::1", false, true),
            ("fd12:3456::1", false, true),
            ("fec0::1", false, true),
            ("2001:db8::1", false, true),
            ("2001::1", false, true),
            ("3fff::1", false, true),
            ("::ffff:127.0.0.1", false, true),
            ("::127.0.0.1", false, true),
            ("64:ff9b::7f00:1", false, true),
            ("2002:7f00:1::", false, true),
            ("64:ff9b:1::1", false, true),
            ("0.0.0.0", false, false),
            ("169.254.169.254", false, false),
            ("100.100.100.200", false, false),
            ("224.0.0.1", false, false),
            ("255.255.255.255", false, false),
            ("::", false, false),
            ("fe80::1", false, false),
            ("ff02::1", false, false),
            ("fd00:ec2::254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::a9fe:a9fe", false, false),
            ("2002:a9fe:a9fe::1", false, false),
        ] {
            let ip: IpAddr = address.parse().unwrap();
            let got = (Reach::Public.allows(ip), Reach::Private.allows(ip));
            assert_eq!(got, (public, private), "{address}");
            let advice = Reach::Public.check(&[ip]).err();
            assert_eq!(advice.is_none(), public, "{address}");
            let helps = advice.is_none_or(|advice| advice.contains("webhook_private = true"));
            assert_eq!(helps, private, "{address}");
        }
    }

    #[test]
    fn a_name_is_called_at_the_addresses_within_reach_only() {
        let mixed = ["10.0.0.1:0", "1.1.1.1:0"].map(|address| address.parse().unwrap());
        assert_eq!(allowed(mixed.into_iter(), Reach::Public), Ok(vec![mixed[1]]));
        assert_eq!(allowed(mixed.into_iter(), Reach::Private), Ok(mixed.to_vec()));
        assert_eq!(allowed(mixed[..1].iter().copied(), Reach::Public), Err(OutOfReach));
    }

    #[test]
    fn an_address_is_known_however_it_is_written() {
        let loopback = Some(IpAddr::from([127, 0, 0, 1]));
        for url in ["http://127.0.0.1:1/x", "http://2130706433/", "http://0x7f.1/", "http://127.1"]
        {
            assert_eq!(literal(url), loopback, "{url}");
        }
        assert_eq!(literal("http://[::1]/"), Some(Ipv6Addr::LOCALHOST.into()));
        assert_eq!(literal("http://localhost/"), None);
    }
}
