//! The content of `/health` and `/version`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::metrics::{self, Counters};
use super::settings::origins;
use super::space::free_bytes;
use super::{alerts, backups, certificates, matrix};
use crate::config::Config;
use crate::model::Timestamp;
use crate::protocol::hooks::Hooks;
use crate::protocol::mtp;
use crate::protocol::rest::api::Api;
use crate::protocol::rest::files::Files;
use crate::protocol::rest::uploads::Uploads;
use crate::server::{
    Certificate, Checks, Face, Health, Protocol, Reloads, Site, Statistics, Version,
};
use crate::service::Service;
use crate::store::search::State;
use crate::store::{Store, newest_schema, statistics};

/// How long the database may take to answer before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn site(
    config: &Config,
    service: &Arc<Service>,
    statistics: Statistics,
    counters: Counters,
    (reloads, certificate): (watch::Receiver<Reloads>, Option<Certificate>),
    server_name: Option<String>,
) -> Site {
    let examined = Arc::clone(service);
    let counted = Arc::clone(service);
    let (interval, open) = (config.backup.interval, statistics.clone());
    let configured = Arc::new(config.clone());
    let measured = certificate.clone();
    let metrics: crate::server::Source<String> = Arc::new(move || {
        let (service, statistics) = (Arc::clone(&counted), statistics.clone());
        let (served, counters) = (certificates::served(measured.as_ref()), counters.clone());
        Box::pin(
            async move { metrics::text(served.as_ref(), &service, &statistics, &counters).await },
        )
    });
    let mut faces = vec![
        Face::new(Files::new(Arc::clone(service))),
        Face::new(Uploads::new(Arc::clone(service))),
        Face::new(Api::new(
            Arc::clone(service),
            service.limits().text_bytes,
            env!("CARGO_PKG_VERSION"),
            config.api.admin,
            origins(&config.api.origins),
        )),
        Face::new(Hooks::new(
            Arc::clone(service),
            service.limits().files_bytes,
        )),
    ];
    if let Some(name) = server_name {
        faces.extend(matrix::faces(config, service, name));
    }
    Site {
        version: Version {
            title: config.web.title.clone(),
            contact: config.web.contact.clone(),
            ..version()
        },
        instance: format!("{:016x}", rand::random::<u64>()),
        health: Arc::new(move || {
            let (service, open) = (Arc::clone(&examined), open.clone());
            let configured = Arc::clone(&configured);
            let served = certificates::served(certificate.as_ref());
            let configuration = reloads.borrow().clone();
            Box::pin(async move {
                let mut health = examine(&service, interval, open.connections()).await;
                let now = Timestamp::now().seconds();
                let trouble = served
                    .as_ref()
                    .and_then(|it| certificates::trouble(it, now));
                health.checks.certificate = trouble.unwrap_or_else(|| "ok".to_owned());
                health.configuration = configuration;
                let troubles = alerts::troubles(&configured, &service, served.as_ref()).await;
                health.certificate = served;
                health.attention = troubles.into_iter().map(|trouble| trouble.text).collect();
                health
            })
        }),
        metrics: config.web.metrics.then_some(metrics),
        faces,
        client: config.web.client,
    }
}

/// Returns the name and version of this program, and its protocol.
#[must_use]
pub fn version() -> Version {
    Version {
        name: "morelia",
        version: env!("CARGO_PKG_VERSION"),
        protocol: Protocol {
            name: "MTP",
            version: mtp::VERSION,
            revision: mtp::REVISION,
        },
        features: mtp::FEATURES,
        title: None,
        contact: None,
    }
}

async fn examine(service: &Service, interval: Duration, connections: usize) -> Health {
    let store = service.store();
    let trouble = match tokio::time::timeout(PATIENCE, service.count()).await {
        Err(_) => Some("does not answer".to_owned()),
        Ok(Err(err)) => Some(format!("cannot be read: {err}")),
        Ok(Ok(_)) if store.failed().borrow().is_some() => Some("failed".to_owned()),
        Ok(Ok(_)) if !store.is_writable() => Some("cannot be written to".to_owned()),
        Ok(Ok(_)) => None,
    };
    Health {
        ok: trouble.is_none(),
        uptime_seconds: service.started().elapsed().as_secs(),
        connections,
        users_online: service.online_count(),
        checks: Checks {
            database: trouble.unwrap_or_else(|| log(store)),
            schema: newest_schema().to_string(),
            search: search(service).await,
            disk_free_bytes: free_bytes(service.store().path()),
            backup: backup(service, interval).await,
            clock: clock(service).await,
            certificate: String::new(),
        },
        configuration: Reloads::default(),
        certificate: None,
        attention: Vec::new(),
    }
}

/// Returns `ok`, with a note about the write-ahead log: its growth delays nobody, so far.
fn log(store: &Store) -> String {
    let (_, log) = statistics::sizes(store.path());
    if store.is_stuck() {
        "ok, but the write-ahead log cannot be copied into the file".to_owned()
    } else if log > statistics::LONG_LOG_BYTES {
        format!("ok, but the write-ahead log has grown to {} MiB", log >> 20)
    } else {
        "ok".to_owned()
    }
}

async fn search(service: &Service) -> String {
    match service.search_state().await {
        Err(err) => format!("unknown: {err}"),
        Ok(state) => search_state(state),
    }
}

/// Returns the state of the full-text index, in words.
#[must_use]
pub fn search_state(state: State) -> String {
    if state.is_ready() {
        "ok".to_owned()
    } else {
        format!("being rebuilt, {} % done", state.percent())
    }
}

async fn backup(service: &Service, interval: Duration) -> String {
    match service.backup_record().await {
        Err(err) => format!("unknown: {err}"),
        Ok(record) => match backups::judge(&record, interval) {
            backups::State::Fine(how) => format!("ok, {how}"),
            backups::State::None => "none scheduled".to_owned(),
            backups::State::Bad(why) => why,
        },
    }
}

async fn clock(service: &Service) -> String {
    match service.last_change().await {
        Err(err) => format!("unknown: {err}"),
        Ok(last) => clock_trouble(Timestamp::now(), last).unwrap_or_else(|| "ok".to_owned()),
    }
}

/// Returns what is wrong with the clock, as far as the database shows it.
#[must_use]
pub fn clock_trouble(now: Timestamp, last_change: Timestamp) -> Option<String> {
    /// Corrections by a time server are smaller than this.
    const SLACK: Duration = Duration::from_secs(5);
    let clock = Timestamp::by_the_clock();
    if clock > now.after(SLACK) && now.can_be_now() {
        return Some(format!(
            "wrong: it has jumped to {} UTC, which is not believed; {} UTC is what would have come",
            clock.date_time(),
            now.date_time()
        ));
    }
    if !now.can_be_now() {
        return Some(format!(
            "wrong: it shows {} UTC, before this program was written",
            now.date_time()
        ));
    }
    (now.after(SLACK) < last_change).then(|| {
        format!(
            "behind, or was ahead once: it shows {} UTC, the last change was made at {}",
            now.date_time(),
            last_change.date_time()
        )
    })
}
