//! Saving the readable content of a damaged database into a new one.
//!
//! Pages are read as they are on the disk, row by row, skipping invalid data; then the references between
//! rows are repaired. What does not belong here: damage of indexes alone, which loses nothing (see
//! [`super::repair`]).

mod image;
mod pages;
mod places;
mod read;
mod settle;
mod shapes;

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::connection::{self, Durability};
use super::error::StoreError;
use super::paths::{file_error, remove_if_there, sync, sync_folder, with_suffix};
use super::{Store, backup, repair};

/// The result for one table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Rows that were saved.
    pub saved: u64,
    /// The places where rows could not be read; each may have been many rows.
    pub gaps: u64,
}

/// The result of salvaging.
#[derive(Debug, Default)]
pub struct Saved {
    /// The tables that contain something or lost something.
    pub tables: Vec<Table>,
    /// What was put in place of lost rows, or removed with them; one sentence each.
    pub settled: Vec<String>,
}

/// Saves every readable row into a new file, which is a database that a server works with. The damaged
/// file is not changed.
///
/// # Errors
/// `target` exists or cannot be written, or nothing in the file can be read.
pub fn salvage(database: &Path, target: &Path) -> Result<Saved, StoreError> {
    if !database.exists() {
        return Err(StoreError::Missing(database.to_owned()));
    }
    if target.exists() {
        let source = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(file_error(target, source));
    }
    let part = with_suffix(target, ".part");
    remove(&part)?;
    let saved = Store::prepare(&part).and_then(|_| fill(database, &part));
    match saved {
        Ok(saved) => {
            std::fs::rename(&part, target).map_err(|source| file_error(target, source))?;
            sync_folder(target)?;
            Ok(saved)
        }
        Err(err) => {
            remove(&part)?;
            Err(err)
        }
    }
}

/// Removes an unfinished file, with the files beside it.
fn remove(part: &Path) -> Result<(), StoreError> {
    for suffix in ["", "-wal", "-shm"] {
        remove_if_there(&with_suffix(part, suffix))?;
    }
    Ok(())
}

fn fill(database: &Path, part: &Path) -> Result<Saved, StoreError> {
    let image = image::Image::open(database)?;
    let target = connection::open_writer(part, Durability::Normal)?;
    // References are repaired and counted afterwards.
    target.pragma_update(None, "foreign_keys", "OFF")?;
    target.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    target.execute_batch("BEGIN IMMEDIATE")?;
    let mut tables = read::copy(&image, &target)?;
    // The new file has properties of its own.
    if tables
        .iter()
        .all(|it| it.saved == 0 || it.name == "properties")
    {
        return Err(StoreError::Damaged("nothing of it can be read".to_owned()));
    }
    tables.retain(|table| table.saved > 0 || table.gaps > 0);
    let saved = Saved {
        tables,
        settled: settle::settle(&target)?,
    };
    target.execute_batch("COMMIT")?;
    target.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    drop(target);
    repair::rebuild_search(part, |_| ())?;
    let target = Connection::open(part)?;
    target.pragma_update(None, "journal_mode", "DELETE")?;
    drop(target);
    sync(part)?;
    backup::examine(part)?;
    Ok(saved)
}

/// Quotes a name for a statement: names cannot be parameters, and these come from the schema.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
