//! Sessions and their tokens.

use rusqlite::{OptionalExtension, Row, named_params};

use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{
    Page, PublicId, Scopes, Session, SessionId, SessionInfo, SessionKind, Timestamp, UserId,
};

/// The initial values of a new session.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The user.
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: [u8; 32],
    /// When it expires, unless it is used before.
    pub expires_at: Timestamp,
    /// Client address, masked as configured.
    pub address: Option<String>,
    /// The name that the device gives itself.
    pub label: Option<String>,
}

/// The maximum number of expired sessions of an account that are kept. If the clock has jumped, all count
/// as expired, and the clock may be corrected again.
const KEPT_EXPIRED: i64 = 16;

/// Opens a session, and removes the oldest expired ones of the user.
///
/// # Errors
/// The file cannot be written.
pub fn insert(tx: &Tx<'_>, new: &NewSession) -> Result<SessionId, StoreError> {
    tx.prepare(
        "DELETE FROM sessions WHERE user_id = :user AND expires_at < :now AND id <=
         (SELECT id FROM sessions WHERE user_id = :user AND expires_at < :now
          ORDER BY id DESC LIMIT 1 OFFSET :kept)",
    )?
    .execute(named_params! {":user": new.user.0, ":now": tx.now().0, ":kept": KEPT_EXPIRED})?;
    tx.prepare(
        "INSERT INTO sessions (user_id, token_hash, created_at, last_used_at, expires_at, address, label)
         VALUES (:user, :token_hash, :now, :now, :expires_at, :address, :label)",
    )?
    .execute(named_params! {
        ":user": new.user.0,
        ":token_hash": new.token_hash,
        ":now": tx.now().0,
        ":expires_at": new.expires_at.0,
        ":address": new.address,
        ":label": new.label,
    })?;
    Ok(SessionId(tx.last_id()))
}

/// Ends sessions of a user until there is room for one more within a limit: the longest unused first, and
/// connected ones last.
///
/// # Errors
/// The file cannot be written.
pub fn make_room(
    tx: &Tx<'_>,
    user: UserId,
    limit: usize,
    connected: &[SessionId],
) -> Result<(), StoreError> {
    let mut statement = tx.prepare(
        "SELECT id, last_used_at FROM sessions WHERE user_id = :user AND expires_at > :now",
    )?;
    let rows = statement.query_map(named_params! {":user": user.0, ":now": tx.now().0}, |row| {
        Ok((
            SessionId(row.get("id")?),
            row.get::<_, i64>("last_used_at")?,
        ))
    })?;
    let mut sessions = rows.collect::<Result<Vec<_>, _>>()?;
    let over = (sessions.len() + 1).saturating_sub(limit.max(1));
    if over == 0 {
        return Ok(());
    }
    sessions.sort_unstable_by_key(|(id, used)| (connected.contains(id), *used, id.0));
    for (id, _) in sessions.into_iter().take(over) {
        end(tx, id)?;
    }
    Ok(())
}

/// Finds the session of a token, if it has not expired and its user may sign in.
///
/// # Errors
/// The file cannot be read.
pub fn find(
    view: &View<'_>,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Session>, StoreError> {
    let mut statement = view.prepare(
        "SELECT s.id, s.user_id, s.kind, s.scopes, s.last_used_at, s.expires_at,
                iif(s.token_hash = :token_hash, s.token_until, s.previous_until) AS token_until,
                s.token_hash = :token_hash AND coalesce(s.previous_hash, s.previous_refresh_hash) IS NOT NULL AS supersedes,
                u.uuid, u.is_admin, u.is_bot FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = coalesce((SELECT id FROM sessions WHERE token_hash = :token_hash),
                               (SELECT id FROM sessions WHERE previous_hash = :token_hash))
           AND s.expires_at > :now
           AND coalesce(iif(s.token_hash = :token_hash, s.token_until, s.previous_until) > :now, TRUE)
           AND u.deleted_at IS NULL AND u.suspended_at IS NULL
           AND (u.owner_id IS NULL OR EXISTS (SELECT 1 FROM users o WHERE o.id = u.owner_id AND o.suspended_at IS NULL))",
    )?;
    let found = statement.query_row(
        named_params! {":token_hash": token_hash, ":now": now.0},
        |row| {
            Ok(Session {
                id: SessionId(row.get("id")?),
                user: UserId(row.get("user_id")?),
                user_uuid: PublicId::from_bytes(row.get("uuid")?),
                kind: kind(row.get("kind")?),
                scopes: Scopes(row.get("scopes")?),
                used_at: Timestamp(row.get("last_used_at")?),
                is_admin: row.get("is_admin")?,
                is_bot: row.get("is_bot")?,
                expires_at: Timestamp(row.get("expires_at")?),
                token_until: row.get::<_, Option<i64>>("token_until")?.map(Timestamp),
                supersedes: row.get("supersedes")?,
            })
        },
    );
    Ok(found.optional()?)
}

/// Returns whether a session is still valid.
///
/// # Errors
/// The file cannot be read.
pub fn is_valid(view: &View<'_>, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let mut statement = view.prepare(
        "SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = :id AND s.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL
           AND (u.owner_id IS NULL OR EXISTS (SELECT 1 FROM users o WHERE o.id = u.owner_id AND o.suspended_at IS NULL))",
    )?;
    Ok(statement.exists(named_params! {":id": id.0, ":now": now.0})?)
}

/// Returns whether the session that requests a write is still valid. The result is cached, so that the
/// same session needs no query again.
///
/// # Errors
/// The file cannot be read.
pub fn stands(tx: &Tx<'_>, id: SessionId) -> Result<bool, StoreError> {
    if tx.known_session(id).is_some_and(|end| end > tx.now()) {
        return Ok(true);
    }
    let mut statement = tx.prepare(
        "SELECT s.expires_at FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = :id AND s.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL
           AND (u.owner_id IS NULL OR EXISTS (SELECT 1 FROM users o WHERE o.id = u.owner_id AND o.suspended_at IS NULL))",
    )?;
    let params = named_params! {":id": id.0, ":now": tx.now().0};
    let found = statement.query_row(params, |row| row.get(0).map(Timestamp));
    let found = found.optional()?;
    if let Some(expires_at) = found {
        tx.remember_session(id, expires_at);
    }
    Ok(found.is_some())
}

/// Returns the hash of the token of a session.
///
/// # Errors
/// The file cannot be read.
pub fn token_hash(view: &View<'_>, id: SessionId) -> Result<Option<[u8; 32]>, StoreError> {
    let mut statement = view.prepare("SELECT token_hash FROM sessions WHERE id = :id")?;
    let found = statement.query_row(named_params! {":id": id.0}, |row| row.get(0));
    Ok(found.optional()?)
}

/// Returns the user of a session that is still valid, and the hash of its token.
///
/// # Errors
/// The file cannot be read.
pub fn living(
    view: &View<'_>,
    id: SessionId,
    now: Timestamp,
) -> Result<Option<(UserId, [u8; 32])>, StoreError> {
    let mut statement = view.prepare(
        "SELECT s.user_id, s.token_hash FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.id = :id AND s.expires_at > :now AND u.deleted_at IS NULL AND u.suspended_at IS NULL
           AND (u.owner_id IS NULL OR EXISTS (SELECT 1 FROM users o WHERE o.id = u.owner_id AND o.suspended_at IS NULL))",
    )?;
    let found = statement.query_row(named_params! {":id": id.0, ":now": now.0}, |row| {
        Ok((UserId(row.get(0)?), row.get(1)?))
    });
    Ok(found.optional()?)
}

/// Returns whether a session of a user, even an expired one, came from an address.
///
/// # Errors
/// The file cannot be read.
pub fn has_address(view: &View<'_>, user: UserId, address: &str) -> Result<bool, StoreError> {
    let mut statement =
        view.prepare("SELECT 1 FROM sessions WHERE user_id = :user AND address = :address")?;
    Ok(statement.exists(named_params! {":user": user.0, ":address": address})?)
}

/// Records that a session is in use, and extends it.
///
/// # Errors
/// The file cannot be written.
pub fn renew(tx: &Tx<'_>, id: SessionId, expires_at: Timestamp) -> Result<(), StoreError> {
    tx.prepare("UPDATE sessions SET last_used_at = :now, expires_at = :expires_at WHERE id = :id")?
        .execute(named_params! {":now": tx.now().0, ":expires_at": expires_at.0, ":id": id.0})?;
    tx.session_changed(id);
    Ok(())
}

/// Ends one session. Returns whether there was one.
///
/// # Errors
/// The file cannot be written.
pub fn end(tx: &Tx<'_>, id: SessionId) -> Result<bool, StoreError> {
    let removed = tx
        .prepare("DELETE FROM sessions WHERE id = :id")?
        .execute(named_params! {":id": id.0})?;
    tx.end_sessions([id]);
    Ok(removed > 0)
}

/// Ends the sessions of a user, except for one if that is given. Returns how many.
///
/// # Errors
/// The file cannot be written.
pub fn end_all(tx: &Tx<'_>, user: UserId, except: Option<SessionId>) -> Result<usize, StoreError> {
    let except = except.map_or(-1, |id| id.0);
    let mut statement =
        tx.prepare("DELETE FROM sessions WHERE user_id = :user AND id <> :except RETURNING id")?;
    let rows = statement.query_map(named_params! {":user": user.0, ":except": except}, |row| {
        row.get(0).map(SessionId)
    })?;
    let ended = rows.collect::<Result<Vec<_>, _>>()?;
    let count = ended.len();
    tx.end_sessions(ended);
    Ok(count)
}

/// The query for session infos, to which a clause that selects and orders them is appended.
macro_rules! select_sessions {
    ($rest:literal) => {
        concat!(
            "SELECT s.id, s.kind, u.login, s.created_at, s.last_used_at, s.expires_at, s.address, s.label
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.expires_at > :now ",
            $rest
        )
    };
}

/// Returns the sessions of a user, or of all users, that have not expired; last used first.
///
/// # Errors
/// The file cannot be read.
pub fn list(
    view: &View<'_>,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<Vec<SessionInfo>, StoreError> {
    let mut statement = view.prepare(select_sessions!(
        "AND (:user IS NULL OR s.user_id = :user) ORDER BY s.last_used_at DESC, s.id DESC"
    ))?;
    let params = named_params! {":user": user.map(|id| id.0), ":now": now.0};
    let rows = statement.query_map(params, info)?;
    rows.collect::<Result<_, _>>().map_err(StoreError::from)
}

/// Returns the sessions of a user that have not expired, newest first; with `after`, the ones after that
/// session.
///
/// # Errors
/// The file cannot be read.
pub fn page(
    view: &View<'_>,
    user: UserId,
    after: Option<SessionId>,
    now: Timestamp,
) -> Result<Page<SessionInfo>, StoreError> {
    let mut statement = view.prepare(select_sessions!(
        "AND s.user_id = :user AND s.id < :after ORDER BY s.id DESC LIMIT :limit"
    ))?;
    let params = named_params! {
        ":user": user.0,
        ":after": after.map_or(i64::MAX, |id| id.0),
        ":now": now.0,
        ":limit": Page::<SessionInfo>::LIMIT,
    };
    let rows = statement.query_map(params, info)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

/// Returns a session that has not expired.
///
/// # Errors
/// The file cannot be read.
pub fn by_id(tx: &Tx<'_>, id: SessionId) -> Result<Option<SessionInfo>, StoreError> {
    let mut statement = tx.prepare(select_sessions!("AND s.id = :id"))?;
    let found = statement.query_row(named_params! {":id": id.0, ":now": tx.now().0}, info);
    Ok(found.optional()?)
}

/// Returns the user of a session that has not expired.
///
/// # Errors
/// The file cannot be read.
pub fn owner(view: &View<'_>, id: SessionId, now: Timestamp) -> Result<Option<UserId>, StoreError> {
    let mut statement =
        view.prepare("SELECT user_id FROM sessions WHERE id = :id AND expires_at > :now")?;
    let found = statement.query_row(named_params! {":id": id.0, ":now": now.0}, |row| {
        row.get("user_id").map(UserId)
    });
    Ok(found.optional()?)
}

fn info(row: &Row<'_>) -> rusqlite::Result<SessionInfo> {
    Ok(SessionInfo {
        id: SessionId(row.get("id")?),
        login: row.get("login")?,
        kind: kind(row.get("kind")?),
        created_at: Timestamp(row.get("created_at")?),
        last_used_at: Timestamp(row.get("last_used_at")?),
        expires_at: Timestamp(row.get("expires_at")?),
        address: row.get("address")?,
        label: row.get("label")?,
        is_online: false,
    })
}

fn kind(number: i64) -> SessionKind {
    match number {
        1 => SessionKind::Bot,
        2 => SessionKind::Matrix,
        _ => SessionKind::Device,
    }
}
