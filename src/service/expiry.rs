//! Messages that disappear.

use super::{Service, ServiceError};
use crate::model::Timestamp;
use crate::store::expiry;

/// Messages deleted in one write, so that others do not wait for long.
const AT_ONCE: i64 = 200;

impl Service {
    /// Deletes messages whose time has come. Returns when the next will, and whether there may be
    /// more that are due.
    ///
    /// # Errors
    /// The file cannot be written.
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

    /// Waits until a message is sent that will disappear.
    ///
    /// Cancel safe.
    pub async fn expiring(&self) {
        self.expiring.notified().await;
    }
}
