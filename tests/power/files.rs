//! Power cuts over the database and the folder of large files together: a message that was
//! acknowledged has its files, whole; nothing names a file that is not there; what nothing names goes.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Mutex,
    thread,
    time::{Duration, SystemTime},
};

use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::Connection;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    Before, Place, before,
    disk::Disks,
    seeded,
    trace::{Event, Trace, trim},
};
use crate::{
    common::{
        Person, Server,
        health::until,
        http::{self, PART, content, tus, upload},
        shim::Shim,
    },
    roles::ask,
};

/// Disks that are rebuilt and examined, so many of them from one moment.
const STATES: usize = 240;
const STATES_PER_CUT: usize = 4;
/// Each so many-th disk is served, and swept.
const SERVED: usize = 6;
/// Uploads that nothing shows are removed after so many seconds.
const UNFINISHED: &str = "6s";

/// What somebody asked for on a connection.
enum Asked {
    /// To send a message with files of these sums.
    Send(Vec<Vec<u8>>),
    Delete(String),
}

/// People who send files.
struct Work {
    people: Vec<Person>,
    group: String,
    /// By port of who asked, in order.
    asked: HashMap<u16, Vec<Asked>>,
    sent: Vec<String>,
    count: u32,
}

impl Work {
    fn begin(server: &Server) -> Self {
        let mut people: Vec<_> = (0..3)
            .map(|n| server.register(&format!("sender{n}")))
            .collect();
        let mut first = people.remove(0);
        let group = first.group("Files", &people.iter().collect::<Vec<_>>());
        people.insert(0, first);
        Self {
            people,
            group,
            asked: HashMap::new(),
            sent: Vec::new(),
            count: 0,
        }
    }

    /// Has everybody send so many messages with files, at the same time.
    fn send(&mut self, server: &Server, messages: u32) {
        let (group, count) = (&self.group, self.count);
        let people = self.people.iter().enumerate();
        let done: Vec<_> = thread::scope(|scope| {
            let threads: Vec<_> = people
                .map(|(n, person)| {
                    scope.spawn(move || {
                        let mut person = person.on(server.connect());
                        let from = count + 1000 * u32::try_from(n).expect("few");
                        send(server, &mut person, group, from..from + messages)
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|it| it.join().expect("no panic"))
                .collect()
        });
        self.count += messages;
        for (port, asked, sent) in done {
            self.asked.insert(port, asked);
            self.sent.extend(sent);
        }
    }

    /// Deletes every other message that was sent so far.
    fn delete(&mut self, server: &Server) {
        let mut gone = Vec::new();
        let mut number = 0;
        self.sent.retain(|uuid| {
            number += 1;
            if number % 2 == 0 {
                gone.push(uuid.clone());
            }
            number % 2 == 1
        });
        // The owner of the group removes whatever is in it.
        let mut owner = self.people[0].on(server.connect());
        let mut asked = Vec::new();
        for uuid in gone {
            owner.delete(&uuid).is(200);
            asked.push(Asked::Delete(uuid));
        }
        self.asked.insert(owner.connection.own_port(), asked);
    }
}

/// Sends messages; returns from which port, what was asked there, and the messages' ids.
fn send(
    server: &Server,
    person: &mut Person,
    group: &str,
    seeds: std::ops::Range<u32>,
) -> (u16, Vec<Asked>, Vec<String>) {
    let (mut asked, mut sent) = (Vec::new(), Vec::new());
    for seed in seeds {
        // One that stands in the database, one of the folder, now and then one of several syncs.
        let large = if seed % 4 == 0 { 4_500_000 } else { 300_000 };
        let contents = [content(5_000, seed * 2), content(large, seed * 2 + 1)];
        let files: Vec<_> = contents
            .iter()
            .map(|bytes| json!({"upload": upload(server, person, bytes), "kind": "document"}))
            .collect();
        let data = json!({
            "flow": [{"uuid": group}], "message": [{}], "meta": {"about": {"files": files}},
        });
        let reply = ask(person, "send_message", &data).is(200);
        let uuid = reply.messages()[0]["uuid"].as_str().expect("an id");
        sent.push(uuid.to_owned());
        asked.push(Asked::Send(contents.iter().map(|it| sum(it)).collect()));
    }
    (person.connection.own_port(), asked, sent)
}

fn sum(bytes: &[u8]) -> Vec<u8> {
    Sha256::digest(bytes).to_vec()
}

/// Brings half of a file, which stays unfinished. Returns the upload's path.
fn half(server: &Server, person: &Person) -> String {
    let all = content(9_000_000, 77);
    let headers = format!("{}Upload-Length: {}\r\n", tus(person), all.len());
    let made = http::ask(server, "POST", "/files", &headers).is(201);
    let path = made.header("location").expect("a path").to_owned();
    let headers = format!(
        "{}{PART}Upload-Offset: 0\r\nContent-Length: {}\r\n",
        tus(person),
        all.len()
    );
    let mut stream = http::begin(server, "PATCH", &path, &headers);
    stream.write_all(&all[..5_000_000]).expect("sent");
    until("a part is noted", || {
        let stands = http::ask(server, "HEAD", &path, &tus(person)).is(200);
        (stands.header("upload-offset") != Some("0")).then_some(())
    });
    path
}

/// What was acknowledged at a moment, and what somebody asked to delete at any.
struct Expected<'a> {
    /// The event of the answer, the message and the sums of its files.
    sent: Vec<(usize, u128, &'a [Vec<u8>])>,
    doomed: HashSet<u128>,
}

impl<'a> Expected<'a> {
    fn of(work: &'a Work, trace: &Trace) -> Self {
        let (mut sent, mut doomed) = (Vec::new(), HashSet::new());
        for (port, asked) in &work.asked {
            let answers = trace.answers.get(port).map_or(&[][..], Vec::as_slice);
            for (n, asked) in asked.iter().enumerate() {
                match asked {
                    Asked::Delete(uuid) => drop(doomed.insert(uuid.parse().expect("an id"))),
                    Asked::Send(sums) => {
                        let answer = answers.get(n).expect("it was answered");
                        let uuid = answer.frame["data"]["message"][0]["uuid"].as_str();
                        let uuid = uuid.expect("an id").parse().expect("an id");
                        sent.push((answer.at, uuid, sums.as_slice()));
                    }
                }
            }
        }
        Self { sent, doomed }
    }

    /// What is wrong with a disk that a cut at this event has left.
    fn wrong(&self, cut: usize, database: &Path) -> Result<(), String> {
        let conn = Connection::open(database).map_err(text)?;
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")
            .map_err(text)?;
        let sound: String = conn
            .query_row("PRAGMA integrity_check", [], |row| row.get(0))
            .map_err(text)?;
        if sound != "ok" {
            return Err(sound);
        }
        files_are_whole(&conn, database)?;
        for (at, uuid, sums) in &self.sent {
            if *at >= cut || self.doomed.contains(uuid) {
                continue;
            }
            let mut statement = conn
                .prepare_cached(
                    "SELECT f.sha256 FROM messages m JOIN attachments a ON a.message_id = m.id
                     JOIN files f ON f.id = a.file_id WHERE m.uuid = ?1 ORDER BY a.ordinal",
                )
                .map_err(text)?;
            let rows = statement.query_map([uuid.to_be_bytes()], |row| row.get(0));
            let found: Vec<Vec<u8>> = rows.and_then(Iterator::collect).map_err(text)?;
            if found != *sums {
                return Err(format!("message {uuid} has {} of its files", found.len()));
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "what `map_err` calls takes its argument"
)]
fn text(err: impl ToString) -> String {
    err.to_string()
}

/// Checks that every row's file and every upload's part is there, and what it should be.
fn files_are_whole(conn: &Connection, database: &Path) -> Result<(), String> {
    let mut statement = conn
        .prepare("SELECT place, lower(hex(name)), sha256, content FROM files")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let in_folder = row.get::<_, i64>(0).map_err(text)? == 1;
        let expected: Vec<u8> = row.get(2).map_err(text)?;
        let bytes = if in_folder {
            let name: String = row.get(1).map_err(text)?;
            fs::read(shelved(database, &name)).map_err(|err| format!("file {name}: {err}"))?
        } else {
            row.get(3).map_err(text)?
        };
        if sum(&bytes) != expected {
            return Err(format!("a file of {} bytes is another", bytes.len()));
        }
    }
    let mut statement = conn
        .prepare("SELECT lower(hex(id)), offset FROM uploads WHERE file_id IS NULL AND offset > 0")
        .map_err(text)?;
    let mut rows = statement.query([]).map_err(text)?;
    while let Some(row) = rows.next().map_err(text)? {
        let (name, offset): (String, u64) = row
            .get(0)
            .and_then(|name| Ok((name, row.get::<_, i64>(1)?.unsigned_abs())))
            .map_err(text)?;
        let part = database.with_file_name(format!("morelia.db-files/part/{name}"));
        let found = fs::metadata(part).or_else(|_| fs::metadata(shelved(database, &name)));
        let length = found.map_or(0, |found| found.len());
        if length < offset {
            return Err(format!("upload {name} has {length} bytes of {offset}"));
        }
    }
    Ok(())
}

fn shelved(database: &Path, name: &str) -> PathBuf {
    database.with_file_name(format!("morelia.db-files/{}/{name}.bin", &name[..2]))
}

/// The names of the folder, without what is locked there.
fn names(database: &Path) -> BTreeSet<String> {
    let folder = database.with_file_name("morelia.db-files");
    let shelves = fs::read_dir(folder).into_iter().flatten();
    let files = shelves
        .map(|shelf| shelf.expect("an entry").path())
        .filter(|path| path.is_dir())
        .flat_map(|path| fs::read_dir(path).expect("a shelf"))
        .map(|file| file.expect("an entry").path());
    files
        .map(|path| {
            path.file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}

/// Serves a rebuilt disk, as old as if the cut was long ago, until nothing is left that nothing names.
fn sweep(server: &Server, database: &Path) -> Result<(), String> {
    let old = SystemTime::now() - Duration::from_hours(2);
    for name in names(database) {
        let part = database.with_file_name(format!("morelia.db-files/part/{name}"));
        for path in [part, shelved(database, &name)] {
            if let Ok(file) = fs::File::options().write(true).open(path) {
                file.set_modified(old).map_err(text)?;
            }
        }
    }
    let running = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .env("MORELIA__DATABASE__PATH", database)
        .start();
    running.line_with("listening on ");
    let conn = Connection::open(database).map_err(text)?;
    until("what nothing names goes", || {
        let mut statement = conn
            .prepare(
                "SELECT lower(hex(name)) FROM files WHERE place = 1
                 UNION SELECT lower(hex(id)) FROM uploads WHERE file_id IS NULL",
            )
            .ok()?;
        let rows = statement.query_map([], |row| row.get(0)).ok()?;
        let named: BTreeSet<String> = rows.collect::<Result<_, _>>().ok()?;
        names(database).is_subset(&named).then_some(())
    });
    running.signal("TERM");
    let (code, errors) = running.end();
    if code != Some(0) {
        return Err(errors);
    }
    files_are_whole(&conn, database)
}

/// A server at work with files: killed once while one is on its way, stopped once.
fn record() -> (Server, Before, Work, Trace) {
    let keys = [
        ("files.unfinished", UNFINISHED),
        ("files.user_uploads", "8"),
    ];
    let mut server = Server::initialised("open", &keys);
    let before = before(&server);
    let shim = Shim::before(&mut server);
    shim.journal(&mut server);
    server.serve();
    shim.is_there();
    let mut work = Work::begin(&server);
    work.send(&server, 3);
    half(&server, &work.people[1]);
    server.kill();
    trim(&shim.journal_path());
    server.serve();
    work.send(&server, 2);
    // Nothing but messages holds the files any more, once the uploads have expired.
    thread::sleep(Duration::from_secs(7));
    work.delete(&server);
    thread::sleep(Duration::from_secs(1));
    server.stop();
    server.serve();
    work.send(&server, 1);
    server.kill();
    let trace = Trace::read(&shim.journal_path());
    server.environment("LD_PRELOAD", "");
    (server, before, work, trace)
}

#[test]
fn files_survive_a_power_cut_at_any_moment() {
    let (server, before, work, trace) = record();
    let expected = Expected::of(&work, &trace);
    let count = |wanted: fn(&Event) -> bool| trace.events.iter().filter(|it| wanted(it)).count();
    let renamed = count(|event| matches!(event, Event::Renamed { .. }));
    let removed = count(
        |event| matches!(event, Event::Unlinked { name } if name.contains("-files/") && !name.contains("/part/")),
    );
    eprintln!("{renamed} files came to their places, {removed} went");
    assert!(renamed >= 15 && removed >= 4, "{renamed}, {removed}");
    let mut random = seeded();
    // What decides happens around names and answers.
    let telling: Vec<usize> = (0..trace.events.len())
        .filter(|at| {
            !matches!(
                trace.events[*at],
                Event::Written { .. } | Event::Sized { .. } | Event::Opened { .. }
            )
        })
        .collect();
    let mut cuts: Vec<usize> = (0..STATES / STATES_PER_CUT)
        .map(|n| match n % 3 {
            0 => random.random_range(1..=trace.events.len()),
            _ => telling[random.random_range(0..telling.len())] + 1,
        })
        .collect();
    cuts.sort_unstable();
    let seeds: Vec<u64> = cuts.iter().map(|_| random.random()).collect();
    let work = Mutex::new(cuts.into_iter().zip(seeds).enumerate());
    let unsynced = Mutex::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut disks = Disks::new(&trace, &before.0, &before.1);
                let place = Place::new();
                loop {
                    let next = work.lock().expect("no panic").next();
                    let Some((number, (cut, seed))) = next else {
                        return;
                    };
                    let mut random = StdRng::seed_from_u64(seed);
                    disks.until(cut);
                    for variant in 0..STATES_PER_CUT {
                        let open = disks.leave(&place.database, variant, &mut random);
                        *unsynced.lock().expect("no panic") += usize::from(open > 0);
                        let mut judged = expected.wrong(cut, &place.database);
                        if (number * STATES_PER_CUT + variant).is_multiple_of(SERVED) {
                            judged = judged.and_then(|()| sweep(&server, &place.database));
                        }
                        assert!(judged.is_ok(), "cut {cut}, variant {variant}: {judged:?}");
                    }
                }
            });
        }
    });
    let unsynced = unsynced.into_inner().expect("no panic");
    assert!(unsynced > STATES / 4, "only {unsynced} had unsynced writes");
}
