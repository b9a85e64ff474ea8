//! Certificates of an authority: when they are fetched, and what happens if that fails.

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;

use super::failure::Failure;
use super::{Keeper, is_plausible, put_into_use};
use crate::app::{AppError, outward};
use crate::certificates::{Facts, Request, State, alpn_challenge};
use crate::config::Config;
use crate::outbound::acme::{AcmeError, Authority, Door, Wanted};
use crate::outbound::{Client, OutboundError, Private, Rules, Url};
use crate::server::{Certificate, Challenges};
use crate::service::Service;

/// How often the server checks whether something is due.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(10);

/// The wait after each failed attempt; the last value repeats. Authorities limit failed attempts to
/// a handful an hour.
const AGAIN: [Duration; 5] = [
    Duration::from_mins(1),
    Duration::from_mins(10),
    Duration::from_hours(1),
    Duration::from_hours(6),
    Duration::from_hours(24),
];

/// The remaining part of its lifetime at which a certificate is renewed: lifetimes are getting shorter.
const RENEWED_AT: f64 = 1.0 / 3.0;

/// A day in seconds.
const DAY: i64 = 86_400;

/// The remaining seconds from which on administrators are told that renewing fails.
const URGENT: i64 = 7 * DAY;

const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LETS_ENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

/// Maintains the certificate of an authority until the server ends.
pub(in crate::app) async fn keep(
    keeper: Arc<Keeper>,
    certificate: Option<Certificate>,
    service: Arc<Service>,
) {
    let (client, authority) = match authority(&keeper.config) {
        Ok(made) => made,
        Err(err) => return log::error!("no certificate is fetched: {err}"),
    };
    loop {
        let now = OffsetDateTime::now_utc();
        if is_plausible(now) {
            match keeper.is_due(now.unix_timestamp()) {
                Ok(true) => {
                    let result = keeper.fetch(&client, &authority).await;
                    keeper.settle(result, now.unix_timestamp());
                    put_into_use(&keeper.config, certificate.as_ref());
                    keeper.warn(&service).await;
                }
                Ok(false) => keeper.ask(&authority, now.unix_timestamp()).await,
                Err(err) => log::error!("{err}"),
            }
        }
        tokio::time::sleep(LOOKED_AT_EVERY).await;
    }
}

/// Returns the address of the authority's directory.
fn directory(config: &Config) -> &str {
    match config.tls.acme_directory.as_str() {
        "production" => LETS_ENCRYPT,
        "staging" => LETS_ENCRYPT_STAGING,
        other => other,
    }
}

/// Returns whether the authority is the operator's own, in whose network names may resolve differently.
fn is_private(config: &Config) -> bool {
    !matches!(config.tls.acme_directory.as_str(), "production" | "staging")
}

fn authority(config: &Config) -> Result<(Client, Authority), AppError> {
    let mut pem = Vec::new();
    for path in [&config.outbound.ca_file, &config.tls.acme_ca]
        .into_iter()
        .flatten()
    {
        let read = std::fs::read(path).map_err(|source| AppError::File {
            path: path.clone(),
            source,
        })?;
        pem.extend(read);
        pem.push(b'\n');
    }
    let client = outward::with_authorities(config, (!pem.is_empty()).then_some(pem))?;
    let authority = Authority::new(client.clone(), directory(config));
    Ok((client, authority))
}

impl Keeper {
    fn first_name(&self) -> &str {
        self.config.tls.acme.first().map_or("", String::as_str)
    }

    fn facts(&self) -> Option<Facts> {
        let pem = self.folder.read(&format!("{}.pem", self.first_name()));
        pem.ok().flatten().as_deref().and_then(Facts::of_pem)
    }

    /// Returns whether a certificate has to be fetched now.
    fn is_due(&self, now: i64) -> Result<bool, AppError> {
        let asked = State::take_request(&self.folder)?;
        let state = State::load(&self.folder)?.unwrap_or_default();
        Ok(is_due(
            &state,
            self.facts().as_ref(),
            &self.config.tls.acme,
            asked,
            now,
        ))
    }

    /// Fetches a certificate and writes it to disk.
    async fn fetch(&self, client: &Client, authority: &Authority) -> Result<(), Failure> {
        let names = &self.config.tls.acme;
        let state = State::load(&self.folder)?.unwrap_or_default();
        for name in names {
            self.try_name(client, name, state.failures).await?;
        }
        let contact = self.config.tls.acme_contact.as_deref();
        let kept = self.folder.read("account.json")?;
        let (account, new) = match authority.account(kept.as_deref(), contact).await {
            Err(AcmeError::NoAccount) => authority.account(None, contact).await?,
            other => other?,
        };
        if let Some(new) = new {
            self.folder.write("account.json", &new)?;
        }
        let request = Request::make(names)?;
        let mut ordered = Err(AcmeError::NoAccount);
        for door in doors(&self.config, &self.challenges) {
            let wanted = Wanted {
                names,
                request: &request.der,
                door: &door,
            };
            ordered = authority.order(&account, &wanted).await;
            if ordered == Err(AcmeError::NoAccount) {
                // The account was removed there; a new one serves as well.
                let (account, new) = authority.account(None, contact).await?;
                if let Some(new) = new {
                    self.folder.write("account.json", &new)?;
                }
                ordered = authority.order(&account, &wanted).await;
            }
            // A failure on one port says nothing about the other.
            if !matches!(
                ordered,
                Err(AcmeError::Refused(_) | AcmeError::Unproved { .. })
            ) {
                break;
            }
        }
        self.challenges.forget();
        let chain = ordered?;
        let name = self.first_name();
        self.folder.write(&format!("{name}.key"), &request.key)?;
        self.folder.write(&format!("{name}.pem"), &chain)?;
        Ok(())
    }

    /// Checks whether a name leads to this server, as the authority will. Only a name that cannot be
    /// resolved is a failure: in many homes a machine cannot reach itself by its public address.
    async fn try_name(&self, client: &Client, name: &str, failures: u32) -> Result<(), Failure> {
        if is_private(&self.config) || self.config.server.http_port == 0 {
            return Ok(());
        }
        let token = format!("morelia-{:032x}", rand::random::<u128>());
        self.challenges.answer_http(&token, &token);
        let path = format!("http://{name}/.well-known/acme-challenge/{token}");
        let Ok(url) = path.parse::<Url>() else {
            return Ok(());
        };
        let request = crate::outbound::Request::get(url);
        match client.send(request, Rules::new(Private::Any)).await {
            Ok(answer) if answer.body == token.as_bytes() => Ok(()),
            Err(OutboundError::Unknown { cause, .. }) => Err(Failure::Name(format!(
                "the name {name} cannot be resolved ({cause})"
            ))),
            _ => {
                if failures == 0 {
                    log::warn!(
                        "{name} does not answer on port 80 when it is asked from here; if the authority \
                         does not reach it either, forward port 80 of the router to this machine"
                    );
                }
                Ok(())
            }
        }
    }

    /// Records the result of an attempt.
    fn settle(&self, result: Result<(), Failure>, now: i64) {
        let mut state = State::load(&self.folder).ok().flatten().unwrap_or_default();
        state.names.clone_from(&self.config.tls.acme);
        state.tried_at = Some(now);
        match result {
            Ok(()) => {
                log::info!("the certificate for {} was fetched", state.names.join(", "));
                state.error = None;
                state.remedy = None;
                state.failures = 0;
                state.next_at = Some(now + DAY + rand::random_range(0..60) * 60);
                // An authority that keeps asking for renewals is not asked again at once.
                let was_suggested = state.suggested_at.take().is_some_and(|at| at <= now);
                state.ask_at = was_suggested.then_some(now + DAY / 2);
            }
            Err(failure) => {
                let wait = wait(&failure, state.failures, rand::random_range(0.9..1.1));
                state.failures = state.failures.saturating_add(1);
                let seconds = i64::try_from(wait.as_secs()).unwrap_or(DAY);
                state.next_at = Some(now + seconds);
                let remedy = failure.remedy(&self.config);
                log::error!(
                    "no certificate for {}: {failure}: {remedy}; it is tried again in {}",
                    state.names.join(", "),
                    shown(wait)
                );
                state.error = Some(failure.to_string());
                state.remedy = Some(remedy);
            }
        }
        if let Err(err) = state.save(&self.folder) {
            log::error!("{err}");
        }
    }

    /// Asks the authority when it suggests renewing the certificate, if it is time to ask.
    async fn ask(&self, authority: &Authority, now: i64) {
        let state = State::load(&self.folder).ok().flatten().unwrap_or_default();
        if state.ask_at.is_some_and(|at| at > now) {
            return;
        }
        let (Some(facts), Ok(Some(kept))) = (self.facts(), self.folder.read("account.json")) else {
            return;
        };
        let Some(key) = &facts.authority_key else {
            return;
        };
        let found = match authority.account(Some(&kept), None).await {
            Ok((account, None)) => authority.suggested(&account, key, &facts.serial).await,
            _ => None,
        };
        // It is asked at most twice a day, and only once a day if it suggests nothing.
        let (suggested, again) = match found {
            Some((at, again)) => (Some(at), again.max(Duration::from_hours(12))),
            None => (state.suggested_at, Duration::from_hours(24)),
        };
        let again = i64::try_from(again.as_secs()).unwrap_or(DAY);
        let state = State {
            suggested_at: suggested,
            ask_at: Some(now + again),
            ..state
        };
        if let Err(err) = state.save(&self.folder) {
            log::error!("{err}");
        }
    }

    /// Warns the administrators when there is little time left.
    async fn warn(&self, service: &Service) {
        let Some(facts) = self.facts() else { return };
        let state = State::load(&self.folder).ok().flatten().unwrap_or_default();
        let now = OffsetDateTime::now_utc().unix_timestamp();
        let left = facts.not_after - now;
        if state.failures > 0 && left < URGENT {
            let text = format!(
                "The certificate for {} ends in {} days and could not be renewed: {}",
                self.first_name(),
                left.div_euclid(DAY).max(0),
                state.error.unwrap_or_default()
            );
            if let Err(err) = service.warn_of_certificate(text).await {
                log::debug!("the administrators could not be told: {err}");
            }
        }
    }
}

fn is_due(
    state: &State,
    facts: Option<&Facts>,
    names: &[String],
    asked: Option<bool>,
    now: i64,
) -> bool {
    let is_other = !state.names.is_empty() && state.names != names;
    let is_good = facts.is_some_and(|facts| {
        facts.left(now) >= RENEWED_AT
            && facts.not_before <= now
            && names.iter().all(|name| facts.fits(name))
            && state.suggested_at.is_none_or(|at| at > now)
    });
    if asked == Some(true) {
        return true;
    }
    if is_good && asked.is_none() {
        return false;
    }
    // Names that were never tried do not wait for the failures of others; a clock that was set back
    // must not stop everything either.
    let waits = state.failures > 0
        && !is_other
        && state
            .next_at
            .is_some_and(|at| at > now && at - now <= 2 * DAY);
    !waits
}

/// Returns how long to wait after a failure.
fn wait(failure: &Failure, failures: u32, jitter: f64) -> Duration {
    let step = usize::try_from(failures)
        .unwrap_or(AGAIN.len())
        .min(AGAIN.len() - 1);
    let usual = AGAIN[step].mul_f64(jitter);
    match failure {
        Failure::Acme(AcmeError::Limited { wait, .. }) => wait
            .unwrap_or(Duration::from_hours(1))
            .clamp(usual, Duration::from_hours(48)),
        _ => usual,
    }
}

fn shown(wait: Duration) -> String {
    match wait.as_secs() {
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ ..7200 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    }
}

/// Returns the ways to prove that names are this server's, in order: over HTTP if there is a port for
/// it, and in a handshake if there is none, or if the port is the one that authorities use.
fn doors(config: &Config, challenges: &Challenges) -> Vec<Door> {
    let mut doors = Vec::new();
    let has_http = config.server.http_port != 0;
    if has_http {
        let challenges = challenges.clone();
        doors.push(Door::Http(Box::new(move |token, answer| {
            challenges.answer_http(token, &answer);
            Ok(())
        })));
    }
    if !has_http || config.server.port == 443 {
        let challenges = challenges.clone();
        doors.push(Door::Handshake(Box::new(move |name, digest| {
            let (certificate, key) =
                alpn_challenge(name, &digest).map_err(|err| err.to_string())?;
            challenges.answer_handshake(name, &certificate, &key)
        })));
    }
    doors
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000;

    fn facts(left_days: i64) -> Facts {
        Facts {
            not_before: NOW - (90 - left_days) * DAY,
            not_after: NOW + left_days * DAY,
            names: vec!["chat.example.org".to_owned()],
            ..Facts::default()
        }
    }

    fn names() -> Vec<String> {
        vec!["chat.example.org".to_owned()]
    }

    #[test]
    fn certificates_are_renewed_by_a_part_of_their_life() {
        let state = State::default();
        let due = |left: i64| is_due(&state, Some(&facts(left)), &names(), None, NOW);
        assert!(!due(89));
        assert!(!due(31));
        assert!(due(29));
        assert!(due(-1));
        assert!(is_due(&state, None, &names(), None, NOW));
        let more = vec!["chat.example.org".to_owned(), "b.example.org".to_owned()];
        assert!(is_due(&state, Some(&facts(80)), &more, None, NOW));
        let suggested = State {
            suggested_at: Some(NOW - 1),
            ..State::default()
        };
        assert!(is_due(&suggested, Some(&facts(80)), &names(), None, NOW));
        assert!(is_due(&state, Some(&facts(80)), &names(), Some(true), NOW));
    }

    #[test]
    fn ports_that_there_are_decide_how_names_are_shown() {
        let count = |port, http_port| {
            let mut config = Config::default();
            config.server.port = port;
            config.server.http_port = http_port;
            let doors = doors(&config, &Challenges::default());
            let http = |door: &&Door| matches!(door, Door::Http(_));
            (doors.iter().filter(http).count(), doors.len())
        };
        assert_eq!(count(443, 80), (1, 2));
        assert_eq!(count(8000, 80), (1, 1));
        assert_eq!(count(443, 0), (0, 1));
        assert_eq!(count(8000, 0), (0, 1));
    }

    #[test]
    fn failures_are_waited_for_and_force_is_not() {
        let state = State {
            names: names(),
            failures: 2,
            next_at: Some(NOW + 600),
            ..State::default()
        };
        let due = |asked, now| is_due(&state, None, &names(), asked, now);
        assert!(!due(None, NOW));
        assert!(!due(Some(false), NOW));
        assert!(due(Some(true), NOW));
        assert!(due(None, NOW + 600));
        // A clock that was far ahead when it failed.
        assert!(due(None, NOW - 90 * DAY));
        let other = vec!["b.example.org".to_owned()];
        assert!(is_due(&state, None, &other, None, NOW));
    }

    #[test]
    fn waiting_grows_and_the_authority_has_its_way() {
        let failed = Failure::Name("x".to_owned());
        let waits: Vec<u64> = (0..7).map(|n| wait(&failed, n, 1.0).as_secs()).collect();
        assert_eq!(waits, [60, 600, 3600, 21_600, 86_400, 86_400, 86_400]);
        let limited = |wait: Option<u64>| {
            Failure::Acme(AcmeError::Limited {
                wait: wait.map(Duration::from_secs),
                detail: String::new(),
            })
        };
        assert_eq!(wait(&limited(Some(7200)), 0, 1.0).as_secs(), 7200);
        assert_eq!(wait(&limited(None), 0, 1.0).as_secs(), 3600);
        assert_eq!(wait(&limited(Some(1)), 1, 1.0).as_secs(), 600);
    }
}
