//! The database: is it there, ours, sound, current, private.

use std::cell::OnceCell;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Finding;
use crate::admin::backup::size;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::{Store, StoreError, newest_schema, statistics, upkeep};

const TOPIC: CheckTopic = CheckTopic::Database;

pub(super) fn examine(config: &Config, pages: &Pages<'_>) -> Vec<Finding> {
    let database = &config.database.path;
    let mut found = vec![schema(database)];
    // A file that cannot even be opened says so twice.
    found.extend(damage(pages).filter(|damage| damage.text != found[0].text));
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
        Err(err @ StoreError::Development(_)) => Finding::fail(
            TOPIC,
            err.to_string(),
            "export what is in it with that build, move it away and make a new one with `morelia init`",
        ),
        Err(err) => Finding::fail(TOPIC, err.to_string(), RESTORE),
    }
}

const RESTORE: &str =
    "stop the server and put a backup back: `morelia backup list`, `morelia restore FILE`";

/// What is wrong with the pages of the file; a line that says that nothing is.
fn damage(pages: &Pages<'_>) -> Option<Finding> {
    if !pages.database.exists() {
        return None;
    }
    Some(match pages.found() {
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

/// The pages of a database, examined once, by whoever asks first: that reads the whole file.
pub(super) struct Pages<'a> {
    database: &'a Path,
    found: OnceCell<Result<Vec<String>, StoreError>>,
}

impl<'a> Pages<'a> {
    pub(super) fn new(database: &'a Path) -> Self {
        let found = OnceCell::new();
        Self { database, found }
    }

    fn found(&self) -> &Result<Vec<String>, StoreError> {
        self.found.get_or_init(|| Store::quick_check(self.database))
    }

    /// Whether the database can be asked about other things.
    pub(super) fn can_be_read(&self) -> bool {
        upkeep::schema(self.database).is_ok_and(|schema| schema == Some(newest_schema()))
            && self.found().as_ref().is_ok_and(Vec::is_empty)
    }
}
