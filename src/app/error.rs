//! The errors with which a server cannot start or continue, and their exit codes.

use std::io;
use std::path::PathBuf;

use crate::certificates::CertificateError;
use crate::config::ConfigError;
use crate::exit::Exit;
use crate::logging::LoggingError;
use crate::server::{BindError, TlsError};
use crate::service::ServiceError;
use crate::store::StoreError;

/// An error, as a sentence for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The log cannot be written.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// The database cannot be used.
    #[error("{0}{advice}", advice = advice(.0))]
    Store(#[from] StoreError),
    /// The service refused or failed.
    #[error("{}", of_service(.0))]
    Service(#[from] ServiceError),
    /// The server cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The operating system denied access to a file.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file or object to create already exists.
    #[error("{0}")]
    AlreadyExists(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

impl AppError {
    /// Returns whether a disk is full.
    pub(super) fn is_full_disk(&self) -> bool {
        match self {
            Self::File { source, .. } | Self::Store(StoreError::File { source, .. }) => {
                source.kind() == io::ErrorKind::StorageFull
            }
            _ => false,
        }
    }

    /// Returns the exit code for this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(err) => err.exit(),
            Self::Logging(err) => err.exit(),
            Self::Store(err) => of_store(err),
            Self::Service(ServiceError::Store(err) | ServiceError::Unavailable(err)) => {
                of_store(err)
            }
            Self::AlreadyExists(_) => Exit::AlreadyExists,
            Self::Service(ServiceError::Overloaded) | Self::Bind(BindError::Taken(_)) => Exit::Busy,
            Self::Bind(BindError::Forbidden(_)) => Exit::PermissionDenied,
            Self::Bind(BindError::Tls(TlsError::Unreadable { cause, .. }))
                if cause.kind() == io::ErrorKind::PermissionDenied =>
            {
                Exit::PermissionDenied
            }
            Self::File { source, .. }
            | Self::Certificate(CertificateError::File { source, .. }) => Exit::of(source),
            Self::Bind(_) | Self::Certificate(_) => Exit::Config,
            Self::Service(_) | Self::Failed(_) => Exit::Failed,
        }
    }
}

fn of_store(err: &StoreError) -> Exit {
    match err {
        StoreError::Busy | StoreError::Overloaded | StoreError::InUse(_) => Exit::Busy,
        StoreError::Missing(_) => Exit::NotFound,
        StoreError::TooNew { .. } | StoreError::Foreign(_) | StoreError::Development(_) => {
            Exit::Config
        }
        StoreError::Conflict(_) => Exit::AlreadyExists,
        StoreError::File { source, .. } => Exit::of(source),
        _ => Exit::Disk,
    }
}

/// Returns what to do about an error of the database.
fn advice(err: &StoreError) -> &'static str {
    match err {
        StoreError::Missing(_) => "; create it with `morelia init`",
        StoreError::InUse(_) => "; stop it first, or use another database",
        StoreError::Busy | StoreError::Overloaded => "; try again in a moment",
        StoreError::Damaged(_) | StoreError::DamagedFile { .. } | StoreError::Emptied(_) => {
            "; run `morelia check database`, and restore a backup with `morelia restore`"
        }
        StoreError::Unwritable(_) => {
            "; look for a full disk or missing permissions with `morelia check disk`"
        }
        StoreError::Stopped(_) => {
            "; look at the disk (`dmesg`) and run `morelia check` before starting it again"
        }
        StoreError::File { source, .. } => match source.kind() {
            io::ErrorKind::PermissionDenied => "; let the server's user read and write it",
            io::ErrorKind::StorageFull => "; free some space on that disk",
            io::ErrorKind::ReadOnlyFilesystem => {
                "; find the reason with `dmesg`, and remount it for writing"
            }
            _ => "",
        },
        StoreError::Development(_) => {
            "; export its contents with that build (`morelia export`), move it away and create a \
             new one with `morelia init`"
        }
        StoreError::TooNew { .. } => {
            "; install that, or go back to the copy from before the upgrade with `morelia db rollback`"
        }
        StoreError::Foreign(_) => "; name another file in database.path",
        _ => "",
    }
}

fn of_service(err: &ServiceError) -> String {
    match err {
        ServiceError::Store(err) | ServiceError::Unavailable(err) => {
            format!("{err}{}", advice(err))
        }
        // Refusals are for users: the commands have words for them.
        other => other.to_string(),
    }
}
