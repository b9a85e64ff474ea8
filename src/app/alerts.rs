//! Alerts: notifies the operator at an outside address when something needs attention.

use std::sync::Arc;
use std::time::Duration;

use super::certificates::{self, trouble};
use super::space::free_bytes;
use super::{backups, outward};
use crate::config::Config;
use crate::model::Timestamp;
use crate::outbound::{Client, Private, Request, Rules, Url};
use crate::protocol::alert;
use crate::server::{Certificate, Served};
use crate::service::Service;

/// When the server checks first after a start: after what is done at a start, such as a backup that is due.
const LOOKED_AT_AFTER: Duration = Duration::from_secs(2);

/// How often the server checks then.
const LOOKED_AT_EVERY: Duration = Duration::from_secs(30);

/// Less free space than this is reported.
const LITTLE_SPACE: u64 = 200 << 20;

/// A problem that needs attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Its kind, by which it is recognised.
    pub(super) kind: &'static str,
    /// Its description.
    pub(super) text: String,
}

/// Reports problems to the operator for as long as the server runs.
pub(super) async fn keep_telling(
    config: Config,
    service: Arc<Service>,
    certificate: Option<Certificate>,
) {
    let Some(url) = config.alerts.url.as_deref() else {
        return;
    };
    let made = outward::client(&config).map_err(|err| err.to_string());
    let (client, url) = match (made, url.parse::<Url>()) {
        (Ok(client), Ok(url)) => (client, url),
        (Err(err), _) => return log::error!("no alerts are sent: {err}"),
        (_, Err(err)) => return log::error!("no alerts are sent: {err}"),
    };
    tokio::time::sleep(LOOKED_AT_AFTER).await;
    loop {
        let served = certificates::served(certificate.as_ref());
        for it in troubles(&config, &service, served.as_ref()).await {
            match service.is_alert_due(it.kind, config.alerts.every).await {
                Ok(true) => {}
                Ok(false) => continue,
                Err(err) => {
                    log::debug!("when an alert was sent last is not known: {err}");
                    continue;
                }
            }
            match send(&client, &url, &it.text).await {
                Ok(()) => {
                    if let Err(err) = service.note_alert(it.kind).await {
                        log::debug!("an alert was not noted: {err}");
                    }
                    log::info!("an alert was sent: {}", it.kind);
                }
                Err(why) => log::warn!("an alert could not be sent: {why}"),
            }
        }
        tokio::time::sleep(LOOKED_AT_EVERY).await;
    }
}

/// Returns the problems that need attention now.
pub(super) async fn troubles(
    config: &Config,
    service: &Service,
    served: Option<&Served>,
) -> Vec<Trouble> {
    let mut found = Vec::new();
    let mut add = |kind: &'static str, text: String| found.push(Trouble { kind, text });
    if let Ok(record) = service.backup_record().await {
        if let Some((_, why)) = &record.failure {
            add("backup", format!("A backup failed: {why}"));
        } else if let backups::State::Bad(why) = backups::judge(&record, config.backup.interval) {
            add("backup", format!("The backups: {why}"));
        }
    }
    let store = service.store();
    let failed = store.failed().borrow().clone();
    if let Some(why) = failed {
        add("database", format!("The database has failed: {why}"));
    } else if !store.is_writable() {
        add("database", "The database cannot be written to.".to_owned());
    }
    if let Some(free) = free_bytes(store.path()).filter(|free| *free < LITTLE_SPACE) {
        let text = format!("The disk is nearly full: {} MiB are free.", free >> 20);
        add("disk", text);
    }
    if let Some(text) = served.and_then(|it| trouble(it, Timestamp::now().seconds())) {
        add("certificate", text);
    }
    found
}

async fn send(client: &Client, url: &Url, text: &str) -> Result<(), String> {
    let (kind, body) = alert::message(&url.whole(), text);
    let request = Request::post(url.clone(), body.into())
        .header("content-type", kind)
        .header("title", alert::TITLE)
        .header("priority", "high");
    // The operator configured the address, so it may be anywhere.
    let sent = client.send(request, Rules::new(Private::Any)).await;
    match sent {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("{} answers HTTP {}", url.host(), answer.status)),
        Err(err) => Err(err.to_string()),
    }
}
