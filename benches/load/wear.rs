//! What messages cost the disk: syncs, pages of the log, bytes; and how sending fares on a disk
//! that syncs as slowly as an SD card.
//!
//! A small library stands between the server and the system (see `shim.c`). strace could count and
//! delay as well, but slows every call of the server, not only those.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt as _,
    path::PathBuf,
    process::Command,
};

use crate::{
    Effort, disk,
    drive::Crowd,
    folder::Folder,
    report::{Row, Target},
    requests,
    server::{Home, Process},
};

const GROUP: &str = "disk wear";
const SLOW: &str = "10 ms syncs";

/// Senders.
const SENDERS: usize = 64;

/// What an SD card takes for a sync.
const DELAY_MS: f64 = 10.0;

/// The library, and the file through which it tells its numbers.
struct Shim {
    folder: Folder,
    counters: File,
}

/// What the library has counted.
#[derive(Debug, Clone, Copy)]
struct Counts {
    syncs: f64,
    frames: f64,
    commits: f64,
    pages: f64,
}

impl Shim {
    fn new() -> Self {
        let folder = Folder::new();
        let source = folder.path().join("shim.c");
        fs::write(&source, include_str!("shim.c")).expect("the source");
        let status = Command::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(folder.path().join("shim.so"))
            .arg(&source)
            .arg("-ldl")
            .status()
            .expect("cc runs");
        assert!(status.success(), "the library does not build");
        let counters = folder.path().join("counters");
        fs::write(&counters, [0; 4096]).expect("room");
        let counters = File::open(counters).expect("the counters");
        Self { folder, counters }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts a server behind the library.
    fn serve(&self, home: &Home, delay_ms: f64) -> Process {
        let (library, counters) = (self.path("shim.so"), self.path("counters"));
        home.serve_with(&[
            ("LD_PRELOAD", library.to_str().expect("UTF-8")),
            ("SHIM_COUNTERS", counters.to_str().expect("UTF-8")),
            ("SHIM_DELAY_US", &format!("{}", delay_ms * 1000.0)),
        ])
    }

    fn counts(&self) -> Counts {
        let number = |nth: u64| {
            let mut bytes = [0; 8];
            self.counters
                .read_exact_at(&mut bytes, nth * 8)
                .expect("a number");
            u64::from_ne_bytes(bytes) as f64
        };
        Counts {
            syncs: number(0),
            frames: number(1),
            commits: number(2),
            pages: number(3),
        }
    }
}

impl Counts {
    fn since(self, before: Self) -> Self {
        Self {
            syncs: self.syncs - before.syncs,
            frames: self.frames - before.frames,
            commits: self.commits - before.commits,
            pages: self.pages - before.pages,
        }
    }
}

/// One run of senders.
struct Run {
    counts: Counts,
    written: f64,
    messages: f64,
    rate: f64,
}

fn run(effort: &Effort, delay_ms: f64) -> Run {
    let (shim, home) = (Shim::new(), Home::new(1000));
    let server = shim.serve(&home, delay_ms);
    let crowd = Crowd::gather(&server, SENDERS, effort.time, &requests::sends());
    let before = (shim.counts(), server.written());
    let outcome = crowd.go();
    let counts = shim.counts().since(before.0);
    assert!(
        counts.syncs > 0.0,
        "the library counts nothing: is the program linked statically?"
    );
    Run {
        counts,
        written: server.written() - before.1,
        messages: outcome.requests,
        rate: outcome.rate,
    }
}

/// Pages, bytes and syncs of 64 senders, on this disk and on a slow one.
pub(crate) fn wear(effort: &Effort) -> Vec<Row> {
    let mut fast = Vec::new();
    let mut slow = Vec::new();
    let mut needed = Vec::new();
    for _ in 0..effort.repetitions {
        fast.push(run(effort, 0.0));
        needed.push((
            disk::frames_needed(SENDERS),
            disk::frames_of_bare_rows(SENDERS),
        ));
        slow.push(run(effort, DELAY_MS));
    }
    let frames = |it: &Run| it.counts.frames / it.messages;
    let each = |of: &dyn Fn(&Run) -> f64| fast.iter().map(of).collect::<Vec<_>>();
    let pairs = fast.iter().zip(&needed);
    let slow_pairs = slow.iter().zip(&needed);
    vec![
        Row::against(
            GROUP,
            "pages to the log",
            "a message",
            "one commit of 64",
            pairs
                .clone()
                .map(|(it, needed)| (frames(it), needed.0))
                .collect(),
        )
        .target(Target::AtMost(2.0)),
        Row::against(
            GROUP,
            "pages to the log",
            "a message",
            "64 bare rows",
            pairs.map(|(it, needed)| (frames(it), needed.1)).collect(),
        ),
        Row::median(
            GROUP,
            "pages to the database",
            "a message",
            each(&|it| (it.counts.pages - it.counts.frames) / it.messages),
        ),
        Row::median(
            GROUP,
            "to the device",
            "bytes a message",
            each(&|it| it.written / it.messages),
        ),
        Row::median(
            GROUP,
            "messages",
            "a commit",
            each(&|it| it.messages / it.counts.commits),
        ),
        Row::median(
            GROUP,
            "syncs",
            "a commit",
            each(&|it| it.counts.syncs / it.counts.commits),
        )
        .target(Target::AtMost(1.1))
        .note("checkpoints sync too"),
        Row::against(
            SLOW,
            "pages to the log",
            "a message",
            "one commit of 64",
            slow_pairs
                .map(|(it, needed)| (frames(it), needed.0))
                .collect(),
        )
        .target(Target::AtMost(2.5)),
        Row::against(
            SLOW,
            "64 senders",
            "messages a sync",
            "senders",
            slow.iter()
                .map(|it| (it.messages / it.counts.syncs, SENDERS as f64))
                .collect(),
        )
        .target(Target::AtLeast(0.8)),
        Row::median(SLOW, "64 senders", "/s", slow.iter().map(|it| it.rate)),
    ]
}
