//! A library between the program and the system: it notes what is written, synced and sent, and
//! lets calls fail while a test says so. See `tests/faults/shim.c`.

use std::{fs, os::unix::fs::FileExt, path::PathBuf, process::Command, sync::OnceLock};

use tempfile::TempDir;

use super::Server;

/// What a test can set, by its place in the control file.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Knob {
    /// Error of writes and truncations.
    WriteError = 0,
    /// Error of syncs.
    SyncError = 1,
    /// Error of starting a thread.
    ThreadError = 2,
    /// Which files calls fail on: [`DATABASE`], [`LOG`], or both.
    Scope = 3,
    /// How many calls have failed.
    Hits = 4,
    /// The process is killed at so many-th write, sync or answer.
    KillAfter = 5,
    /// Set when the library is in the program.
    Loaded = 6,
    /// Seconds that the clock is wrong, of which negative ones are written as their complement.
    Clock = 7,
    /// Error of reads.
    ReadError = 8,
    /// Seconds that the clock which only counts is ahead.
    Uptime = 9,
}

const KNOBS: usize = 10;

/// Calls on the database itself fail.
pub(crate) const DATABASE: u32 = 1;
/// Calls on the write-ahead log fail.
pub(crate) const LOG: u32 = 2;
/// Calls on every other file fail: on large files of messages, for one.
pub(crate) const OTHER: u32 = 4;

/// The numbers of errors on Linux.
pub(crate) const EPERM: u32 = 1;
pub(crate) const EIO: u32 = 5;
pub(crate) const ENOSPC: u32 = 28;

/// The library with its control file and what it has noted.
pub(crate) struct Shim {
    folder: TempDir,
    control: fs::File,
}

impl Shim {
    /// Puts the library before everything that is started of a server from now on.
    #[track_caller]
    pub(crate) fn before(server: &mut Server) -> Self {
        let shim = Self::new();
        let data = server.folder().canonicalize().expect("the server's folder");
        let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
        server.environment("LD_PRELOAD", text(library()));
        server.environment("SHIM_CONTROL", text(shim.folder.path().join("control")));
        server.environment("SHIM_FOLDER", text(data));
        shim
    }

    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let control = fs::File::options()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .open(folder.path().join("control"))
            .expect("a control file");
        control.set_len(4 * KNOBS as u64).expect("its size");
        Self { folder, control }
    }

    /// Has everything noted that is started from now on.
    pub(crate) fn journal(&self, server: &mut Server) {
        let path = self.journal_path();
        server.environment("SHIM_LOG", path.to_str().expect("UTF-8"));
    }

    /// Where the notes are.
    pub(crate) fn journal_path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub(crate) fn set(&self, knob: Knob, value: u32) {
        self.control
            .write_all_at(&value.to_le_bytes(), 4 * knob as u64)
            .expect("written");
    }

    /// Sets the clock of the program wrong by some seconds.
    pub(crate) fn set_clock_by(&self, seconds: i32) {
        self.set(Knob::Clock, seconds.cast_unsigned());
    }

    /// Lets so many seconds have passed, for all that waits or counts; they never get fewer.
    pub(crate) fn set_uptime_by(&self, seconds: u32) {
        self.set(Knob::Uptime, seconds);
    }

    pub(crate) fn get(&self, knob: Knob) -> u32 {
        let mut bytes = [0; 4];
        self.control
            .read_exact_at(&mut bytes, 4 * knob as u64)
            .expect("read");
        u32::from_le_bytes(bytes)
    }

    /// Asserts that the program runs with the library, without which a test shows nothing.
    #[track_caller]
    pub(crate) fn is_there(&self) {
        assert_eq!(
            self.get(Knob::Loaded),
            1,
            "the library was not loaded: a program that is linked statically?"
        );
    }
}

/// Compiles the library, once in each run of the tests.
fn library() -> PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/shim.c");
        let place = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        fs::create_dir_all(&place).expect("a folder for what is built");
        let library = place.join("shim.so");
        let fresh = place.join(format!("shim-{}.so", std::process::id()));
        // The same compiler that has built SQLite into the program.
        let output = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&fresh)
            .arg(source)
            .arg("-ldl")
            .output()
            .expect("a C compiler");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{errors}");
        fs::rename(&fresh, &library).expect("renamed");
        library
    };
    LIBRARY.get_or_init(build).clone()
}
