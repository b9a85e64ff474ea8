//! The schema version of a file, and the versions that this program knows.

use std::path::Path;

use refinery::Migration;
use rusqlite::Connection;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::connection::APPLICATION_ID;
use super::error::StoreError;

/// The migrations in `sql/`, embedded in the program.
mod embedded {
    refinery::embed_migrations!("sql");
}

/// What a file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing yet.
    Empty,
    /// A Morelia database with this schema version.
    Version(i32),
}

/// Returns the migrations that this program knows, in no particular order.
pub(super) fn known() -> Vec<Migration> {
    embedded::migrations::runner().get_migrations().clone()
}

/// Returns the newest schema version that this program knows.
#[must_use]
pub fn newest() -> i32 {
    newest_of(&known())
}

/// Returns the newest schema version among these migrations.
pub(super) fn newest_of(known: &[Migration]) -> i32 {
    known.iter().map(Migration::version).max().unwrap_or(0)
}

/// Determines what a file contains.
///
/// # Errors
/// The file belongs to another program or to a build from before the first release, or is damaged.
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
    // A released migration is never edited: a build with a different one was never released.
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

/// Returns the migrations that have been applied to a file.
///
/// # Errors
/// The file cannot be read, or its history of migrations is unreadable.
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

/// Refuses a file that this program cannot read.
///
/// # Errors
/// [`StoreError::TooNew`], [`StoreError::TooOld`], or [`StoreError::Missing`] for an empty file.
pub(super) fn require_current(conn: &Connection, path: &Path) -> Result<(), StoreError> {
    let known = newest();
    match examine(conn, path)? {
        Found::Version(found) if found == known => Ok(()),
        Found::Version(found) if found > known => Err(StoreError::TooNew { found, known }),
        Found::Version(found) => Err(StoreError::TooOld { found, known }),
        Found::Empty => Err(StoreError::Missing(path.to_owned())),
    }
}
