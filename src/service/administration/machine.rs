//! Requests of administrators to the program around the service, which alone knows the disk, the network
//! and the configuration: backups, checks, its state.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::require_administrator;
use crate::config::Registration;
use crate::model::{Act, Timestamp};
use crate::service::{ArchiveFile, ArchiveOrder, Refusal, Service, ServiceError, SignedIn};
use crate::store::audit::Of;
use crate::store::statistics::{self, Statistics};

/// Minimum time between two checks: each reads the whole database.
const BETWEEN_CHECKS: Duration = Duration::from_mins(1);

/// A task of the program. It may take long, so it runs on its own thread.
pub type Task<T> = Box<dyn Fn() -> T + Send + Sync>;

/// The function that writes an archive.
pub type WriteArchive = fn(&Service, &ArchiveOrder, ArchiveFile) -> Result<(), String>;

/// The functions that the program provides for administrators and for all users.
pub struct Machine {
    /// Checks everything that an operator can get wrong.
    pub check: Task<Vec<CheckRow>>,
    /// Lists the backups, newest first, or returns the reason why it cannot.
    pub backups: Task<Result<Vec<BackupCopy>, String>>,
    /// Makes a backup, or returns the reason why it cannot.
    pub make_backup: Task<Result<BackupCopy, String>>,
    /// Writes an archive of a user's data, or returns the reason why it cannot.
    pub archive: WriteArchive,
    /// Returns the state of the program that the service does not know; for backups, the recorded state.
    pub state: Task<ProgramState>,
}

/// A result of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// What was checked.
    pub topic: &'static str,
    /// The severity: `ok`, `warn` or `FAIL`.
    pub result: &'static str,
    /// The finding.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A backup of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCopy {
    /// Its file name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Its size.
    pub size_bytes: u64,
    /// Whether the configuration is stored beside it.
    pub has_configuration: bool,
}

/// The state of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramState {
    /// Its version.
    pub version: &'static str,
    /// Number of open connections.
    pub connections: usize,
    /// Free space on the disk of the database.
    pub free_bytes: Option<u64>,
    /// The time between two backups; zero: none are scheduled.
    pub backup_interval: Duration,
}

/// The state of the server.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// The state of the program.
    pub program: ProgramState,
    /// How long it has been running.
    pub uptime: Duration,
    /// Number of users who are connected.
    pub users_online: usize,
    /// Numbers of users, flows, messages and so on.
    pub counts: Statistics,
    /// Bytes of the database and of its write-ahead log.
    pub sizes: (u64, u64),
    /// When the last backup was made.
    pub backup_at: Option<Timestamp>,
    /// When a later backup failed.
    pub backup_failed_at: Option<Timestamp>,
    /// Who may register.
    pub registration: Registration,
}

/// The attached program and its running tasks.
pub(in crate::service) struct Desk {
    machine: OnceLock<Arc<Machine>>,
    backing_up: Semaphore,
    checked: Mutex<Option<Instant>>,
}

impl Default for Desk {
    fn default() -> Self {
        Self {
            machine: OnceLock::new(),
            backing_up: Semaphore::new(1),
            checked: Mutex::default(),
        }
    }
}

impl Service {
    /// Attaches the functions of the program; may be called once.
    pub fn attach(&self, machine: Machine) {
        if self.desk.machine.set(Arc::new(machine)).is_err() {
            log::error!("the service was attached to its program twice");
        }
        self.archiving.notify_one();
    }

    /// Returns whether a program is attached.
    pub(in crate::service) fn is_attached(&self) -> bool {
        self.desk.machine.get().is_some()
    }

    /// Lists the backups of the database, newest first.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::BackupFailed`] when the folder cannot be read.
    pub async fn list_backups(&self, user: &SignedIn) -> Result<Vec<BackupCopy>, ServiceError> {
        self.administrator(user).await?;
        let listed = self.run(|machine| (machine.backups)()).await?;
        listed.map_err(|why| {
            log::error!("the backups could not be listed: {why}");
            Refusal::BackupFailed.into()
        })
    }

    /// Makes a backup of the database, and records the result.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::AlreadyRunning`] while one is being made;
    /// [`Refusal::BackupFailed`].
    pub async fn make_backup(
        self: &Arc<Self>,
        user: &SignedIn,
    ) -> Result<BackupCopy, ServiceError> {
        self.administrator(user).await?;
        let (service, by) = (Arc::clone(self), user.by());
        // The backup is completed even if the client that requested it is gone.
        let made = tokio::spawn(async move {
            let permit = service.desk.backing_up.try_acquire();
            let _permit = permit.map_err(|_| Refusal::AlreadyRunning)?;
            let made = match service.lost_backup_disk().await? {
                Some(folder) => Err(format!("the disk of {folder} is not mounted")),
                None => service.run(|machine| (machine.make_backup)()).await?,
            };
            match &made {
                Ok(copy) => {
                    service.note_backup(copy.path.clone()).await?;
                    let of = Of::named(copy.name.clone());
                    service.note_act_of(by, Act::BackupMade, of).await?;
                }
                Err(why) => service.note_backup_failure(why.clone()).await?,
            }
            made.map_err(|why| {
                log::error!("no backup could be made: {why}");
                Refusal::BackupFailed.into()
            })
        });
        made.await.map_err(|_| ServiceError::Overloaded)?
    }

    /// Checks everything that an operator can get wrong, at most once a minute.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`]; [`Refusal::TooSoon`].
    pub async fn run_check(&self, user: &SignedIn) -> Result<Vec<CheckRow>, ServiceError> {
        self.administrator(user).await?;
        {
            let checked = self.desk.checked.lock();
            let mut checked = checked.unwrap_or_else(PoisonError::into_inner);
            let wait = checked.and_then(|at| BETWEEN_CHECKS.checked_sub(at.elapsed()));
            if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
                return Err(Refusal::TooSoon(wait).into());
            }
            *checked = Some(Instant::now());
        }
        self.run(|machine| (machine.check)()).await
    }

    /// Returns the state of the server.
    ///
    /// # Errors
    /// [`Refusal::NotAdministrator`].
    pub async fn server_status(&self, user: &SignedIn) -> Result<ServerStatus, ServiceError> {
        self.administrator(user).await?;
        let program = self.run(|machine| (machine.state)()).await?;
        let record = self.backup_record().await?;
        Ok(ServerStatus {
            program,
            uptime: self.started.elapsed(),
            users_online: self.online_count(),
            counts: self.statistics().await?,
            sizes: statistics::sizes(self.store.path()),
            backup_at: record.made_at,
            backup_failed_at: record.failure.map(|(at, _)| at),
            registration: self.registration().await?,
        })
    }

    /// Fails for a user who is not an administrator; for requests that write nothing.
    async fn administrator(&self, user: &SignedIn) -> Result<(), ServiceError> {
        let (user, now) = (*user, self.store.now());
        self.store
            .read(move |view| require_administrator(view, &user, now))
            .await
    }

    pub(in crate::service) async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&Machine) -> T + Send + 'static,
    ) -> Result<T, ServiceError> {
        let machine = self.desk.machine.get().ok_or(ServiceError::Overloaded)?;
        let machine = Arc::clone(machine);
        tokio::task::spawn_blocking(move || task(&machine))
            .await
            .map_err(|_| ServiceError::Overloaded)
    }
}
