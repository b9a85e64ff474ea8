//! Checks the backups: whether there are any, how old the last one is, and whether it is on another disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::Finding;
use super::database::Pages;
use super::repair::name;
use crate::app::backups::{self, State};
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::model::Timestamp;
use crate::service::BackupRecord;

const TOPIC: CheckTopic = CheckTopic::Backup;

/// Without a schedule, an older copy than this is too old to be useful.
const OLD: Duration = Duration::from_hours(30 * 24);

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let path = &config.database.path;
    if !pages.can_be_read() {
        return vec![Finding::warn(
            TOPIC,
            "the record of backups cannot be read because the database cannot",
            "`morelia backup list` shows the backups that can be restored",
        )];
    }
    let record = crate::admin::on_database(path, config, async |service| {
        Ok((
            service.backup_record().await?,
            service.lost_backup_disk().await?,
        ))
    });
    match record {
        Ok((record, lost)) => {
            let mut found = judge(&record, config);
            found.extend(lost.map(|folder| not_mounted(&folder)));
            found.extend(folder(config));
            found.extend(newest(config));
            found
        }
        Err(err) => vec![Finding::fail(
            TOPIC,
            err.to_string(),
            "try again, or run `morelia backup list`",
        )],
    }
}

fn judge(record: &BackupRecord, config: &Config) -> Vec<Finding> {
    let mut found = vec![match backups::judge(record, config.backup.interval) {
        State::Bad(why) => Finding::fail(
            TOPIC,
            format!("backup {why}"),
            "fix the cause and run `morelia backup`",
        ),
        State::None => Finding::warn(
            TOPIC,
            "there is no backup",
            "run `morelia backup`, and set interval = 24h in section [backup]",
        ),
        State::Fine(how) if is_old(record, config) => Finding::warn(
            TOPIC,
            how,
            "run `morelia backup`, and set interval = 24h in section [backup]",
        ),
        State::Fine(how) => Finding::ok(TOPIC, how),
    }];
    let Some(copy) = record.path.as_deref().map(Path::new) else {
        return found;
    };
    if !copy.exists() {
        found.push(Finding::warn(
            TOPIC,
            format!("the last backup is no longer at {}", copy.display()),
            "find out where it is, or run `morelia backup`",
        ));
    } else if device(copy).is_some() && device(copy) == device(&config.database.path) {
        found.push(Finding::warn(
            TOPIC,
            "the last backup is on the same disk as the database and would be lost with it",
            "set dir in section [backup] to a folder on another disk",
        ));
    }
    found
}

fn not_mounted(folder: &str) -> Finding {
    Finding::fail(
        TOPIC,
        format!("the backups were on another disk, which is not mounted at {folder}"),
        "mount it, and add it to /etc/fstab; until then no backup is written to the disk of the \
         database",
    )
}

/// Checks whether backups can be written to the configured folder.
fn folder(config: &Config) -> Option<Finding> {
    let folder = config.backup_dir();
    if config.backup.interval.is_zero() && config.backup.dir.is_none() {
        return None;
    }
    let shown = folder.display();
    if !folder.exists() {
        // The server creates the folder itself, but not its parents.
        let parent = folder.parent().filter(|parent| *parent != Path::new(""));
        if parent.is_none_or(Path::exists) {
            return None;
        }
        return Some(Finding::fail(
            TOPIC,
            format!("the folder for backups and its parent folder do not exist: {shown}"),
            "mount its disk, or set dir in section [backup] to another folder",
        ));
    }
    access(&folder, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let user = name(geteuid().as_raw());
    Some(Finding::fail(
        TOPIC,
        format!("{user} cannot write to the folder for backups, {shown}"),
        format!("give that user the folder: `sudo chown {user} {shown}`"),
    ))
}

/// Checks whether the newest copy is unchanged.
fn newest(config: &Config) -> Option<Finding> {
    let copies = backups::list(&config.backup_dir()).ok()?;
    let newest = copies.first()?;
    let shown = newest.path.display();
    let err = backups::compare(&newest.path).err()?;
    Some(Finding::fail(
        TOPIC,
        format!("the newest backup is damaged: {err}"),
        format!(
            "make a new one with `morelia backup`, and remove {shown}; `dmesg` shows errors of the \
             disk"
        ),
    ))
}

fn is_old(record: &BackupRecord, config: &Config) -> bool {
    config.backup.interval.is_zero()
        && record
            .made_at
            .is_some_and(|made_at| made_at.after(OLD) < Timestamp::now())
}

fn device(path: &Path) -> Option<u64> {
    std::fs::metadata(path).ok().map(|file| file.dev())
}
