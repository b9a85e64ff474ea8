//! Other processes on the same file, which the server can't tell what to do.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection as Database;
use serde_json::{Value, json};

use super::send_once;
use crate::backup::document;
use crate::common::{
    Server,
    health::{health, until},
};

/// Longer than the log is without somebody being told.
const LONG: u64 = 64 << 20;

/// What the log is cut back to, or less.
const SHORT: u64 = 17 << 20;

#[test]
fn a_reader_that_stays_holds_nobody_up_and_is_told_of() {
    let mut server = Server::with(&[("files.inline", "16MB")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before");
    let log_bytes = || {
        let log = server.folder().join("morelia.db-wal");
        std::fs::metadata(log).map_or(0, |log| log.len())
    };
    let reader = Database::open(server.database()).expect("opens");
    reader.execute_batch("BEGIN").expect("begins");
    let count = |reader: &Database| {
        reader.query_row("SELECT COUNT(*) FROM messages", [], |row| {
            row.get::<_, i64>(0)
        })
    };
    assert_eq!(count(&reader).expect("reads"), 1);

    let mut sent = 1;
    while log_bytes() <= LONG {
        let picture = format!("{sent} {}", "p".repeat(9 << 20));
        let data = json!({"flow": [{"uuid": group}], "message": [{"text": "see", "file_picture": picture}]});
        anna.ask("send_message", &data).is(200);
        sent += 1;
        assert!(sent < 30, "the log does not grow: {} bytes", log_bytes());
    }
    anna.send(&group, "still here");
    assert_eq!(count(&reader).expect("reads"), 1, "it sees what it saw");
    let (code, said) = health(&server);
    assert_eq!(code, 200, "{said}");
    let told = said["checks"]["database"].as_str().unwrap_or_default();
    assert!(told.contains("log has grown"), "{said}");
    let checked = server.command(["check", "database"]).run().exits(0);
    assert!(
        checked.stdout.contains("warn") && checked.stdout.contains("keeps the file open"),
        "{checked:?}"
    );
    assert!(document(&server, ["status"], 0)["log_bytes"].as_u64() > Some(LONG));

    drop(reader);
    // By itself, with nobody writing.
    until("the log is short again", || {
        (log_bytes() < SHORT).then_some(())
    });
    assert_eq!(health(&server).1["checks"]["database"], "ok");
    anna.send(&group, "after");
    assert_eq!(
        anna.page(&group, Some((sent, sent + 1))).texts(),
        ["still here", "after"]
    );
    server.stop();
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_writer_that_stays_holds_up_writes_only() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let mut boris = server.register("boris");
    let group = anna.group("G", &[&boris]);
    anna.send(&group, "before");
    let mut expected = vec!["before".to_owned()];
    // Short, and longer than the server waits, which may be busy with work of its own first.
    for (hold, code) in [(1, 200), (16, 503)] {
        let other = Database::open(server.database()).expect("opens");
        other.busy_timeout(Duration::from_secs(30)).expect("set");
        other.execute_batch("BEGIN IMMEDIATE").expect("locks");
        let held_until = Instant::now() + Duration::from_secs(hold);
        let (answered, answer) = mpsc::channel();
        let text = format!("while held for {hold}");
        thread::scope(|scope| {
            let (anna, group, text) = (&mut anna, &group, &text);
            scope.spawn(move || answered.send(send_once(anna, group, text)));
            // Reading and pings wait for nothing, until the answer has come or the lock has to go.
            let mut asked = 0;
            let early = loop {
                boris.ask("ping_pong", &Value::Null).is(200);
                assert_eq!(boris.texts(group), expected);
                asked += 1;
                match answer.try_recv() {
                    Ok(reply) => break Some(reply),
                    Err(_) if Instant::now() > held_until => break None,
                    Err(_) => thread::sleep(Duration::from_millis(20)),
                }
            };
            // Had they waited for the lock as well, they would have been a few.
            assert!(code == 200 || asked > 10, "only {asked} were answered");
            other.execute_batch("ROLLBACK").expect("lets go");
            let reply = early.unwrap_or_else(|| answer.recv().expect("an answer"));
            reply.is(code);
        });
        send_once(&mut anna, &group, &text).is(200);
        expected.push(text);
        assert_eq!(boris.texts(&group), expected, "once, and nothing is lost");
        until("it is well", || (health(&server).0 == 200).then_some(()));
    }
    let (code, errors) = server.stop();
    assert_eq!(code, Some(0), "{errors}");
    server.command(["db", "check"]).run().exits(0);
}
