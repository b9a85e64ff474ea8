//! Bringing the file to the schema that this program knows.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, backup::Backup};

use super::connection::APPLICATION_ID;
use super::error::StoreError;

/// Migrations in `sql/`, embedded.
mod embedded {
    refinery::embed_migrations!("sql");
}

/// Pages copied at a time before a migration.
const PAGES_PER_STEP: i32 = 1024;

/// What a file was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing in it yet.
    Empty,
    /// A Morelia database of this version.
    Version(i32),
}

/// The newest schema that this program knows.
#[must_use]
pub fn newest() -> i32 {
    let runner = embedded::migrations::runner();
    let versions = runner
        .get_migrations()
        .iter()
        .map(refinery::Migration::version);
    versions.max().unwrap_or(0)
}

/// Looks what a file is.
///
/// # Errors
/// It belongs to another program, or is damaged.
pub(super) fn examine(conn: &Connection, path: &Path) -> Result<Found, StoreError> {
    let tables: i64 = conn.query_row("SELECT COUNT(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(Found::Empty);
    }
    let application: i32 = conn.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application != APPLICATION_ID {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let version = conn
        .query_row(
            "SELECT MAX(version) FROM refinery_schema_history",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(version.map_or(Found::Empty, Found::Version))
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

/// Brings the file to the newest schema, after a checked copy when it already holds data.
/// Returns where that copy is.
///
/// # Errors
/// [`StoreError::TooNew`]; [`StoreError::Migration`], and then the file is as it was.
pub(super) fn migrate(conn: &mut Connection, path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let known = newest();
    let copy = match examine(conn, path)? {
        Found::Version(found) if found > known => return Err(StoreError::TooNew { found, known }),
        Found::Version(found) if found == known => return Ok(None),
        Found::Version(found) => Some(copy_before(conn, path, found)?),
        Found::Empty => None,
    };
    embedded::migrations::runner()
        .set_grouped(true)
        .run(conn)
        .map_err(|err| StoreError::Migration(err.to_string()))?;
    Ok(copy)
}

/// Copies the file beside itself and checks the copy.
fn copy_before(conn: &Connection, path: &Path, version: i32) -> Result<PathBuf, StoreError> {
    let copy = path.with_extension(format!("schema-{version}.db"));
    let mut target = Connection::open(&copy)?;
    Backup::new(conn, &mut target)?.run_to_completion(
        PAGES_PER_STEP,
        std::time::Duration::ZERO,
        None,
    )?;
    let verdict: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        Ok(copy)
    } else {
        Err(StoreError::Damaged(verdict))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_in_sql_is_embedded() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sql"))
            .unwrap()
            .count();
        assert_eq!(embedded::migrations::runner().get_migrations().len(), files);
    }

    #[test]
    fn schema_newer_than_the_program_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn, Path::new("x.db")).unwrap();
        conn.execute("UPDATE refinery_schema_history SET version = 900", [])
            .unwrap();
        let err = migrate(&mut conn, Path::new("x.db")).unwrap_err();
        assert!(
            matches!(err, StoreError::TooNew { found: 900, .. }),
            "{err}"
        );
    }

    #[test]
    fn another_programs_file_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        conn.execute("CREATE TABLE notes (text TEXT)", []).unwrap();
        let err = migrate(&mut conn, Path::new("x.db")).unwrap_err();
        assert!(matches!(err, StoreError::Foreign(_)), "{err}");
    }
}
