//! Which schema a file has, and which ones this program knows.

use std::path::Path;

use refinery::Migration;
use rusqlite::Connection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::connection::APPLICATION_ID;
use super::error::StoreError;

/// Migrations in `sql/`, embedded.
mod embedded {
    refinery::embed_migrations!("sql");
}

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Empty,
    /// A Morelia database of this version.
    Version(i32),
}

/// The migrations that this program knows, in no order.
pub(super) fn known() -> Vec<Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

/// The newest schema that this program knows.
#[must_use]
pub fn newest() -> i32 {
    newest_of(&known())
}

/// The newest schema of those that are known.
pub(super) fn newest_of(known: &[Migration]) -> i32 {
    known.iter().map(Migration::version).max().unwrap_or(0)
}

/// Looks what a file is.
///
/// # Errors
/// It belongs to another program or to a build from before the first release, or is damaged.
pub(super) fn examine(conn: &Connection, path: &Path) -> Result<Found, StoreError> {
    let tables: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let (known, applied) = (known(), applied(conn)?);
    // A released migration is never edited: a build that had another one was not released.
    let is_ours = |applied: &Migration| {
        let mut same = known.iter().filter(|it| it.version() == applied.version());
        same.all(|known| known == applied)
    };
    if !applied.iter().all(is_ours) {
        return Err(StoreError::Development(path.to_owned()));
    }
    let version = applied.iter().map(Migration::version).max();
    Ok(version.map_or(Found::Empty, Found::Version))
}

/// The migrations that a file has had.
///
/// # Errors
/// The file cannot be read, or says nothing of them that can be understood.
pub(super) fn applied(conn: &Connection) -> Result<Vec<Migration>, StoreError> {
    let mut statement = conn.prepare(
        "SELECT version, name, applied_on, checksum FROM refinery_schema_history ORDER BY version",
    )?;
    let mut rows = statement.query([])?;
    let mut applied = Vec::new();
    while let Some(row) = rows.next()? {
        let (at, sum): (String, String) = (row.get("applied_on")?, row.get("checksum")?);
        let unreadable = || StoreError::Damaged("its history of migrations is unreadable".into());
        applied.push(Migration::applied(
            row.get("version")?,
            row.get("name")?,
            OffsetDateTime::parse(&at, &Rfc3339).map_err(|_| unreadable())?,
            sum.parse().map_err(|_| unreadable())?,
        ));
    }
    Ok(applied)
}

/// Refuses a file that this program does not read.
///
/// # Errors
/// [`StoreError::TooNew`], [`StoreError::TooOld`] or [`StoreError::Missing`] for an empty one.
pub(super) fn require_current(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let known = newest();
    match examine(conn, path)? {
        Found::Version(found) if found == known => Ok(()),
        Found::Version(found) if found > known => Err(StoreError::TooNew { found, known }),
        Found::Version(found) => Err(StoreError::TooOld { found, known }),
        Found::Empty => Err(StoreError::Missing(path.to_owned())),
    }
}
