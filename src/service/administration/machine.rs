//! What administrators ask of the program around the service, which alone knows the disk, the network
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

/// Least time between two examinations: each reads the whole database.
const BETWEEN_CHECKS: Duration = Duration::from_mins(1);

/// A task of the program's. It takes its time, on a thread of its own.
pub type Task<T> = Box<dyn Fn() -> T + Send + Sync>;

/// What writes an archive.
pub type WriteArchive = fn(&Service, &ArchiveOrder, ArchiveFile) -> Result<(), String>;

/// What the program does for administrators, and for everybody.
pub struct Machine {
    /// Examines everything an operator can get wrong.
    pub check: Task<Vec<CheckRow>>,
    /// Lists the copies, newest first, or says why it cannot.
    pub backups: Task<Result<Vec<BackupCopy>, String>>,
    /// Makes a copy, or says why it cannot.
    pub make_backup: Task<Result<BackupCopy, String>>,
    /// Writes an archive of what is somebody's, or says why it cannot.
    pub archive: WriteArchive,
    /// Tells what the service does not know of the program; of the backups, by what is on record.
    pub state: Task<ProgramState>,
}

/// A finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRow {
    /// What was looked at.
    pub topic: &'static str,
    /// How bad it is: `ok`, `warn` or `FAIL`.
    pub result: &'static str,
    /// What was found.
    pub text: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// A copy of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCopy {
    /// The name of its file.
    pub name: String,
    /// Where it is.
    pub path: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// How large it is.
    pub size_bytes: u64,
    /// Whether the configuration lies beside it.
    pub has_configuration: bool,
}

/// What the program knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProgramState {
    /// Its version.
    pub version: &'static str,
    /// Open connections.
    pub connections: usize,
    /// Free space where the database lies.
    pub free_bytes: Option<u64>,
    /// The time between two copies; zero: none are scheduled.
    pub backup_interval: Duration,
}

/// How the server is doing.
#[derive(Debug, Clone)]
pub struct ServerStatus {
    /// What the program knows of itself.
    pub program: ProgramState,
    /// How long it has been running.
    pub uptime: Duration,
    /// Users who are connected.
    pub users_online: usize,
    /// What there is.
    pub counts: Statistics,
    /// Bytes of the database, and of its write-ahead log.
    pub sizes: (u64, u64),
    /// When a copy was made last.
    pub backup_at: Option<Timestamp>,
    /// When making one failed since then.
    pub backup_failed_at: Option<Timestamp>,
    /// Who may register.
    pub registration: Registration,
}

/// The program, and what it is doing at present.
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
    /// Says what the program does for administrators; once.
    pub fn attach(&self, machine: Machine) {
        if self.desk.machine.set(Arc::new(machine)).is_err() {
            log::error!("the service was attached to its program twice");
        }
        self.archiving.notify_one();
    }

    /// Tells whether there is a program that does anything.
    pub(in crate::service) fn is_attached(&self) -> bool {
        self.desk.machine.get().is_some()
    }

    /// Lists the copies of the database, newest first.
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

    /// Makes a copy of the database, and notes it.
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
        // To its end, whether who asked is still there or not.
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

    /// Examines everything an operator can get wrong, once a minute.
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

    /// Tells how the server is doing.
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

    /// Fails for whoever is no administrator, where nothing is written that this permits.
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
