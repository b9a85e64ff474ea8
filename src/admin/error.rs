//! The errors of commands, and their exit codes.

use std::io;
use std::path::{Path, PathBuf};

use super::password::PasswordError;
use super::wording;
use crate::app::AppError;
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::service::{Refusal, ServiceError};
use crate::store::StoreError;

/// An error, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An error that a server can have too.
    #[error(transparent)]
    App(#[from] AppError),
    /// The service refused.
    #[error("{}", wording::of_refusal(.0))]
    Refused(Refusal),
    /// There was no password.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The operating system denied access to a file.
    #[error("{}", of_file(path, source))]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The named object does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The object to create already exists.
    #[error("{0}")]
    AlreadyExists(String),
    /// An answer is needed, or the command line is invalid.
    #[error("{0}")]
    Usage(String),
    /// The server's files belong to another user.
    #[error(
        "{} belongs to {owner}, and this is {user}: type `{command}`", path.display()
    )]
    Forbidden {
        /// The database.
        path: PathBuf,
        /// The user to whom it belongs.
        owner: String,
        /// The user who runs the command.
        user: String,
        /// The command to type instead.
        command: String,
    },
    /// Another process is using it.
    #[error("{0}")]
    Busy(String),
    /// No server is running.
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
    /// Returns the exit code for this error.
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
