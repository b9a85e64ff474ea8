//! The certificates that the server creates or fetches itself: when, and how they come into use.

pub(super) mod acme;
mod failure;
pub mod local;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use time::OffsetDateTime;

use super::{AppError, settings};
use crate::certificates::{
    CertificateError, Facts, Folder, Root, fingerprint, grouped, placeholder, standing_in_since,
};
use crate::config::{Config, Encryption};
use crate::server::{Certificate, Challenges, Served, Trust};

/// How often names and addresses of this machine are checked.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(20);

/// A clock that shows an earlier time has not been set yet: 1 January 2025.
const PLAUSIBLE: i64 = 1_735_689_600;

/// A certificate that expires within this time should have been renewed: 7 days, in seconds.
const ENDING_S: i64 = 7 * 86_400;

/// How long the first certificate may take before that is a problem, in seconds.
const FIRST_S: i64 = 3600;

/// What is needed to create and publish certificates.
pub(super) struct Keeper {
    pub(super) config: Arc<Config>,
    pub(super) folder: Folder,
    pub(super) challenges: Challenges,
    pub(super) trust: Trust,
    /// The serial number of the local certificate that was last seen: a command may create another.
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

    /// Creates what can be created before the server listens, so that there is a certificate to show.
    ///
    /// # Errors
    /// The folder cannot be written, or a certificate in it is invalid.
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

    /// Adapts the local certificate to names and addresses. Returns whether there is a new one.
    fn follow(&self, now: OffsetDateTime) -> Result<bool, CertificateError> {
        let standing = local::follow(&self.folder, &self.config, now)?;
        self.trust.set(Some(local::authority(&standing)));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = *seen != standing.leaf.facts.serial;
        seen.clone_from(&standing.leaf.facts.serial);
        Ok(is_new)
    }
}

/// Maintains the local certificate until the server ends.
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
                // Logged once, until the error changes.
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

/// Uses the certificate in the files for new connections.
pub(super) fn put_into_use(config: &Config, certificate: Option<&Certificate>) {
    let files = settings::transport(config, None).tls;
    if let (Some(certificate), Some(files)) = (certificate, files)
        && let Err(err) = certificate.reload(&files)
    {
        log::error!("the old certificate is kept: {err}");
    }
}

/// Returns the folder of certificates and keys.
#[must_use]
pub fn folder(config: &Config) -> Folder {
    Folder::new(config.tls.folder.clone())
}

/// The fingerprint of the house's own authority, as people compare it, where it is the one in use.
pub(super) fn fingerprint_to_compare(config: &Config) -> Option<String> {
    if config.encryption() != Encryption::Local {
        return None;
    }
    let root = Root::load(&folder(config)).ok()??;
    Some(grouped(&fingerprint(&root.der)))
}

fn is_plausible(now: OffsetDateTime) -> bool {
    now.unix_timestamp() >= PLAUSIBLE
}

/// Returns the facts of the certificate that connections are shown, which need not be the one on the disk.
pub(super) fn served(certificate: Option<&Certificate>) -> Option<Served> {
    let leaf = certificate?.leaf();
    let facts = Facts::of_der(&leaf)?;
    Some(Served {
        sha256: fingerprint(&leaf),
        ends: facts.not_after,
        stands_in_since: standing_in_since(&facts),
    })
}

/// Returns how many days remain.
pub(super) fn days_left(served: &Served, now: i64) -> i64 {
    (served.ends - now).div_euclid(86_400)
}

/// Returns what is wrong with the certificate in use: it expires soon, or only stands in for a real one.
pub(super) fn trouble(served: &Served, now: i64) -> Option<String> {
    if served
        .stands_in_since
        .is_some_and(|since| now - since > FIRST_S)
    {
        let text = "There is no certificate yet, so browsers warn of this server; see `morelia tls status`.";
        return Some(text.to_owned());
    }
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
            stands_in_since: None,
        };
        assert_eq!(trouble(&served, ends - 8 * 86_400), None);
        assert_eq!(days_left(&served, ends - 8 * 86_400), 8);
        assert_eq!(
            trouble(&served, ends - 5 * 86_400).as_deref(),
            Some("The certificate ends in 5 days.")
        );
        assert!(trouble(&served, ends + 1).unwrap().contains("has ended"));
    }

    #[test]
    fn a_certificate_that_stands_in_for_one_is_trouble_after_an_hour() {
        let now = OffsetDateTime::from_unix_timestamp(2_000_000_000).unwrap();
        let (pem, _) = placeholder(&["chat.example.org".to_owned()], now).unwrap();
        let facts = Facts::of_pem(&pem).unwrap();
        let served = Served {
            sha256: String::new(),
            ends: facts.not_after,
            stands_in_since: standing_in_since(&facts),
        };
        let at = |minutes: i64| trouble(&served, now.unix_timestamp() + minutes * 60);
        assert_eq!(at(5), None);
        assert!(at(61).unwrap().contains("no certificate yet"));
    }
}
