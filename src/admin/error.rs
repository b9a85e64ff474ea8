//! Why a command failed, and with which exit code.

use std::io;
use std::path::{Path, PathBuf};

use super::password::PasswordError;
use super::wording;
use crate::app::AppError;
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::service::{Refusal, ServiceError};
use crate::store::StoreError;

/// Why a command failed, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// What a server could fail at too.
    #[error(transparent)]
    App(#[from] AppError),
    /// The service refused.
    #[error("{}", wording::of_refusal(.0))]
    Refused(Refusal),
    /// There was no password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The operating system refused a file.
    #[error("{}", of_file(path, source))]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was named is not there.
    #[error("{0}")]
    NotFound(String),
    /// What was to be made is there.
    #[error("{0}")]
    AlreadyExists(String),
    /// An answer is needed, or the command makes no sense as it is.
    #[error("{0}")]
    Usage(String),
    /// The server's files belong to somebody else.
    #[error(
        "{} belongs to {owner}, and this is {user}: type `{command}`", path.display()
    )]
    Forbidden {
        /// The database.
        path: PathBuf,
        /// Whom it belongs to.
        owner: String,
        /// Who runs the command.
        user: String,
        /// What to type instead.
        command: String,
    },
    /// Something else is at it.
    #[error("{0}")]
    Busy(String),
    /// No server runs.
    #[error("{0}")]
    Unreachable(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// What an operator reads of a file that the system refuses.
fn of_file(path: &Path, source: &io::Error) -> String {
    let shown = path.display();
    match source.kind() {
        io::ErrorKind::AlreadyExists => format!("{shown} already exists; choose another name"),
        _ => format!("{shown}: {source}"),
    }
}

impl From<ConfigError> for CliError {
    fn from(err: ConfigError) -> Self {
        Self::App(err.into())
    }
}

impl From<StoreError> for CliError {
    fn from(err: StoreError) -> Self {
        Self::App(err.into())
    }
}

impl From<ServiceError> for CliError {
    fn from(err: ServiceError) -> Self {
        match err {
            ServiceError::Refused(refusal) => Self::Refused(refusal),
            other => Self::App(other.into()),
        }
    }
}

impl CliError {
    /// The exit code that tells this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::App(err) => err.exit(),
            Self::Refused(refusal) => match refusal {
                Refusal::NotFound(_) => Exit::NotFound,
                Refusal::LoginTaken | Refusal::ChatExists => Exit::AlreadyExists,
                Refusal::SearchUnready { .. } => Exit::Busy,
                _ => Exit::Failed,
            },
            Self::Password(err) => err.exit(),
            Self::File { source, .. } => Exit::of(source),
            Self::NotFound(_) => Exit::NotFound,
            Self::AlreadyExists(_) => Exit::AlreadyExists,
            Self::Usage(_) => Exit::Usage,
            Self::Forbidden { .. } => Exit::PermissionDenied,
            Self::Busy(_) => Exit::Busy,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::Failed(_) => Exit::Failed,
        }
    }
}
