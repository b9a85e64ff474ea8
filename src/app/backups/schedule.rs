//! Scheduled backups, the state of backups, and warnings to the administrators.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::seal::Seal;
use super::{Made, Origin, absolute, after, make_in_folder, sealed, trial};
use crate::app::AppError;
use crate::config::Config;
use crate::model::Timestamp;
use crate::service::{BackupRecord, Service};

/// How often the clock is checked, since it may jump.
const LOOK: Duration = Duration::from_mins(1);

/// The name under which the time of the last trial restore is stored.
const TRIAL: &str = "trial restore";

/// The longest time between a failure and the next attempt.
const TRY_AGAIN: Duration = Duration::from_mins(15);

/// How often the administrators are told of the same problem.
const TELL_AGAIN: Duration = Duration::from_hours(24);

/// How long a server runs before it reports a backup as overdue: the copy that it makes when it
/// starts takes some time.
const SETTLED: Duration = Duration::from_mins(10);

/// Makes a backup as configured, and removes older ones.
///
/// # Errors
/// What failed, which has been recorded if possible.
async fn make_scheduled(
    service: &Arc<Service>,
    config: &Config,
    file: Option<PathBuf>,
) -> Result<Made, AppError> {
    let database = service.store().path().to_owned();
    let (folder, keep) = (config.backup_dir(), config.backup.keep);
    let lost = service.lost_backup_disk().await?;
    let lost = lost.filter(|lost| *lost == absolute(&folder));
    let seal = Seal::to(&config.backup.encrypt_to)?;
    let work = move || {
        let origin = Origin {
            database: &database,
            configuration: file.as_deref(),
            keys: None,
            seal: seal.as_ref(),
        };
        make_in_folder(&origin, &folder, keep)
    };
    let made = match lost {
        Some(folder) => Err(not_mounted(&folder)),
        None => tokio::task::spawn_blocking(work)
            .await
            .unwrap_or_else(|_| Err(AppError::Failed("making the backup panicked".to_owned()))),
    };
    if let Err(err) = &made {
        service.note_backup_failure(err.to_string()).await?;
    }
    made
}

/// Does the work after a copy: a trial restore if one is due, the operator's own command; and records the
/// backup.
///
/// # Errors
/// What failed, which has been recorded if possible.
async fn finish(service: &Arc<Service>, config: &Config, copy: &Path) -> Result<(), AppError> {
    let finished = finish_unnoted(service, config, copy).await;
    match &finished {
        Ok(()) => service.note_backup(absolute(copy)).await?,
        Err(err) => service.note_backup_failure(err.to_string()).await?,
    }
    finished
}

async fn finish_unnoted(
    service: &Arc<Service>,
    config: &Config,
    copy: &Path,
) -> Result<(), AppError> {
    let every = config.backup.verify;
    if !every.is_zero() && service.is_alert_due(TRIAL, every).await? {
        let path = copy.to_owned();
        // An encrypted copy can only be opened where the secret key is, which is not here.
        let is_sealed = sealed::is_sealed(copy);
        let tried = blocking(move || {
            if is_sealed {
                sealed::examine(&path).map(drop)
            } else {
                trial::restore(&path).map(drop)
            }
        });
        tried.await.map_err(|err| {
            AppError::Failed(format!(
                "{} was made and cannot be restored: {err}",
                copy.display()
            ))
        })?;
        service.note_alert(TRIAL).await?;
        log::info!(
            "{}",
            if is_sealed {
                "the encrypted backup was read again, and is what was written"
            } else {
                "the backup was restored for a trial, and is whole"
            }
        );
    }
    let Some(command) = config.backup.after.clone() else {
        return Ok(());
    };
    let path = copy.to_owned();
    blocking(move || after::run(&command, &path))
        .await
        .map_err(|err| AppError::Failed(format!("{} was made, but {err}", copy.display())))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(AppError::Failed("it panicked".to_owned())))
}

/// Returns the error for a backup folder whose disk is missing.
#[must_use]
pub fn not_mounted(folder: &str) -> AppError {
    AppError::Failed(format!(
        "the disk that backups lie on is not mounted at {folder}: mount it; where backups shall lie on the \
         disk of the database from now on, set another dir in section [backup]"
    ))
}

/// Makes backups as configured, for as long as the server runs.
pub(in crate::app) async fn keep_making(
    service: Arc<Service>,
    config: Config,
    file: Option<PathBuf>,
) {
    let interval = config.backup.interval;
    if interval.is_zero() {
        return;
    }
    let mut failed_at: Option<Instant> = None;
    let mut waited_since = Instant::now();
    // A valid copy after which something failed: only that is tried again, without a new copy, which
    // would take the place of older ones.
    let mut unfinished: Option<PathBuf> = None;
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
            let again = unfinished
                .take()
                .filter(|path| path.exists() && waited_since.elapsed() < interval.max(TRY_AGAIN));
            let copy = if let Some(path) = again {
                Ok(path)
            } else {
                waited_since = Instant::now();
                let made = make_scheduled(&service, &config, file.clone()).await;
                made.map(|made| {
                    log::info!("a backup was made: {}", made.path.display());
                    made.path
                })
                .map_err(|err| format!("No backup could be made: {err}"))
            };
            let finished = match copy {
                Ok(path) => finish(&service, &config, &path).await.map_err(|err| {
                    unfinished = Some(path);
                    format!("The backup is not complete: {err}")
                }),
                Err(why) => Err(why),
            };
            failed_at = match finished {
                Ok(()) => None,
                Err(why) => {
                    log::error!("{why}");
                    let text = format!(
                        "{why}. I go on trying; `morelia check backup` on the server tells more."
                    );
                    warn(&service, text).await;
                    Some(Instant::now())
                }
            };
        }
        tokio::time::sleep(interval.min(LOOK).max(Duration::from_millis(200))).await;
    }
}

/// Returns whether a backup is due. The clock may have been wrong before or be wrong now, so the
/// time that this process has waited counts as well.
fn is_due(record: &BackupRecord, interval: Duration, waited_since: Instant) -> bool {
    let by_clock = record
        .made_at
        .is_none_or(|made_at| made_at.after(interval) <= Timestamp::now());
    by_clock || waited_since.elapsed() >= interval
}

/// Tells the administrators when a backup is overdue, for as long as the server runs. [`keep_making`] reports
/// failures; a copy onto a disk that no longer answers neither fails nor ends.
pub(in crate::app) async fn keep_watching(service: Arc<Service>, interval: Duration) {
    if interval.is_zero() {
        return;
    }
    let started = Instant::now();
    loop {
        tokio::time::sleep(LOOK).await;
        // A server that was off for long is making one at this moment.
        if started.elapsed() >= SETTLED {
            tell_if_overdue(&service, interval, started).await;
        }
    }
}

async fn tell_if_overdue(service: &Service, interval: Duration, started: Instant) {
    let state = match service.backup_record().await {
        // Reported as a failure.
        Ok(record) if record.failure.is_some() => return,
        Ok(record) if record.made_at.is_none() && started.elapsed() >= lateness(interval) => {
            State::Bad("overdue, none was ever made".to_owned())
        }
        Ok(record) => judge(&record, interval),
        Err(err) => return log::warn!("what was noted of backups cannot be read: {err}"),
    };
    if let State::Bad(why) = state {
        let text = format!(
            "The backup is {why}. Look at the disk that it goes to; `morelia check backup` on the server \
             tells more."
        );
        warn(service, text).await;
    }
}

/// Warns the administrators, at most once a day.
async fn warn(service: &Service, text: String) {
    let told_at = service.backup_record().await.map(|record| record.told_at);
    if let Ok(Some(told_at)) = told_at {
        let now = Timestamp::now();
        if now < told_at.after(TELL_AGAIN) && now >= told_at {
            return;
        }
    }
    if let Err(err) = service.warn_of_backup(text).await {
        log::error!("the administrators could not be told: {err}");
    }
}

/// The state of backups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// As configured.
    Fine(String),
    /// None are scheduled, and none was made.
    None,
    /// Something is wrong.
    Bad(String),
}

/// Derives the state of backups from their record.
#[must_use]
pub fn judge(record: &BackupRecord, interval: Duration) -> State {
    let shown = |time: &Timestamp| format!("{} UTC", time.date_time());
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
    if !interval.is_zero() && made_at.after(lateness(interval)) < Timestamp::now() {
        return State::Bad(format!("overdue, the last was made at {}", shown(made_at)));
    }
    State::Fine(format!("the last was made at {}", shown(made_at)))
}

/// Returns the age of the last copy at which the next is overdue: a small delay is no problem.
fn lateness(interval: Duration) -> Duration {
    interval * 2 + Duration::from_mins(5)
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
        // According to the record, made in a year in the future.
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

    /// Returns what the server has written to its administrators.
    async fn told(service: &Service) -> Vec<String> {
        let mut texts = Vec::new();
        for (flow, _) in service.all_flows(None).await.unwrap() {
            let lines = service.last_messages(flow.id, None, 10).await.unwrap();
            texts.extend(lines.into_iter().filter_map(|line| line.message.text));
        }
        texts
    }

    #[tokio::test]
    async fn an_overdue_backup_is_told_once_and_its_end_too() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::default();
        let options = crate::store::Options {
            path: folder.path().join("morelia.db"),
            durability: crate::app::settings::durability(&config),
        };
        crate::store::Store::prepare(&options.path).unwrap();
        let service = Service::start(&options, crate::app::settings::service(&config)).unwrap();
        let account = crate::service::Account {
            login: "anna".to_owned(),
            password: crate::auth::Password::new("a long secret".to_owned()),
            username: None,
            email: None,
            is_admin: true,
            is_bot: false,
        };
        service.add_account(account).await.unwrap();
        let hour = Duration::from_hours(1);
        let started = Instant::now();
        // Neither a backup that is not due yet nor one made in time is a problem.
        tell_if_overdue(&service, hour, started).await;
        service.note_backup("first.db".to_owned()).await.unwrap();
        tell_if_overdue(&service, hour, started).await;
        assert_eq!(told(&service).await, Vec::<String>::new());
        let long_ago = Timestamp::now().before(hour * 5);
        service
            .note_backup_at(long_ago, "old.db".to_owned())
            .await
            .unwrap();
        tell_if_overdue(&service, hour, started).await;
        tell_if_overdue(&service, hour, started).await;
        let texts = told(&service).await;
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].contains("overdue, the last was made"), "{texts:?}");
        service.note_backup("second.db".to_owned()).await.unwrap();
        service.note_backup("third.db".to_owned()).await.unwrap();
        let texts = told(&service).await;
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(
            texts.iter().any(|text| text.contains("second.db")),
            "{texts:?}"
        );
        service.close();
    }
}
