//! Checks whether the web page behind a request may use this server.

use warp::http::HeaderMap;
use warp::http::header::{HOST, ORIGIN};

use super::settings::Origins;

/// How a server was reached, as far as this matters for the origin of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reached<'a> {
    /// Whether the connection is encrypted at this server.
    pub(super) tls: bool,
    /// The public address.
    pub(super) public_url: Option<&'a str>,
}

/// Returns whether the page that sends the request is allowed. Programs send no origin; a page opened from a
/// file, such as that of a desktop client, sends `file://` and comes from no web site.
pub(super) fn is_welcome(headers: &HeaderMap, origins: &Origins, reached: Reached<'_>) -> bool {
    let Some(origin) = headers.get(ORIGIN) else {
        return true;
    };
    let Ok(origin) = origin.to_str() else {
        return false;
    };
    if origin == "file://" {
        return true;
    }
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| is_same(origin, host, reached)) {
        return true;
    }
    match origins {
        Origins::Same => false,
        Origins::List(list) => list.iter().any(|allowed| {
            let allowed = allowed.trim_end_matches('/');
            allowed == "*" || allowed.eq_ignore_ascii_case(origin)
        }),
    }
}

/// Returns whether a page of this origin was served by this host, with the same scheme: anyone on
/// the way may have changed a page that was sent without encryption. If neither the connection nor
/// the public address says the scheme, a proxy may have removed the encryption.
fn is_same(origin: &str, host: &str, reached: Reached<'_>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let public = reached.public_url.and_then(|url| url.split_once("://"));
    let expected = match public {
        _ if reached.tls => Some("https"),
        Some((scheme, public)) if bare(scheme, public) == bare(scheme, host) => Some(scheme),
        _ => None,
    };
    !authority.is_empty()
        && bare(scheme, authority) == bare(scheme, host)
        && expected.is_none_or(|expected| scheme.eq_ignore_ascii_case(expected))
}

/// Returns host and port in lower case, without the default port of the scheme.
fn bare(scheme: &str, authority: &str) -> String {
    let default = if scheme.eq_ignore_ascii_case("https") {
        ":443"
    } else {
        ":80"
    };
    let bare = authority.strip_suffix(default).unwrap_or(authority);
    bare.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Reached<'_> = Reached {
        tls: false,
        public_url: None,
    };

    fn welcome(origin: &str, host: &str, origins: &Origins, reached: Reached<'_>) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, origin.parse().unwrap());
        headers.insert(HOST, host.parse().unwrap());
        is_welcome(&headers, origins, reached)
    }

    #[test]
    fn pages_connect_to_the_host_that_served_them() {
        let cases = [
            ("http://chat.example:8000", "chat.example:8000", true),
            ("https://chat.example", "chat.example", true),
            ("https://Chat.Example:443", "chat.example", true),
            ("http://chat.example", "chat.example:80", true),
            ("https://chat.example:8443", "chat.example", false),
            ("https://chat.example.evil.example", "chat.example", false),
            ("http://[::1]:8000", "[::1]:8000", true),
            ("file://", "chat.example", true),
            ("null", "chat.example", false),
            ("://", "", false),
        ];
        for (origin, host, expected) in cases {
            let found = welcome(origin, host, &Origins::Same, PLAIN);
            assert_eq!(found, expected, "{origin} to {host}");
        }
        assert!(is_welcome(&HeaderMap::new(), &Origins::Same, PLAIN));
    }

    #[test]
    fn page_that_came_in_clear_is_foreign_to_an_encrypted_server() {
        let encrypted = Reached { tls: true, ..PLAIN };
        let public = |url| Reached {
            public_url: Some(url),
            ..PLAIN
        };
        let cases = [
            ("https://chat.example", "chat.example", encrypted, true),
            ("http://chat.example", "chat.example", encrypted, false),
            ("http://chat.example:80", "chat.example", encrypted, false),
            (
                "https://chat.example",
                "chat.example",
                public("https://chat.example"),
                true,
            ),
            (
                "http://chat.example",
                "chat.example",
                public("https://chat.example"),
                false,
            ),
            (
                "https://chat.example",
                "chat.example:443",
                public("https://chat.example:443"),
                true,
            ),
            // In the home network, past the proxy.
            (
                "http://192.168.1.5:8000",
                "192.168.1.5:8000",
                public("https://chat.example"),
                true,
            ),
            (
                "https://chat.example",
                "chat.example",
                public("http://chat.example"),
                false,
            ),
        ];
        for (origin, host, reached, expected) in cases {
            let found = welcome(origin, host, &Origins::Same, reached);
            assert_eq!(found, expected, "{origin} to {host}, {reached:?}");
        }
    }

    #[test]
    fn listed_origins_are_welcome() {
        let list = |origin: &str| Origins::List(vec![origin.to_owned()]);
        let ask = |origin, list| welcome(origin, "chat.example", &list, PLAIN);
        assert!(ask("https://app.example", list("https://app.example/")));
        assert!(!ask("https://other.example", list("https://app.example/")));
        assert!(!ask("http://app.example", list("https://app.example/")));
        assert!(ask("https://other.example", list("*")));
    }
}
