//! The path and host of a request, as far as they decide whether it is accepted.

use std::net::IpAddr;

use warp::http::HeaderMap;
use warp::http::header::HOST;

/// Where certificate authorities look over plain HTTP. Source: RFC 8555, 8.3.
const CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Returns whether a path is served for any host.
pub(super) fn is_open(path: &str) -> bool {
    path.starts_with(CHALLENGES) || path == "/trust" || path.starts_with("/trust/")
}

/// Returns whether a request is for a name, and not for an address.
pub(super) fn has_name(headers: &HeaderMap) -> bool {
    host(headers).is_some_and(|host| !host.starts_with('[') && host.parse::<IpAddr>().is_err())
}

/// Returns the host of a request without its port.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let authority = headers.get(HOST)?.to_str().ok()?;
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some(host),
        _ => Some(authority),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_port_alone() {
        for (sent, found, is_name) in [
            ("pi.local:8000", "pi.local", true),
            ("pi.local", "pi.local", true),
            ("192.168.1.7:8000", "192.168.1.7", false),
            ("[fd00::1]:8000", "[fd00::1]", false),
            ("[fd00::1]", "[fd00::1]", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, sent.parse().unwrap());
            assert_eq!(host(&headers), Some(found));
            assert_eq!(has_name(&headers), is_name, "{sent}");
        }
        assert!(is_open("/trust") && is_open("/trust/style.css"));
        assert!(!is_open("/trusty") && !is_open("/.well-known/x"));
    }
}
