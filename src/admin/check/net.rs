//! Checks the network: whether the server can listen, whether it answers, and whether the public
//! address leads to it.

use std::net::{TcpListener, ToSocketAddrs};

use serde_json::Value;

use super::Finding;
use crate::admin::status::{self, Running};
use crate::cli::CheckTopic;
use crate::client::{self, Address, ClientError, HttpAnswer, Trust};
use crate::config::{Config, Encryption};

const TOPIC: CheckTopic = CheckTopic::Net;

/// A key as a browser would send it; a test of the client checks what the server derives from it.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAA==";

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let running = status::ask(config);
    let mut found = vec![match &running {
        Some(running) => ours(running),
        None => port(config),
    }];
    match (&config.server.public_url, running.is_some()) {
        (None, _) => found.push(Finding::ok(
            TOPIC,
            "public_url is not set: clients connect to this machine directly",
        )),
        (Some(url), true) => found.extend(public(url, config)),
        (Some(url), false) => found.push(Finding::warn(
            TOPIC,
            format!("{url} was not checked because the server is not running"),
            "start it and check again",
        )),
    }
    found
}

/// Checks the running server.
fn ours(running: &Running) -> Finding {
    let address = &running.address;
    match &running.health {
        Ok(health) if health["status"] == "ok" => {
            Finding::ok(TOPIC, format!("the server answers at {address}"))
        }
        Ok(health) => Finding::fail(
            TOPIC,
            format!(
                "the server at {address} reports a problem: {}",
                health["checks"]
            ),
            "see the other lines and the server's log",
        ),
        Err(why) => Finding::fail(
            TOPIC,
            format!("the server runs but does not answer at {address}: {why}"),
            "see its log, or restart it",
        ),
    }
}

/// Checks whether a server could listen.
fn port(config: &Config) -> Finding {
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let address = format!("{host}:{port}");
    let bound = (host, port)
        .to_socket_addrs()
        .and_then(|mut addresses| match addresses.next() {
            Some(address) => TcpListener::bind(address),
            None => Err(std::io::ErrorKind::AddrNotAvailable.into()),
        });
    match bound {
        Ok(_) => Finding::ok(TOPIC, format!("{address} is free for the server")),
        Err(err) if err.kind() == std::io::ErrorKind::AddrInUse => Finding::fail(
            TOPIC,
            format!("another program listens on {address}"),
            format!(
                "find it with `ss -ltnp 'sport = :{port}'`, or set another port in section \
                     [server]"
            ),
        ),
        Err(err) if err.kind() == std::io::ErrorKind::PermissionDenied => Finding::fail(
            TOPIC,
            format!("this user is not allowed to listen on {address}"),
            "use a port above 1023 behind a proxy, or the unit that `morelia service unit` prints",
        ),
        Err(err) => Finding::fail(
            TOPIC,
            format!("nothing can listen on {address}: {err}"),
            "set host in section [server] to an address of this machine",
        ),
    }
}

/// Checks a real WebSocket upgrade at the public address.
fn public(url: &str, config: &Config) -> Vec<Finding> {
    let Ok(address) = url.parse::<Address>() else {
        return vec![Finding::fail(
            TOPIC,
            format!("{url} is not an address that clients can connect to"),
            "set public_url in section [server] to something like https://chat.example.org",
        )];
    };
    let trust = own_trust(config);
    let headers = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
        ("Origin", url),
    ];
    let asked = status::block_on(async {
        let upgrade = client::get(&address, &trust, "/ws", &headers).await;
        let health = client::get(&address, &trust, "/health", &[("Connection", "close")]).await;
        let live = client::get(&address, &trust, "/health/live", &[("Connection", "close")]).await;
        (upgrade, health, live)
    });
    let (upgrade, health, live) = match asked {
        Ok(answers) => answers,
        Err(why) => return vec![Finding::fail(TOPIC, why, "try again")],
    };
    let mut found = vec![upgraded(url, &upgrade)];
    if upgrade.is_ok_and(|answer| answer.status == 101) {
        found.extend(addresses(url, config, health.ok().as_ref()));
        found.extend(live.ok().and_then(|live| another(url, config, &live.body)));
    }
    found
}

/// Checks whether another server than the one that runs here answers at the public address.
fn another(url: &str, config: &Config, answer: &str) -> Option<Finding> {
    let there: Value = serde_json::from_str(answer).ok()?;
    let there = there["instance"].as_str();
    let here = status::ask(config)?.health.ok()?;
    let here = here["instance"].as_str()?;
    (there != Some(here)).then(|| {
        Finding::fail(
            TOPIC,
            format!("{url} leads to a server other than the one that runs here"),
            "check where the name points, which port the router forwards, and which address the \
             proxy forwards to",
        )
    })
}

/// Returns trust in the server's own certificate if it encrypts itself, since no public authority
/// signs a name in a home network; otherwise the system's trust.
pub(super) fn own_trust(config: &Config) -> Trust {
    config
        .certificate_files()
        .map_or(Trust::System, |(certificate, _)| Trust::File(certificate))
}

fn upgraded(url: &str, answer: &Result<HttpAnswer, ClientError>) -> Finding {
    let proxy = "compare the proxy's configuration with `morelia proxy-config nginx` or `caddy`";
    match answer {
        Ok(answer) => match answer.status {
            101 => Finding::ok(TOPIC, format!("a WebSocket opens at {url}/ws")),
            426 => Finding::fail(
                TOPIC,
                format!(
                    "the proxy at {url} does not forward {}",
                    missing(&answer.body)
                ),
                proxy,
            ),
            403 | 421 => Finding::fail(
                TOPIC,
                format!(
                    "pages of {url} are not allowed to connect: the proxy changes the header Host, \
                     or Origin is not the server's own"
                ),
                "have the proxy forward the header Host, or add the address to allowed_origins",
            ),
            502..=504 => Finding::fail(
                TOPIC,
                format!(
                    "the proxy at {url} does not reach the server (HTTP {})",
                    answer.status
                ),
                proxy,
            ),
            status => Finding::fail(
                TOPIC,
                format!("{url}/ws answers HTTP {status} and does not open a WebSocket"),
                proxy,
            ),
        },
        Err(ClientError::Unreachable { cause, .. }) if cause.contains("certificate") => {
            let what = cause.split(';').next().unwrap_or(cause);
            Finding::fail(
                TOPIC,
                format!("this machine does not trust the certificate of {url} ({what})"),
                "use one that an authority such as Let's Encrypt has signed for that name: phones \
                 and browsers refuse this one too",
            )
        }
        Err(ClientError::Unreachable { cause, .. }) if cause.contains("InvalidContentType") => {
            Finding::fail(
                TOPIC,
                format!("{url} is not encrypted: what answers there speaks plain HTTP"),
                "change public_url to http://, set acme or local_ca in section [tls], or use a \
                 proxy that encrypts",
            )
        }
        Err(err) => Finding::fail(
            TOPIC,
            err.to_string(),
            "check the name, the firewall, the router's port forwarding and the proxy",
        ),
    }
}

/// Returns the headers of the upgrade that the server reports as missing.
fn missing(body: &str) -> &'static str {
    if body.contains("the header Upgrade is missing") {
        "the header Upgrade"
    } else if body.contains("the header Connection is missing") {
        "the header Connection"
    } else {
        "the headers Upgrade and Connection"
    }
}

/// Checks whether the server learns the addresses of its clients. To this machine itself it shows
/// details only if no proxy says that the request came from elsewhere.
fn addresses(url: &str, config: &Config, health: Option<&HttpAnswer>) -> Option<Finding> {
    let behind_proxy = config.encryption() == Encryption::None
        && (url.starts_with("https://") || !config.proxy.trusted.is_empty());
    let told_all = health.is_some_and(|answer| answer.body.contains("\"checks\""));
    if behind_proxy && told_all {
        return Some(Finding::fail(
            TOPIC,
            format!(
                "the proxy at {url} does not set the header {}",
                config.proxy.header
            ),
            "set it in the proxy: without it all clients count as one, on this machine",
        ));
    }
    if behind_proxy && config.proxy.trusted.is_empty() {
        return Some(Finding::warn(
            TOPIC,
            "clients connect through a proxy that is not trusted, so they all share its address and \
             its limits",
            "set trusted in section [proxy] to the proxy's address, 127.0.0.1 if it runs here",
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer {
            status,
            body: body.to_owned(),
        }
    }

    #[test]
    fn a_missing_header_is_named() {
        let of = |status| upgraded("https://chat", &Ok(answer(status, "")));
        assert_eq!(of(101).level, Level::Ok);
        assert!(of(426).text.contains("Upgrade and Connection"));
        assert!(of(403).text.contains("Host"));
        assert!(of(421).text.contains("Host"));
        assert!(of(502).text.contains("502"));
        assert_eq!(of(404).level, Level::Fail);
    }

    #[test]
    fn a_certificate_that_nobody_trusts_is_no_matter_of_the_network() {
        let cause = "invalid peer certificate: UnknownIssuer; name it with --ca FILE".to_owned();
        let address = "wss://chat/ws".to_owned();
        let found = upgraded(
            "https://chat",
            &Err(ClientError::Unreachable { address, cause }),
        );
        assert_eq!(found.level, Level::Fail);
        assert!(
            found
                .text
                .ends_with("(invalid peer certificate: UnknownIssuer)")
        );
        assert!(
            found
                .remedy
                .is_some_and(|remedy| remedy.contains("authority"))
        );
    }

    #[test]
    fn plain_http_is_no_matter_of_trust() {
        let cause = "received corrupt message of type InvalidContentType".to_owned();
        let address = "wss://chat/ws".to_owned();
        let found = upgraded(
            "https://chat",
            &Err(ClientError::Unreachable { address, cause }),
        );
        assert!(found.text.contains("plain HTTP"), "{}", found.text);
    }

    #[test]
    fn clients_without_addresses_are_told() {
        let mut config = Config::default();
        let of = |config: &Config, body: &str| {
            addresses("https://chat", config, Some(&answer(200, body)))
                .map(|found| (found.level, found.text))
        };
        let local = r#"{"status":"ok","checks":{}}"#;
        let (level, text) = of(&config, local).unwrap();
        assert_eq!(level, Level::Fail);
        assert!(text.contains("x-forwarded-for"), "{text}");
        assert_eq!(of(&config, "{}").unwrap().0, Level::Warn);
        config.proxy.trusted = vec![crate::config::IpNetwork::read("127.0.0.1").unwrap()];
        assert!(of(&config, "{}").is_none());
    }
}
