//! Long life under many hands: in the end every copy is what the server has, and memory, descriptors
//! and the write-ahead log are what they were.
//!
//! `make soak` gives it half an hour, or `MINUTES=`, and fifty clients; at each run of the tests it is
//! a moment with a few.

use std::{
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    common::{PATIENCE, Server},
    model::{Scale, live},
};

/// How often the server is looked at.
const LOOK: Duration = Duration::from_secs(5);

/// Memory that caches take in time, beside what was there when a third of the time had passed.
const CACHES: u64 = 24 << 20;

/// The log shrinks to 16 MiB when it is begun anew; while somebody reads for long it cannot be.
const LOG_MAX: u64 = 64 << 20;

/// Descriptors of readers of the database that are kept for the next time.
const READERS: usize = 12;

/// What a server takes at a moment.
#[derive(Debug, Clone, Copy)]
struct Taken {
    at: Duration,
    resident: u64,
    descriptors: usize,
    log: u64,
}

fn take(pid: u32, database: &Path, begun: Instant) -> Taken {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().nth(1));
    let kilobytes: u64 = kilobytes
        .and_then(|text| text.parse().ok())
        .expect("a number");
    let log = database.with_extension("db-wal");
    Taken {
        at: begun.elapsed(),
        resident: kilobytes << 10,
        descriptors: descriptors(pid),
        log: fs::metadata(log).map_or(0, |file| file.len()),
    }
}

fn descriptors(pid: u32) -> usize {
    let all = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs");
    all.count()
}

#[test]
fn a_server_is_the_same_after_long_work() {
    let minutes: Option<u64> = std::env::var("MORELIA_SOAK_MINUTES")
        .ok()
        .and_then(|text| text.parse().ok());
    let scale = match minutes {
        Some(minutes) => Scale {
            readers: 3,
            actors: 38,
            acts: 1,
            lasts: Duration::from_mins(minutes),
            rest: Duration::from_millis(400),
        },
        None => Scale {
            readers: 1,
            actors: 8,
            acts: 1,
            lasts: Duration::from_secs(6),
            rest: Duration::from_millis(50),
        },
    };
    let mut server = Server::start();
    // Everything that is opened once is open.
    server.register("first");
    let pid = server.running().pid();
    let begun = Instant::now();
    let database = server.database();
    let before = take(pid, &database, begun);
    let all: Mutex<Vec<Taken>> = Mutex::default();
    live(&server, &scale, rand::random(), |over: &AtomicBool| {
        while !over.load(Ordering::Relaxed) {
            thread::sleep(LOOK.min(scale.lasts / 6));
            all.lock().expect("alone").push(take(pid, &database, begun));
        }
    });
    let all = all.into_inner().expect("alone");
    let start = Instant::now();
    let after = loop {
        let after = take(pid, &database, begun);
        if after.descriptors <= before.descriptors + READERS {
            break after;
        }
        assert!(start.elapsed() < PATIENCE, "{before:?} and then {after:?}");
        thread::sleep(Duration::from_millis(100));
    };
    let settled = all[all.len() / 3];
    let last = all[all.len() - 1];
    for (when, taken) in [
        ("before", before),
        ("a third", settled),
        ("last", last),
        ("after", after),
    ] {
        println!(
            "{when:<8} {:>5} s, {} MiB resident, {} descriptors, log {} KiB",
            taken.at.as_secs(),
            taken.resident >> 20,
            taken.descriptors,
            taken.log >> 10
        );
    }
    for taken in &all {
        assert!(taken.log <= LOG_MAX, "{taken:?}");
    }
    assert!(
        last.resident <= settled.resident + settled.resident / 4 + CACHES,
        "{settled:?} became {last:?}"
    );
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    assert!(!errors.contains("[ERROR]"), "{errors}");
    server.command(["db", "check"]).run().exits(0);
}
