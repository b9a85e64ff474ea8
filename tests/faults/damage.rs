//! A database that is damaged, or none at all, is refused in a sentence and left as it is.

use std::{fs, path::Path};

use super::contents;
use crate::common::{Server, program::Output};

const PAGE: usize = 4096;

/// A stopped server with a few pages in its database.
fn filled() -> Server {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(
        &group,
        (0..300).map(|n| format!("{n} {}", "words ".repeat(60))),
    );
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    server
}

/// Tries to serve, which must be refused with a code, and must change no byte of any file.
#[track_caller]
fn refuses(server: &Server, what: &str, code: i32) -> Output {
    let files = |server: &Server| {
        let mut files = contents(server);
        // Locks, and shared memory that is made anew at each start, hold nothing.
        let idle = ["morelia.lock", "morelia.db-shm"];
        files.retain(|(name, bytes)| !idle.contains(&name.as_str()) && !bytes.is_empty());
        files
    };
    let before = files(server);
    let refused = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .run();
    assert_eq!(refused.code, Some(code), "{what}: {refused:?}");
    let sentence = refused.stderr.lines().last().unwrap_or_default();
    let path = server.database();
    assert!(
        sentence.contains(path.to_str().expect("UTF-8")),
        "{what}: the file is named: {refused:?}"
    );
    assert!(
        sentence.contains("`morelia ") && sentence.len() < 400,
        "{what}: and what to do: {refused:?}"
    );
    assert!(!refused.stderr.contains("panicked"), "{what}: {refused:?}");
    let checked = server.command(["check", "database"]).run();
    assert_eq!(checked.code, Some(5), "{what}: {checked:?}");
    let examined = server.command(["db", "check"]).run();
    assert!(matches!(examined.code, Some(3 | 5)), "{what}: {examined:?}");
    let after = files(server);
    assert!(before == after, "{what}: a file was changed");
    refused
}

/// A way to damage a file, and what it is called.
type Damage = (&'static str, fn(&mut Vec<u8>));

/// Where the page begins that holds a text: one of a table, since what is damaged in an index only is mended.
#[track_caller]
fn page_of(bytes: &[u8], text: &str) -> usize {
    let mut places = bytes.windows(text.len());
    let place = places.position(|it| it == text.as_bytes());
    place.expect("the text is in the file") / PAGE * PAGE
}

/// Changes the bytes of a file.
pub(super) fn change(path: &Path, how: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).expect("the file");
    how(&mut bytes);
    fs::write(path, bytes).expect("written");
}

#[test]
fn a_damaged_database_is_refused_and_never_written_to() {
    let server = filled();
    let sound = fs::read(server.database()).expect("the database");
    let pages = sound.len() / PAGE;
    assert!(pages > 30, "{pages} pages");
    let damages: [Damage; 7] = [
        ("zeroed pages", |bytes| {
            let from = page_of(bytes, "100 words");
            bytes[from..from + 8 * PAGE].fill(0);
        }),
        ("cut off", |bytes| {
            bytes.truncate(bytes.len() / 2 / PAGE * PAGE);
        }),
        ("cut off within a page", |bytes| {
            bytes.truncate(bytes.len() / 2 + 100);
        }),
        ("swapped pages", |bytes| {
            let pages = bytes.len() / PAGE;
            let (one, other) = bytes.split_at_mut(pages / 2 * PAGE);
            one[PAGE..9 * PAGE].swap_with_slice(&mut other[..8 * PAGE]);
        }),
        ("garbage in it", |bytes| {
            let from = page_of(bytes, "200 words");
            for (n, byte) in bytes[from..from + 6 * PAGE].iter_mut().enumerate() {
                *byte = u8::try_from(n * 7919 % 251).expect("a byte");
            }
        }),
        ("a header of zeros", |bytes| bytes[..100].fill(0)),
        ("all of it another file", |bytes| {
            *bytes = b"This was a letter, and never a database. ".repeat(500);
        }),
    ];
    for (what, damage) in damages {
        fs::write(server.database(), &sound).expect("written");
        change(&server.database(), damage);
        refuses(&server, what, 74);
    }
    fs::write(server.database(), &sound).expect("written");
    let mut server = server;
    server.serve();
    server.sign_in("anna");
}

#[test]
fn a_database_of_another_program_is_left_alone() {
    let server = Server::initialised("open", &[]);
    fs::remove_file(server.database()).expect("removed");
    let other = rusqlite::Connection::open(server.database()).expect("opens");
    other
        .execute_batch("CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')")
        .expect("made");
    drop(other);
    let before = contents(&server);
    let refused = server.command(["serve", "--port", "0"]).run().exits(78);
    assert!(
        refused
            .stderr
            .contains("morelia.db is not a Morelia database"),
        "{refused:?}"
    );
    let mut after = contents(&server);
    after.retain(|(name, bytes)| name != "morelia.lock" && !bytes.is_empty());
    let before: Vec<_> = before
        .into_iter()
        .filter(|(name, bytes)| name != "morelia.lock" && !bytes.is_empty())
        .collect();
    assert!(before == after, "a file was changed");
}

#[test]
fn a_damaged_database_with_its_log_is_left_alone_too() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(
        &group,
        (0..300).map(|n| format!("{n} {}", "words ".repeat(60))),
    );
    server.command(["db", "compact"]).run().exits(0);
    anna.send_many(&group, (0..300).map(|n| format!("more {n}")));
    server.kill();
    let log = server.folder().join("morelia.db-wal");
    assert!(fs::metadata(&log).expect("the log").len() > 20 * PAGE as u64);
    let (sound, sound_log) = (
        fs::read(server.database()).expect("the database"),
        fs::read(&log).expect("the log"),
    );
    // Damage where the log does not reach: it holds the pages that were written last.
    change(&server.database(), |bytes| {
        let end = bytes.len() * 2 / 3;
        bytes[PAGE..end].fill(0x5a);
    });
    refuses(&server, "damage below a log", 74);
    assert!(fs::read(&log).expect("the log") == sound_log);
    // An emptied file must not take the log with it.
    fs::write(server.database(), "").expect("written");
    refuses(&server, "an empty file below a log", 74);
    assert!(fs::read(&log).expect("the log") == sound_log);
    fs::write(server.database(), sound).expect("written");
    server.serve();
    assert_eq!(anna.on(server.connect()).history(&group).len(), 600);
}

#[test]
fn damage_in_a_large_database_is_found_while_it_serves() {
    let mut server = Server::with(&[("files.inline", "16MB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    for n in 0..5 {
        let picture = format!("{n} {}", "p".repeat(9 << 20));
        let data = serde_json::json!({"flow": [{"uuid": group}], "message": [{"text": "see", "file_picture": picture}]});
        anna.ask("send_message", &data).is(200);
    }
    server.stop();
    let length = fs::metadata(server.database()).expect("the database").len();
    assert!(length > 33 << 20, "{length} bytes are examined at once");
    change(&server.database(), |bytes| {
        let from = bytes.len() / PAGE / 2 * PAGE;
        bytes[from..from + 8 * PAGE].fill(0);
    });
    server.serve();
    let (code, errors) = server.stop_signalled();
    assert_eq!(code, Some(74), "{errors}");
    let sentence = errors.lines().last().unwrap_or_default();
    assert!(
        sentence.contains("morelia.db is damaged") && sentence.contains("`morelia check`"),
        "{errors}"
    );
}

#[test]
fn an_emptied_database_is_not_taken_for_a_new_one() {
    let mut server = filled();
    let sound = fs::read(server.database()).expect("the database");
    fs::write(server.database(), "").expect("written");
    refuses(&server, "an empty file", 74);
    assert_eq!(fs::metadata(server.database()).expect("the file").len(), 0);
    fs::write(server.database(), sound).expect("written");
    server.serve();
    server.sign_in("anna");
}
