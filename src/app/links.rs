//! Where this server is found from outside.

use std::net::UdpSocket;

use crate::config::Config;

/// Where clients find this server: the configured address, else the one that the machine has.
#[must_use]
pub fn base(config: &Config) -> String {
    if let Some(url) = &config.server.public_url {
        return url.clone();
    }
    let scheme = if config.tls.certfile.is_some() {
        "https"
    } else {
        "http"
    };
    let host = match config.server.host.as_str() {
        "0.0.0.0" | "::" => own_address(),
        host if host.contains(':') => format!("[{host}]"),
        host => host.to_owned(),
    };
    format!("{scheme}://{host}:{}", config.server.port)
}

/// The address by which others on the network know this machine. A server that listens on all of
/// its addresses names none, and a link to 0.0.0.0 leads nowhere.
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
        let everywhere = base(&Config::default());
        assert!(!everywhere.contains("0.0.0.0"), "{everywhere}");
    }
}
