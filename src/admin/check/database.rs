//! The database: is it there, ours, sound, current, private.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::admin::backup::size;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::{Store, StoreError, newest_schema, statistics, upkeep};

const TOPIC: CheckTopic = CheckTopic::Database;

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let database = &config.database.path;
    let mut found = vec![schema(database)];
    // A file that cannot even be opened says so twice.
    found.extend(damage(database).filter(|damage| damage.text != found[0].text));
    let (_, log) = statistics::sizes(database);
    if log > statistics::LONG_LOG_BYTES {
        found.push(Finding::warn(
            TOPIC,
            format!("the write-ahead log has grown to {}", size(log)),
            "some program keeps reading the file: end it, or restart the server",
        ));
    }
    let mode = std::fs::metadata(database).map_or(0, |file| file.permissions().mode());
    if mode & 0o077 != 0 {
        found.push(Finding::warn(
            TOPIC,
            "other users of this machine can read the database",
            format!("chmod 600 {}", database.display()),
        ));
    }
    found
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
            "install the newer Morelia again, or restore a backup from before",
        ),
        Ok(Some(version)) => Finding::warn(
            TOPIC,
            format!("{shown} has schema {version}, this program needs {known}"),
            "run `morelia db migrate`; the server does it when it starts",
        ),
        Ok(None) => Finding::fail(
            TOPIC,
            format!("{shown} is empty"),
            "run `morelia db create`",
        ),
        Err(StoreError::Missing(_)) => Finding::fail(
            TOPIC,
            format!("there is no database at {shown}"),
            "make it with `morelia init`",
        ),
        Err(err) => Finding::fail(TOPIC, err.to_string(), RESTORE),
    }
}

const RESTORE: &str =
    "stop the server and put a backup back: `morelia backup list`, `morelia restore FILE`";

/// What is wrong with the pages of the file; a line that says that nothing is.
fn damage(database: &Path) -> Option<Finding> {
    if !database.exists() {
        return None;
    }
    Some(match Store::quick_check(database) {
        Ok(found) => match found.first() {
            None => Finding::ok(TOPIC, "every page of it is sound"),
            Some(first) => Finding::fail(
                TOPIC,
                format!("it is damaged ({})", first.replace('\n', " ")),
                RESTORE,
            ),
        },
        Err(err) => Finding::fail(TOPIC, err.to_string(), RESTORE),
    })
}

/// Whether the database can be asked about other things.
pub(super) fn is_sound(database: &Path) -> bool {
    upkeep::schema(database).is_ok_and(|schema| schema == Some(newest_schema()))
        && Store::quick_check(database).is_ok_and(|found| found.is_empty())
}
