//! Backups: what a copy consists of, where copies lie, and when the server makes one.
//!
//! A backup is three files side by side: `NAME.db`, the database; `NAME.ini`, the configuration it
//! was made under; `NAME.sha256`, the checksums of both as `sha256sum -c` reads them.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use crate::admin::error::CliError;
use crate::admin::print::date;
use crate::config::Config;
use crate::model::Timestamp;
use crate::service::{BackupRecord, Service};
use crate::store::backup::{self, Contents};

/// How often the clock is looked at, since it may jump.
const LOOK: Duration = Duration::from_secs(30);

/// How long after a failure the next attempt is made, at the latest.
const TRY_AGAIN: Duration = Duration::from_mins(15);

/// How often the administrators are told of the same trouble.
const TELL_AGAIN: Duration = Duration::from_hours(24);

/// A backup that has been made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The copy of the database.
    pub path: PathBuf,
    /// The copy of the configuration, if there is a file to copy.
    pub configuration: Option<PathBuf>,
    /// What the copy holds.
    pub contents: Contents,
    /// Older copies that were removed for it.
    pub removed: Vec<PathBuf>,
}

/// A copy in a folder.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The copy of the database.
    pub path: PathBuf,
    /// When it was made, in Unix seconds.
    pub made_at: u64,
    /// Bytes of it.
    pub size_bytes: u64,
    /// Whether the configuration lies beside it.
    pub has_configuration: bool,
}

/// The file beside a copy that holds the configuration.
#[must_use]
pub fn configuration_of(copy: &Path) -> PathBuf {
    copy.with_extension("ini")
}

/// The file beside a copy that holds the checksums.
#[must_use]
pub fn checksums_of(copy: &Path) -> PathBuf {
    copy.with_extension("sha256")
}

/// The present second in UTC, as it stands in the name of a file: `2026-11-22T174503Z`.
#[must_use]
pub fn stamp() -> String {
    let seconds = u64::try_from(Timestamp::now().seconds()).unwrap_or(0);
    let text = date(seconds).replace(':', "").replace(' ', "T");
    format!("{text}Z")
}

/// Where a new copy goes: a folder gets one more file, named by the time.
///
/// # Errors
/// The folder is not there and cannot be made.
pub fn place(to: &Path) -> Result<PathBuf, CliError> {
    let is_folder = to.is_dir()
        || to.as_os_str().as_encoded_bytes().ends_with(b"/")
        || !to.exists() && to.extension().is_none();
    if !is_folder {
        return Ok(to.to_owned());
    }
    if !to.exists() {
        // One level only: a disk that is not mounted must not be mistaken for the folder on it.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(to)
            .map_err(|source| file_error(to, source))?;
    }
    Ok(free_name(|stamp| to.join(format!("morelia-{stamp}.db"))))
}

/// The first path, made from the present second, that is not taken: two may fall into one second.
#[must_use]
pub fn free_name(named: impl Fn(&str) -> PathBuf) -> PathBuf {
    let stamp = stamp();
    let numbered = (2..100).map(|n| named(&format!("{stamp}-{n:02}")));
    std::iter::once(named(&stamp))
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or_else(|| named(&stamp))
}

/// Makes a backup and examines it. Blocks.
///
/// # Errors
/// The copy cannot be made or is damaged.
pub fn make(
    database: &Path,
    configuration: Option<&Path>,
    target: &Path,
) -> Result<Made, CliError> {
    let beside = [configuration_of(target), checksums_of(target)];
    if let Some(taken) = std::iter::once(target)
        .chain(beside.iter().map(PathBuf::as_path))
        .find(|path| path.exists())
    {
        return Err(CliError::AlreadyExists(format!(
            "{} is there already; name another file, or a folder",
            taken.display()
        )));
    }
    let contents = backup::copy(database, target)?;
    let mut sums = line_of_checksum(target)?;
    let mut copied = None;
    if let Some(configuration) = configuration {
        let copy = configuration_of(target);
        let text =
            std::fs::read(configuration).map_err(|source| file_error(configuration, source))?;
        write_new(&copy, &text)?;
        sums.push_str(&line_of_checksum(&copy)?);
        copied = Some(copy);
    }
    write_new(&checksums_of(target), sums.as_bytes())?;
    Ok(Made {
        path: target.to_owned(),
        configuration: copied,
        contents,
        removed: Vec::new(),
    })
}

/// Compares the files of a backup with its checksums. `None`: it has none.
///
/// # Errors
/// A file cannot be read, or is not what was written.
pub fn compare(copy: &Path) -> Result<Option<()>, CliError> {
    let sums = checksums_of(copy);
    let text = match std::fs::read_to_string(&sums) {
        Ok(text) => text,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(file_error(&sums, source)),
    };
    for line in text.lines() {
        let Some((sum, name)) = line.split_once("  ") else {
            continue;
        };
        let path = sums.with_file_name(name);
        if checksum(&path)? != sum {
            return Err(CliError::Store(crate::store::StoreError::Damaged(format!(
                "{} is not what was written then",
                path.display()
            ))));
        }
    }
    Ok(Some(()))
}

/// The copies in a folder that this program has named, newest first.
///
/// # Errors
/// The folder cannot be read; one that is not there has no copies.
pub fn list(folder: &Path) -> Result<Vec<Listed>, CliError> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(file_error(folder, source)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|source| file_error(folder, source))?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let is_ours = name.is_some_and(|name| {
            name.strip_prefix("morelia-")
                .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
                && path.extension().is_some_and(|it| it == "db")
        });
        if !is_ours {
            continue;
        }
        let metadata = std::fs::metadata(&path).map_err(|source| file_error(&path, source))?;
        let made = metadata
            .modified()
            .ok()
            .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
            .unwrap_or_default();
        let copy = Listed {
            made_at: made.as_secs(),
            size_bytes: metadata.len(),
            has_configuration: configuration_of(&path).exists(),
            path,
        };
        found.push((made, copy));
    }
    found.sort_by(|(a, one), (b, other)| (b, &other.path).cmp(&(a, &one.path)));
    Ok(found.into_iter().map(|(_, copy)| copy).collect())
}

/// Removes the oldest copies beyond `keep`, never the one just made. Returns what was removed.
///
/// # Errors
/// A file cannot be removed.
pub fn rotate(folder: &Path, keep: u32, newest: &Path) -> Result<Vec<PathBuf>, CliError> {
    let keep = usize::try_from(keep).unwrap_or(usize::MAX).max(1);
    let mut removed = Vec::new();
    let older = list(folder)?.into_iter().filter(|copy| copy.path != newest);
    for copy in older.skip(keep - 1) {
        for path in [
            copy.path.clone(),
            configuration_of(&copy.path),
            checksums_of(&copy.path),
        ] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(file_error(&path, source));
                }
                _ => {}
            }
        }
        removed.push(copy.path);
    }
    Ok(removed)
}

/// Makes a backup where the configuration says, removes older ones, and notes it.
///
/// # Errors
/// What failed, which has been noted as well as that is possible.
pub async fn make_scheduled(
    service: &Arc<Service>,
    config: &Config,
    file: Option<PathBuf>,
) -> Result<Made, CliError> {
    let database = service.store().path().to_owned();
    let (folder, keep) = (config.backup_dir(), config.backup.keep);
    let work = move || {
        let target = place(&folder.join(""))?;
        let mut made = make(&database, file.as_deref(), &target)?;
        made.removed = rotate(&folder, keep, &made.path)?;
        Ok(made)
    };
    let made = tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(CliError::Failed("making the backup panicked".to_owned())));
    match &made {
        Ok(made) => service.note_backup(absolute(&made.path)).await?,
        Err(err) => service.note_backup_failure(err.to_string()).await?,
    }
    made
}

/// A path that says the same wherever it is read.
#[must_use]
pub fn absolute(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.display().to_string()
}

/// Makes backups as configured, for as long as the server runs.
pub(super) async fn keep_making(service: Arc<Service>, config: Config, file: Option<PathBuf>) {
    let interval = config.backup.interval;
    if interval.is_zero() {
        return;
    }
    let mut failed_at: Option<Instant> = None;
    let mut waited_since = Instant::now();
    loop {
        let due = match (failed_at, service.backup_record().await) {
            (Some(at), _) => at.elapsed() >= interval.min(TRY_AGAIN),
            (None, Ok(record)) => is_due(&record, interval, waited_since),
            (None, Err(err)) => {
                log::warn!("when the last backup was made cannot be read: {err}");
                false
            }
        };
        if due {
            let recovering = failed_at.is_some();
            waited_since = Instant::now();
            failed_at = match make_scheduled(&service, &config, file.clone()).await {
                Ok(made) => {
                    log::info!("a backup was made: {}", made.path.display());
                    if recovering {
                        log::info!("backups work again");
                    }
                    None
                }
                Err(err) => {
                    log::error!("no backup could be made: {err}");
                    warn(&service, &err).await;
                    Some(Instant::now())
                }
            };
        }
        tokio::time::sleep(interval.min(LOOK).max(Duration::from_millis(200))).await;
    }
}

/// Whether it is time. The clock may have been wrong before or be wrong now, so the time that this
/// process has waited counts as well.
fn is_due(record: &BackupRecord, interval: Duration, waited_since: Instant) -> bool {
    let by_clock = record
        .made_at
        .is_none_or(|made_at| made_at.after(interval) <= Timestamp::now());
    by_clock || waited_since.elapsed() >= interval
}

/// Tells the administrators, once a day at most.
async fn warn(service: &Service, why: &CliError) {
    let told_at = service.backup_record().await.map(|record| record.told_at);
    if let Ok(Some(told_at)) = told_at {
        let now = Timestamp::now();
        if now < told_at.after(TELL_AGAIN) && now >= told_at {
            return;
        }
    }
    let text = format!(
        "No backup could be made: {why}. I go on trying; `morelia check backup` on the server tells more."
    );
    if let Err(err) = service.warn_of_backup(text).await {
        log::error!("the administrators could not be told: {err}");
    }
}

/// How backups stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// As configured.
    Fine(String),
    /// None are scheduled, and none was made.
    None,
    /// Something is wrong.
    Bad(String),
}

/// Judges what is known of backups.
#[must_use]
pub fn judge(record: &BackupRecord, interval: Duration) -> State {
    let shown =
        |time: &Timestamp| format!("{} UTC", date(u64::try_from(time.seconds()).unwrap_or(0)));
    if let Some((at, why)) = &record.failure {
        return State::Bad(format!("failed at {}: {why}", shown(at)));
    }
    let Some(made_at) = &record.made_at else {
        return if interval.is_zero() {
            State::None
        } else {
            State::Fine("scheduled, none made yet".to_owned())
        };
    };
    // One that comes a little late is no trouble.
    let late = made_at.after(interval * 2).after(Duration::from_mins(5));
    if !interval.is_zero() && late < Timestamp::now() {
        return State::Bad(format!("overdue, the last was made at {}", shown(made_at)));
    }
    State::Fine(format!("the last was made at {}", shown(made_at)))
}

fn write_new(path: &Path, text: &[u8]) -> Result<(), CliError> {
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| {
            file.write_all(text)?;
            file.sync_all()
        })
        .map_err(|source| file_error(path, source))
}

fn line_of_checksum(path: &Path) -> Result<String, CliError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{}  {name}\n", checksum(path)?))
}

fn checksum(path: &Path) -> Result<String, CliError> {
    use std::fmt::Write as _;
    let failed = |source| file_error(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
    }
    Ok(digest
        .finalize()
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
}

fn file_error(path: &Path, source: io::Error) -> CliError {
    CliError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ago: Duration) -> BackupRecord {
        BackupRecord {
            made_at: Some(Timestamp::now().before(ago)),
            ..BackupRecord::default()
        }
    }

    #[test]
    fn a_backup_is_due_by_the_clock_or_by_waiting() {
        let hour = Duration::from_hours(1);
        let now = Instant::now();
        assert!(is_due(&BackupRecord::default(), hour, now));
        assert!(is_due(&record(hour), hour, now));
        assert!(!is_due(&record(hour / 2), hour, now));
        // Made, says the record, in a year that has not come yet.
        let future = BackupRecord {
            made_at: Some(Timestamp::now().after(hour * 10_000)),
            ..BackupRecord::default()
        };
        assert!(!is_due(&future, hour, now));
        assert!(is_due(&future, Duration::ZERO, now));
    }

    #[test]
    fn trouble_is_told() {
        let hour = Duration::from_hours(1);
        let never = BackupRecord::default();
        assert_eq!(judge(&never, Duration::ZERO), State::None);
        assert!(matches!(judge(&never, hour), State::Fine(_)));
        assert!(matches!(judge(&record(hour), hour), State::Fine(_)));
        assert!(matches!(judge(&record(hour * 3), hour), State::Bad(_)));
        assert!(matches!(
            judge(&record(hour * 3), Duration::ZERO),
            State::Fine(_)
        ));
        let failed = BackupRecord {
            failure: Some((Timestamp::now(), "no space".to_owned())),
            ..record(hour / 2)
        };
        assert!(matches!(judge(&failed, hour), State::Bad(why) if why.contains("no space")));
    }
}
