//! `[history] keep`: old messages are removed while the server runs.

use std::sync::Arc;
use std::time::Duration;

use crate::model::Timestamp;
use crate::service::Service;

/// How often old messages are looked for; with a short `keep`, more often.
const LOOK: Duration = Duration::from_hours(1);

/// Removes messages older than `keep`, for as long as the server runs.
pub(super) async fn keep_removing(service: Arc<Service>, keep: Option<Duration>) {
    let Some(keep) = keep else { return };
    let look = (keep / 10).clamp(Duration::from_millis(500), LOOK);
    loop {
        match service
            .remove_old_messages(Timestamp::now().before(keep))
            .await
        {
            Ok(removed) if removed.messages > 0 => {
                log::info!("old messages were removed: {}", removed.messages);
            }
            Ok(_) => {}
            Err(err) => log::warn!("old messages could not be removed: {err}"),
        }
        tokio::time::sleep(look).await;
    }
}
