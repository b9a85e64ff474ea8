//! `proxy-config`: the configuration of a reverse proxy for this setup.

use std::net::IpAddr;

use crate::config::{Config, Encryption};

/// What the proxy has to know.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The name that clients use.
    pub host: String,
    /// The address at which the proxy reaches the server.
    pub upstream: String,
    /// Whether the server itself speaks TLS there.
    pub upstream_tls: bool,
}

impl Setup {
    /// Returns the setup for a configuration; without a public address, with a name that has to be replaced.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let url = config
            .server
            .public_url
            .as_deref()
            .unwrap_or("https://chat.example.org");
        let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
        let host = authority.split('/').next().unwrap_or(authority);
        let name = host.rsplit_once(':').map_or(host, |(name, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) {
                name
            } else {
                host
            }
        });
        Self {
            host: name.to_owned(),
            upstream: upstream(&config.server.host, config.server.port),
            upstream_tls: config.encryption() != Encryption::None,
        }
    }
}

/// Returns the address at which a proxy on the same machine reaches a server that listens on a host and port.
fn upstream(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(IpAddr::V4(ip)) if ip.is_unspecified() => format!("127.0.0.1:{port}"),
        Ok(IpAddr::V6(ip)) if ip.is_unspecified() => format!("[::1]:{port}"),
        Ok(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        Ok(IpAddr::V4(_)) | Err(_) => format!("{host}:{port}"),
    }
}

/// Returns a file for nginx, for `/etc/nginx/conf.d` or `sites-enabled`.
#[must_use]
pub fn nginx(setup: &Setup) -> String {
    let Setup { host, upstream, .. } = setup;
    let scheme = if setup.upstream_tls { "https" } else { "http" };
    let trust = trust();
    format!(
        "\
{trust}
map $http_upgrade $morelia_connection {{
    default upgrade;
    ''      '';
}}

# The address of a hook is its secret, and what stands after the question mark lets files be fetched: neither
# is for the log.
map $uri $morelia_uri {{
    default                  $uri;
    '~^/(?<kind>hooks?)/'    /$kind/...;
}}
log_format morelia '$remote_addr [$time_local] \"$request_method $morelia_uri\" $status $body_bytes_sent';

server {{
    listen 443 ssl;
    listen [::]:443 ssl;
    server_name {host};
    ssl_certificate     /etc/letsencrypt/live/{host}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{host}/privkey.pem;
    access_log /var/log/nginx/access.log morelia;
    # Files are large, and go on to the server as they come; it has limits of its own.
    client_max_body_size 0;
    proxy_request_buffering off;
    proxy_max_temp_file_size 0;

    location / {{
        proxy_pass {scheme}://{upstream};
        # A WebSocket needs these three lines.
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $morelia_connection;
        # The name and port that the browser used: pages of other origins are refused by it.
        proxy_set_header Host $http_host;
        # Set, not appended: what a client claims here must not be passed on.
        proxy_set_header X-Forwarded-For $remote_addr;
        # The server pings every 30 seconds; a longer silence is a dead connection.
        proxy_read_timeout 120s;
        proxy_send_timeout 120s;
    }}
}}

server {{
    listen 80;
    listen [::]:80;
    server_name {host};
    access_log /var/log/nginx/access.log morelia;
    return 301 https://$host$request_uri;
}}
"
    )
}

/// Returns a Caddyfile. Caddy gets its certificates by itself, passes on WebSockets, and sets
/// `X-Forwarded-For` to the address that it sees.
#[must_use]
pub fn caddy(setup: &Setup) -> String {
    let Setup { host, upstream, .. } = setup;
    let trust = trust();
    let target = if setup.upstream_tls {
        format!(
            "reverse_proxy https://{upstream} {{\n        transport http {{\n            \
             tls_server_name {host}\n        }}\n    }}"
        )
    } else {
        format!("reverse_proxy {upstream}")
    };
    format!("{trust}\n{host} {{\n    {target}\n}}\n")
}

fn trust() -> &'static str {
    "\
# So that the server believes the addresses that this proxy passes on, say in morelia.ini
# (with the address from which the proxy connects, if it runs on another machine):
#   [proxy]
#   trusted = 127.0.0.1
"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(upstream_tls: bool) -> Setup {
        let mut config = Config::default();
        config.server.public_url = Some("https://chat.example.org:8443".to_owned());
        Setup {
            upstream_tls,
            ..Setup::of(&config)
        }
    }

    #[test]
    fn proxies_reach_a_server_that_listens_everywhere() {
        let cases = [
            ("0.0.0.0", "127.0.0.1:8000"),
            ("::", "[::1]:8000"),
            ("2001:db8::1", "[2001:db8::1]:8000"),
            ("192.0.2.7", "192.0.2.7:8000"),
            ("localhost", "localhost:8000"),
        ];
        for (host, expected) in cases {
            assert_eq!(upstream(host, 8000), expected);
        }
    }

    #[test]
    fn no_log_of_nginx_has_the_address_of_a_hook() {
        let text = nginx(&setup(false));
        let servers = text.split("\nserver {").skip(1);
        assert_eq!(servers.clone().count(), 2);
        for server in servers {
            assert!(server.contains("access_log /var/log/nginx/access.log morelia;"));
        }
    }

    #[test]
    fn texts_name_host_and_upstream() {
        let plain = nginx(&setup(false));
        assert!(plain.contains("server_name chat.example.org;"));
        assert!(plain.contains("proxy_pass http://127.0.0.1:8000;"));
        assert!(nginx(&setup(true)).contains("proxy_pass https://127.0.0.1:8000;"));
        assert!(
            caddy(&setup(false))
                .ends_with("\nchat.example.org {\n    reverse_proxy 127.0.0.1:8000\n}\n")
        );
        assert!(caddy(&setup(true)).contains("reverse_proxy https://127.0.0.1:8000 {"));
        for text in [plain, caddy(&setup(true))] {
            assert_eq!(text.matches('{').count(), text.matches('}').count());
        }
    }
}
