//! Renewal of the tokens of Matrix clients: the present pair of tokens and the one before.

use rusqlite::{OptionalExtension, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{SessionId, Timestamp};

/// The hashes of an access token and its refresh token.
pub type Pair = ([u8; 32], [u8; 32]);

/// Lets the token of a session expire before the session, and makes it renewable.
///
/// # Errors
/// The file cannot be written.
pub fn begin(
    tx: &Tx<'_>,
    session: SessionId,
    refresh: &[u8; 32],
    until: Timestamp,
) -> Result<(), StoreError> {
    tx.prepare("UPDATE sessions SET refresh_hash = :refresh, token_until = :until WHERE id = :id")?
        .execute(named_params! {":refresh": refresh, ":until": until.0, ":id": session.0})?;
    tx.session_changed(session);
    Ok(())
}

/// Returns whether a refresh token is known, so that unknown ones cost no write.
///
/// # Errors
/// The file cannot be read.
pub fn renews(view: &View<'_>, shown: &[u8; 32]) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM sessions WHERE refresh_hash = :shown
         UNION ALL SELECT 1 FROM sessions WHERE previous_refresh_hash = :shown",
    )?;
    Ok(statement.exists(named_params! {":shown": shown})?)
}

/// Gives the session of a refresh token a new pair, and extends both ends. The pair that was used for this
/// stays valid. Returns the hashes of tokens that are no longer valid; `None`: no valid session has this
/// refresh token.
///
/// # Errors
/// The file cannot be written.
pub fn renew(
    tx: &Tx<'_>,
    shown: &[u8; 32],
    (token, refresh): Pair,
    (until, expires_at): (Timestamp, Timestamp),
) -> Result<Option<Vec<[u8; 32]>>, StoreError> {
    let found = tx
        .prepare(
            "SELECT s.id, s.refresh_hash = :shown, s.token_hash, s.previous_hash FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.id = coalesce((SELECT id FROM sessions WHERE refresh_hash = :shown),
                                   (SELECT id FROM sessions WHERE previous_refresh_hash = :shown))
               AND s.kind = 2 AND s.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL",
        )?
        .query_row(named_params! {":shown": shown, ":now": tx.now().0}, |row| {
            let hashes: ([u8; 32], Option<[u8; 32]>) = (row.get(2)?, row.get(3)?);
            Ok((SessionId(row.get(0)?), row.get::<_, bool>(1)?, hashes))
        })
        .optional()?;
    let Some((session, is_newest, (newest, previous))) = found else {
        return Ok(None);
    };
    // A client that shows the older one has never received the newer pair, which is replaced.
    let gone = if is_newest { previous } else { Some(newest) };
    tx.prepare(
        "UPDATE sessions SET previous_hash = iif(:newest, token_hash, previous_hash),
                             previous_until = iif(:newest, token_until, previous_until),
                             previous_refresh_hash = iif(:newest, refresh_hash, previous_refresh_hash),
                             token_hash = :token, refresh_hash = :refresh, token_until = :until,
                             expires_at = :expires_at, last_used_at = :now
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":newest": is_newest, ":token": token, ":refresh": refresh, ":until": until.0,
        ":expires_at": expires_at.0, ":now": tx.now().0, ":id": session.0,
    })?;
    tx.session_changed(session);
    Ok(Some(gone.into_iter().collect()))
}

/// Revokes the previous pair, because the present one is in use now. Returns the hash of its token.
///
/// # Errors
/// The file cannot be written.
pub fn settle(
    tx: &Tx<'_>,
    session: SessionId,
    token: &[u8; 32],
) -> Result<Option<[u8; 32]>, StoreError> {
    let previous = tx
        .prepare("SELECT previous_hash FROM sessions WHERE id = :id AND token_hash = :token")?
        .query_row(named_params! {":id": session.0, ":token": token}, |row| {
            row.get(0)
        })
        .optional()?;
    let Some(previous) = previous else {
        return Ok(None);
    };
    tx.prepare(
        "UPDATE sessions SET previous_hash = NULL, previous_until = NULL, previous_refresh_hash = NULL WHERE id = :id",
    )?
    .execute(named_params! {":id": session.0})?;
    Ok(previous)
}
