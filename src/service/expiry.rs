//! Messages with a limited lifetime.

use super::{Service, ServiceError};
use crate::model::Timestamp;
use crate::store::expiry;

/// Number of messages that are deleted in one write, so that other writes do not wait for long.
const AT_ONCE: i64 = 200;

impl Service {
    /// Deletes messages that have expired. Returns when the next one expires, and whether more may be due.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn delete_expired(&self) -> Result<(Option<Timestamp>, bool), ServiceError> {
        let next = self
            .store
            .read(|view| Ok::<_, ServiceError>(expiry::next(view)?))
            .await?;
        let now = Timestamp::now();
        if next.is_none_or(|next| next > now) {
            return Ok((next, false));
        }
        let deleted = self
            .store
            .write(move |tx| Ok::<_, ServiceError>(expiry::delete_due(tx, now, AT_ONCE)?))
            .await?;
        if deleted > 0 {
            log::info!("messages have disappeared: {deleted}");
        }
        let next = self
            .store
            .read(|view| Ok::<_, ServiceError>(expiry::next(view)?))
            .await?;
        Ok((next, next.is_some_and(|next| next <= now)))
    }

    /// Waits until a message with a limited lifetime is sent.
    ///
    /// Cancel safe.
    pub async fn expiring(&self) {
        self.expiring.notified().await;
    }
}
