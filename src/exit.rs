//! The exit codes of every command: documented, stable, the same everywhere.

use std::io;
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done.
    Ok,
    /// Failed for a reason that has no code of its own.
    Failed,
    /// The command line was not understood, or an answer is needed and there is no terminal.
    Usage,
    /// What was named does not exist.
    NotFound,
    /// What was to be made exists.
    AlreadyExists,
    /// A check found problems.
    ProblemsFound,
    /// No server answered.
    Unreachable,
    /// The disk or the database failed.
    Disk,
    /// Somebody else is at it; trying again later helps.
    Busy,
    /// Something answered that does not speak the protocol.
    Protocol,
    /// The user of the process may not do it.
    PermissionDenied,
    /// The configuration is wrong, or the schema is one that the program does not read.
    Config,
}

impl Exit {
    /// Every way to end, in the order of the codes.
    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Failed,
        Self::Usage,
        Self::NotFound,
        Self::AlreadyExists,
        Self::ProblemsFound,
        Self::Unreachable,
        Self::Disk,
        Self::Busy,
        Self::Protocol,
        Self::PermissionDenied,
        Self::Config,
    ];

    /// Returns how a command ends that the operating system refused a file.
    #[must_use]
    pub fn of(err: &io::Error) -> Self {
        match err.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::PermissionDenied => Self::PermissionDenied,
            io::ErrorKind::AlreadyExists => Self::AlreadyExists,
            _ => Self::Disk,
        }
    }

    /// Returns the number that the shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::AlreadyExists => 4,
            Self::ProblemsFound => 5,
            Self::Unreachable => 69,
            Self::Disk => 74,
            Self::Busy => 75,
            Self::Protocol => 76,
            Self::PermissionDenied => 77,
            Self::Config => 78,
        }
    }

    /// Returns what the code means, for help and documentation.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Usage => "usage: the command line was not understood, or needs --yes",
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::ProblemsFound => "a check found problems",
            Self::Unreachable => "server unreachable",
            Self::Disk => "disk or database error",
            Self::Busy => "busy, try again",
            Self::Protocol => "the peer does not speak MTP",
            Self::PermissionDenied => "permission denied",
            Self::Config => "bad configuration, or a schema that it does not read",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
