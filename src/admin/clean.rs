//! `clean`: removes configuration and database.

use std::io;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::confirm::confirm;
use super::error::CliError;
use super::print::{Output, count};
use super::{document, text};
use crate::cli::Confirmation;
use crate::config::Loaded;
use crate::exit::Exit;
use crate::store::folder::Folder;
use crate::store::{ServerLock, StoreError, files_of};

/// Runs the command. Backups stay.
///
/// # Errors
/// A server is running, there is nothing to remove, the operator does not confirm, or a file cannot
/// be removed.
pub fn run(confirmation: Confirmation, loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let database = &loaded.config.database.path;
    if ServerLock::is_held(database) {
        return Err(StoreError::InUse(database.clone()).into());
    }
    let mut files: Vec<PathBuf> = loaded.file.iter().cloned().collect();
    files.extend(files_of(database));
    files.retain(|path| path.exists());
    let folder = Folder::of(database);
    if folder.exists() {
        files.push(folder.path().to_owned());
    }
    if files.is_empty() {
        return Err(CliError::NotFound(
            "there is neither a configuration nor a database here".to_owned(),
        ));
    }
    let listed: Vec<String> = files
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if !output.is_json() {
        let lines: Vec<String> = listed
            .iter()
            .map(|path| format!("remove  {path}"))
            .collect();
        text(&lines.join("\n"))?;
    }
    confirm(
        confirmation,
        "these files will be deleted, but not the backups",
    )?;
    for path in &files {
        remove(path)?;
    }
    if output.is_json() {
        return document(output, &json!({"removed": listed}));
    }
    text(&format!("removed  {}", count(files.len(), "file")))
}

fn remove(path: &Path) -> Result<(), CliError> {
    let removed = if path.is_dir() && !path.is_symlink() {
        std::fs::remove_dir_all(path)
    } else if path.is_symlink() && path.is_dir() {
        // Removes a folder elsewhere, and the link to it.
        std::fs::canonicalize(path)
            .and_then(std::fs::remove_dir_all)
            .and_then(|()| std::fs::remove_file(path))
    } else {
        std::fs::remove_file(path)
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(CliError::File {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}
