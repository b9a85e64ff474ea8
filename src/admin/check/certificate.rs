//! Checks the certificate: its permissions, whether it matches its key and its address, and how long
//! it is valid.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use super::repair::Repair;
use super::{Finding, served};
use crate::admin::print::count;
use crate::app;
use crate::app::certificates::{self, local};
use crate::certificates::{Facts, Root, State};
use crate::cli::CheckTopic;
use crate::config::{Config, Encryption};
use crate::model::Timestamp;
use crate::server::TlsError;

const TOPIC: CheckTopic = CheckTopic::Tls;

/// With less time left the certificate should have been renewed: Let's Encrypt's are, 30 days before.
const SOON: Duration = Duration::from_hours(14 * 24);

/// With less time left the operator has to act today.
const URGENT: Duration = Duration::from_hours(7 * 24);

/// How long a port may take to answer.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let way = config.encryption();
    let Some((certificate, _)) = config.certificate_files() else {
        let text = if config.proxy.trusted.is_empty() {
            "no certificate is configured: the server speaks plain HTTP"
        } else {
            "no certificate is configured: the proxy encrypts"
        };
        return vec![Finding::ok(TOPIC, text)];
    };
    let mut found = match way {
        Encryption::Acme => of_authority(config, certificate.ends_with("placeholder.pem")),
        Encryption::Local => of_house(config),
        Encryption::Files | Encryption::None => Vec::new(),
    };
    if way != Encryption::Files && certificate.ends_with("placeholder.pem") {
        return found;
    }
    if let Some(Err(err)) = app::check_tls(config) {
        let remedy = match err {
            TlsError::Unreadable { .. } => {
                "let the server's user read it, for example through a group (`sudo chgrp`, `sudo \
                 chmod g+r`)"
            }
            TlsError::Unusable { .. } => {
                "set keyfile in section [tls] to the key of this certificate"
            }
            _ => "correct certfile and keyfile in section [tls]",
        };
        found.push(Finding::fail(TOPIC, err.to_string(), remedy));
        found.extend(served::certificate(config, &certificate, false));
        return found;
    }
    found.push(Finding::ok(
        TOPIC,
        "the certificate and the key are readable and match",
    ));
    found.extend(served::certificate(config, &certificate, true));
    found.extend(readable_key(config));
    let facts = std::fs::read_to_string(&certificate)
        .ok()
        .as_deref()
        .and_then(Facts::of_pem);
    let Some(facts) = facts else {
        found.push(Finding::warn(
            TOPIC,
            format!("the end date of {} cannot be read", certificate.display()),
            format!(
                "check it with `openssl x509 -enddate -in {}`",
                certificate.display()
            ),
        ));
        return found;
    };
    found.extend(address(config, &facts));
    found.extend(self_signed(way, &facts));
    found.push(validity(&facts, way, Timestamp::now()));
    found
}

/// Checks whether every user of this machine can read the private key.
fn readable_key(config: &Config) -> Option<Finding> {
    let (_, key) = config.certificate_files()?;
    let mode = std::fs::metadata(&key).ok()?.permissions().mode();
    (mode & 0o004 != 0).then(|| {
        let text = format!(
            "every user of this machine can read the private key {}",
            key.display()
        );
        let remedy = format!("sudo chmod o-rwx {}", key.display());
        Finding::warn(TOPIC, text, remedy).with(Repair::Mode(key, mode & 0o770))
    })
}

/// Checks whether the certificate is self-signed.
fn self_signed(way: Encryption, facts: &Facts) -> Option<Finding> {
    (way == Encryption::Files && facts.issuer == facts.subject).then(|| {
        Finding::warn(
            TOPIC,
            "the certificate is self-signed: every device refuses it until it is set up to trust it",
            "set local_ca = on in section [tls] instead, whose page /trust helps to set up devices, \
             or acme if you have a domain",
        )
    })
}

/// Checks whether the certificate is for the public address.
fn address(config: &Config, facts: &Facts) -> Option<Finding> {
    let url = config.server.public_url.as_deref()?;
    let rest = url.strip_prefix("https://")?;
    let host = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => rest,
    };
    let host = host.trim_matches(['[', ']']);
    if facts.fits(host) {
        return Some(Finding::ok(TOPIC, format!("the certificate is for {host}")));
    }
    let remedy = match config.encryption() {
        Encryption::Local => "create an authority that covers it: `morelia tls local-root --new`",
        Encryption::Acme => "add it to acme in section [tls]",
        _ => "configure a certificate for it in section [tls], or correct public_url",
    };
    Some(Finding::fail(
        TOPIC,
        format!(
            "the certificate is for {}, and public_url is {url}",
            facts.names.join(", ")
        ),
        remedy,
    ))
}

fn validity(facts: &Facts, way: Encryption, now: Timestamp) -> Finding {
    let ends = Timestamp::from_seconds(facts.not_after);
    let days = (ends.0 - now.0).div_euclid(86_400_000);
    let day = ends.date_time();
    let remedy = match way {
        Encryption::Acme => "see `morelia tls status`, and try `morelia tls renew --force`",
        Encryption::Local => "see the server's log, and try `morelia tls renew --force`",
        _ => "renew it (`certbot renew`); a running server notices that by itself",
    };
    // A short lifetime is no problem if the server itself renews in proportion to it.
    let (urgent, soon) = match way {
        Encryption::Files | Encryption::None => (Duration::ZERO, SOON),
        _ if facts.not_after - facts.not_before < 30 * 86_400 => (Duration::ZERO, Duration::ZERO),
        _ => (URGENT, SOON),
    };
    if ends < now {
        Finding::fail(
            TOPIC,
            format!("the certificate expired at {day} UTC"),
            remedy,
        )
    } else if ends < now.after(urgent) {
        let text = format!("the certificate expires in {}", count(days, "day"));
        Finding::fail(TOPIC, text, remedy)
    } else if ends < now.after(soon) {
        let text = format!("the certificate expires in {}", count(days, "day"));
        Finding::warn(TOPIC, text, remedy)
    } else {
        Finding::ok(
            TOPIC,
            format!("the certificate is valid for {} more", count(days, "day")),
        )
    }
}

/// Checks the results of fetching a certificate; `is_missing`: there has never been one.
fn of_authority(config: &Config, is_missing: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for name in &config.tls.acme {
        match (name.as_str(), 443).to_socket_addrs() {
            Ok(mut addresses) => {
                let Some(address) = addresses.next() else {
                    continue;
                };
                let text = format!("{name} resolves to {}", address.ip());
                found.push(Finding::ok(TOPIC, text));
                found.extend(reached(config, name, address));
            }
            Err(err) => found.push(Finding::warn(
                TOPIC,
                format!("the name {name} cannot be resolved from here: {err}"),
                "point it to the public address of this network, in the settings of the domain",
            )),
        }
    }
    let state = State::load(&certificates::folder(config));
    match state {
        Err(err) => found.push(Finding::fail(
            TOPIC,
            err.to_string(),
            "run this check as the user that the server runs as",
        )),
        Ok(None) => found.push(Finding::warn(
            TOPIC,
            "no certificate has been requested yet",
            "start the server",
        )),
        Ok(Some(State {
            error: Some(error),
            remedy,
            next_at,
            ..
        })) => {
            let next = next_at.map(|at| Timestamp::from_seconds(at).date_time());
            let text = format!(
                "the last attempt to get a certificate failed: {error}; the next one is at {} UTC",
                next.unwrap_or_default()
            );
            let remedy = remedy.unwrap_or_else(|| "see the server's log".to_owned());
            // Without any certificate no browser opens the page.
            found.push(if is_missing {
                Finding::fail(TOPIC, text, remedy)
            } else {
                Finding::warn(TOPIC, text, remedy)
            });
        }
        Ok(Some(_)) => {}
    }
    found
}

/// Checks whether the ports that an authority asks answer at a name, as far as that can be seen from here.
fn reached(config: &Config, name: &str, address: SocketAddr) -> Vec<Finding> {
    let http = (config.server.http_port != 0).then_some((80, config.server.http_port));
    let secure = (http.is_none() || config.server.port == 443).then_some((443, config.server.port));
    let of = |(outside, inside): (u16, u16)| {
        let there = SocketAddr::new(address.ip(), outside);
        if TcpStream::connect_timeout(&there, ANSWERS_WITHIN).is_ok() {
            return Finding::ok(TOPIC, format!("{name} answers on port {outside}"));
        }
        Finding::warn(
            TOPIC,
            format!(
                "{name} leads to {}, which does not answer on port {outside} when asked from here",
                address.ip()
            ),
            format!(
                "forward port {outside} of the router to port {inside} of this machine; some routers \
                 cannot be reached at their public address from inside: then try from a phone without \
                 Wi-Fi"
            ),
        )
    };
    http.into_iter().chain(secure).map(of).collect()
}

/// Checks whether the local authority covers all names that it should.
fn of_house(config: &Config) -> Vec<Finding> {
    match Root::load(&certificates::folder(config)) {
        Err(err) => vec![Finding::fail(
            TOPIC,
            err.to_string(),
            "run this check as the user that the server runs as",
        )],
        Ok(None) => vec![Finding::ok(
            TOPIC,
            "the server's own authority is created when the server starts",
        )],
        Ok(Some(root)) => {
            let missing = root.missing(&local::names(config));
            if missing.is_empty() {
                return vec![Finding::ok(
                    TOPIC,
                    format!("the server's own authority is {}", root.facts.subject),
                )];
            }
            vec![Finding::warn(
                TOPIC,
                format!(
                    "the server's own authority does not cover {}",
                    missing.join(", ")
                ),
                "create one that does with `morelia tls local-root --new`; every device then has to \
                 trust it again",
            )]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn own() -> Facts {
        Facts::of_pem(include_str!("../../../tests/tls/server.pem")).unwrap()
    }

    #[test]
    fn the_end_comes_in_steps() {
        let facts = own();
        let at = |days: i64| Timestamp::from_seconds(facts.not_after - days * 86_400 - 3600);
        let level = |way, days| validity(&facts, way, at(days)).level;
        assert_eq!(level(Encryption::Files, 20), Level::Ok);
        assert_eq!(level(Encryption::Files, 10), Level::Warn);
        assert_eq!(level(Encryption::Files, 5), Level::Warn);
        assert_eq!(level(Encryption::Acme, 10), Level::Warn);
        assert_eq!(level(Encryption::Acme, 5), Level::Fail);
        assert_eq!(level(Encryption::Files, -1), Level::Fail);
    }

    #[test]
    fn a_port_that_does_not_answer_is_told_with_where_it_leads() {
        let mut config = Config::default();
        config.server.port = 443;
        config.server.http_port = 8080;
        // Nobody listens at this address of this machine.
        let found = reached(
            &config,
            "chat.example.org",
            "127.9.8.7:443".parse().unwrap(),
        );
        let remedies: Vec<_> = found.into_iter().filter_map(|it| it.remedy).collect();
        assert_eq!(remedies.len(), 2, "{remedies:?}");
        assert!(remedies[0].starts_with("forward port 80 of the router to port 8080"));
        assert!(remedies[1].starts_with("forward port 443 of the router to port 443"));
    }

    #[test]
    fn a_certificate_for_another_address_is_told() {
        let facts = own();
        let mut config = Config::default();
        assert!(address(&config, &facts).is_none());
        config.server.public_url = Some("https://localhost:8000".to_owned());
        assert_eq!(address(&config, &facts).unwrap().level, Level::Ok);
        config.server.public_url = Some("https://chat.example.org".to_owned());
        let found = address(&config, &facts).unwrap();
        assert_eq!(found.level, Level::Fail);
        assert!(found.text.contains("chat.example.org"), "{}", found.text);
        config.server.public_url = Some("http://chat.example.org".to_owned());
        assert!(address(&config, &facts).is_none());
    }
}
