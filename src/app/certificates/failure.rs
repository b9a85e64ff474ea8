//! Why no certificate could be fetched, and what the operator can do about it.

use crate::certificates::CertificateError;
use crate::config::Config;
use crate::outbound::acme::AcmeError;

/// What an error of an encrypted connection says if the certificate of the other side is not trusted.
const UNTRUSTED: &str = "invalid peer certificate";

/// The reason why a certificate was not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error(transparent)]
    Acme(#[from] AcmeError),
    #[error(transparent)]
    Own(#[from] CertificateError),
    /// A name cannot be resolved.
    #[error("{0}")]
    Name(String),
}

impl Failure {
    /// Returns what to do about a failure.
    pub(super) fn remedy(&self, config: &Config) -> String {
        const POINT: &str = "point it to the public address of this network, in the settings of the domain, \
                         then `morelia tls renew --force`";
        let text = match self {
            Self::Name(_)
            | Self::Acme(AcmeError::Unproved {
                is_unknown: true, ..
            }) => POINT,
            Self::Acme(AcmeError::Unproved { .. }) => {
                return format!(
                    "forward {}, and allow it in the firewall, then `morelia tls renew --force`",
                    ports(config)
                );
            }
            Self::Acme(AcmeError::Unreachable(why)) if why.contains(UNTRUSTED) => {
                "check the clock of this machine; the certificate of a private authority's own root belongs in \
             acme_ca in section [tls]"
            }
            Self::Acme(AcmeError::Unreachable(_)) => {
                "check this machine's own connection to the internet, its firewall, proxy in section \
             [outbound] and acme_directory in section [tls]"
            }
            Self::Acme(AcmeError::Limited { .. }) => {
                "wait: the server asks again when the authority allows it"
            }
            Self::Acme(AcmeError::NoAccount) => {
                "`morelia tls forget`, then `morelia tls renew --force`, opens a new account"
            }
            Self::Acme(AcmeError::Refused(_)) => {
                "correct acme and acme_contact in section [tls], then `morelia tls renew --force`"
            }
            Self::Own(_) => {
                "let the server's user write to the folder tls beside the configuration"
            }
        };
        text.to_owned()
    }
}

/// Returns which ports of the router lead where, for the authority to reach this server.
fn ports(config: &Config) -> String {
    let to = |outside: u16, inside: u16| {
        if outside == inside {
            format!("port {outside} of the router to this machine")
        } else {
            format!("port {outside} of the router to port {inside} of this machine")
        }
    };
    match (config.server.http_port, config.server.port) {
        (0, port) => to(443, port),
        (80, 443) => "ports 80 and 443 of the router to this machine".to_owned(),
        (http_port, _) => to(80, http_port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(failure: AcmeError, port: u16, http_port: u16) -> String {
        let mut config = Config::default();
        config.server.port = port;
        config.server.http_port = http_port;
        Failure::Acme(failure).remedy(&config)
    }

    fn unproved(is_unknown: bool) -> AcmeError {
        AcmeError::Unproved {
            name: "chat.example.org".to_owned(),
            detail: "connection refused".to_owned(),
            is_unknown,
        }
    }

    #[test]
    fn an_authority_that_is_not_trusted_is_no_matter_of_the_connection() {
        let why = |why: &str| says(AcmeError::Unreachable(why.to_owned()), 443, 80);
        assert!(
            why("no encrypted connection: invalid peer certificate: UnknownIssuer")
                .contains("acme_ca")
        );
        assert!(why("invalid peer certificate: Expired").contains("clock"));
        assert!(why("timed out").contains("connection to the internet"));
    }

    #[test]
    fn what_is_to_be_forwarded_is_what_the_server_listens_on() {
        for (port, http_port, said) in [
            (443, 80, "ports 80 and 443 of the router to this machine,"),
            (8000, 80, "port 80 of the router to this machine,"),
            (
                443,
                8080,
                "port 80 of the router to port 8080 of this machine,",
            ),
            (443, 0, "port 443 of the router to this machine,"),
            (
                8443,
                0,
                "port 443 of the router to port 8443 of this machine,",
            ),
        ] {
            let text = says(unproved(false), port, http_port);
            assert!(text.contains(said), "{text}");
        }
    }

    #[test]
    fn only_a_server_that_was_not_reached_is_a_matter_of_ports() {
        let limited = AcmeError::Limited {
            wait: None,
            detail: String::new(),
        };
        let (refused, unreachable) = (String::new(), String::new());
        for failure in [
            unproved(true),
            limited,
            AcmeError::NoAccount,
            AcmeError::Refused(refused),
            AcmeError::Unreachable(unreachable),
        ] {
            let text = says(failure, 443, 80);
            assert!(!text.contains("router"), "{text}");
        }
    }
}
