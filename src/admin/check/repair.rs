//! `check --fix`: repairs that a finding suggests and that lose nothing; the operator confirms each one.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, chown};
use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use crate::server::user_name;

/// A repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Repair {
    /// Changes the user and group of a file.
    Own(PathBuf, u32, u32),
    /// Changes the permissions of a file.
    Mode(PathBuf, u32),
    /// Creates a folder.
    Folder(PathBuf),
    /// Makes the running server reload its configuration.
    Reload(i32),
    /// Writes the unit as this program would.
    Unit(PathBuf, String),
}

impl Repair {
    /// Returns what would be done, as a question.
    pub(super) fn question(&self) -> String {
        match self {
            Self::Own(path, user, _) => {
                format!("Give {} to {}?", path.display(), name(*user))
            }
            Self::Mode(path, mode) => {
                format!("Change the permissions of {} to {mode:o}?", path.display())
            }
            Self::Folder(path) => format!("Create the folder {}?", path.display()),
            Self::Reload(_) => "Make the server read its configuration?".to_owned(),
            Self::Unit(path, _) => format!("Write {} again?", path.display()),
        }
    }

    /// Makes the repair.
    ///
    /// # Errors
    /// The system does not permit it to this user.
    pub(super) fn make(&self) -> io::Result<()> {
        match self {
            Self::Own(path, user, group) => chown(path, Some(*user), Some(*group)),
            Self::Mode(path, mode) => fs::set_permissions(path, fs::Permissions::from_mode(*mode)),
            Self::Folder(path) => fs::DirBuilder::new().mode(0o700).create(path),
            Self::Reload(pid) => match Pid::from_raw(*pid) {
                Some(pid) => Ok(kill_process(pid, Signal::HUP)?),
                None => Err(io::ErrorKind::NotFound.into()),
            },
            Self::Unit(path, text) => fs::write(path, text),
        }
    }
}

/// Returns a user's name, or else the number.
pub(super) fn name(user: u32) -> String {
    user_name(user).unwrap_or_else(|| format!("user {user}"))
}
