//! The address of a server: what a person types, and the URL that it means.

use std::{fmt, str::FromStr};

use super::ClientError;

/// The port of a server named without scheme and port; the existing clients use it.
const DEFAULT_PORT: u16 = 8000;
/// The route of the protocol on every server.
const DEFAULT_PATH: &str = "/ws";

/// The address of a server.
///
/// Written as `HOST`, `HOST:PORT`, or a URL with `ws`, `wss`, `http` or `https`; the path is `/ws`
/// unless another one is given. Without a scheme the connection is not encrypted and the port is
/// 8000; with one, the port is the scheme's own (80 or 443) unless it is given.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl Address {
    /// Returns whether the connection is encrypted.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns the host name or IP address, without the brackets of IPv6.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the TCP port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "wss" } else { "ws" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}{}", self.host, self.port, self.path)
        } else {
            write!(f, "{scheme}://{}:{}{}", self.host, self.port, self.path)
        }
    }
}

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        parse(text.trim()).ok_or_else(|| ClientError::BadAddress(text.to_owned()))
    }
}

fn parse(text: &str) -> Option<Address> {
    let (secure, default_port, rest) = match text.split_once("://") {
        None => (false, DEFAULT_PORT, text),
        Some((scheme, rest)) => match scheme.to_ascii_lowercase().as_str() {
            "ws" | "http" => (false, 80, rest),
            "wss" | "https" => (true, 443, rest),
            _ => return None,
        },
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']')?;
        host.parse::<std::net::Ipv6Addr>().ok()?;
        let port = match after {
            "" => default_port,
            _ => port(after.strip_prefix(':')?)?,
        };
        (host, port)
    } else {
        match authority.split_once(':') {
            None => (authority, default_port),
            Some((host, digits)) => (host, port(digits)?),
        }
    };
    let named = host
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':'));
    let path_fits = path.chars().all(|c| c.is_ascii_graphic() && c != '#');
    if host.is_empty() || !named || !path_fits {
        return None;
    }
    let path = match path {
        "" | "/" => DEFAULT_PATH,
        _ => path,
    };
    Some(Address {
        secure,
        host: host.to_ascii_lowercase(),
        port,
        path: path.to_owned(),
    })
}

/// Reads a valid port; plus signs, blanks and 0 are refused.
fn port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    digits.parse().ok().filter(|&port| plain && port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_mean_these_urls() {
        for (text, url) in [
            ("localhost", "ws://localhost:8000/ws"),
            ("localhost:41233", "ws://localhost:41233/ws"),
            ("LocalHost:1/", "ws://localhost:1/ws"),
            ("ws://pi.local", "ws://pi.local:80/ws"),
            ("ws://pi.local:8000", "ws://pi.local:8000/ws"),
            ("http://127.0.0.1:8000/", "ws://127.0.0.1:8000/ws"),
            ("https://chat.example.org", "wss://chat.example.org:443/ws"),
            (
                "WSS://chat.example.org:8443/chat/ws",
                "wss://chat.example.org:8443/chat/ws",
            ),
            ("[::1]:8000", "ws://[::1]:8000/ws"),
            ("http://[::1]", "ws://[::1]:80/ws"),
        ] {
            let address: Address = text.parse().unwrap_or_else(|_| panic!("{text} is refused"));
            assert_eq!(address.to_string(), url, "{text}");
            assert_eq!(
                url.parse::<Address>().ok(),
                Some(address),
                "{url} read again"
            );
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            ":8000",
            "ftp://host",
            "host:",
            "host:+1",
            "host:0",
            "host:65536",
            "ws://",
            "::1:8000",
            "[::1",
            "[host]:1",
            "user@host:1",
            "a b",
            "host/a b",
            "host/#x",
            "host:80:80",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?} is taken");
        }
    }
}
