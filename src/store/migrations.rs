//! Migrating the file to the [schema](super::schema) that this program knows.
//!
//! All migrations that a file lacks run in one transaction, and the copy from before is made inside it:
//! the file has the old schema or the new one, whenever the process ends, and no process writes in
//! between. Foreign keys are off meanwhile, because SQLite changes a table that others refer to only by
//! recreating it; all references are checked before the commit.

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Instant;

use refinery::error::Kind;
use refinery::{Migration, Runner};
use refinery_core::traits::sync::{Migrate, Query, Transaction};
use rusqlite::{Connection, TransactionBehavior};

use super::backup;
use super::error::StoreError;
use super::paths::{file_error, folder_of, remove_if_there, sync_folder};
use super::schema::{Found, applied, examine, newest, newest_of};

/// The maximum number of copies from before a migration that may be beside one database.
const MAX_COPIES: u32 = 99;

/// The number of bytes compared at a time.
const CHUNK: usize = 256 * 1024;

/// Migrates the file to the newest schema of the known ones, after making a checked copy if it holds
/// data. Returns the path of that copy.
///
/// # Errors
/// [`StoreError::TooNew`]; [`StoreError::Migration`], or the reason why there is no copy: then the file
/// is unchanged.
pub(super) fn migrate(
    conn: &mut Connection,
    path: &Path,
    known: &[Migration],
) -> Result<Option<PathBuf>, StoreError> {
    // Inside a transaction SQLite ignores this setting.
    conn.pragma_update(None, "foreign_keys", "OFF")?;
    let migrated = migrate_at_once(conn, path, known);
    conn.pragma_update(None, "foreign_keys", "ON")?;
    migrated
}

fn migrate_at_once(
    conn: &mut Connection,
    path: &Path,
    known: &[Migration],
) -> Result<Option<PathBuf>, StoreError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let newest = newest_of(known);
    let copy = match examine(&tx, path)? {
        Found::Version(found) if found > newest => {
            let known = newest;
            return Err(StoreError::TooNew { found, known });
        }
        Found::Version(found) if found == newest => return Ok(None),
        Found::Version(found) => {
            ::log::warn!(
                "the schema of {} changes from {found} to {newest}; a copy is made first, and nobody is \
                 served until this is done",
                path.display()
            );
            let begun = Instant::now();
            let copy = copy_before(path, found)?;
            ::log::info!(
                "the copy from before is {}; it took {:.1} s",
                copy.display(),
                begun.elapsed().as_secs_f64()
            );
            Some(copy)
        }
        Found::Empty => None,
    };
    let begun = Instant::now();
    Runner::new(known)
        .set_grouped(true)
        .run(&mut Inside(&tx))
        .map_err(|err| failure(&err))?;
    require_references(&tx)?;
    tx.commit()?;
    if copy.is_some() {
        ::log::info!(
            "the schema is {newest}; the change took {:.1} s. `morelia db rollback` undoes it",
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(copy)
}

/// Returns the copy from before the last migration that this program can use: the last one of those with
/// the newest schema.
///
/// # Errors
/// The folder cannot be read.
pub fn copy_to_go_back_to(path: &Path) -> Result<Option<PathBuf>, StoreError> {
    let folder = folder_of(path);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let prefix = format!("{stem}.schema-");
    let entries = std::fs::read_dir(folder).map_err(|source| file_error(folder, source))?;
    let mut best = None;
    for entry in entries {
        let entry = entry.map_err(|source| file_error(folder, source))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let numbers = name
            .strip_prefix(&prefix)
            .and_then(|rest| rest.strip_suffix(".db"));
        let Some(numbers) = numbers else { continue };
        let (schema, number) = numbers.split_once('-').unwrap_or((numbers, "1"));
        let (Ok(schema), Ok(number)) = (schema.parse::<i32>(), number.parse::<u32>()) else {
            continue;
        };
        let found = (schema, number);
        if schema <= newest() && best.as_ref().is_none_or(|(known, _)| *known < found) {
            best = Some((found, entry.path()));
        }
    }
    Ok(best.map(|(_, path)| path))
}

/// Fails if a row refers to a missing one.
fn require_references(conn: &Connection) -> Result<(), StoreError> {
    let mut statement = conn.prepare(
        "SELECT \"table\" AS name, parent, COUNT(*) AS count FROM pragma_foreign_key_check
         GROUP BY name, parent ORDER BY count DESC, name LIMIT 1",
    )?;
    let mut rows = statement.query([])?;
    let Some(row) = rows.next()? else {
        return Ok(());
    };
    let (table, parent): (String, String) = (row.get("name")?, row.get("parent")?);
    let count: i64 = row.get("count")?;
    Err(StoreError::Migration(format!(
        "rows of table {table} would refer to missing rows of table {parent}: {count}; nothing was \
         changed"
    )))
}

/// Converts an error of the migrations: a full disk is reported as such.
fn failure(err: &refinery::Error) -> StoreError {
    match err.kind() {
        Kind::Connection(_, cause) => match cause.downcast_ref::<StoreError>() {
            Some(StoreError::Engine(err)) => StoreError::Migration(err.to_string()),
            Some(err) => err.repeat(),
            None => StoreError::Migration(cause.to_string()),
        },
        other => StoreError::Migration(other.to_string()),
    }
}

/// The connection on which refinery runs its migrations: a transaction that the caller begins and commits.
struct Inside<'a>(&'a Connection);

impl Transaction for Inside<'_> {
    type Error = StoreError;

    fn execute<'a, T: Iterator<Item = &'a str>>(&mut self, all: T) -> Result<usize, StoreError> {
        let mut count = 0;
        for sql in all {
            self.0.execute_batch(sql)?;
            count += 1;
        }
        Ok(count)
    }
}

impl Query<Vec<Migration>> for Inside<'_> {
    /// Returns the applied migrations, the only thing that refinery queries.
    fn query(&mut self, _: &str) -> Result<Vec<Migration>, StoreError> {
        applied(self.0)
    }
}

impl Migrate for Inside<'_> {}

/// Copies the file to a path beside it. An earlier copy is never overwritten: it may be of another state,
/// if the older program went on after a failed migration. If an earlier copy is of the same state, it is
/// kept instead, so that a server that is restarted repeatedly does not fill the disk.
fn copy_before(path: &Path, version: i32) -> Result<PathBuf, StoreError> {
    let named = |number: u32| match number {
        1 => path.with_extension(format!("schema-{version}.db")),
        _ => path.with_extension(format!("schema-{version}-{number}.db")),
    };
    let taken = (1..=MAX_COPIES).take_while(|number| named(*number).exists());
    let earlier = taken.last().unwrap_or(0);
    let copy = named(earlier + 1);
    backup::copy(path, &copy)?;
    if earlier == 0 || !are_same(&named(earlier), &copy)? {
        return Ok(copy);
    }
    remove_if_there(&copy)?;
    sync_folder(&copy)?;
    Ok(named(earlier))
}

/// Returns whether two files have the same content.
fn are_same(one: &Path, other: &Path) -> Result<bool, StoreError> {
    let open = |path: &Path| {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        opened.map_err(|source| file_error(path, source))
    };
    let ((size, mut first), (other_size, mut second)) = (open(one)?, open(other)?);
    if size != other_size {
        return Ok(false);
    }
    let (mut left, mut right) = (Vec::new(), Vec::new());
    loop {
        let length = next(&mut first, &mut left).map_err(|source| file_error(one, source))?;
        next(&mut second, &mut right).map_err(|source| file_error(other, source))?;
        if left != right {
            return Ok(false);
        }
        if length == 0 {
            return Ok(true);
        }
    }
}

/// Replaces the content of the buffer by the next bytes of a file.
fn next(file: &mut File, buffer: &mut Vec<u8>) -> io::Result<usize> {
    buffer.clear();
    file.take(CHUNK as u64).read_to_end(buffer)
}
