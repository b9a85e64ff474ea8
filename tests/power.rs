//! Power cuts: what was acknowledged is on the disk, whenever the current goes.
//!
//! A server at work is recorded (every write, sync and answer, in their order), and from the record
//! disks are rebuilt as a cut at some moment could have left them: what had been synced is there;
//! of what was written since, each write independently is there, missing, or torn at 512 bytes.

mod disk;
mod files;
mod load;
mod trace;
mod verdict;

use std::{
    ops::Range,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
};

use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::common::{
    Program, Server,
    health::until,
    shim::{DATABASE, EIO, Knob, LOG, Shim},
};
use disk::Disks;
use load::Load;
use trace::{Event, Trace, trim};
use verdict::{Expected, Verdict};

/// Disks that are rebuilt and examined.
const STATES: usize = 840;
/// Disks that are rebuilt from one moment.
const STATES_PER_CUT: usize = 6;
/// How often a server is killed.
const KILLS: usize = 9;
/// Each so many-th disk is examined by the program itself too.
const BY_PROGRAM: usize = 140;

#[test]
fn acknowledged_changes_survive_a_power_cut_at_any_moment() {
    let record = Record::make("full", 220);
    let trace = &record.trace;
    let acknowledged = record.expected().acknowledged();
    let (syncs, checkpoints, restarts) = trace.character();
    let batch = trace.largest_batch();
    eprintln!(
        "{} events: {acknowledged} answers, {syncs} syncs of the log, {batch} answers after one, \
         {checkpoints} checkpoints, {restarts} times the log began anew",
        trace.events.len()
    );
    assert!(batch > 1, "writes are committed in batches");
    assert!(checkpoints >= 4, "the log is copied into the file");
    assert!(restarts >= 4, "the log is used again from its beginning");

    let verdicts = record.examine(STATES, &mut seeded());
    assert_eq!(verdicts.len(), STATES);
    let bad: Vec<_> = verdicts.iter().filter(|it| !it.is_good()).collect();
    assert!(
        bad.is_empty(),
        "{} of {} states: {:?}",
        bad.len(),
        verdicts.len(),
        bad[0]
    );
    // The states were no trivial ones.
    let unsynced = verdicts.iter().filter(|it| it.unsynced > 0).count();
    assert!(unsynced > STATES / 4, "only {unsynced} had unsynced writes");
}

#[test]
fn the_same_check_fails_without_a_sync_before_the_answer() {
    let record = Record::make("normal", 120);
    let verdicts = record.examine(STATES / 4, &mut seeded());
    let lost = verdicts.iter().filter(|it| it.lost > 0).count();
    eprintln!("{lost} of {} states have lost something", verdicts.len());
    assert!(lost > 0, "durability = normal loses the last answers");
    // It is only the last ones that it loses: the file stays sound.
    for verdict in &verdicts {
        assert_eq!(verdict.damage, None, "{verdict:?}");
    }
}

#[test]
fn acknowledged_changes_survive_a_failed_sync_and_a_power_cut_after_it() {
    for scope in [LOG, DATABASE] {
        let mut record = Record::with_failed_sync(scope);
        // The time after the restart, in which what the failed sync has left is put in order, is
        // short and looked at more closely.
        let gone = record.trace.events[record.span.start..]
            .iter()
            .position(|event| matches!(event, Event::Unlinked { name } if name.ends_with("-wal")));
        let orderly = record.span.start + gone.expect("the log is removed");
        let end = std::mem::replace(&mut record.span.end, orderly);
        let mut verdicts = record.examine(STATES / 4, &mut seeded());
        record.span = orderly..end;
        verdicts.extend(record.examine(STATES / 8, &mut seeded()));
        let bad: Vec<_> = verdicts.iter().filter(|it| !it.is_good()).collect();
        assert!(
            bad.is_empty(),
            "{} of {} states: {:?}",
            bad.len(),
            verdicts.len(),
            bad[0]
        );
    }
}

#[test]
fn kills_at_any_write_sync_or_answer_lose_nothing() {
    let mut random = seeded();
    let mut server = Server::initialised("open", &[]);
    let shim = Shim::before(&mut server);
    shim.journal(&mut server);
    server.serve();
    shim.is_there();
    let mut load = Load::begin(&server);
    let place = Place::new();
    for round in 0..KILLS {
        let after = random.random_range(1..900);
        load.work_until_it_ends(&server, || shim.set(Knob::KillAfter, after));
        server.kill();
        trim(&shim.journal_path());
        let trace = Trace::read(&shim.journal_path());
        let mut expected = Expected::of(&load, &trace);
        expected.until(trace.events.len());
        for suffix in ["", "-wal"] {
            let name = format!("morelia.db{suffix}");
            let to = place.database.with_file_name(&name);
            let _ = std::fs::remove_file(&to);
            // There may be no log yet.
            let copied = std::fs::copy(server.folder().join(&name), &to);
            assert!(copied.is_ok() || suffix == "-wal", "{copied:?}");
        }
        let verdict = expected.judge(&place.database);
        assert!(verdict.is_good(), "round {round}: {verdict:?}");
        if round % 3 == 0 {
            // Killed again while it gets up.
            let log = std::fs::metadata(server.folder().join("morelia.db-wal"));
            // With little in the log there is little to write.
            let most = if log.is_ok_and(|log| log.len() > 100_000) {
                12
            } else {
                2
            };
            shim.set(Knob::KillAfter, random.random_range(1..=most));
            let output = server
                .command(["serve", "--host", "127.0.0.1", "--port", "0"])
                .run();
            assert_eq!(output.code, None, "it was killed: {output:?}");
            trim(&shim.journal_path());
        }
        shim.set(Knob::KillAfter, 0);
        server.serve();
    }
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    server.command(["db", "check"]).run().exits(0);
}

/// The numbers that decide which disks are rebuilt; `POWER_SEED` repeats a run's.
fn seeded() -> StdRng {
    let seed = std::env::var("POWER_SEED").ok();
    let seed = seed.map_or_else(rand::random, |seed| seed.parse().expect("a number"));
    eprintln!("POWER_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// A database before everything, and the folders beside it.
type Before = (Vec<u8>, Vec<String>);

fn before(server: &Server) -> Before {
    let database = std::fs::read(server.database()).expect("the database");
    (database, disk::folders(server.folder()))
}

/// What happened to a server and its disk.
struct Record {
    server: Server,
    /// The current goes at one of these events.
    span: Range<usize>,
    before: Before,
    trace: Trace,
    load: Load,
}

impl Record {
    /// Records a server at work, which is killed once and stopped once in between.
    fn make(durability: &str, requests: usize) -> Self {
        let mut server = Server::initialised("open", &[("database.durability", durability)]);
        let before = before(&server);
        let shim = Shim::before(&mut server);
        shim.journal(&mut server);
        server.serve();
        shim.is_there();
        let mut load = Load::begin(&server);
        load.work(&server, requests);
        load.work_until_killed(&mut server);
        trim(&shim.journal_path());
        server.serve();
        load.work(&server, requests / 2);
        server.stop();
        server.serve();
        load.work(&server, requests / 4);
        server.kill();
        Self::end(server, &shim, load, before)
    }

    /// Records a server that ends since a sync fails, and goes on after a restart.
    fn with_failed_sync(scope: u32) -> Self {
        let mut server = Server::initialised("open", &[]);
        let before = before(&server);
        let shim = Shim::before(&mut server);
        shim.journal(&mut server);
        server.serve();
        shim.is_there();
        let mut load = Load::begin(&server);
        load.work(&server, 60);
        // What fails is then in the log alone: nothing that was synced there has the same pages.
        until("the log is emptied", || {
            let log = server.folder().join("morelia.db-wal");
            std::fs::metadata(log)
                .is_ok_and(|log| log.len() == 0)
                .then_some(())
        });
        server.sign_in("worker0");
        shim.set(Knob::Scope, scope);
        load.work_until_it_ends(&server, || shim.set(Knob::SyncError, EIO));
        let (code, errors) = server.stop_signalled();
        assert_eq!(code, Some(74), "{errors}");
        assert!(shim.get(Knob::Hits) > 0);
        shim.set(Knob::SyncError, 0);
        server.serve();
        load.work(&server, 60);
        server.kill();
        let mut record = Self::end(server, &shim, load, before);
        let failed = |event: &Event| matches!(event, Event::Synced { failed: true, .. });
        let from = record.trace.events.iter().position(failed);
        record.span.start = from.expect("a sync that failed");
        record
    }

    fn end(mut server: Server, shim: &Shim, load: Load, before: Before) -> Self {
        let trace = Trace::read(&shim.journal_path());
        // What is run on rebuilt disks is no part of the record.
        server.environment("LD_PRELOAD", "");
        Self {
            server,
            span: 1..trace.events.len() + 1,
            before,
            trace,
            load,
        }
    }

    fn expected(&self) -> Expected {
        let mut expected = Expected::of(&self.load, &self.trace);
        expected.until(self.trace.events.len());
        expected
    }

    /// The moments at which the current goes: right after an answer, among writes into the file
    /// itself, and anywhere.
    fn cuts(&self, count: usize, random: &mut StdRng) -> Vec<usize> {
        let events = &self.trace.events;
        let all = |wanted: fn(&Trace, &Event) -> bool| -> Vec<usize> {
            let found = events.iter().enumerate();
            let found = found.filter(|(at, _)| self.span.contains(&(at + 1)));
            let found = found.filter(|(_, event)| wanted(&self.trace, event));
            found.map(|(at, _)| at + 1).collect()
        };
        let answers = all(|_, event| matches!(event, Event::Sent { .. }));
        let copying = all(Trace::is_checkpointing);
        let mut cuts: Vec<usize> = (0..count)
            .map(|n| {
                let of = match n % 4 {
                    0 | 1 if !answers.is_empty() => &answers,
                    2 if !copying.is_empty() => &copying,
                    _ => return random.random_range(self.span.clone()),
                };
                of[random.random_range(0..of.len())]
            })
            .collect();
        cuts.sort_unstable();
        cuts
    }

    /// Rebuilds so many disks and examines them.
    fn examine(&self, states: usize, random: &mut StdRng) -> Vec<Verdict> {
        let cuts = self.cuts(states.div_ceil(STATES_PER_CUT), random);
        let seeds: Vec<u64> = cuts.iter().map(|_| random.random()).collect();
        let work = Mutex::new(cuts.into_iter().zip(seeds).enumerate());
        let verdicts = Mutex::new(Vec::new());
        let (trace, load, before) = (&self.trace, &self.load, &self.before);
        let config = self.server.config();
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    // Cuts are handed out in their order, so each thread goes through the record once.
                    let mut disks = Disks::new(trace, &before.0, &before.1);
                    let mut expected = Expected::of(load, trace);
                    let place = Place::new();
                    loop {
                        let next = work.lock().expect("no panic").next();
                        let Some((number, (cut, seed))) = next else {
                            return;
                        };
                        let mut random = StdRng::seed_from_u64(seed);
                        disks.until(cut);
                        expected.until(cut);
                        for variant in 0..STATES_PER_CUT {
                            let unsynced = disks.leave(&place.database, variant, &mut random);
                            let mut verdict = expected.judge(&place.database);
                            verdict.cut = cut;
                            verdict.variant = variant;
                            verdict.unsynced = unsynced;
                            if (number * STATES_PER_CUT + variant).is_multiple_of(BY_PROGRAM) {
                                ask_the_program(&config, &place, &mut verdict);
                            }
                            verdicts.lock().expect("no panic").push(verdict);
                        }
                    }
                });
            }
        });
        let mut verdicts = verdicts.into_inner().expect("no panic");
        verdicts.truncate(states);
        verdicts
    }
}

/// Has the program itself examine a disk.
fn ask_the_program(config: &Path, place: &Place, verdict: &mut Verdict) {
    let output = Program::new(config.parent().expect("a folder"))
        .arg("--config")
        .arg(config)
        .env("MORELIA__DATABASE__PATH", &place.database)
        .args(["db", "check"])
        .run();
    if output.code != Some(0) {
        verdict.damage = Some(format!("db check: {output:?}"));
    }
}

/// Where a rebuilt disk is put: in memory where there is such a place.
struct Place {
    _folder: tempfile::TempDir,
    database: PathBuf,
}

impl Place {
    fn new() -> Self {
        let memory = tempfile::tempdir_in("/dev/shm");
        let folder = memory.or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a folder");
        Self {
            database: folder.path().join("morelia.db"),
            _folder: folder,
        }
    }
}
