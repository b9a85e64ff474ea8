//! Background tasks, until the server ends.

use std::sync::Arc;

use tokio::task::JoinHandle;

use super::metrics::PushCounts;
use super::{alerts, backups, callouts, certificates, expiry, notify, retention};
use crate::config::{Config, Encryption, Loaded};
use crate::server;
use crate::service::Service;

/// Starts the background tasks that maintain the database.
pub(super) fn look_after(loaded: &Loaded, service: &Arc<Service>) -> Vec<JoinHandle<()>> {
    let config = &loaded.config;
    let removing = Arc::clone(service);
    service.sweep_folder();
    vec![
        tokio::spawn(finish_left_over(removing)),
        tokio::spawn(Arc::clone(service).keep_archiving()),
        tokio::spawn(backups::keep_making(
            Arc::clone(service),
            config.clone(),
            loaded.file.clone(),
        )),
        tokio::spawn(backups::keep_watching(
            Arc::clone(service),
            config.backup.interval,
        )),
        tokio::spawn(expiry::keep_deleting(Arc::clone(service))),
        tokio::spawn(retention::keep_removing(
            Arc::clone(service),
            config.history.keep,
        )),
    ]
}

/// Starts the background tasks that send requests to other machines, or maintain certificates.
pub(super) async fn reach_out(
    config: &Config,
    service: &Arc<Service>,
    keeper: &Arc<certificates::Keeper>,
    certificate: Option<server::Certificate>,
    push: Arc<PushCounts>,
) -> Vec<JoinHandle<()>> {
    let mut upkeep = Vec::new();
    if config.alerts.url.is_some() {
        let telling =
            alerts::keep_telling(config.clone(), Arc::clone(service), certificate.clone());
        upkeep.push(tokio::spawn(telling));
    }
    match notify::begin(config, service, push).await {
        Ok(task) => upkeep.extend(task),
        // A server without notifications is better than none.
        Err(err) => log::error!("no notifications are sent: {err}"),
    }
    match callouts::begin(config, service) {
        Ok(task) => upkeep.push(task),
        Err(err) => log::error!("no outgoing hook posts: {err}"),
    }
    if config.encryption() == Encryption::Acme {
        let keeping =
            certificates::acme::keep(Arc::clone(keeper), certificate.clone(), Arc::clone(service));
        upkeep.push(tokio::spawn(keeping));
    }
    if config.tls.local_ca {
        let keeping = certificates::keep_local(Arc::clone(keeper), certificate.clone());
        upkeep.push(tokio::spawn(keeping));
    }
    upkeep
}

/// Finishes what an earlier run has left: flows that are being removed, reactions that were not announced.
async fn finish_left_over(service: Arc<Service>) {
    service.finish_removals().await;
    if let Err(err) = service.tell_left_over().await {
        log::warn!("changes of reactions could not be told: {err}");
    }
}
