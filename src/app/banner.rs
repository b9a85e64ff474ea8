//! What a server logs when it starts.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{WorstCase, certificates};
use crate::config::{
    AllowPrivate, ClientIp, Config, Durability, Encryption, Loaded, Registration, Word,
};
use crate::service::Service;
use crate::store::newest_schema;

/// Logs version, configuration, database, addresses and registration, and a warning per risk.
pub(super) fn log(
    loaded: &Loaded,
    service: &Service,
    registration: Registration,
    addresses: &[SocketAddr],
    verbose: bool,
) {
    let config = &loaded.config;
    log::info!(
        "Morelia {} (MTP 1.0 revision 17)",
        env!("CARGO_PKG_VERSION")
    );
    match &loaded.file {
        Some(file) => log::info!("configuration {}", file.display()),
        None => log::info!("no configuration file; defaults, environment and flags apply"),
    }
    log::info!(
        "database {}, schema {}",
        service.store().path().display(),
        newest_schema()
    );
    for address in addresses {
        log::info!("address {}", url(config, *address));
    }
    log::info!("registration is {}", registration.word());
    log::info!("{}", encryption(config));
    if let Some(fingerprint) = certificates::fingerprint_to_compare(config) {
        log::info!("fingerprint to compare with the one at /trust: {fingerprint}");
    }
    log::info!("{}", leaving(config));
    if verbose {
        let count = config.limits.connections;
        log::info!(
            "{count} connections can make it use at most {}",
            WorstCase::of(config)
        );
    }
    for risk in risks(config, registration, addresses) {
        log::warn!("{risk}");
    }
}

/// Returns a text about the certificate with which connections are encrypted, and why.
fn encryption(config: &Config) -> String {
    match config.encryption() {
        Encryption::Files => "encryption by the certificate of tls.certfile".to_owned(),
        Encryption::Acme => format!(
            "encryption by a certificate for {}, since tls.acme names it",
            config.tls.acme.join(", ")
        ),
        Encryption::Local => {
            "encryption by this server's own authority, since tls.local_ca is on: devices are made to \
             trust it at /trust"
                .to_owned()
        }
        Encryption::None if config.proxy.trusted.is_empty() => {
            "no encryption, since [tls] sets none of certfile, acme and local_ca".to_owned()
        }
        Encryption::None => "no encryption here: the proxy encrypts".to_owned(),
    }
}

/// Returns a text about the data that this server sends to others on its own.
fn leaving(config: &Config) -> String {
    let mut all = Vec::new();
    if config.push.enabled {
        all.push("notifications to the push services of devices that ask for them".to_owned());
    }
    if config.encryption() == Encryption::Acme {
        all.push(format!(
            "requests for certificates ({})",
            config.tls.acme_directory
        ));
    }
    if let Some(url) = &config.alerts.url {
        let host = url.split('/').nth(2).unwrap_or_default();
        all.push(format!("alerts to {host}"));
    }
    if all.is_empty() {
        return "nothing leaves this server by itself".to_owned();
    }
    format!("may leave this server by itself: {}", all.join("; "))
}

/// Returns the line that scripts and tests read.
pub(super) fn ready_line(config: &Config, addresses: &[SocketAddr]) -> String {
    let address = addresses
        .first()
        .map_or_else(String::new, |address| url(config, *address));
    format!("listening on {address}")
}

/// Returns the address at which the server can be reached from the machine itself.
pub(super) fn local_url(config: &Config, addresses: &[SocketAddr]) -> String {
    let Some(mut address) = addresses.first().copied() else {
        return String::new();
    };
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    url(config, address)
}

fn url(config: &Config, address: SocketAddr) -> String {
    let scheme = match config.encryption() {
        Encryption::None => "http",
        _ => "https",
    };
    format!("{scheme}://{address}")
}

/// Returns the risks that the operator should know before an attacker finds them.
fn risks(config: &Config, registration: Registration, addresses: &[SocketAddr]) -> Vec<String> {
    let mut risks = Vec::new();
    let open_to_others = addresses.iter().any(|address| !address.ip().is_loopback());
    let plain = config.encryption() == Encryption::None && config.proxy.trusted.is_empty();
    if open_to_others && plain {
        risks.push(
            "passwords cross the network unencrypted: set [tls] acme if there is a domain, local_ca if \
             there is none, or a proxy and proxy.trusted"
                .to_owned(),
        );
    }
    if config.server.plain_port != 0 && config.encryption() != Encryption::None {
        risks.push(format!(
            "server.plain_port is {}: who connects there sends passwords without encryption",
            config.server.plain_port
        ));
    }
    if config.outbound.allow_private == AllowPrivate::On {
        risks.push(
            "outbound.allow_private is on: every member can have this server send requests into its own \
             network; list the addresses that are needed instead"
                .to_owned(),
        );
    }
    if open_to_others && registration == Registration::Open {
        risks.push(
            "anybody who reaches this server can register: set auth.registration to invite, or type `morelia registration invite`"
                .to_owned(),
        );
    }
    if !config.proxy.trusted.is_empty() && config.server.public_url.is_none() {
        risks.push(
            "this server answers for any host name behind its proxy, so a web page can reach it \
             under a name of its own: set server.public_url"
                .to_owned(),
        );
    }
    if config.database.durability == Durability::Normal {
        risks.push(
            "database.durability is normal: a power cut can lose the last messages".to_owned(),
        );
    }
    if config.limits.requests_per_second == 0 {
        risks.push(
            "limits.requests_per_second is 0: the requests of a client are not limited".to_owned(),
        );
    }
    if config.logging.client_ip == ClientIp::Full {
        risks
            .push("logging.client_ip is full: complete addresses of clients are stored".to_owned());
    }
    risks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_risk_is_named_and_nothing_else() {
        let everywhere: SocketAddr = "0.0.0.0:8000".parse().unwrap();
        let here: SocketAddr = "127.0.0.1:8000".parse().unwrap();
        let config = Config::default();
        let invite = Registration::Invite;
        assert!(risks(&config, invite, &[here]).is_empty());
        assert_eq!(risks(&config, invite, &[everywhere]).len(), 1);
        let mut config = Config::default();
        config.proxy.trusted = vec![crate::config::IpNetwork::read("127.0.0.1").unwrap()];
        assert!(risks(&config, invite, &[here])[0].contains("server.public_url"));
        config.server.public_url = Some("https://chat.example".to_owned());
        assert!(risks(&config, invite, &[everywhere]).is_empty());
        let mut config = Config::default();
        config.database.durability = Durability::Normal;
        let open = Registration::Open;
        assert_eq!(risks(&config, open, &[everywhere]).len(), 3);
        assert_eq!(risks(&config, open, &[here]).len(), 1);
    }
}
