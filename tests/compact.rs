//! `db compact` while people write: small steps, and nothing lost whenever it ends.

use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    backup::document,
    common::{Person, Server},
};

/// What a step moves at most: the bound for whoever waits.
const PAGES_PER_STEP: u64 = 64;
const PAGE: u64 = 4096;

/// Bytes that are free in front of everything that people wrote.
const FREE: u64 = 8 << 20;

/// A server whose file is mostly free, with messages at its end.
fn inhabited() -> (Server, Person, String) {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    server.stop();
    let path = server.database();
    let filler = |sql: &str| {
        let database = rusqlite::Connection::open(&path).expect("opens");
        database.execute_batch(sql).expect("filler");
    };
    filler(&format!(
        "CREATE TABLE filler (content BLOB); INSERT INTO filler VALUES (zeroblob({FREE}))"
    ));
    server.serve();
    let mut anna = anna.on(server.connect());
    anna.send_many(
        &group,
        (0..200).map(|n| format!("{n} {}", "word ".repeat(400))),
    );
    server.stop();
    filler("DROP TABLE filler");
    server.serve();
    let anna = anna.on(server.connect());
    (server, anna, group)
}

fn length(server: &Server) -> u64 {
    fs::metadata(server.database()).expect("the database").len()
}

#[test]
fn people_write_while_the_file_shrinks() {
    let (server, mut anna, group) = inhabited();
    let before = length(&server);
    assert!(before > FREE);
    let is_done = AtomicBool::new(false);
    let (compacted, sent) = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut sent = Vec::new();
            while !is_done.load(Ordering::Relaxed) {
                let text = format!("meanwhile {}", sent.len());
                anna.send(&group, &text);
                sent.push(text);
            }
            sent
        });
        let compacted = document(&server, ["db", "compact"], 0);
        is_done.store(true, Ordering::Relaxed);
        (compacted, writing.join().expect("sent"))
    });
    // Each step moves a bounded number of pages, so there are at least so many of them.
    let number = |key: &str| compacted[key].as_u64().expect(key);
    assert_eq!(number("pages_per_step"), PAGES_PER_STEP);
    assert!(
        number("steps") >= FREE / PAGE / PAGES_PER_STEP - 1,
        "{compacted}"
    );
    assert!(sent.len() > 10, "{}", sent.len());
    assert!(
        length(&server) + FREE / 2 < before,
        "{} of {before}",
        length(&server)
    );
    let texts = anna.texts(&group);
    assert!(sent.iter().all(|text| texts.contains(text)));
    server.command(["db", "check"]).run().exits(0);
    // Nothing is left to do.
    assert_eq!(document(&server, ["db", "compact"], 0)["steps"], 0);
}

#[test]
fn a_compaction_that_is_killed_loses_nothing_and_goes_on() {
    let (mut server, mut anna, group) = inhabited();
    let (before, texts) = (length(&server), anna.texts(&group));
    let compacting = server.command(["db", "compact"]).start();
    while length(&server) == before {
        thread::yield_now();
    }
    compacting.signal("KILL");
    compacting.end();
    let half = length(&server);
    assert!(half > FREE / 4, "it was done already: {half}");
    server.kill();
    server.command(["db", "check"]).run().exits(0);
    server.serve();
    let mut anna = anna.on(server.connect());
    assert_eq!(anna.texts(&group), texts);
    let compacted = document(&server, ["db", "compact"], 0);
    assert!(compacted["steps"].as_u64() > Some(1), "{compacted}");
    assert!(length(&server) < half);
    assert_eq!(anna.texts(&group), texts);
}
