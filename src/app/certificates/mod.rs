//! The certificates that the server makes or fetches itself: when, and how they come into use.

pub(super) mod acme;
pub mod local;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::{AppError, settings};
use crate::certificates::{CertificateError, Facts, Folder, fingerprint, placeholder};
use crate::config::{Config, Encryption};
use crate::server::{Certificate, Challenges, Served, Trust};

/// How often names and addresses of this machine are looked at.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(20);

/// A clock that shows less has not been set yet: 1 January 2025.
const PLAUSIBLE: i64 = 1_735_689_600;

/// A certificate that ends within this time should have been renewed: 7 days.
const ENDING_S: i64 = 7 * 86_400;

/// What certificates are made for and shown by.
pub(super) struct Keeper {
    pub(super) config: Arc<Config>,
    pub(super) folder: Folder,
    pub(super) challenges: Challenges,
    pub(super) trust: Trust,
    /// The serial number of the house's certificate that was seen last: a command may make another.
    seen: Mutex<Vec<u8>>,
}

impl Keeper {
    pub(super) fn new(config: &Config, transport: &crate::server::Settings) -> Self {
        Self {
            config: Arc::new(config.clone()),
            folder: folder(config),
            challenges: transport.challenges.clone(),
            trust: transport.trust.clone(),
            seen: Mutex::default(),
        }
    }

    /// Makes what can be made before the server listens, so that there is something to show.
    ///
    /// # Errors
    /// The folder cannot be written, or a certificate in it is none.
    pub(super) fn prepare(&self) -> Result<(), AppError> {
        let now = OffsetDateTime::now_utc();
        if self.config.tls.local_ca && is_plausible(now) {
            self.follow(now)?;
        }
        if !matches!(
            self.config.encryption(),
            Encryption::Acme | Encryption::Local
        ) {
            return Ok(());
        }
        let missing = self
            .config
            .certificate_files()
            .is_some_and(|(certificate, _)| certificate.ends_with("placeholder.pem"));
        if missing {
            let names: Vec<_> = match self.config.encryption() {
                Encryption::Acme => self.config.tls.acme.clone(),
                _ => vec!["localhost".to_owned()],
            };
            let (certificate, key) = placeholder(&names, now)?;
            self.folder.write("placeholder.key", &key)?;
            self.folder.write("placeholder.pem", &certificate)?;
        }
        Ok(())
    }

    /// Has the house's own certificate follow names and addresses. Returns whether there is a new one.
    fn follow(&self, now: OffsetDateTime) -> Result<bool, CertificateError> {
        let standing = local::follow(&self.folder, &self.config, now)?;
        self.trust.set(Some(local::authority(&standing)));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *seen != standing.leaf.facts.serial;
        seen.clone_from(&standing.leaf.facts.serial);
        Ok(is_new)
    }
}

/// Looks after the house's own certificate until the server ends.
pub(super) async fn keep_local(keeper: Arc<Keeper>, certificate: Option<Certificate>) {
    let mut told = String::new();
    loop {
        tokio::time::sleep(LOOKED_AT_EVERY).await;
        let now = OffsetDateTime::now_utc();
        if !is_plausible(now) {
            continue;
        }
        let looking = Arc::clone(&keeper);
        let looked = tokio::task::spawn_blocking(move || looking.follow(now)).await;
        match looked {
            Ok(Ok(false)) => told.clear(),
            Ok(Ok(true)) => {
                log::info!("the certificate of this house was made anew");
                put_into_use(&keeper.config, certificate.as_ref());
            }
            Ok(Err(err)) => {
                // Once, until something else is wrong.
                let text = err.to_string();
                if told != text {
                    log::error!("{text}");
                    told = text;
                }
            }
            Err(_) => log::error!("looking after the certificate of this house failed"),
        }
    }
}

/// Serves what the files hold, for connections from now on.
pub(super) fn put_into_use(config: &Config, certificate: Option<&Certificate>) {
    let files = settings::transport(config, None).tls;
    if let (Some(certificate), Some(files)) = (certificate, files)
        && let Err(err) = certificate.reload(&files)
    {
        log::error!("the old certificate is kept: {err}");
    }
}

/// The folder of certificates and keys.
#[must_use]
pub fn folder(config: &Config) -> Folder {
    Folder::new(config.tls.folder.clone())
}

fn is_plausible(now: OffsetDateTime) -> bool {
    now.unix_timestamp() >= PLAUSIBLE
}

/// What is told of the certificate that connections are shown, which need not be the one on the disk.
pub(super) fn served(certificate: Option<&Certificate>) -> Option<Served> {
    let leaf = certificate?.leaf();
    Some(Served {
        sha256: fingerprint(&leaf),
        ends: Facts::of_der(&leaf)?.not_after,
    })
}

/// How many days it has left.
pub(super) fn days_left(served: &Served, now: i64) -> i64 {
    (served.ends - now).div_euclid(86_400)
}

/// What is wrong with the certificate that is served, if it ends soon.
pub(super) fn trouble(served: &Served, now: i64) -> Option<String> {
    let left = served.ends - now;
    let days = left.div_euclid(86_400);
    match left {
        ..0 => Some("The certificate has ended.".to_owned()),
        0..ENDING_S => Some(format!("The certificate ends in {days} days.")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_trouble_before_it_ends() {
        let ends = 2_000_000_000;
        let served = Served {
            sha256: String::new(),
            ends,
        };
        assert_eq!(trouble(&served, ends - 8 * 86_400), None);
        assert_eq!(days_left(&served, ends - 8 * 86_400), 8);
        assert_eq!(
            trouble(&served, ends - 5 * 86_400).as_deref(),
            Some("The certificate ends in 5 days.")
        );
        assert!(trouble(&served, ends + 1).unwrap().contains("has ended"));
    }
}
