//! Repairing times that a fast clock has written: no time in the file is later than now.

use std::path::Path;

use rusqlite::named_params;

use super::connection::{self, Durability};
use super::error::StoreError;
use super::schema;
use crate::model::Timestamp;

/// What was repaired.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mended {
    /// Messages with a time of sending in the future.
    pub messages: usize,
    /// Other rows with times in the future.
    pub rows: usize,
}

/// The statements for messages, in this order: when they entered the log, which never decreases, and when
/// they were sent, which is no later than the next message.
const LOGGED: &str =
    "UPDATE messages SET logged_at = :now WHERE coalesce(logged_at, sent_at) > :now";
const SENT: &str = "UPDATE messages SET
        sent_at = coalesce((SELECT n.sent_at FROM messages n
                            WHERE n.id > messages.id AND n.sent_at <= :now ORDER BY n.id LIMIT 1), :now),
        expires_at = expires_at - (sent_at - :now)
    WHERE sent_at > :now";

/// The statements for all other times. A period that ends at a time keeps its length.
const OTHERS: [&str; 20] = [
    "UPDATE changes SET at = :now WHERE at > :now",
    "UPDATE messages SET edited_at = min(edited_at, :now), deleted_at = min(deleted_at, :now)
     WHERE edited_at > :now OR deleted_at > :now",
    "UPDATE users SET created_at = min(created_at, :now), seen_at = min(seen_at, :now), matrix_at = min(matrix_at, :now),
        suspended_at = min(suspended_at, :now), deleted_at = min(deleted_at, :now)
     WHERE max(created_at, coalesce(seen_at, 0), coalesce(matrix_at, 0), coalesce(suspended_at, 0),
               coalesce(deleted_at, 0)) > :now",
    "UPDATE sessions SET expires_at = expires_at - (created_at - :now), created_at = :now WHERE created_at > :now",
    "UPDATE sessions SET expires_at = expires_at - (last_used_at - :now), last_used_at = :now
     WHERE last_used_at > :now",
    "UPDATE invitations SET expires_at = expires_at - (created_at - :now), created_at = :now WHERE created_at > :now",
    "UPDATE invitations SET revoked_at = :now WHERE revoked_at > :now",
    "UPDATE password_resets SET expires_at = expires_at - (created_at - :now), created_at = :now
     WHERE created_at > :now",
    "UPDATE uploads SET expires_at = expires_at - (touched_at - :now), touched_at = :now WHERE touched_at > :now",
    "UPDATE files SET created_at = :now WHERE created_at > :now",
    "UPDATE blocks SET at = :now WHERE at > :now",
    "UPDATE push_subscriptions SET created_at = min(created_at, :now), ok_at = min(ok_at, :now),
        next_at = min(next_at, :now)
     WHERE max(created_at, coalesce(ok_at, 0), next_at) > :now",
    "UPDATE flows SET created_at = min(created_at, :now), removed_at = min(removed_at, :now)
     WHERE max(created_at, coalesce(removed_at, 0)) > :now",
    "UPDATE members SET joined_at = min(joined_at, :now), left_at = min(left_at, :now), read_at = min(read_at, :now),
        forgotten_at = min(forgotten_at, :now)
     WHERE max(joined_at, coalesce(left_at, 0), coalesce(read_at, 0), coalesce(forgotten_at, 0)) > :now",
    "UPDATE pins SET at = :now WHERE at > :now",
    "UPDATE hooks SET created_at = min(created_at, :now), used_at = min(used_at, :now), revoked_at = min(revoked_at, :now)
     WHERE max(created_at, coalesce(used_at, 0), coalesce(revoked_at, 0)) > :now",
    "UPDATE outgoing SET next_at = min(next_at, :now), disabled_at = min(disabled_at, :now)
     WHERE max(next_at, coalesce(disabled_at, 0)) > :now",
    // Their periods are over, or did not end within a day of now.
    "DELETE FROM exports WHERE expires_at > :now + 86400000",
    "DELETE FROM txns WHERE expires_at > :now + 31 * 86400000",
    "UPDATE members SET muted_until = 0 WHERE muted_until > (:now / 1000) + 20 * 366 * 86400",
];

/// Replaces every time later than now by the nearest possible one. The clock must be correct now, and no
/// server may run on the file.
///
/// # Errors
/// The file is damaged, of another version, or cannot be written.
pub fn mend(path: &Path, now: Timestamp) -> Result<Mended, StoreError> {
    let work = || {
        let mut conn = connection::open_writer(path, Durability::Full)?;
        schema::require_current(&conn, path)?;
        let tx = conn.transaction()?;
        let now = named_params! {":now": now.0};
        tx.execute(LOGGED, now)?;
        let mut mended = Mended {
            messages: tx.execute(SENT, now)?,
            rows: 0,
        };
        for sql in OTHERS {
            mended.rows += tx.execute(sql, now)?;
        }
        tx.commit()?;
        Ok(mended)
    };
    work().map_err(|err: StoreError| err.of(path))
}
