//! Checks whether the host of a request is this server.
//!
//! A web page can give its own name the address of this server (DNS rebinding), and the browser
//! then treats what the server answers as the page's own. The name reveals it: a browser always
//! sends the host name of the page.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use warp::http::header::HOST;
use warp::http::{HeaderMap, StatusCode, Uri};
use warp::reply::Response;

use super::punycode;
use super::recover::refusal;
use super::settings::Settings;

/// Top-level names that only a local network uses: they cannot be registered.
const LOCAL: [&str; 8] = [
    "local",
    "lan",
    "home",
    "home.arpa",
    "internal",
    "localdomain",
    "localhost",
    "fritz.box",
];

/// The host names of this server, besides addresses and local names.
#[derive(Debug)]
pub(super) struct Hosts {
    names: Vec<String>,
    /// Whether trusted proxies may use any name.
    any_behind_proxy: bool,
    mentioned: AtomicBool,
}

impl Hosts {
    /// Returns the hosts that the settings name.
    pub(super) fn new(settings: &Settings) -> Self {
        let public = settings.public_url.as_deref().map(authority);
        let public = public.map(|authority| match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => host,
            _ => authority,
        });
        let names = settings.names.iter().map(String::as_str);
        let ascii = |name| punycode::to_ascii(bare(name));
        Self {
            names: names.chain(public).map(ascii).collect(),
            any_behind_proxy: settings.public_url.is_none(),
            mentioned: AtomicBool::new(false),
        }
    }

    /// Checks that a request is for this server: the header `Host`, and the host of a request target
    /// that names one.
    ///
    /// # Errors
    /// The answer that refuses it: 400 for a missing or repeated host, 421 for another host.
    pub(super) fn check(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        proxied: bool,
    ) -> Result<(), Box<Response>> {
        let mut sent = headers.get_all(HOST).into_iter();
        let (Some(host), None) = (sent.next(), sent.next()) else {
            return bad_request("a request needs exactly one Host header");
        };
        let host = host.to_str().ok().and_then(name);
        let Some(host) = host else {
            return bad_request("the Host header is not a host name or address");
        };
        let target = uri.authority().map(|authority| name(authority.as_str()));
        let target = match target {
            Some(None) => return bad_request("the request target names no valid host"),
            Some(Some(target)) => Some(target),
            None => None,
        };
        if proxied && self.any_behind_proxy {
            return Ok(());
        }
        for name in std::iter::once(host).chain(target) {
            if !self.contains(name) {
                return Err(Box::new(self.misdirected(name)));
            }
        }
        Ok(())
    }

    /// Returns whether a host without its port is this server.
    fn contains(&self, host: &str) -> bool {
        if is_address(host) || !host.contains('.') || self.has(host) {
            return true;
        }
        let host = host.to_ascii_lowercase();
        let above = |local: &&str| host.strip_suffix(*local);
        LOCAL
            .iter()
            .filter_map(above)
            .any(|rest| rest.ends_with('.'))
    }

    fn has(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
    }

    fn misdirected(&self, host: &str) -> Response {
        if !self.mentioned.swap(true, Ordering::Relaxed) {
            log::warn!(
                "a request for the host {host} is refused with 421; if that is a name of this \
                 server, add it to [server] names, or set public_url (said once)"
            );
        }
        let detail = format!(
            "this server does not answer for the host {host}; if that is one of its names, add it \
             to [server] names in its configuration"
        );
        refusal(StatusCode::MISDIRECTED_REQUEST, &detail)
    }
}

fn bad_request(detail: &str) -> Result<(), Box<Response>> {
    Err(Box::new(refusal(StatusCode::BAD_REQUEST, detail)))
}

/// Returns the host and port of an address that begins with a scheme.
fn authority(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, rest)| rest)
}

/// Returns the host of `host:port` without the port and without the dot at the end of a full name;
/// `None` if it is neither a name nor an address.
fn name(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (_, after) = rest.split_once(']')?;
            let host = &authority[..authority.len() - after.len()];
            if after.is_empty() {
                (host, None)
            } else {
                (host, Some(after.strip_prefix(':')?))
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    if port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit())) {
        return None;
    }
    let host = bare(host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = !host.is_empty() && host.bytes().all(plain) && !host.starts_with('.');
    (is_name || is_address(host)).then_some(host)
}

fn bare(host: &str) -> &str {
    host.strip_suffix('.').unwrap_or(host)
}

/// Returns whether a host is an address; an IPv6 address is in brackets, perhaps with a zone.
fn is_address(host: &str) -> bool {
    let inside = host
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inside {
        Some(inside) => {
            let address = inside
                .split_once('%')
                .map_or(inside, |(address, _)| address);
            address.parse::<Ipv6Addr>().is_ok()
        }
        None => host.parse::<Ipv4Addr>().is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(hosts: &Hosts, target: &str, sent: &[&str], proxied: bool) -> u16 {
        let mut headers = HeaderMap::new();
        for host in sent {
            headers.append(HOST, host.parse().unwrap());
        }
        let uri = target.parse().unwrap();
        match hosts.check(&uri, &headers, proxied) {
            Ok(()) => 200,
            Err(refusal) => refusal.status().as_u16(),
        }
    }

    fn ours() -> Hosts {
        Hosts::new(&Settings {
            names: ["пример.рф", "Other.Example."].map(str::to_owned).into(),
            public_url: Some("https://chat.example:8443".to_owned()),
            ..Settings::default()
        })
    }

    #[test]
    fn addresses_local_names_and_own_names_are_this_server() {
        let hosts = [
            "127.0.0.1",
            "203.0.113.7:8000",
            "[::1]",
            "[2001:db8::1]:8000",
            "[fe80::1%25eth0]:8000",
            "localhost",
            "localhost:8000",
            "x",
            "PI",
            "pi.local",
            "Pi.LAN:80",
            "a.b.home.arpa",
            "chat.fritz.box",
            "second.localhost",
            "chat.example",
            "CHAT.example.:443",
            "other.example",
            "xn--e1afmkfd.xn--p1ai",
        ];
        for host in hosts {
            assert_eq!(status(&ours(), "/", &[host], false), 200, "{host}");
        }
    }

    #[test]
    fn other_names_are_not() {
        let hosts = [
            "evil.example",
            "evil.example:8000",
            "chat.example.evil.example",
            "a.chat.example",
            "notlocal.evil",
            "evillocal.example",
            "xlan.evil",
            "local.example",
            "127.0.0.1.evil.example",
            "127.1.2",
            "fritz.box",
        ];
        for host in hosts {
            assert_eq!(status(&ours(), "/", &[host], false), 421, "{host}");
        }
    }

    #[test]
    fn request_has_one_valid_host() {
        let cases: [&[&str]; 12] = [
            &[],
            &["x", "x"],
            &["x", "evil.example"],
            &[""],
            &[":80"],
            &["."],
            &["a b"],
            &["user@chat.example"],
            &["chat.example/"],
            &["chat.example:80x"],
            &["[::1"],
            &["[::1]x"],
        ];
        for hosts in cases {
            assert_eq!(status(&ours(), "/", hosts, false), 400, "{hosts:?}");
            let open = Hosts::new(&Settings::default());
            assert_eq!(status(&open, "/", hosts, true), 400, "{hosts:?}");
        }
    }

    #[test]
    fn host_of_the_target_counts_too() {
        let cases = [
            ("http://chat.example/ws", "x", 200),
            ("http://evil.example/ws", "x", 421),
            ("http://chat.example/ws", "evil.example", 421),
            ("http://user@chat.example/ws", "x", 400),
            ("evil.example:443", "x", 421),
        ];
        for (target, host, expected) in cases {
            assert_eq!(
                status(&ours(), target, &[host], false),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn trusted_proxy_may_ask_for_any_where_no_name_is_known() {
        let open = Hosts::new(&Settings::default());
        assert_eq!(status(&open, "/", &["evil.example"], true), 200);
        assert_eq!(status(&open, "/", &["evil.example"], false), 421);
        assert_eq!(status(&ours(), "/", &["evil.example"], true), 421);
    }
}
