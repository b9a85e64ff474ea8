//! What the program does for administrators who use a client.

use std::path::PathBuf;

use super::space::free_bytes;
use super::{AppError, backups};
use crate::config::{Config, Sources};
use crate::server::Statistics;
use crate::service::{BackupCopy, CheckRow, Machine, ProgramState, WriteArchive};

/// Checks the setup that results from the configuration.
pub type Examine = fn(&Sources) -> Vec<CheckRow>;

pub(super) fn of(
    config: &Config,
    file: Option<PathBuf>,
    sources: &Sources,
    (examine, archive): (Examine, WriteArchive),
    statistics: Statistics,
) -> Machine {
    let (folder, keep) = (config.backup_dir(), config.backup.keep);
    let interval = config.backup.interval;
    let encrypt_to = config.backup.encrypt_to.clone();
    let database = config.database.path.clone();
    let (sources, listed, beside) = (sources.clone(), folder.clone(), database.clone());
    Machine {
        check: Box::new(move || examine(&sources)),
        backups: Box::new(move || {
            let found = backups::list(&listed).map_err(|err| err.to_string())?;
            Ok(found.iter().map(copy).collect())
        }),
        make_backup: Box::new(move || {
            let made = backups::seal::Seal::to(&encrypt_to).and_then(|seal| {
                let origin = backups::Origin {
                    database: &database,
                    configuration: file.as_deref(),
                    keys: None,
                    seal: seal.as_ref(),
                };
                backups::make_in_folder(&origin, &folder, keep)
            });
            made.and_then(|made| found(&folder, &made.path))
                .map_err(|err| err.to_string())
        }),
        archive,
        state: Box::new(move || ProgramState {
            version: env!("CARGO_PKG_VERSION"),
            connections: statistics.connections(),
            free_bytes: free_bytes(&beside),
            backup_interval: interval,
        }),
    }
}

fn copy(listed: &backups::Listed) -> BackupCopy {
    let name = listed.path.file_name().unwrap_or_default();
    BackupCopy {
        name: name.to_string_lossy().into_owned(),
        path: backups::absolute(&listed.path),
        made_at: listed.made_at,
        size_bytes: listed.size_bytes,
        has_configuration: listed.has_configuration,
    }
}

/// Returns a new copy, as it is listed.
fn found(folder: &std::path::Path, path: &std::path::Path) -> Result<BackupCopy, AppError> {
    let listed = backups::list(folder)?;
    let found = listed.iter().find(|listed| listed.path == path);
    found
        .map(copy)
        .ok_or_else(|| AppError::Failed(format!("{} is gone again", path.display())))
}
