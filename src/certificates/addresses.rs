//! The private addresses of this machine, which its own certificates are for.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Lists the private addresses of the interfaces; that of the machine for itself is always in it.
#[must_use]
pub fn private_addresses() -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let four = std::fs::read_to_string("/proc/net/fib_trie").unwrap_or_default();
    let six = std::fs::read_to_string("/proc/net/if_inet6").unwrap_or_default();
    found.extend(local_of_trie(&four));
    found.extend(local_of_six(&six));
    found.retain(|address| is_private(*address));
    found
}

/// Tells whether an address is one that only the own network knows, link-local ones left out: they
/// need a zone, which no certificate names.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    }
}

/// The addresses of the machine itself in the kernel's table of routes.
fn local_of_trie(table: &str) -> BTreeSet<IpAddr> {
    let mut found = BTreeSet::new();
    let mut last = None;
    for line in table.lines() {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line == "/32 host LOCAL" {
            found.extend(last.map(IpAddr::V4));
        }
    }
    found
}

/// The addresses of IPv6: 32 digits at the start of each line.
fn local_of_six(table: &str) -> BTreeSet<IpAddr> {
    let address = |line: &str| {
        let bits = u128::from_str_radix(line.split_whitespace().next()?, 16).ok()?;
        Some(IpAddr::V6(Ipv6Addr::from_bits(bits)))
    };
    table.lines().filter_map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_the_tables_of_the_kernel() {
        let trie = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 192.168.1.0\n        /24 link UNICAST\n     \
                    |-- 192.168.1.7\n        /32 host LOCAL\n     |-- 192.168.1.255\n        /32 link BROADCAST\n";
        let found: Vec<_> = local_of_trie(trie).into_iter().collect();
        assert_eq!(found, ["192.168.1.7".parse::<IpAddr>().unwrap()]);
        let six = "fd000000000000000000000000000007 02 40 00 80 eth0\n\
                   00000000000000000000000000000001 01 80 10 80 lo\n";
        let found: Vec<_> = local_of_six(six).into_iter().collect();
        assert_eq!(found[1], "fd00::7".parse::<IpAddr>().unwrap());
        assert!(private_addresses().contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(private_addresses().iter().all(|it| is_private(*it)));
    }
}
