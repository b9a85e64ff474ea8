//! Addresses of servers: scheme, host, port, path and query, and nothing else.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::error::OutboundError;

/// The longest address, in characters.
const MAX_CHARS: usize = 2048;

/// An address of `http` or `https`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    secure: bool,
    /// In lower case, without the brackets of IPv6.
    host: String,
    address: Option<IpAddr>,
    port: u16,
    /// Path and query; begins with a slash.
    target: String,
}

impl Url {
    /// Returns whether the connection is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the host, without the brackets of IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the host if it is an address and not a name.
    #[must_use]
    pub fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// Returns the port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns path and query.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Returns host and port as in the `Host` header: without the default port of the scheme.
    #[must_use]
    pub fn authority(&self) -> String {
        let usual = if self.secure { 443 } else { 80 };
        if self.port == usual {
            self.bracketed()
        } else {
            self.authority_with_port()
        }
    }

    /// Returns host and port.
    #[must_use]
    pub fn authority_with_port(&self) -> String {
        format!("{}:{}", self.bracketed(), self.port)
    }

    /// Returns scheme, host and port.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        format!("{scheme}://{}", self.authority())
    }

    /// Returns the whole address. It may contain a secret, so it must not be logged.
    #[must_use]
    pub fn whole(&self) -> String {
        format!("{}{}", self.origin(), self.target)
    }

    fn bracketed(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        }
    }

    /// Returns the address that is named from here: by a redirect, or by a page.
    pub(super) fn join(&self, target: &str) -> Result<Self, OutboundError> {
        let target = target.split('#').next().unwrap_or_default();
        // What begins with a scheme is whole; an address within a query is none of its own.
        // Source: RFC 3986, 4.2.
        let first = target.split(['/', '?']).next().unwrap_or_default();
        if first.contains(':') {
            return target.parse();
        }
        if let Some(rest) = target.strip_prefix("//") {
            let scheme = if self.secure { "https" } else { "http" };
            return format!("{scheme}://{rest}").parse();
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match target.chars().next() {
            Some('/') => target.to_owned(),
            Some('?') => format!("{path}{target}"),
            _ => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                format!("{folder}/{target}")
            }
        };
        format!("{}{target}", self.origin()).parse()
    }
}

/// Omits the path, which may contain a secret.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin())
    }
}

impl FromStr for Url {
    type Err = OutboundError;

    fn from_str(text: &str) -> Result<Self, OutboundError> {
        let bad = OutboundError::BadUrl;
        if text.chars().count() > MAX_CHARS {
            return Err(bad("it is longer than 2048 characters"));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) || text.contains(['#', '\\', '"']) {
            return Err(bad("it has characters that an address does not have"));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or(bad("it does not begin with https://"))?;
        let secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(bad("it does not begin with https://")),
        };
        let at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(at);
        if authority.contains('@') {
            return Err(bad("it names a user or password"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(inside) => {
                let (host, after) = inside.split_once(']').ok_or(bad("its host is not valid"))?;
                host.parse::<Ipv6Addr>()
                    .map_err(|_| bad("its host is not valid"))?;
                match after {
                    "" => (host, None),
                    _ => (
                        host,
                        Some(
                            after
                                .strip_prefix(':')
                                .ok_or(bad("its port is not valid"))?,
                        ),
                    ),
                }
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        let port = match port {
            None => {
                if secure {
                    443
                } else {
                    80
                }
            }
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits
                .parse()
                .ok()
                .filter(|port| *port != 0)
                .ok_or(bad("its port is not valid"))?,
            Some(_) => return Err(bad("its port is not valid")),
        };
        let host = host.to_ascii_lowercase();
        let address = host.parse::<IpAddr>().ok();
        if address.is_none() && !is_name(&host) {
            return Err(bad("its host is not valid"));
        }
        let target = if target.starts_with('/') {
            target.to_owned()
        } else {
            format!("/{target}")
        };
        Ok(Self {
            secure,
            host,
            address,
            port,
            target,
        })
    }
}

/// Returns whether a host is a name. A host that ends in a number is not: `0x7f.1` and `2130706433` are
/// ways of writing an address, which resolvers read differently.
fn is_name(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let last = name.rsplit('.').next().unwrap_or_default();
    let is_number = |text: &str| {
        let hex = text.strip_prefix("0x");
        hex.map_or(text, |hex| hex)
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (hex.is_some() && byte.is_ascii_hexdigit()))
    };
    !name.is_empty()
        && name.len() <= 253
        && name.bytes().all(plain)
        && name
            .split('.')
            .all(|label| !label.is_empty() && label.len() <= 63)
        && !is_number(last)
        && name.parse::<Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let url: Url = "HTTPS://Push.Example.org:8443/a/b?c=d".parse().unwrap();
        assert_eq!(url.origin(), "https://push.example.org:8443");
        assert_eq!(url.target(), "/a/b?c=d");
        assert_eq!(format!("{url:?}"), "https://push.example.org:8443");
        let url: Url = "http://[::1]?x".parse().unwrap();
        assert_eq!(url.whole(), "http://[::1]/?x");
        assert_eq!(url.authority_with_port(), "[::1]:80");
        assert_eq!(url.address(), Some("::1".parse().unwrap()));
    }

    #[test]
    fn what_is_no_plain_address_is_refused() {
        for text in [
            "",
            "push.example.org",
            "ftp://push.example.org/",
            "https://",
            "https:///x",
            "https://user@push.example.org/",
            "https://user:secret@push.example.org/",
            "https://push.example.org:0/",
            "https://push.example.org:65536/",
            "https://push.example.org:+1/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.0.0.1.:80/",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://a..b/",
            "https://a b/",
            "https://a/#x",
            "https://a\\@b/",
            "https://a/\r\nx",
            "https://пример.рф/",
        ] {
            assert!(text.parse::<Url>().is_err(), "{text:?} is taken");
        }
        let long = format!("https://a/{}", "x".repeat(MAX_CHARS));
        assert!(long.parse::<Url>().is_err());
    }

    #[test]
    fn redirects_lead_on_from_where_one_is() {
        let url: Url = "https://a.example/x/y?z".parse().unwrap();
        for (target, whole) in [
            ("/b", "https://a.example/b"),
            ("b", "https://a.example/x/b"),
            ("?q", "https://a.example/x/y?q"),
            ("//b.example/c", "https://b.example/c"),
            ("http://b.example#d", "http://b.example/"),
        ] {
            assert_eq!(url.join(target).unwrap().whole(), whole, "{target}");
        }
        assert!(url.join("javascript:alert(1)://").is_err());
    }
}
