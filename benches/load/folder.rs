//! Folders for measurements on the disk that is measured, and nothing left behind: neither folders
//! nor processes, even when a measurement fails half-way.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Where databases are made: `target/bench`, or the folder that `$BENCH_DIR` names.
pub(crate) fn disk() -> PathBuf {
    let folder = std::env::var_os("BENCH_DIR").map_or_else(
        || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench"),
        PathBuf::from,
    );
    fs::create_dir_all(&folder).expect("the folder for measurements");
    folder.canonicalize().expect("a folder")
}

/// A folder that is removed when dropped.
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes an empty folder.
    pub(crate) fn new() -> Self {
        let path = tempfile::Builder::new()
            .prefix("morelia-")
            .tempdir_in(disk())
            .expect("a folder")
            .keep();
        left().folders.push(path.clone());
        Self { path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the folder another name, under which it stays.
    pub(crate) fn keep(self, name: &Path) {
        fs::rename(&self.path, name).expect("a finished folder");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        left().folders.retain(|folder| *folder != self.path);
        // One that was kept is no longer there.
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// What is there and must not stay.
struct Left {
    processes: Vec<u32>,
    folders: Vec<PathBuf>,
}

static LEFT: Mutex<Left> = Mutex::new(Left {
    processes: Vec::new(),
    folders: Vec::new(),
});

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes a process that has been started.
pub(crate) fn started(pid: u32) {
    left().processes.push(pid);
}

/// Notes that a process has ended.
pub(crate) fn ended(pid: u32) {
    left().processes.retain(|it| *it != pid);
}

/// Has a failure in any thread end everything.
pub(crate) fn clean_up_on_panic() {
    let say = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |failure| {
        say(failure);
        let left = left();
        for pid in &left.processes {
            let _ = Command::new("kill").arg(pid.to_string()).status();
        }
        for folder in &left.folders {
            let _ = fs::remove_dir_all(folder);
        }
        std::process::exit(1);
    }));
}
