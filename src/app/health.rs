//! What `/health`, `/version` and `/metrics` say.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::config::Config;
use crate::protocol::mtp;
use crate::server::{Checks, Health, Protocol, Site, Statistics, Version, pages};
use crate::service::{Service, ServiceError};
use crate::store::newest_schema;

/// How long the database may take to answer before it counts as stuck.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn site(config: &Config, service: &Arc<Service>, statistics: Statistics) -> Site {
    let examined = Arc::clone(service);
    let counted = Arc::clone(service);
    let metrics: crate::server::Source<String> = Arc::new(move || {
        let (service, statistics) = (Arc::clone(&counted), statistics.clone());
        Box::pin(async move { metrics(&service, &statistics).await })
    });
    Site {
        version: Version {
            name: "morelia",
            version: env!("CARGO_PKG_VERSION"),
            protocol: Protocol {
                name: "MTP",
                version: mtp::VERSION,
                revision: mtp::REVISION,
            },
        },
        health: Arc::new(move || {
            let service = Arc::clone(&examined);
            Box::pin(async move { examine(&service).await })
        }),
        metrics: config.web.metrics.then_some(metrics),
        pages: Some(pages(config.web.client)),
    }
}

async fn examine(service: &Service) -> Health {
    let database = match tokio::time::timeout(PATIENCE, service.count()).await {
        Err(_) => "does not answer".to_owned(),
        Ok(Err(err)) => format!("cannot be read: {err}"),
        Ok(Ok(_)) if service.store().failed().borrow().is_some() => "failed".to_owned(),
        Ok(Ok(_)) if !service.store().is_writable() => "cannot be written to".to_owned(),
        Ok(Ok(_)) => "ok".to_owned(),
    };
    Health {
        ok: database == "ok",
        uptime_seconds: service.started().elapsed().as_secs(),
        checks: Checks {
            database,
            schema: newest_schema().to_string(),
            disk_free_bytes: free_bytes(service.store().path()),
            backup: "none scheduled".to_owned(),
            clock: "ok".to_owned(),
        },
    }
}

async fn metrics(service: &Service, statistics: &Statistics) -> String {
    let counts: Result<_, ServiceError> = service.count().await;
    let (users, messages) = counts.unwrap_or_default();
    format!(
        "# TYPE morelia_connections gauge\nmorelia_connections {}\n\
         # TYPE morelia_users_online gauge\nmorelia_users_online {}\n\
         # TYPE morelia_http_requests_total counter\nmorelia_http_requests_total {}\n\
         # TYPE morelia_users gauge\nmorelia_users {users}\n\
         # TYPE morelia_messages gauge\nmorelia_messages {messages}\n\
         # TYPE morelia_uptime_seconds gauge\nmorelia_uptime_seconds {}\n",
        statistics.connections(),
        service.online_count(),
        statistics.requests(),
        service.started().elapsed().as_secs(),
    )
}

/// Free space for an unprivileged user where a file lies.
fn free_bytes(path: &Path) -> Option<u64> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    fs4::available_space(folder).ok()
}
