//! The content of `/metrics`, in the format of Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::certificates;
use super::space::free_bytes;
use crate::config::Config;
use crate::model::Timestamp;
use crate::protocol::mtp::Meter;
use crate::server::{Served, Statistics};
use crate::service::{Service, ServiceError};
use crate::store::statistics;

/// Results of notifications.
#[derive(Debug, Default)]
pub(super) struct PushCounts {
    /// Accepted by the push service.
    pub(super) taken: AtomicU64,
    /// For a device that its service no longer knows.
    pub(super) gone: AtomicU64,
    /// Refused, since the service does not accept this server.
    pub(super) refused: AtomicU64,
    /// Postponed: the service had an error or asked to wait.
    pub(super) put_off: AtomicU64,
    /// Given up.
    pub(super) dropped: AtomicU64,
    /// Waiting now.
    pub(super) waiting: AtomicU64,
}

impl PushCounts {
    /// Increments a count.
    pub(super) fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::Relaxed);
    }

    fn text(&self) -> String {
        let mut text = String::from("# TYPE morelia_push_total counter\n");
        for (result, count) in [
            ("taken", &self.taken),
            ("gone", &self.gone),
            ("refused", &self.refused),
            ("put_off", &self.put_off),
            ("dropped", &self.dropped),
        ] {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "morelia_push_total{{result=\"{result}\"}} {count}");
        }
        let waiting = self.waiting.load(Ordering::Relaxed);
        text + &line("push_waiting", "gauge", waiting)
    }
}

/// The counters of a running server.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters {
    pub(super) push: Arc<PushCounts>,
    /// Requests of clients; `None` if metrics are off.
    pub(super) requests: Option<Arc<Meter>>,
}

impl Counters {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            push: Arc::default(),
            requests: config.web.metrics.then(Arc::default),
        }
    }
}

/// Returns a value with its type.
fn line(name: &str, kind: &str, value: impl std::fmt::Display) -> String {
    format!("# TYPE morelia_{name} {kind}\nmorelia_{name} {value}\n")
}

/// Returns all values.
pub(super) async fn text(
    served: Option<&Served>,
    service: &Service,
    open: &Statistics,
    counters: &Counters,
) -> String {
    let counts: Result<_, ServiceError> = service.count().await;
    let (users, messages) = counts.unwrap_or_default();
    let files = service.count_files().await.unwrap_or_default();
    let path = service.store().path();
    let (database, log) = statistics::sizes(path);
    let now = Timestamp::now();
    let mut text = String::new();
    for (name, kind, value) in [
        ("connections", "gauge", number(open.connections())),
        ("users_online", "gauge", number(service.online_count())),
        ("http_requests_total", "counter", open.requests()),
        ("users", "gauge", users.max(0).unsigned_abs()),
        ("messages", "gauge", messages.max(0).unsigned_abs()),
        ("files", "gauge", files.files.max(0).unsigned_abs()),
        ("files_bytes", "gauge", files.bytes.max(0).unsigned_abs()),
        ("uploads", "gauge", files.uploads.max(0).unsigned_abs()),
        (
            "uptime_seconds",
            "gauge",
            service.started().elapsed().as_secs(),
        ),
        ("database_bytes", "gauge", database),
        ("wal_bytes", "gauge", log),
    ] {
        text += &line(name, kind, value);
    }
    if let Some(free) = free_bytes(path) {
        text += &line("disk_free_bytes", "gauge", free);
    }
    if let Ok(record) = service.backup_record().await {
        // Without a backup the line is missing: an alert on a missing value works.
        if let Some(made) = record.made_at {
            let age = now.seconds().saturating_sub(made.seconds());
            text += &line("backup_age_seconds", "gauge", age.max(0));
        }
        let failed = u8::from(record.failure.is_some());
        text += &line("backup_failed", "gauge", failed);
    }
    if let Some(days) = served.map(|it| certificates::days_left(it, now.seconds())) {
        text += &line("certificate_days", "gauge", days);
    }
    text += &counters.push.text();
    if let Some(requests) = &counters.requests {
        text += &requests.text();
    }
    text
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
