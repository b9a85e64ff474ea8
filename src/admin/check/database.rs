//! Checks the database: whether it exists, is this program's, undamaged, current and private.

use std::cell::OnceCell;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use super::repair::Repair;
use crate::admin::copies::size;
use crate::app::backups;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::folder::Folder;
use crate::store::{
    Damage, Store, StoreError, backup_files, files_of, newest_schema, require, statistics, upkeep,
};

const TOPIC: CheckTopic = CheckTopic::Database;

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let database = &config.database.path;
    let mut found = vec![gone(config).unwrap_or_else(|| schema(database))];
    // A file that cannot even be opened would report that twice.
    let damage = damage(pages).into_iter();
    found.extend(
        damage
            .filter(|it| it.text != found[0].text)
            .collect::<Vec<_>>(),
    );
    let (_, log) = statistics::sizes(database);
    if log > statistics::LONG_LOG_BYTES {
        found.push(Finding::warn(
            TOPIC,
            format!("the write-ahead log has grown to {}", size(log)),
            "another program keeps the file open: stop it, or restart the server",
        ));
    }
    if pages.can_be_read() {
        found.extend(files(database));
    }
    let mode = std::fs::metadata(database).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        let text = "other users of this machine can read the database";
        let remedy = format!("chmod 600 {}", database.display());
        let repair = Repair::Mode(database.to_owned(), 0o600);
        found.push(Finding::warn(TOPIC, text, remedy).with(repair));
    }
    found
}

/// Checks whether the large files exist to which the database refers.
fn files(database: &Path) -> Vec<Finding> {
    let folder = Folder::of(database);
    let shown = folder.path().display().to_string();
    let files = match backup_files::verify_live(database, false) {
        Ok(files) => files,
        Err(err) => return vec![Finding::fail(TOPIC, err.to_string(), RESTORE)],
    };
    let mut found = Vec::new();
    if let Some(first) = files.missing.first() {
        let text = if folder.exists() {
            format!(
                "of {} large files, {} are missing, the first of them {}",
                files.files,
                files.missing.len(),
                first.display()
            )
        } else {
            format!(
                "the folder {shown} with {} large files is missing: only the database was copied",
                files.files
            )
        };
        let remedy = "copy that folder too, or restore a backup: `morelia restore FILE`";
        found.push(Finding::fail(TOPIC, text, remedy));
    } else if files.files > 0 {
        let text = format!(
            "all {} large files exist, {}",
            files.files,
            size(files.bytes)
        );
        found.push(Finding::ok(TOPIC, text));
    }
    let mode = std::fs::metadata(folder.path()).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        let text = "other users of this machine can read people's files";
        let repair = Repair::Mode(folder.path().to_owned(), 0o700);
        found.push(Finding::warn(TOPIC, text, format!("chmod 700 {shown}")).with(repair));
    }
    found
}

/// Returns a finding about a database that has disappeared. A new one in its place would make recovery
/// harder.
fn gone(config: &Config) -> Option<Finding> {
    let database = &config.database.path;
    if database.exists() || !matches!(require(database), Err(StoreError::Missing(_))) {
        return None;
    }
    let shown = database.display();
    if let Ok(target) = std::fs::read_link(database) {
        return Some(Finding::fail(
            TOPIC,
            format!(
                "{shown} is a link to {}, which does not exist",
                target.display()
            ),
            "mount the disk that it is on; do not create a new database",
        ));
    }
    let log = files_of(database)
        .into_iter()
        .find(|path| path.to_string_lossy().ends_with("-wal") && has_content(path));
    if let Some(log) = log {
        return Some(Finding::fail(
            TOPIC,
            format!(
                "there is no database at {shown}, but its write-ahead log {} exists",
                log.display()
            ),
            "before anything else, find out where the database was moved to, and move it back; if \
             it is lost, move the log away and restore a backup: `morelia backup list`, `morelia \
             restore FILE`",
        ));
    }
    let copies = backups::list(&config.backup_dir()).unwrap_or_default();
    let newest = copies.first()?;
    Some(Finding::fail(
        TOPIC,
        format!("there is no database at {shown}, but there are backups of it"),
        format!(
            "find out where it was moved to, or restore the newest backup: `morelia restore {}`",
            newest.path.display()
        ),
    ))
}

fn has_content(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 0)
}

fn schema(database: &Path) -> Finding {
    let known = newest_schema();
    let shown = database.display();
    match upkeep::schema(database) {
        Ok(Some(version)) if version == known => {
            Finding::ok(TOPIC, format!("{shown} has schema {version}"))
        }
        Ok(Some(version)) if version > known => Finding::fail(
            TOPIC,
            format!("{shown} has schema {version}, this program knows {known}"),
            "install the newer Morelia again, or run `morelia db rollback`, which restores the copy \
             from before the upgrade",
        ),
        Ok(Some(version)) => Finding::warn(
            TOPIC,
            format!("{shown} has schema {version}, this program needs {known}"),
            "run `morelia db migrate`; the server also does it when it starts",
        ),
        Ok(None) => Finding::fail(TOPIC, format!("{shown} is empty"), EMPTY),
        Err(StoreError::Missing(_)) => Finding::fail(
            TOPIC,
            format!("there is no database at {shown}"),
            "create it with `morelia init`",
        ),
        Err(err @ StoreError::Development(_)) => Finding::fail(
            TOPIC,
            err.to_string(),
            "export its contents with that build, move it away and create a new one with `morelia \
             init`",
        ),
        Err(err) => Finding::fail(TOPIC, err.to_string(), remedy(&err, database)),
    }
}

/// Returns what helps against an error on opening. A backup replaces only what is damaged or missing:
/// everything written since it was made would be lost.
fn remedy(err: &StoreError, database: &Path) -> String {
    let shown = database.display();
    match err {
        // Another program's file, or one whose beginning is damaged: these cannot be distinguished.
        StoreError::Damaged(what) | StoreError::DamagedFile { what, .. } if what == NO_DATABASE => {
            format!("if database.path names the wrong file, correct it; otherwise {RESTORE}")
        }
        StoreError::Damaged(_) | StoreError::DamagedFile { .. } | StoreError::Emptied(_) => {
            RESTORE.to_owned()
        }
        StoreError::Foreign(_) => {
            "it is left as it is; set database.path to the database of this server".to_owned()
        }
        StoreError::File { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied => format!(
                "give the file and its folder to the user that the server runs as (chown), and run \
                 commands as root or that user; nothing in {shown} is lost"
            ),
            io::ErrorKind::IsADirectory => {
                "set database.path to a file, such as morelia.db inside that folder".to_owned()
            }
            io::ErrorKind::StorageFull => "free some space on the disk; nothing is lost".to_owned(),
            _ => format!("check the disk that {shown} is on; nothing was changed"),
        },
        StoreError::Unwritable(_) => {
            "free some space, or make the file and its folder writable; nothing is lost".to_owned()
        }
        StoreError::Busy => "try again in a moment".to_owned(),
        _ => format!(
            "copy {shown} and the files beside it to a safe place before you try anything else"
        ),
    }
}

/// SQLite's message for a file without its header.
const NO_DATABASE: &str = "file is not a database";

const EMPTY: &str = "if it was not empty before, restore a backup: `morelia backup list`, `morelia \
                     restore FILE`; for a new server run `morelia db create`";

const RESTORE: &str =
    "stop the server and restore a backup: `morelia backup list`, `morelia restore FILE`";

/// Checks the pages of the file; returns one line if nothing is wrong.
fn damage(pages: &Pages<'_>) -> Vec<Finding> {
    if !pages.database.exists() {
        return Vec::new();
    }
    let damage = match pages.found() {
        Ok(damage) => damage,
        Err(err) => {
            return vec![Finding::fail(
                TOPIC,
                err.to_string(),
                remedy(err, pages.database),
            )];
        }
    };
    if let Some(first) = damage.of_data().first() {
        let text = format!("the database is damaged ({first})");
        return vec![Finding::fail(TOPIC, text, RESTORE)];
    }
    let derived = damage.of_derived().into_iter();
    let mut found: Vec<Finding> = derived
        .map(|what| {
            let remedy = "no data is affected; restart the server, or run `morelia db repair`";
            Finding::warn(TOPIC, what, remedy)
        })
        .collect();
    if damage.lost_pages() > 0 {
        found.push(Finding::warn(
            TOPIC,
            format!("{} of its pages are unused", damage.lost_pages()),
            "`morelia db compact` returns them to the disk",
        ));
    }
    if found.is_empty() {
        found.push(Finding::ok(TOPIC, "no page is damaged"));
    }
    found
}

/// The pages of a database, checked once, on first use: that reads the whole file.
pub(super) struct Pages<'a> {
    database: &'a Path,
    is_served: bool,
    found: OnceCell<Result<Damage, StoreError>>,
}

impl<'a> Pages<'a> {
    /// `is_served`: no server runs, or this is the file that it uses.
    pub(super) fn new(database: &'a Path, is_served: bool) -> Self {
        Self {
            database,
            is_served,
            found: OnceCell::new(),
        }
    }

    fn found(&self) -> &Result<Damage, StoreError> {
        self.found.get_or_init(|| Store::damage(self.database))
    }

    /// Returns whether other checks can read the database.
    pub(super) fn can_be_read(&self) -> bool {
        self.is_served
            && upkeep::schema(self.database).is_ok_and(|schema| schema == Some(newest_schema()))
            && self
                .found()
                .as_ref()
                .is_ok_and(|damage| damage.of_data().is_empty())
    }
}
