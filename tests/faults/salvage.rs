//! Random damages, in every table and index, in the file and in its log: the server never says what
//! is not so, nothing makes it worse, and what can be saved is saved and counted.
//!
//! A few, always the same, are tried every time; `MORELIA_DAMAGES=200` tries so many others. Such a run
//! prints its seed, and `MORELIA_FUZZ_SEED` repeats it.

use std::collections::BTreeSet;
use std::fs;

use rand::{Rng, SeedableRng, rngs::StdRng};
use rusqlite::{Connection, OptionalExtension};
use serde_json::{Value, json};

use super::contents;
use super::held::{FRAME, Held, LOG_HEADER, PAGE, held, rows};
use crate::common::{Person, Server, program::Running};

/// How many damages are tried when nobody says, and their seed.
const FEW: u64 = 12;
const SEED: u64 = 4;

/// What was done to a file.
#[derive(Debug)]
struct Damage {
    what: String,
    /// Pages of the database that are concerned.
    pages: BTreeSet<usize>,
    /// Some values may have become others, which nobody can notice.
    changes_values: bool,
    /// Where in the log.
    in_log: Option<usize>,
}

impl Damage {
    /// Tells whether a power cut can leave a log like this: its end, and nothing before.
    fn is_as_a_power_cut(&self, held: &Held) -> bool {
        self.in_log
            .is_some_and(|at| at >= held.last_commit || self.what.contains("cut at"))
    }
}

fn damage(held: &Held, rng: &mut StdRng) -> Damage {
    let [mut file, mut log] = held.sound.clone();
    let count = file.len() / PAGE;
    let mut pages = BTreeSet::new();
    let mut changes_values = false;
    let mut in_log = None;
    // Any page; half of the time one of those that have messages.
    let of_messages: Vec<usize> = held.on_page.keys().copied().collect();
    let page = |rng: &mut StdRng| {
        if rng.random_bool(0.5) {
            of_messages[rng.random_range(0..of_messages.len())]
        } else {
            rng.random_range(1..=count)
        }
    };
    let what = if log.is_empty() {
        let (one, two) = (page(rng), page(rng));
        pages.insert(one);
        match rng.random_range(0..5) {
            0 => {
                changes_values = true;
                let at = (one - 1) * PAGE + rng.random_range(0..PAGE);
                file[at] ^= 1 << rng.random_range(0..8);
                format!("a bit of byte {} of page {one}", at % PAGE)
            }
            1 => {
                file[(one - 1) * PAGE..one * PAGE].fill(0);
                format!("zeros for page {one}")
            }
            2 => {
                pages.insert(two);
                let old = file[(one - 1) * PAGE..one * PAGE].to_vec();
                file.copy_within((two - 1) * PAGE..two * PAGE, (one - 1) * PAGE);
                file[(two - 1) * PAGE..two * PAGE].copy_from_slice(&old);
                format!("pages {one} and {two} swapped")
            }
            3 => {
                file[(one - 1) * PAGE..][..300].fill(0xd5);
                format!("garbage at the beginning of page {one}")
            }
            _ => {
                let left = count - rng.random_range(1..count / 4);
                pages.extend(left + 1..=count);
                file.truncate(left * PAGE);
                format!("cut behind page {left}")
            }
        }
    } else {
        let at = rng.random_range(0..log.len());
        in_log = Some(at);
        match rng.random_range(0..3) {
            0 => {
                log[at] ^= 1 << rng.random_range(0..8);
                format!("a bit of byte {at} of the log")
            }
            1 => {
                let from = at.saturating_sub(LOG_HEADER) / FRAME * FRAME + LOG_HEADER;
                let to = (from + FRAME).min(log.len());
                log[from.min(to)..to].fill(0);
                in_log = Some(from);
                format!("zeros for the frame at byte {from} of the log")
            }
            _ => {
                log.truncate(at);
                format!("a log cut at byte {at}")
            }
        }
    };
    put(held, &file, &log);
    Damage {
        what,
        pages,
        changes_values,
        in_log,
    }
}

/// Puts a file and its log in place of what is there.
fn put(held: &Held, file: &[u8], log: &[u8]) {
    for entry in fs::read_dir(held.server.folder()).expect("the folder") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        if name.starts_with("morelia.db-") || name.starts_with("saved") {
            if path.is_dir() {
                fs::remove_dir_all(path).expect("removed");
            } else {
                fs::remove_file(path).expect("removed");
            }
        }
    }
    fs::write(held.server.database(), file).expect("written");
    if !log.is_empty() {
        fs::write(held.server.folder().join("morelia.db-wal"), log).expect("written");
    }
}

/// Every file but those that hold nothing.
fn files(server: &Server) -> Vec<(String, Vec<u8>)> {
    let mut files = contents(server);
    files.retain(|(name, bytes)| {
        name.starts_with("morelia.db") && !name.ends_with("-shm") && !bytes.is_empty()
    });
    files
}

/// Saves what can be read, and compares it with what there was. Returns how many messages are lost.
fn saves(held: &Held, damage: &Damage) -> i64 {
    let what = &damage.what;
    let before = files(&held.server);
    let saved = held
        .server
        .command(["--json", "db", "repair", "--to", "saved.db"])
        .run();
    assert!(matches!(saved.code, Some(0 | 5)), "{what}: {saved:?}");
    assert!(
        before == files(&held.server),
        "{what}: the damaged file was changed"
    );
    let told: Value = serde_json::from_str(&saved.stdout).expect("JSON");
    held.server
        .command(["backup", "verify", "saved.db"])
        .run()
        .exits(0);
    let conn = Connection::open(held.server.folder().join("saved.db")).expect("opens");
    let mut by_id = conn
        .prepare("SELECT text FROM messages WHERE uuid = ?1 AND deleted_at IS NULL")
        .expect("prepared");
    let (mut lost, mut changed) = (0, 0);
    for (id, text) in held.texts.iter().flatten() {
        let id: u128 = id.parse().expect("a number");
        let found: Option<Option<String>> = by_id
            .query_row([id.to_be_bytes().as_slice()], |row| row.get(0))
            .optional()
            .expect("reads");
        match found.flatten() {
            None => lost += 1,
            Some(found) if found != *text => changed += 1,
            Some(_) => {}
        }
    }
    if damage.in_log.is_none() {
        let most: i64 = damage
            .pages
            .iter()
            .filter_map(|page| held.on_page.get(page))
            .sum();
        let most = most + i64::from(damage.changes_values);
        assert!(
            lost <= most,
            "{what}: {lost} messages lost of at most {most}: {told}"
        );
    }
    assert!(
        changed <= i64::from(damage.changes_values),
        "{what}: {changed} messages changed"
    );
    let now = rows(&conn);
    let is_whole = held
        .rows
        .iter()
        .all(|(name, count)| now.get(name) == Some(count))
        && lost == 0;
    if !damage.changes_values {
        // What is missing is told of. In a log's last commit nobody can tell.
        let is_last = damage.is_as_a_power_cut(held);
        assert!(
            is_whole || is_last || told["whole"] == false,
            "{what}: {told}, {:?} became {now:?}",
            held.rows
        );
    }
    let checked = held.server.command(["--json", "check", "database"]).run();
    assert!(matches!(checked.code, Some(0 | 5)), "{what}: {checked:?}");
    lost
}

/// Serves, if the server does, and reads everything. Returns whether it served.
fn serves(held: &Held, damage: &Damage) -> bool {
    let what = &damage.what;
    let before = files(&held.server);
    let program = held
        .server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"]);
    let running: Running = program.start();
    let mut line = running.line();
    while line
        .as_ref()
        .is_some_and(|line| !line.contains("listening on "))
    {
        line = running.line();
    }
    let Some(line) = line else {
        let (code, errors) = running.end();
        assert_eq!(code, Some(74), "{what}: {errors}");
        assert!(errors.contains("`morelia "), "{what}: {errors}");
        assert!(before == files(&held.server), "{what}: a file was changed");
        return false;
    };
    let port: u16 = line
        .rsplit(':')
        .next()
        .and_then(|port| port.trim_end_matches('/').parse().ok())
        .expect("a port");
    let mut anna = held.anna.on(crate::common::Connection::open(port));
    for (flow, texts) in held.flows.iter().zip(&held.texts) {
        reads(
            &mut anna,
            flow,
            texts,
            damage,
            damage.is_as_a_power_cut(held),
        );
    }
    let sent = anna.try_send(&held.flows[0], "life goes on").code();
    assert!(
        sent == 200 || sent >= 500 || damage.changes_values,
        "{what}: {sent}"
    );
    running.signal("TERM");
    let (code, errors) = running.end();
    assert!(matches!(code, Some(0 | 74)), "{what}: {code:?} {errors}");
    assert!(!errors.contains("panicked"), "{what}: {errors}");
    true
}

/// Reads a flow: each page is as it was, or refused.
fn reads(
    anna: &mut Person,
    flow: &str,
    texts: &[(String, String)],
    damage: &Damage,
    can_be_shorter: bool,
) {
    let what = &damage.what;
    let mut all: Vec<(String, String)> = Vec::new();
    let mut is_refused = false;
    loop {
        let start = i64::try_from(all.len()).expect("few");
        let reply = anna.page(flow, Some((start, start + 99)));
        if !matches!(reply.code(), 200 | 206) {
            assert!(
                reply.code() >= 500 || damage.changes_values && matches!(reply.code(), 401 | 404),
                "{what}: {reply}"
            );
            is_refused = true;
            break;
        }
        let text =
            |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
        all.extend(
            reply
                .messages()
                .iter()
                .map(|it| (text(it, "uuid"), text(it, "text"))),
        );
        let total = reply.flows()[0]["message_end"].as_u64().unwrap_or(0);
        if reply.messages().is_empty() || all.len() as u64 >= total {
            break;
        }
    }
    let differ = all
        .iter()
        .zip(texts)
        .filter(|(one, other)| one != other)
        .count();
    assert!(
        differ <= usize::from(damage.changes_values),
        "{what}: {differ} messages differ"
    );
    assert!(
        all.len() <= texts.len(),
        "{what}: more messages than there were"
    );
    assert!(
        all.len() == texts.len() || is_refused || can_be_shorter,
        "{what}: {} of {} messages",
        all.len(),
        texts.len()
    );
}

/// Repairs in place, if that is done. Returns whether it was: then nothing is lost.
fn repairs(held: &Held, damage: &Damage) -> bool {
    let what = &damage.what;
    let before = files(&held.server);
    let repaired = held.server.command(["db", "repair"]).run();
    if repaired.code != Some(0) {
        assert_eq!(repaired.code, Some(74), "{what}: {repaired:?}");
        assert!(
            before == files(&held.server),
            "{what}: the damaged file was changed: {repaired:?}"
        );
        return false;
    }
    let conn = Connection::open(held.server.database()).expect("opens");
    if !damage.is_as_a_power_cut(held) {
        let count = rows(&conn)["messages"];
        assert_eq!(count, held.rows["messages"], "{what}: {repaired:?}");
    }
    true
}

/// Tries damages on what was held. Returns how many were served with, how many repaired in place, and
/// how many messages were lost when the rest was saved.
fn tries(held: &Held, count: u64, rng: &mut StdRng) -> (u64, u64, i64) {
    let (mut served, mut repaired, mut lost) = (0, 0, 0);
    for _ in 0..count {
        let damaged = damage(held, rng);
        println!("{}", damaged.what);
        lost += saves(held, &damaged);
        let files = [
            held.server.database(),
            held.server.folder().join("morelia.db-wal"),
        ];
        let bytes = files.clone().map(|file| fs::read(file).ok());
        if repairs(held, &damaged) {
            repaired += 1;
        }
        for (file, bytes) in files.iter().zip(bytes) {
            let _ = fs::remove_file(file);
            if let Some(bytes) = bytes {
                fs::write(file, bytes).expect("written");
            }
        }
        if serves(held, &damaged) {
            served += 1;
        }
    }
    (served, repaired, lost)
}

#[test]
fn no_damage_is_made_worse_and_what_can_be_saved_is() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let many = number("MORELIA_DAMAGES");
    let count = many.unwrap_or(FEW);
    let seed = number("MORELIA_FUZZ_SEED");
    let seed = seed.unwrap_or_else(|| many.map_or(SEED, |_| rand::rng().random()));
    println!("MORELIA_FUZZ_SEED={seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let without_log = held(false);
    let of_file = tries(&without_log, count - count / 4, &mut rng);
    drop(without_log);
    let of_log = tries(&held(true), count / 4, &mut rng);
    println!(
        "served, repaired in place, messages lost: {of_file:?} of the file, {of_log:?} of the log"
    );
}

#[test]
fn a_table_in_the_place_of_another_is_found_there() {
    // Both pages are valid, and each says of itself only whether it is of a table or of an index.
    let held = held(false);
    let [sound, log] = &held.sound;
    put(&held, sound, log);
    let conn = Connection::open(held.server.database()).expect("opens");
    let root = |name: &str| -> usize {
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
        let page: i64 = conn
            .query_row(sql, [name], |row| row.get(0))
            .expect("a root");
        usize::try_from(page).expect("a page")
    };
    let empty = root("room_events_by_txn");
    for table in ["members", "messages", "users", "sessions", "changes"] {
        let page = root(table);
        let range = |page: usize| (page - 1) * PAGE..page * PAGE;
        let mut file = sound.clone();
        file.copy_within(range(empty), (page - 1) * PAGE);
        file[range(empty)].copy_from_slice(&sound[range(page)]);
        put(&held, &file, log);
        let damage = Damage {
            what: format!("the root of {table} swapped with an empty one"),
            pages: BTreeSet::from([page, empty]),
            changes_values: false,
            in_log: None,
        };
        let lost = saves(&held, &damage);
        assert_eq!(lost, 0, "{}", damage.what);
        let saved = Connection::open(held.server.folder().join("saved.db")).expect("opens");
        assert_eq!(rows(&saved)[table], held.rows[table], "{}", damage.what);
        // An index that was rebuilt from the empty table would know of nothing.
        assert!(!repairs(&held, &damage), "{}", damage.what);
        assert!(!serves(&held, &damage), "{}", damage.what);
    }
}

#[test]
fn a_sound_database_is_saved_row_by_row() {
    for with_log in [false, true] {
        let held = held(with_log);
        for (name, bytes) in [("morelia.db", 0), ("morelia.db-wal", 1)] {
            if !held.sound[bytes].is_empty() {
                fs::write(held.server.folder().join(name), &held.sound[bytes]).expect("written");
            }
        }
        let saved = held
            .server
            .command(["--json", "db", "repair", "--to", "saved.db"])
            .run()
            .exits(0);
        let told: Value = serde_json::from_str(&saved.stdout).expect("JSON");
        assert_eq!(told["settled"], json!([]), "{told}");
        let conn = Connection::open(held.server.folder().join("saved.db")).expect("opens");
        let database = held.server.database();
        conn.execute("ATTACH ?1 AS old", [database.to_str()])
            .expect("attached");
        for name in held
            .rows
            .keys()
            .filter(|name| !name.starts_with("refinery"))
        {
            let sql = format!(
                "SELECT (SELECT COUNT(*) FROM (SELECT * FROM old.\"{name}\" EXCEPT SELECT * FROM main.\"{name}\"))
                      + (SELECT COUNT(*) FROM (SELECT * FROM main.\"{name}\" EXCEPT SELECT * FROM old.\"{name}\"))"
            );
            let differ: i64 = conn
                .query_row(&sql, [], |row| row.get(0))
                .expect("compared");
            // Facts about the search index are the new file's own.
            let own = if name == "properties" { 6 } else { 0 };
            assert!(differ <= own, "{name}: {differ} rows differ");
        }
    }
}
