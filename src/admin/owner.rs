//! The owner of files that a command creates. An operator who is root makes backups and restores for
//! a server that runs as another user, and that could neither read nor write root's files.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::store::files_of;

/// A user other than root who owns files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Returns the owner of a database or, if there is none, of the folder that it would be in.
    /// `None` unless that is a user other than root, and the process is root's.
    pub(super) fn of(database: &Path) -> Option<Self> {
        if !geteuid().is_root() {
            return None;
        }
        let folder = database.parent().filter(|path| *path != Path::new(""));
        let found = fs::metadata(database)
            .or_else(|_| fs::metadata(folder.unwrap_or(Path::new("."))))
            .ok()?;
        (found.uid() != 0).then(|| Self {
            user: found.uid(),
            group: found.gid(),
        })
    }

    /// Returns the owner with these numbers; `None` for root, whose files need not be changed.
    pub(super) fn new(user: u32, group: u32) -> Option<Self> {
        (user != 0).then_some(Self { user, group })
    }

    /// Gives new files to their owner; files that do not exist are skipped.
    pub(super) fn give<'a>(owner: Option<Self>, paths: impl IntoIterator<Item = &'a Path>) {
        let Some(Self { user, group }) = owner else {
            return;
        };
        for path in paths {
            let _ = lchown(path, Some(user), Some(group));
        }
    }

    /// Gives a folder and everything in it to its owner.
    pub(super) fn give_folder(owner: Option<Self>, folder: &Path) {
        if owner.is_none() {
            return;
        }
        Self::give(owner, [folder]);
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                Self::give_folder(owner, &path);
            } else {
                Self::give(owner, [path.as_path()]);
            }
        }
    }

    /// Gives a database and the files beside it to their owner.
    pub(super) fn give_database(owner: Option<Self>, database: &Path) {
        let files = files_of(database);
        Self::give(owner, files.iter().map(PathBuf::as_path));
    }
}
