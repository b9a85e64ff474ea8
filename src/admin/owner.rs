//! Whom files belong to that a command makes. An operator who is root makes backups and restores for
//! a server that runs as somebody else, and that could neither read nor write root's files.

use std::fs;
use std::os::unix::fs::{MetadataExt, lchown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::store::files_of;

/// Somebody else than root, who is at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    user: u32,
    group: u32,
}

impl Owner {
    /// Whom a database belongs to, or where there is none, the folder that it would be in. `None`
    /// unless that is somebody else than root, and the process is root's.
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

    /// Somebody by number; `None` for root, whose files need not be given away.
    pub(super) fn new(user: u32, group: u32) -> Option<Self> {
        (user != 0).then_some(Self { user, group })
    }

    /// Gives what has been made to its owner; what is not there needs none.
    pub(super) fn give<'a>(owner: Option<Self>, paths: impl IntoIterator<Item = &'a Path>) {
        let Some(Self { user, group }) = owner else {
            return;
        };
        for path in paths {
            let _ = lchown(path, Some(user), Some(group));
        }
    }

    /// Does so for a folder with all that is in it.
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

    /// Does so for a database and what lies beside it.
    pub(super) fn give_database(owner: Option<Self>, database: &Path) {
        let files = files_of(database);
        Self::give(owner, files.iter().map(PathBuf::as_path));
    }
}
