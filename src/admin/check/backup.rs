//! The backups: are there any, how old is the last, does it lie on another disk.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use super::Finding;
use super::database::Pages;
use crate::app::backups::{self, State};
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::model::Timestamp;
use crate::service::BackupRecord;

const TOPIC: CheckTopic = CheckTopic::Backup;

/// Without a schedule, a copy older than this is too old to be of use.
const OLD: Duration = Duration::from_hours(30 * 24);

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let path = &config.database.path;
    if !pages.can_be_read() {
        return vec![Finding::warn(
            TOPIC,
            "what was noted of backups cannot be read, since the database cannot",
            "see `morelia backup list` for what there is to restore",
        )];
    }
    let record = crate::admin::on_database(path, config, async |service| {
        Ok(service.backup_record().await?)
    });
    match record {
        Ok(record) => judge(&record, config),
        Err(err) => vec![Finding::fail(
            TOPIC,
            err.to_string(),
            "try again, or look with `morelia backup list`",
        )],
    }
}

fn judge(record: &BackupRecord, config: &Config) -> Vec<Finding> {
    let mut found = vec![match backups::judge(record, config.backup.interval) {
        State::Bad(why) => Finding::fail(
            TOPIC,
            format!("backup {why}"),
            "mend what it names and run `morelia backup`",
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
            "look where it is, or run `morelia backup`",
        ));
    } else if device(copy).is_some() && device(copy) == device(&config.database.path) {
        found.push(Finding::warn(
            TOPIC,
            "the last backup lies on the same disk as the database, and is lost with it",
            "set dir in section [backup] to a folder on another disk",
        ));
    }
    found
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
