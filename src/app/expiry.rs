//! Expiring messages: deletes them when their time has come, while the server runs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::retention::Clock;
use crate::model::Timestamp;
use crate::service::Service;

/// The shortest time between two checks.
const APART: Duration = Duration::from_secs(10);

/// The longest time between two checks while there are messages that will expire.
const LOOK: Duration = Duration::from_hours(1);

/// Deletes expired messages, for as long as the server runs.
pub(super) async fn keep_deleting(service: Arc<Service>) {
    let last_change = service.last_change().await.unwrap_or(Timestamp::EPOCH);
    let mut clock = Clock::new(Timestamp::now(), Instant::now(), last_change);
    loop {
        let mut wait = Some(APART);
        if clock.is_trusted(Timestamp::now(), Instant::now()) {
            match service.delete_expired().await {
                // As many as are deleted at once: there may be more.
                Ok((_, true)) => {}
                Ok((next, false)) => {
                    let now = Timestamp::now();
                    wait = next.map(|next| {
                        let left = u64::try_from(next.0.saturating_sub(now.0)).unwrap_or(0);
                        Duration::from_millis(left).clamp(APART, LOOK)
                    });
                }
                Err(err) => {
                    log::warn!("messages could not be deleted that were to disappear: {err}");
                }
            }
        }
        match wait {
            // A message that is sent meanwhile may expire sooner.
            Some(wait) => {
                let _ = tokio::time::timeout(wait, service.expiring()).await;
            }
            None => service.expiring().await,
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
