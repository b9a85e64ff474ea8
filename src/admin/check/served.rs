//! What the running server has in use, beside what lies on the disk: its certificate and its database.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Finding;
use super::repair::Repair;
use crate::admin::status;
use crate::certificates::{der_of_pem, fingerprint};
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::model::Timestamp;
use crate::store::ServerLock;

/// Whether clients are shown the certificate that is configured, which the server can use or not.
pub(super) fn certificate(config: &Config, path: &Path, is_usable: bool) -> Option<Finding> {
    let health = status::ask(config)?.health.ok()?;
    let shown = health.get("certificate")?;
    let on_disk = fs::read_to_string(path).ok();
    let on_disk = on_disk.as_deref().and_then(der_of_pem);
    let on_disk = on_disk.map(|der| fingerprint(&der));
    let usable = on_disk.as_deref().filter(|_| is_usable);
    let finding = shown_certificate(shown, usable, path, Timestamp::now());
    let is_reload = finding.remedy.as_deref() == Some(RELOAD);
    let pid = ServerLock::pid(&config.database.path).filter(|_| is_reload);
    Some(match pid {
        Some(pid) => finding.with(Repair::Reload(pid)),
        None => finding,
    })
}

const RELOAD: &str = "make the server read it: `morelia reload`";

fn shown_certificate(shown: &Value, on_disk: Option<&str>, path: &Path, now: Timestamp) -> Finding {
    const TOPIC: CheckTopic = CheckTopic::Tls;
    let Some(served) = shown["sha256"].as_str() else {
        return Finding::fail(
            TOPIC,
            "the running server does not encrypt: section [tls] was changed after it started",
            "restart it: `sudo systemctl restart morelia`",
        );
    };
    if on_disk == Some(served) {
        return Finding::ok(TOPIC, "the running server uses this certificate");
    }
    let ends = Timestamp::from_seconds(shown["ends"].as_i64().unwrap_or_default());
    let text = format!(
        "the running server still uses another certificate than {}; that one ends at {} UTC",
        path.display(),
        ends.date_time()
    );
    let remedy = if on_disk.is_some() {
        RELOAD
    } else {
        "correct the files before the server restarts: it cannot start with them"
    };
    if ends < now {
        Finding::fail(TOPIC, text, remedy)
    } else {
        Finding::warn(TOPIC, text, remedy)
    }
}

/// A file that a process has open.
struct Open {
    /// Its number.
    number: String,
    /// Where it lies; a file that was removed has a note behind its path.
    path: PathBuf,
    found: Metadata,
}

/// Whether the server writes to the file that the configuration names, and not to one that was there
/// before.
pub(super) fn database(config: &Config) -> Option<Finding> {
    let database = &config.database.path;
    let pid = ServerLock::pid(database)?;
    let open = open_files(pid);
    let here = fs::metadata(database).ok();
    let is_here = |file: &Open| {
        let here = here.as_ref();
        here.is_some_and(|it| (it.dev(), it.ino()) == (file.found.dev(), file.found.ino()))
    };
    // Whose files cannot be seen is not judged.
    if open.is_empty() || open.iter().any(is_here) {
        return None;
    }
    let log = log_of(&open)?;
    let main = main_of(&open, log)?;
    let shown = database.display();
    let remedy = if is_removed(&main.path) {
        format!(
            "save what the server holds before it stops: `sudo kill -STOP {pid} && sudo cp /proc/{pid}/fd/{} \
             {shown}.saved && sudo cp /proc/{pid}/fd/{} {shown}.saved-wal`; then end it with `sudo kill -KILL {pid}`, \
             and start it with the file that you want at {shown}",
            main.number, log.number
        )
    } else {
        format!(
            "stop the server, and move the file that you want to {shown}; the server's own is {}",
            main.path.display()
        )
    };
    Some(Finding::fail(
        CheckTopic::Database,
        format!(
            "the running server does not use {shown}: the file was moved or replaced, and what people write goes to \
             the old one"
        ),
        remedy,
    ))
}

fn open_files(pid: i32) -> Vec<Open> {
    let folder = PathBuf::from(format!("/proc/{pid}/fd"));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let open = |entry: fs::DirEntry| {
        let found = fs::metadata(entry.path()).ok()?;
        found.is_file().then_some(Open {
            number: entry.file_name().to_string_lossy().into_owned(),
            path: fs::read_link(entry.path()).ok()?,
            found,
        })
    };
    entries.filter_map(open).collect()
}

fn is_removed(path: &Path) -> bool {
    path.to_string_lossy().ends_with(REMOVED)
}

/// What the kernel writes behind the path of a file that is there no more.
const REMOVED: &str = " (deleted)";

/// The path of a file, without what the kernel writes behind it.
fn bare(path: &Path) -> String {
    let path = path.to_string_lossy();
    path.strip_suffix(REMOVED).unwrap_or(&path).to_owned()
}

fn log_of(open: &[Open]) -> Option<&Open> {
    open.iter().find(|file| bare(&file.path).ends_with("-wal"))
}

/// The database that a write-ahead log belongs to; it may have been moved without its log.
fn main_of<'a>(open: &'a [Open], log: &Open) -> Option<&'a Open> {
    let name = bare(&log.path);
    let name = name.strip_suffix("-wal")?;
    let beside = open.iter().find(|file| bare(&file.path) == name);
    beside.or_else(|| open.iter().find(|file| is_database(file)))
}

/// Whether a file begins as databases do.
fn is_database(file: &Open) -> bool {
    let mut head = [0; 16];
    fs::File::open(&file.path)
        .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head))
        .is_ok()
        && head == *b"SQLite format 3\0"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Level;
    use super::*;

    #[test]
    fn the_certificate_in_use_is_told_from_the_one_on_the_disk() {
        let path = Path::new("/etc/chat.pem");
        let now = Timestamp::from_seconds(1000);
        let of = |shown: &Value, on_disk: Option<&str>| {
            let found = shown_certificate(shown, on_disk, path, now);
            (found.level, found.remedy.unwrap_or_default())
        };
        let served = json!({"sha256": "AB", "ends": 2000});
        assert_eq!(of(&served, Some("AB")).0, Level::Ok);
        let (level, remedy) = of(&served, Some("CD"));
        assert!(
            level == Level::Warn && remedy.contains("reload"),
            "{remedy}"
        );
        let (level, remedy) = of(&served, None);
        assert!(
            level == Level::Warn && remedy.contains("restarts"),
            "{remedy}"
        );
        let ended = json!({"sha256": "AB", "ends": 999});
        assert_eq!(of(&ended, Some("CD")).0, Level::Fail);
        let (level, remedy) = of(&Value::Null, Some("AB"));
        assert!(
            level == Level::Fail && remedy.contains("restart"),
            "{remedy}"
        );
    }
}
