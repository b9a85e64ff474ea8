//! The public addresses of this server.

use std::net::UdpSocket;

use crate::config::{Config, Encryption};

/// Returns the address at which clients find this server: the configured one, or else the machine's.
#[must_use]
pub fn base(config: &Config) -> String {
    if let Some(url) = &config.server.public_url {
        return url.clone();
    }
    let scheme = match config.encryption() {
        Encryption::None => "http",
        _ => "https",
    };
    let host = match config.server.host.as_str() {
        // A name stays the same when the router assigns another address.
        "0.0.0.0" | "::" if config.encryption() == Encryption::Local => {
            let machine = super::certificates::local::machine();
            format!("{}.local", machine.trim_end_matches(".local"))
        }
        "0.0.0.0" | "::" => own_address(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("{scheme}://{host}:{}", config.server.port)
}

/// Returns the link for an invitation or another code: through the page that makes a device trust
/// this server, if that is needed.
///
/// The code then follows the `#`, so that it does not cross the network unencrypted.
#[must_use]
pub fn opening(config: &Config, path: &str) -> String {
    let base = base(config);
    match config.encryption() {
        Encryption::Local => {
            let plain = base.replacen("https://", "http://", 1);
            let plain = match config.server.http_port {
                0 => plain,
                port => with_port(&plain, port),
            };
            format!("{plain}/trust#next={path}")
        }
        _ => format!("{base}{path}"),
    }
}

/// Returns the same address with another port.
fn with_port(url: &str, port: u16) -> String {
    let host = match url.rsplit_once(':') {
        Some((host, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => url,
    };
    match port {
        80 => host.to_owned(),
        _ => format!("{host}:{port}"),
    }
}

/// Returns the address by which others on the network know this machine. A server that listens on
/// all of its addresses names none, and a link to 0.0.0.0 leads nowhere.
fn own_address() -> String {
    // Connecting a datagram socket only chooses a route: nothing is sent.
    let chosen = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket
            .connect("192.0.2.1:9")
            .and_then(|()| socket.local_addr())
    });
    chosen.map_or_else(
        |_| "127.0.0.1".to_owned(),
        |address| address.ip().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_leads_to_the_server() {
        let mut config = Config::default();
        config.server.host = "::1".to_owned();
        assert_eq!(base(&config), "http://[::1]:8000");
        config.server.host = "chat.lan".to_owned();
        config.tls.certfile = Some("cert.pem".into());
        assert_eq!(base(&config), "https://chat.lan:8000");
        config.server.public_url = Some("https://chat.example.org".to_owned());
        assert_eq!(base(&config), "https://chat.example.org");
        let mut house = Config::default();
        house.tls.local_ca = true;
        house.server.host = "192.168.1.7".to_owned();
        let trust = opening(&house, "/invite/X");
        assert_eq!(trust, "http://192.168.1.7:8000/trust#next=/invite/X");
        house.server.http_port = 80;
        let trust = opening(&house, "/invite/X");
        assert_eq!(trust, "http://192.168.1.7/trust#next=/invite/X");
        house.server.host = "0.0.0.0".to_owned();
        assert!(base(&house).ends_with(".local:8000"), "{}", base(&house));
        assert_eq!(
            opening(&config, "/invite/X"),
            "https://chat.example.org/invite/X"
        );
        let everywhere = base(&Config::default());
        assert!(!everywhere.contains("0.0.0.0"), "{everywhere}");
    }
}
