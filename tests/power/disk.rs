//! A disk as the record of what it was told lets it be.

use std::{collections::BTreeMap, collections::HashMap, fs, path::Path};

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

/// A name that came or went, which holds for sure once the folder is synced.
#[derive(Clone)]
enum Naming {
    Made(String, usize),
    Removed(String),
}

/// The disk at one moment of the record, which only goes forward.
pub(super) struct Disks<'a> {
    trace: &'a Trace,
    /// Up to here the record has been taken in.
    at: usize,
    files: Vec<File>,
    /// Which file an inode is now; numbers are used again.
    of_inode: HashMap<u64, usize>,
    names: BTreeMap<String, usize>,
    present: BTreeMap<String, usize>,
    pending: Vec<Naming>,
}

impl<'a> Disks<'a> {
    pub(super) fn new(trace: &'a Trace, database: &[u8]) -> Self {
        let file = File {
            kept: database.to_vec(),
            pending: Vec::new(),
        };
        let names = BTreeMap::from([("morelia.db".to_owned(), 0)]);
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
                Event::FolderSynced => {
                    self.pending.clear();
                    self.names.clone_from(&self.present);
                }
                Event::Unlinked { name } => {
                    self.present.remove(name);
                    self.pending.push(Naming::Removed(name.clone()));
                }
                Event::Sent { .. } => {}
            }
        }
        self.at = end;
    }

    fn open(&mut self, inode: u64, name: &str, is_new: bool) {
        let known = self.present.get(name).copied();
        // Two threads may both have found no file, and both have made this one.
        let same = known.is_some() && self.of_inode.get(&inode).copied() == known;
        if let Some(known) = known.filter(|_| !is_new || same) {
            self.of_inode.insert(inode, known);
            return;
        }
        let file = self.files.len();
        self.files.push(File::default());
        self.of_inode.insert(inode, file);
        self.present.insert(name.to_owned(), file);
        self.pending.push(Naming::Made(name.to_owned(), file));
    }

    /// Leaves the disk of this moment behind a power cut: database and log at a path. Variant 0 has
    /// none of what was not synced, variant 1 all of it, others by chance. Returns how many writes
    /// had not been synced.
    pub(super) fn leave(&self, database: &Path, variant: usize, random: &mut StdRng) -> usize {
        let mut names = self.names.clone();
        // A folder keeps the order of what was done to it.
        let done = match variant {
            0 => 0,
            1 => self.pending.len(),
            _ => random.random_range(0..=self.pending.len()),
        };
        for naming in &self.pending[..done] {
            match naming {
                Naming::Made(name, file) => names.insert(name.clone(), *file),
                Naming::Removed(name) => names.remove(name),
            };
        }
        let mut unsynced = 0;
        for suffix in ["", "-wal", "-journal", "-shm"] {
            let path = database.with_file_name(format!("morelia.db{suffix}"));
            let _ = fs::remove_file(&path);
            let Some(file) = names.get(&format!("morelia.db{suffix}")) else {
                continue;
            };
            let file = &self.files[*file];
            unsynced += file.pending.len();
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
