//! A disk as the record of what it was told lets it be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::Path,
};

use rand::{Rng, rngs::StdRng};

use super::trace::{Event, Trace};

/// What a disk writes at once or not at all.
const SECTOR: usize = 512;

/// A file: what is on the disk for sure, and what may be.
#[derive(Default, Clone)]
struct File {
    kept: Vec<u8>,
    /// Since the last sync, by their place in the record.
    pending: Vec<usize>,
}

/// A name that came or went, which holds for sure once its folder is synced.
#[derive(Clone)]
enum Naming {
    Made(String, usize),
    MadeFolder(String),
    Removed(String),
    /// From one to another, as one step: every file system of today keeps a journal of such.
    Moved(String, String),
}

impl Naming {
    /// The folder that keeps it once synced.
    fn folder(&self) -> &str {
        match self {
            Self::Made(name, _) | Self::MadeFolder(name) | Self::Removed(name) => folder_of(name),
            Self::Moved(_, to) => folder_of(to),
        }
    }

    fn apply(&self, names: &mut Names) {
        match self {
            Self::Made(name, file) => drop(names.files.insert(name.clone(), *file)),
            Self::MadeFolder(name) => drop(names.folders.insert(name.clone())),
            Self::Removed(name) => drop(names.files.remove(name)),
            Self::Moved(from, to) => {
                if let Some(file) = names.files.remove(from) {
                    names.files.insert(to.clone(), file);
                }
            }
        }
    }
}

fn folder_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What has a name.
#[derive(Default, Clone)]
struct Names {
    files: BTreeMap<String, usize>,
    folders: BTreeSet<String>,
}

impl Names {
    /// Whether something can be reached: all folders on the way to it are there.
    fn reach(&self, name: &str) -> bool {
        let folder = folder_of(name);
        folder.is_empty() || self.folders.contains(folder) && self.reach(folder)
    }
}

/// The disk at one moment of the record, which only goes forward.
pub(super) struct Disks<'a> {
    trace: &'a Trace,
    /// Up to here the record has been taken in.
    at: usize,
    files: Vec<File>,
    /// Which file an inode is now; numbers are used again.
    of_inode: HashMap<u64, usize>,
    names: Names,
    present: Names,
    pending: Vec<Naming>,
}

impl<'a> Disks<'a> {
    /// A disk with a database and folders in which nothing is.
    pub(super) fn new(trace: &'a Trace, database: &[u8], folders: &[String]) -> Self {
        let file = File {
            kept: database.to_vec(),
            pending: Vec::new(),
        };
        let names = Names {
            files: BTreeMap::from([("morelia.db".to_owned(), 0)]),
            folders: folders.iter().cloned().collect(),
        };
        Self {
            trace,
            at: 0,
            files: vec![file],
            of_inode: HashMap::new(),
            present: names.clone(),
            names,
            pending: Vec::new(),
        }
    }

    /// Takes the record in up to an event, which is not part of it.
    pub(super) fn until(&mut self, end: usize) {
        for at in self.at..end {
            match &self.trace.events[at] {
                Event::Opened {
                    inode,
                    name,
                    is_new,
                } => self.open(*inode, name, *is_new),
                Event::Written { inode, .. } | Event::Sized { inode, .. } => {
                    let file = self.of_inode[inode];
                    self.files[file].pending.push(at);
                }
                Event::Synced { inode, failed } => {
                    let file = &mut self.files[self.of_inode[inode]];
                    let pending = std::mem::take(&mut file.pending);
                    if !failed {
                        for at in pending {
                            apply(self.trace, &mut file.kept, at, |_| true);
                        }
                    }
                }
                Event::FolderSynced { name } => {
                    let pending = std::mem::take(&mut self.pending);
                    for naming in pending {
                        if naming.folder() == name {
                            naming.apply(&mut self.names);
                        } else {
                            self.pending.push(naming);
                        }
                    }
                }
                Event::FolderMade { name } => self.name(Naming::MadeFolder(name.clone())),
                Event::Renamed { from, to } => {
                    self.name(Naming::Moved(from.clone(), to.clone()));
                }
                Event::Unlinked { name } => self.name(Naming::Removed(name.clone())),
                Event::Sent { .. } => {}
            }
        }
        self.at = end;
    }

    fn name(&mut self, naming: Naming) {
        naming.apply(&mut self.present);
        self.pending.push(naming);
    }

    fn open(&mut self, inode: u64, name: &str, is_new: bool) {
        let known = self.present.files.get(name).copied();
        // Two threads may both have found no file, and both have made this one.
        let same = known.is_some() && self.of_inode.get(&inode).copied() == known;
        if let Some(known) = known.filter(|_| !is_new || same) {
            self.of_inode.insert(inode, known);
            return;
        }
        let file = self.files.len();
        self.files.push(File::default());
        self.of_inode.insert(inode, file);
        self.name(Naming::Made(name.to_owned(), file));
    }

    /// Leaves the disk of this moment behind a power cut: database, log and large files, at the path of
    /// the database. Variant 0 has none of what was not synced, variant 1 all of it, others by chance.
    /// Returns how many writes had not been synced.
    pub(super) fn leave(&self, database: &Path, variant: usize, random: &mut StdRng) -> usize {
        let mut names = self.names.clone();
        // A folder keeps the order of what was done to it, and knows nothing of the others'.
        let mut left: HashMap<&str, usize> = HashMap::new();
        for naming in &self.pending {
            *left.entry(naming.folder()).or_default() += 1;
        }
        for count in left.values_mut() {
            *count = match variant {
                0 => 0,
                1 => *count,
                _ => random.random_range(0..=*count),
            };
        }
        for naming in &self.pending {
            let left = left.get_mut(naming.folder()).expect("counted");
            if *left > 0 {
                *left -= 1;
                naming.apply(&mut names);
            }
        }
        let place = database.parent().expect("a folder");
        clear(place);
        for folder in names.folders.iter().filter(|name| names.reach(name)) {
            fs::create_dir_all(place.join(folder)).expect("a folder");
        }
        let is_kept = |name: &str| {
            let database = ["", "-wal", "-journal", "-shm"].map(|end| format!("morelia.db{end}"));
            database.iter().any(|it| it == name) || name.starts_with("morelia.db-files/")
        };
        let mut unsynced = 0;
        for (name, file) in &names.files {
            if !is_kept(name) || !names.reach(name) {
                continue;
            }
            let file = &self.files[*file];
            unsynced += file.pending.len();
            let path = place.join(name);
            if file.pending.is_empty() {
                fs::write(path, &file.kept).expect("a rebuilt file");
                continue;
            }
            let mut bytes = file.kept.clone();
            let chance = [0.15, 0.5, 0.85][random.random_range(0..3)];
            for at in &file.pending {
                let (is_kept, is_torn) = match variant {
                    0 => (false, false),
                    1 => (true, false),
                    _ => (random.random_bool(chance), random.random_bool(0.3)),
                };
                if is_kept {
                    apply(self.trace, &mut bytes, *at, |_| {
                        !is_torn || random.random_bool(0.5)
                    });
                }
            }
            fs::write(path, bytes).expect("a rebuilt file");
        }
        unsynced
    }
}

/// Empties a place for the next disk.
fn clear(place: &Path) {
    for entry in fs::read_dir(place).expect("a place") {
        let path = entry.expect("an entry").path();
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.expect("removed");
    }
}

/// The folders in a folder, as they are named from it.
pub(super) fn folders(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                let name = path.strip_prefix(root).expect("within");
                found.push(name.to_str().expect("UTF-8").to_owned());
                waiting.push(path);
            }
        }
    }
    found
}

/// Does to a file what an event says, as far as sectors are kept.
fn apply(trace: &Trace, bytes: &mut Vec<u8>, at: usize, mut keeps: impl FnMut(usize) -> bool) {
    match &trace.events[at] {
        Event::Sized { size, .. } => bytes.resize(*size, 0),
        Event::Written { offset, data, .. } => {
            let data = trace.bytes(data);
            let end = offset + data.len();
            let mut from = *offset;
            while from < end {
                let to = ((from / SECTOR + 1) * SECTOR).min(end);
                if keeps(from / SECTOR) {
                    if bytes.len() < to {
                        bytes.resize(to, 0);
                    }
                    bytes[from..to].copy_from_slice(&data[from - offset..to - offset]);
                }
                from = to;
            }
        }
        other => panic!("no write: {other:?}"),
    }
}
