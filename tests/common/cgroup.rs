//! A small machine made of a large one: a control group that bounds the memory of a process.

use std::{
    fs, io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// A memory control group; removed when dropped, which has to be after the processes in it ended.
pub(crate) struct Cgroup {
    folder: PathBuf,
}

impl Cgroup {
    /// Makes a group with a limit, in bytes.
    ///
    /// # Errors
    /// Why there can be none here, in words.
    pub(crate) fn new(limit: u64) -> Result<Self, String> {
        let mut reasons = Vec::new();
        for parent in parents() {
            match Self::below(&parent, limit) {
                Ok(group) => return Ok(group),
                Err(err) => reasons.push(format!("{}: {err}", parent.display())),
            }
        }
        reasons.push("that is all that was tried".to_owned());
        Err(reasons.join("; "))
    }

    fn below(parent: &Path, limit: u64) -> io::Result<Self> {
        let name = format!(
            "morelia-test-{}-{:08x}",
            std::process::id(),
            rand::random::<u32>()
        );
        let folder = parent.join(name);
        fs::create_dir(&folder)?;
        let group = Self { folder };
        let limit = limit.to_string();
        if group.folder.join("memory.max").exists() {
            group.set("memory.max", &limit)?;
            // Not everywhere, and what is swapped out would not count.
            drop(group.set("memory.swap.max", "0"));
        } else {
            group.set("memory.limit_in_bytes", &limit)?;
            drop(group.set("memory.memsw.limit_in_bytes", &limit));
        }
        // Somebody may be allowed to make groups and not to move processes.
        fs::OpenOptions::new().write(true).open(group.processes())?;
        Ok(group)
    }

    fn set(&self, key: &str, value: &str) -> io::Result<()> {
        // Opened, not made: in a folder without the controller there would be a plain error.
        fs::write(self.folder.join(key), value)
    }

    /// The file that a process is moved here by.
    pub(crate) fn processes(&self) -> PathBuf {
        self.folder.join("cgroup.procs")
    }

    /// Returns the most that was in use, in bytes, where the kernel tells.
    pub(crate) fn peak(&self) -> Option<u64> {
        let names = ["memory.peak", "memory.max_usage_in_bytes"];
        names
            .iter()
            .find_map(|name| fs::read_to_string(self.folder.join(name)).ok())
            .and_then(|text| text.trim().parse().ok())
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A process that has been waited for may still be listed for a moment.
        for _ in 0..100 {
            if fs::remove_dir(&self.folder).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        eprintln!("{} is left behind", self.folder.display());
    }
}

/// Where a group may be made: below our own, beside it, or below the root.
fn parents() -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let (mount, path) = if root.join("cgroup.controllers").exists() {
        let path = own.lines().find_map(|line| line.strip_prefix("0::"));
        (root.to_owned(), path)
    } else {
        let path = own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            controllers
                .split(',')
                .any(|it| it == "memory")
                .then_some(path)
        });
        (root.join("memory"), path)
    };
    let own = mount.join(path.unwrap_or_default().trim_start_matches('/'));
    let beside = own.parent().filter(|beside| beside.starts_with(&mount));
    let mut parents = vec![own.clone()];
    parents.extend(beside.map(Path::to_owned));
    parents.push(mount);
    parents.dedup();
    parents
}
