//! Reloading the configuration while the server runs.

use std::sync::Arc;

use tokio::signal::unix::Signal;
use tokio::sync::watch;

use super::settings;
use crate::config::{Config, Loaded, Sources};
use crate::logging;
use crate::model::Timestamp;
use crate::server::{self, Reloads, systemd};
use crate::service::Service;

/// What a reload needs and changes.
pub(super) struct Reload {
    pub(super) sources: Sources,
    pub(super) started_with: Config,
    pub(super) log: logging::Handle,
    pub(super) service: Arc<Service>,
    pub(super) limits: server::Limits,
    pub(super) certificate: Option<server::Certificate>,
    /// The files of the certificate.
    pub(super) named: watch::Sender<Option<server::Tls>>,
    /// The results of reloads.
    pub(super) told: watch::Sender<Reloads>,
}

impl Reload {
    /// Applies a changed configuration on each SIGHUP, as far as possible without a restart.
    pub(super) async fn on_hangup(self, mut hangup: Signal) {
        while hangup.recv().await.is_some() {
            systemd::reloading();
            if let Err(err) = self.log.reopen() {
                log::error!("the log file cannot be opened again: {err}");
            }
            let went = match self.sources.load() {
                Ok(loaded) => self.take_up(&loaded),
                Err(err) => {
                    log::error!("the old configuration is kept: {err}");
                    Err(err.to_string())
                }
            };
            self.told.send_modify(|told| {
                told.reloads += 1;
                told.read_at = Timestamp::by_the_clock().0;
                let (restart, error) = match went {
                    Ok(restart) => (restart, None),
                    Err(why) => (Vec::new(), Some(why)),
                };
                (told.restart, told.error) = (restart, error);
            });
            systemd::ready("reloaded");
        }
    }

    /// Applies a configuration; returns the keys that need a restart.
    fn take_up(&self, loaded: &Loaded) -> Result<Vec<String>, String> {
        self.log.set_level(loaded.config.logging.level);
        self.service.set_limits(settings::limits(&loaded.config));
        self.service.set_queue(settings::queue(&loaded.config));
        let transport = settings::transport(&loaded.config, None);
        let mut went = Ok(());
        match (&self.certificate, &transport.tls) {
            (Some(certificate), Some(files)) => {
                self.named.send_replace(Some(files.clone()));
                if let Err(err) = certificate.reload(files) {
                    log::error!("the old certificate is kept: {err}");
                    went = Err(err.to_string());
                }
            }
            (None, None) => {}
            (None, Some(_)) => {
                log::error!("TLS is not switched on: tls.certfile needs a restart for that");
            }
            (Some(_), None) => {
                log::warn!("TLS stays on: without tls.certfile it needs a restart to end");
            }
        }
        self.limits.set(&transport);
        log::info!("the configuration was read again");
        let mut restart = Vec::new();
        for key in loaded.needs_restart(&self.started_with) {
            log::warn!("{key} has changed and needs a restart");
            restart.push(key);
        }
        went.map(|()| restart)
    }
}
