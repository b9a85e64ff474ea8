//! What administrators and the operator did: written with the act itself, in one transaction.
//!
//! It is bounded: each entry takes with it what is too old, or more than are kept. No entry holds a
//! secret: no password, code or token.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Row, named_params};

use super::connection::{self, Durability};
use super::error::StoreError;
use super::tx::{Tx, View};
use crate::model::{Act, AuditEntry, By, Named, Page, PublicId, Timestamp, UserId};

/// Entries that are kept.
const KEPT: i64 = 10_000;

/// How long an entry is kept.
const KEPT_FOR: Duration = Duration::from_hours(2 * 365 * 24);

/// What something was done to.
#[derive(Debug, Clone, Default)]
pub struct Of {
    user: Option<UserId>,
    what: Option<String>,
    detail: Option<String>,
}

impl Of {
    /// An account.
    #[must_use]
    pub fn user(user: UserId) -> Self {
        Self {
            user: Some(user),
            ..Self::default()
        }
    }

    /// Something that has a name.
    #[must_use]
    pub fn named(name: impl Into<Option<String>>) -> Self {
        Self::default().called(name)
    }

    /// The same with whom it belongs to, or is about.
    #[must_use]
    pub fn about(self, user: UserId) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }

    /// The same with its name.
    #[must_use]
    pub fn called(self, name: impl Into<Option<String>>) -> Self {
        Self {
            what: name.into(),
            ..self
        }
    }

    /// The same with what became of it.
    #[must_use]
    pub fn now(self, detail: impl Into<Option<String>>) -> Self {
        Self {
            detail: detail.into(),
            ..self
        }
    }
}

/// Notes that something was done.
///
/// # Errors
/// The file cannot be written.
pub fn note(tx: &Tx<'_>, by: By, act: Act, of: &Of) -> Result<(), StoreError> {
    tx.prepare(
        "INSERT INTO audit (at, by_id, by_login, act, user_id, what, detail)
         VALUES (:at, :by, (SELECT login FROM users WHERE id = :by), :act, :user, :what, :detail)",
    )?
    .execute(named_params! {
        ":at": tx.now().0,
        ":by": by.user.map(|user| user.0),
        ":act": act.word(),
        ":user": of.user.map(|user| user.0),
        ":what": of.what,
        ":detail": of.detail,
    })?;
    let id = tx.last_id();
    tx.prepare("DELETE FROM audit WHERE id <= :oldest")?
        .execute(named_params! {":oldest": id - KEPT})?;
    forget_old(tx)
}

/// Notes that a copy was put back as the database, which nobody has open.
///
/// # Errors
/// The file cannot be written.
pub fn note_restored(database: &Path, copy: &str) -> Result<(), StoreError> {
    let conn = connection::open_writer(database, Durability::Normal)?;
    conn.execute(
        "INSERT INTO audit (at, act, what) VALUES (:at, :act, :what)",
        named_params! {
            ":at": Timestamp::now().0,
            ":act": Act::BackupRestored.word(),
            ":what": copy,
        },
    )?;
    Ok(())
}

/// Forgets what is too old.
///
/// # Errors
/// The file cannot be written.
pub fn forget_old(tx: &Tx<'_>) -> Result<(), StoreError> {
    let lifetime = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
    tx.prepare("DELETE FROM audit WHERE at < :oldest")?
        .execute(named_params! {":oldest": tx.now().0.saturating_sub(lifetime)})?;
    Ok(())
}

/// What was done, newest first; what was done before one of them where that is given.
///
/// # Errors
/// The file cannot be read.
pub fn page(view: &View<'_>, after: Option<i64>) -> Result<Page<AuditEntry>, StoreError> {
    let mut statement = view.prepare(
        "SELECT a.id, a.at, b.uuid AS by_uuid, a.by_login, a.act, u.uuid AS user_uuid,
                CASE WHEN u.deleted_at IS NULL THEN u.login END AS user_login, a.what, a.detail
         FROM audit a LEFT JOIN users b ON b.id = a.by_id LEFT JOIN users u ON u.id = a.user_id
         WHERE a.id < :after ORDER BY a.id DESC LIMIT :limit",
    )?;
    let params = named_params! {
        ":after": after.unwrap_or(i64::MAX),
        ":limit": Page::<AuditEntry>::LIMIT,
    };
    let rows = statement.query_map(params, entry)?;
    Ok(Page::of(rows.collect::<Result<_, _>>()?))
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get("id")?,
        at: Timestamp(row.get("at")?),
        by: named(row, "by_uuid", "by_login")?,
        act: row.get("act")?,
        user: named(row, "user_uuid", "user_login")?,
        what: row.get("what")?,
        detail: row.get("detail")?,
    })
}

fn named(row: &Row<'_>, uuid: &str, login: &str) -> rusqlite::Result<Option<Named>> {
    let Some(uuid) = row.get::<_, Option<[u8; 16]>>(uuid)? else {
        return Ok(None);
    };
    Ok(Some(Named {
        uuid: PublicId::from_bytes(uuid),
        login: row.get(login)?,
    }))
}
