//! Counts and sizes of everything in the database.

use std::path::Path;

use super::error::StoreError;
use super::paths::with_suffix;
use super::tx::View;
use crate::model::Timestamp;

/// Counts and sizes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Accounts that are not deleted.
    pub users: i64,
    /// Of these, administrators.
    pub admins: i64,
    /// Sessions that have not expired.
    pub sessions: i64,
    /// Chats.
    pub chats: i64,
    /// Channels.
    pub channels: i64,
    /// Groups.
    pub groups: i64,
    /// Messages.
    pub messages: i64,
    /// When the oldest message was sent.
    pub oldest_message: Option<Timestamp>,
    /// When the newest message was sent.
    pub newest_message: Option<Timestamp>,
    /// Files, each counted once; thumbnails are not.
    pub files: i64,
    /// Bytes of these files and of the thumbnails.
    pub files_bytes: i64,
    /// Of these, files in the folder.
    pub large_files: i64,
    /// Bytes of those.
    pub large_files_bytes: i64,
    /// Uploads, complete or not.
    pub uploads: i64,
    /// Changes in the log.
    pub changes: i64,
    /// Unused bytes in the database.
    pub free_bytes: i64,
}

/// How many files there are but those that are only thumbnails of others, or of pages.
macro_rules! count_files {
    () => {
        "(SELECT COUNT(*) FROM files) - (SELECT COUNT(*) FROM
          (SELECT thumb_file_id AS file_id FROM attachments WHERE thumb_file_id IS NOT NULL
           UNION SELECT file_id FROM preview_thumbnails) t
          WHERE NOT EXISTS (SELECT 1 FROM attachments a WHERE a.file_id = t.file_id))"
    };
}

/// The counts and sizes of files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OfFiles {
    /// Files, each counted once; thumbnails are not.
    pub files: i64,
    /// Bytes of these and of the thumbnails.
    pub bytes: i64,
    /// Uploads, complete or not.
    pub uploads: i64,
}

/// Counts files.
///
/// # Errors
/// The file cannot be read.
pub fn of_files(view: &View<'_>) -> Result<OfFiles, StoreError> {
    let mut statement = view.prepare(concat!(
        "SELECT ",
        count_files!(),
        ", coalesce(SUM(size), 0), (SELECT COUNT(*) FROM uploads) FROM files"
    ))?;
    Ok(statement.query_row([], |row| {
        Ok(OfFiles {
            files: row.get(0)?,
            bytes: row.get(1)?,
            uploads: row.get(2)?,
        })
    })?)
}

/// Counts everything.
///
/// # Errors
/// The file cannot be read.
pub fn collect(view: &View<'_>) -> Result<Statistics, StoreError> {
    let count = |sql: &str| -> Result<i64, StoreError> {
        Ok(view
            .prepare(sql)?
            .query_row([], |row| row.get::<_, Option<i64>>(0))?
            .unwrap_or(0))
    };
    let time = |sql: &str| -> Result<Option<Timestamp>, StoreError> {
        let mut statement = view.prepare(sql)?;
        let mut rows = statement.query([])?;
        Ok(match rows.next()? {
            Some(row) => Some(Timestamp(row.get(0)?)),
            None => None,
        })
    };
    Ok(Statistics {
        users: count("SELECT COUNT(*) FROM users WHERE deleted_at IS NULL")?,
        admins: count("SELECT COUNT(*) FROM users WHERE deleted_at IS NULL AND is_admin")?,
        sessions: count(
            "SELECT COUNT(*) FROM sessions WHERE expires_at > unixepoch('subsec') * 1000",
        )?,
        chats: count("SELECT COUNT(*) FROM flows WHERE kind = 'chat' AND removed_at IS NULL")?,
        channels: count(
            "SELECT COUNT(*) FROM flows WHERE kind = 'channel' AND removed_at IS NULL",
        )?,
        groups: count("SELECT COUNT(*) FROM flows WHERE kind = 'group' AND removed_at IS NULL")?,
        messages: super::messages::count(view)?,
        oldest_message: time("SELECT sent_at FROM messages ORDER BY id LIMIT 1")?,
        newest_message: time("SELECT sent_at FROM messages ORDER BY id DESC LIMIT 1")?,
        files: count(concat!("SELECT ", count_files!()))?,
        files_bytes: count("SELECT SUM(size) FROM files")?,
        large_files: count("SELECT COUNT(*) FROM files WHERE place = 1")?,
        large_files_bytes: count("SELECT SUM(size) FROM files WHERE place = 1")?,
        uploads: count("SELECT COUNT(*) FROM uploads")?,
        changes: count("SELECT COUNT(*) FROM changes")?,
        free_bytes: count(
            "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size",
        )?,
    })
}

/// A write-ahead log is truncated to 16 MiB; a much longer one is in use by a long read.
pub const LONG_LOG_BYTES: u64 = 64 << 20;

/// Returns the sizes in bytes of a database file and of its write-ahead log.
#[must_use]
pub fn sizes(database: &Path) -> (u64, u64) {
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    (size(database), size(&with_suffix(database, "-wal")))
}
