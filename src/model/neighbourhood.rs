//! The unit of network addresses to which rate limits apply.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or the /64 network of an IPv6 address, because a customer with one IPv6 address has
/// all 2^64 addresses of its network. An IPv4 address that is written as IPv6 (`::ffff:192.0.2.1`) counts
/// as that IPv4 address.
///
/// The default is `::/64`, this machine itself.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Neighbourhood {
    /// The address as an IPv6 address. The lower half of an IPv6 address is zero, which is never the case
    /// for a mapped IPv4 address.
    bits: u128,
}

impl From<IpAddr> for Neighbourhood {
    fn from(address: IpAddr) -> Self {
        let bits = match address.to_canonical() {
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() & (u128::MAX << 64),
        };
        Self { bits }
    }
}

impl Neighbourhood {
    /// Returns whether this is a loopback address, so this machine itself.
    #[must_use]
    pub fn is_this_machine(self) -> bool {
        let address = Ipv6Addr::from_bits(self.bits);
        self.bits == 0
            || address
                .to_ipv4_mapped()
                .is_some_and(|address| address.is_loopback())
    }
}

impl fmt::Debug for Neighbourhood {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Ipv6Addr::from_bits(self.bits).to_canonical() {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Neighbourhood {
        text.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn ipv4_counts_by_address_and_ipv6_by_network() {
        let same = [
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2"),
            ("::1", "::"),
        ];
        for (one, other) in same {
            assert_eq!(of(one), of(other));
        }
        let different = [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8:0:1::1", "2001:db8:0:2::1"),
            ("::1", "0.0.0.0"),
            ("::1", "127.0.0.1"),
        ];
        for (one, other) in different {
            assert_ne!(of(one), of(other));
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        for text in ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"] {
            assert!(of(text).is_this_machine(), "{text}");
        }
        for text in ["192.0.2.1", "0.0.0.0", "2001:db8::1", "fe80::1"] {
            assert!(!of(text).is_this_machine(), "{text}");
        }
        assert!(Neighbourhood::default().is_this_machine());
    }

    #[test]
    fn what_is_shown_is_the_network() {
        assert_eq!(format!("{:?}", of("192.0.2.1")), "192.0.2.1");
        assert_eq!(format!("{:?}", of("2001:db8::1")), "2001:db8::/64");
    }
}
