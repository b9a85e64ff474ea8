//! The addresses that may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Private;

/// IPv4 networks that are not part of the internet. Source: IANA's registry of special-purpose addresses.
const SPECIAL: [(Ipv4Addr, u8); 15] = [
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    (Ipv4Addr::BROADCAST, 32),
];

/// IPv6 networks inside `2000::/3` that are not part of the internet.
const SPECIAL_6: [(Ipv6Addr, u8); 3] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
];

/// The network of global IPv6 addresses.
const GLOBAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// The network in which a gateway between IPv6 and IPv4 places IPv4 addresses (NAT64).
const GATEWAY: (Ipv6Addr, u8) = (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96);

/// Private addresses that the operator lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Allowed {
    /// All of them.
    pub all: bool,
    /// Networks: an address, and how many of its leading bits count.
    pub networks: Vec<(IpAddr, u8)>,
    /// Addresses with their port.
    pub addresses: Vec<SocketAddr>,
}

impl Allowed {
    fn contains(&self, address: SocketAddr) -> bool {
        let ip = inner(address.ip());
        let inside = |(base, prefix): &(IpAddr, u8)| match (base.to_canonical(), ip) {
            (IpAddr::V4(base), IpAddr::V4(ip)) => within_4(ip, base, *prefix),
            (IpAddr::V6(base), IpAddr::V6(ip)) => within_6(ip, base, *prefix),
            _ => false,
        };
        let same = |other: &SocketAddr| inner(other.ip()) == ip && other.port() == address.port();
        self.all || self.networks.iter().any(inside) || self.addresses.iter().any(same)
    }
}

/// Returns whether an address is public. An IPv4 address written as an IPv6 address counts as the IPv4
/// address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match inner(address) {
        IpAddr::V4(ip) => !SPECIAL
            .iter()
            .any(|(base, prefix)| within_4(ip, *base, *prefix)),
        IpAddr::V6(ip) => {
            within_6(ip, GLOBAL.0, GLOBAL.1)
                && !SPECIAL_6
                    .iter()
                    .any(|(base, prefix)| within_6(ip, *base, *prefix))
        }
    }
}

/// Returns whether a request may go to an address.
pub(super) fn may(address: SocketAddr, private: Private, allowed: &Allowed) -> bool {
    match private {
        Private::Any => true,
        Private::Listed => is_public(address.ip()) || allowed.contains(address),
        Private::Refused => is_public(address.ip()),
    }
}

/// Returns the IPv4 address that an IPv6 address stands for, or the address itself.
fn inner(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if within_6(ip, GATEWAY.0, GATEWAY.1) => {
            let [.., high, low] = ip.segments();
            let bits = (u32::from(high) << 16) | u32::from(low);
            IpAddr::V4(Ipv4Addr::from_bits(bits))
        }
        other => other,
    }
}

fn within_4(ip: Ipv4Addr, base: Ipv4Addr, prefix: u8) -> bool {
    let shift = 32 - u32::from(prefix.min(32));
    let mask = u32::MAX.checked_shl(shift).unwrap_or(0);
    ip.to_bits() & mask == base.to_bits() & mask
}

fn within_6(ip: Ipv6Addr, base: Ipv6Addr, prefix: u8) -> bool {
    let shift = 128 - u32::from(prefix.min(128));
    let mask = u128::MAX.checked_shl(shift).unwrap_or(0);
    ip.to_bits() & mask == base.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internet_is_public() {
        let private = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fe80::1",
            "fc00::1",
            "fd12:3456::1",
            "ff02::1",
            "2001::1",
            "2001:1ff:ffff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "4000::1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:200::1",
            "2606:4700::1111",
            "2a00::1",
            "3fff:ffff::1",
        ];
        for address in public {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn private_addresses_are_reached_when_they_are_listed() {
        let allowed = Allowed {
            all: false,
            networks: vec![("192.168.1.0".parse().unwrap(), 24)],
            addresses: vec!["127.0.0.1:2586".parse().unwrap()],
        };
        let may = |text: &str, private| may(text.parse().unwrap(), private, &allowed);
        for (address, listed) in [
            ("192.168.1.7:80", true),
            ("[::ffff:192.168.1.7]:80", true),
            ("192.168.2.7:80", false),
            ("127.0.0.1:2586", true),
            ("127.0.0.1:2587", false),
            ("1.1.1.1:443", true),
        ] {
            assert_eq!(may(address, Private::Listed), listed, "{address}");
            assert!(may(address, Private::Any), "{address}");
        }
        assert!(!may("192.168.1.7:80", Private::Refused));
        let all = Allowed {
            all: true,
            ..Allowed::default()
        };
        let local = "127.0.0.1:1".parse().unwrap();
        assert!(super::may(local, Private::Listed, &all));
        assert!(!super::may(local, Private::Refused, &all));
    }
}
