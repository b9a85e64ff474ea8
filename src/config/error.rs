//! What can be wrong with a configuration, each as a sentence with its place.

use super::origin::Origin;
use crate::exit::Exit;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that somebody asked for does not exist.
    #[error("{}, named by {by}, does not exist: name another, or make it with `morelia init`", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// Who asked for it: the flag or the environment variable.
        by: &'static str,
    },
    /// A file exists but cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The configuration has mistakes; all of them are listed, a line each.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

impl ConfigError {
    /// Returns the exit code that tells this error.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Exit::PermissionDenied
            }
            Self::Missing { .. } | Self::Unreadable { .. } | Self::Invalid(_) => Exit::Config,
        }
    }
}

/// One mistake in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub place: Origin,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

fn lines(problems: &[Problem]) -> String {
    problems
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
