//! The address of a peer behind a proxy.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};

use warp::http::HeaderMap;

use super::settings::Proxy;

/// The headers in which proxies name a peer; any of them means that a request may have come through a proxy.
const HEADERS: [&str; 3] = ["x-forwarded-for", "forwarded", "x-real-ip"];

/// The sender of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    /// The right-most address that is not a trusted proxy's.
    pub(super) address: IpAddr,
    /// Whether the request has any header of a proxy, trusted or not.
    pub(super) proxied: bool,
}

/// Accepts the headers of trusted proxies, and logs once if another proxy sends them.
#[derive(Debug)]
pub(super) struct Proxies {
    settings: Proxy,
    mentioned: AtomicBool,
}

impl Proxies {
    /// Returns the trusted proxies.
    pub(super) fn new(settings: Proxy) -> Self {
        Self {
            settings,
            mentioned: AtomicBool::new(false),
        }
    }

    /// Returns whether an address is a trusted proxy's.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.settings
            .trusted
            .iter()
            .any(|network| network.contains(address))
    }

    /// Returns the sender of a request that came over a connection from `remote`.
    pub(super) fn sender(&self, remote: IpAddr, headers: &HeaderMap) -> Sender {
        let proxied = HEADERS.iter().any(|name| headers.contains_key(*name));
        if !self.trusts(remote) {
            if proxied && !self.mentioned.swap(true, Ordering::Relaxed) {
                log::warn!(
                    "{remote} sends the header of a proxy but is not trusted, so its own address \
                     counts; if it is your proxy, name it in [proxy] trusted (said once)"
                );
            }
            return Sender {
                address: remote,
                proxied,
            };
        }
        let mut address = remote;
        let values = headers.get_all(&self.settings.header);
        let hops = values.iter().rev().filter_map(|value| value.to_str().ok());
        for hop in hops.flat_map(|value| value.rsplit(',')) {
            // A hop without an address hides all hops before it.
            let Some(named) = address_of(hop, &self.settings.header) else {
                break;
            };
            address = named;
            if !self.trusts(named) {
                break;
            }
        }
        Sender { address, proxied }
    }
}

/// Reads one element of a header: an address, or for `forwarded` the value of `for`.
fn address_of(hop: &str, header: &str) -> Option<IpAddr> {
    if header != "forwarded" {
        return address(hop);
    }
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("for")
            .then(|| address(value))
            .flatten()
    })
}

/// Reads an address with or without quotes, brackets and port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap_or(text);
    let address = match bare.parse() {
        Ok(address) => address,
        Err(_) => text.parse::<SocketAddr>().ok()?.ip(),
    };
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::super::settings::Network;
    use super::*;

    fn sender(header: &str, values: &[&str], remote: &str) -> String {
        let trusted = ["127.0.0.1/32", "10.0.0.0/8", "2001:db8::/32"].map(|text| {
            let (address, prefix) = text.split_once('/').unwrap();
            Network {
                address: address.parse().unwrap(),
                prefix: prefix.parse().unwrap(),
            }
        });
        let proxies = Proxies::new(Proxy {
            trusted: trusted.to_vec(),
            header: header.to_owned(),
        });
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                warp::http::HeaderName::from_bytes(header.as_bytes()).unwrap(),
                value.parse().unwrap(),
            );
        }
        proxies
            .sender(remote.parse().unwrap(), &headers)
            .address
            .to_string()
    }

    #[test]
    fn rightmost_untrusted_hop_is_the_sender() {
        let x = "x-forwarded-for";
        let cases: [(&[&str], &str, &str); 9] = [
            (&["203.0.113.5"], "127.0.0.1", "203.0.113.5"),
            (&["1.1.1.1, 203.0.113.5"], "127.0.0.1", "203.0.113.5"),
            (
                &["1.1.1.1, 203.0.113.5, 10.1.2.3"],
                "127.0.0.1",
                "203.0.113.5",
            ),
            (&["1.1.1.1", "203.0.113.5"], "127.0.0.1", "203.0.113.5"),
            (&["10.9.9.9"], "127.0.0.1", "10.9.9.9"),
            (&["203.0.113.5, nonsense"], "127.0.0.1", "127.0.0.1"),
            (&["2001:db8::1, [2a00::9]:443"], "2001:db8::7", "2a00::9"),
            (&["203.0.113.5:1234"], "::ffff:127.0.0.1", "203.0.113.5"),
            (&[], "127.0.0.1", "127.0.0.1"),
        ];
        for (values, remote, expected) in cases {
            let remote = remote.parse::<IpAddr>().unwrap().to_canonical().to_string();
            assert_eq!(
                sender(x, values, &remote),
                expected,
                "{values:?} from {remote}"
            );
        }
    }

    #[test]
    fn header_of_an_untrusted_peer_is_ignored() {
        assert_eq!(
            sender("x-forwarded-for", &["127.0.0.1"], "198.51.100.7"),
            "198.51.100.7"
        );
    }

    #[test]
    fn forwarded_names_the_sender_in_its_for() {
        let cases = [
            ("for=203.0.113.5;proto=https", "203.0.113.5"),
            ("for=1.1.1.1, for=\"[2a00::9]:4711\";by=10.0.0.1", "2a00::9"),
            ("For=203.0.113.5, for=10.0.0.2", "203.0.113.5"),
            ("for=203.0.113.5, for=_hidden", "127.0.0.1"),
        ];
        for (value, expected) in cases {
            assert_eq!(
                sender("forwarded", &[value], "127.0.0.1"),
                expected,
                "{value}"
            );
        }
    }
}
