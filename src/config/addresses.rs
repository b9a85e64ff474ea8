//! Values that are addresses, networks or web origins.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses: `10.0.0.0/8`, `2001:db8::/32`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpNetwork {
    address: IpAddr,
    prefix: u8,
}

impl IpNetwork {
    /// Reads a network or an address.
    ///
    /// # Errors
    /// A sentence's end, when `text` is neither.
    pub fn read(text: &str) -> Result<Self, String> {
        let (address, prefix) = text
            .split_once('/')
            .map_or((text, None), |(a, p)| (a, Some(p)));
        let network = address.parse().ok().and_then(|address: IpAddr| {
            let bits = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.map_or(Some(bits), |digits| digits.parse().ok())?;
            (prefix <= bits).then_some(Self { address, prefix })
        });
        network.ok_or_else(|| format!("`{text}` is not an address or network such as 10.0.0.0/8"))
    }

    /// Returns an address of the network.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Returns how many leading bits of it count.
    #[must_use]
    pub fn prefix(&self) -> u8 {
        self.prefix
    }

    /// Tells whether `address` lies in the network. An IPv4 address that arrived on an IPv6 socket
    /// (`::ffff:10.0.0.1`) counts as the IPv4 address it is.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(self.prefix))
                    .unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.prefix))
                    .unwrap_or(0);
                ours.to_bits() & mask == theirs.to_bits() & mask
            }
            _ => false,
        }
    }
}

impl fmt::Display for IpNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.prefix) {
            (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => self.address.fmt(f),
            (address, prefix) => write!(f, "{address}/{prefix}"),
        }
    }
}

/// Which web pages a browser may connect from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Those of this server: the host asked for, or the one of `public_url`.
    Same,
    /// Those of this server and of these origins (`https://chat.example.org`).
    List(Vec<String>),
    /// All of them.
    Any,
}

impl AllowedOrigins {
    /// Reads `same`, `any` or a list of origins.
    ///
    /// # Errors
    /// A sentence's end naming what is no origin.
    pub fn read(text: &str) -> Result<Self, String> {
        match text {
            "same" => return Ok(Self::Same),
            "any" | "*" => return Ok(Self::Any),
            _ => {}
        }
        let origins: Vec<String> = list(text, origin)?
            .into_iter()
            .filter(|o| o != "same")
            .collect();
        Ok(if origins.is_empty() {
            Self::Same
        } else {
            Self::List(origins)
        })
    }
}

impl fmt::Display for AllowedOrigins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same => f.write_str("same"),
            Self::Any => f.write_str("any"),
            Self::List(origins) => f.write_str(&origins.join(", ")),
        }
    }
}

fn origin(text: &str) -> Result<String, String> {
    if text == "same" {
        return Ok(text.to_owned());
    }
    web_address(text).ok_or_else(|| {
        format!("`{text}` is not `same`, `any` or an origin such as https://chat.example.org")
    })
}

/// Reads a list whose parts stand between commas or spaces.
pub(super) fn list<T>(
    text: &str,
    part: impl Fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    text.split([',', ' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(part)
        .collect()
}

/// Reads the public address of the server: `http://` or `https://`, a host, perhaps a port.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    web_address(text).ok_or_else(|| {
        format!("`{text}` is not an address such as https://chat.example.org (without a path)")
    })
}

/// Returns scheme, host and port in lower case, or nothing where there is more or less than that.
fn web_address(text: &str) -> Option<String> {
    let text = text.strip_suffix('/').unwrap_or(text).to_lowercase();
    let authority = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))?;
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let port_fits = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let bracketed = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let host_fits = bracketed.map_or_else(|| is_name(host), |v6| v6.parse::<Ipv6Addr>().is_ok());
    (port_fits && host_fits).then_some(text)
}

/// Reads what to listen on: an address (IPv6 with or without brackets) or a host name.
pub(super) fn host(text: &str) -> Result<String, String> {
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    let fits = match bare {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<IpAddr>().is_ok() || is_name(text),
    };
    let host = bare.unwrap_or(text);
    if fits {
        Ok(host.to_owned())
    } else {
        Err(format!(
            "`{text}` is not an address or host name such as 0.0.0.0, :: or localhost"
        ))
    }
}

/// Reads a name that the server is asked for: no scheme, no port.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    if is_name(text) {
        Ok(text.to_lowercase())
    } else {
        Err(format!(
            "`{text}` is not a host name such as chat.example.org (without scheme and port)"
        ))
    }
}

/// Tells whether a text can be a host name or IPv4 address (names of any script are taken).
fn is_name(text: &str) -> bool {
    let numeric = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let lettered = text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    !text.is_empty() && lettered && (!numeric || text.parse::<Ipv4Addr>().is_ok())
}

/// Reads the name of the header in which trusted proxies give the client's address.
pub(super) fn header(text: &str) -> Result<String, String> {
    let name = text.to_ascii_lowercase();
    if name == "forwarded" {
        return Err(
            "`Forwarded` has a syntax of its own that is not read here; let the proxy send \
                    X-Forwarded-For"
                .to_owned(),
        );
    }
    if !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        Ok(name)
    } else {
        Err(format!(
            "`{text}` is not the name of a header such as x-forwarded-for"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_hold_their_addresses() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("10.0.0.0/8", "::ffff:10.1.2.3", true),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("192.168.1.5", "192.168.1.5", true),
            ("192.168.1.5", "192.168.1.4", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("::1", "::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let found = IpNetwork::read(network)
                .unwrap()
                .contains(address.parse().unwrap());
            assert_eq!(found, inside, "{address} in {network}");
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "::/129",
            "10.0.0.0/",
            "proxy.example.org",
        ] {
            assert!(IpNetwork::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn origins_are_same_any_or_a_list() {
        let list = |origins: &[&str]| {
            AllowedOrigins::List(origins.iter().map(ToString::to_string).collect())
        };
        for (text, origins) in [
            ("same", AllowedOrigins::Same),
            ("*", AllowedOrigins::Any),
            ("https://A.example", list(&["https://a.example"])),
            (
                "same, http://localhost:8080 https://a.example/",
                list(&["http://localhost:8080", "https://a.example"]),
            ),
        ] {
            assert_eq!(AllowedOrigins::read(text), Ok(origins), "{text}");
        }
        for text in [
            "a.example",
            "https://",
            "https://a.example/path",
            "ftp://a.example",
            "some",
        ] {
            assert!(AllowedOrigins::read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn public_addresses_have_a_scheme_and_no_path() {
        for text in [
            "https://chat.example.org",
            "http://[::1]:8000",
            "http://192.168.1.2:8000/",
        ] {
            assert!(public_url(text).is_ok(), "{text}");
        }
        for text in [
            "chat.example.org",
            "https://",
            "https://user:password@chat.example.org",
            "https://chat.example.org/chat",
            "https://chat.example.org:0",
            "https://chat.example.org:99999",
            "https://chat example",
            "http://[::1",
            "http://1.2.3.400",
        ] {
            assert!(public_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hosts_are_addresses_or_names() {
        for (text, read) in [
            ("::", "::"),
            ("[::1]", "::1"),
            ("0.0.0.0", "0.0.0.0"),
            ("pi", "pi"),
        ] {
            assert_eq!(host(text).as_deref(), Ok(read), "{text}");
        }
        for text in [
            "",
            "1.2.3",
            "host:8000",
            "http://host",
            "a b",
            "[pi]",
            "256.0.0.1",
        ] {
            assert!(host(text).is_err(), "{text}");
        }
    }

    #[test]
    fn host_names_have_neither_scheme_nor_port() {
        assert_eq!(host_name("Chat.Example"), Ok("chat.example".to_owned()));
        assert_eq!(host_name("чат.example"), Ok("чат.example".to_owned()));
        for text in [
            "",
            "https://a.example",
            "a.example:80",
            "a/b",
            "*.a.example",
            "[::1]",
        ] {
            assert!(host_name(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in "\\PC*") {
            let _ = (IpNetwork::read(&text), AllowedOrigins::read(&text));
            let _ = (public_url(&text), host(&text), header(&text));
        }

        #[test]
        fn shown_networks_read_back(address in any::<IpAddr>(), prefix in 0..=32_u8) {
            let network = IpNetwork { address, prefix };
            prop_assert_eq!(IpNetwork::read(&network.to_string()), Ok(network));
            prop_assert_eq!(network.contains(address), address == address.to_canonical());
        }
    }
}
