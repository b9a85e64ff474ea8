//! The database as a file: made, emptied, examined, compacted; and old messages that go for good.

use std::fs;

use serde_json::{Value, json};

use crate::backup::document;
use crate::common::Server;

fn contains(haystack: &[u8], needle: &str) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle.as_bytes())
}

#[test]
fn tables_are_dropped_and_made_again() {
    let server = Server::initialised("open", &[]);
    server.command(["db", "create"]).run().exits(4);
    server.command(["db", "migrate"]).run().exits(0);
    server.command(["db", "delete"]).run().exits(2);
    assert_eq!(document(&server, ["db", "stats"], 0)["users"], 1);
    server.command(["db", "delete", "--yes"]).run().exits(0);
    assert!(server.database().exists());
    assert!(!contains(&server.database_bytes(), "admin"));
    server.command(["db", "create"]).run().exits(0);
    assert_eq!(document(&server, ["db", "stats"], 0)["users"], 0);
    fs::remove_file(server.database()).expect("removed");
    server.command(["db", "delete", "--yes"]).run().exits(3);
    server.command(["db", "check"]).run().exits(3);
    server.command(["db", "create"]).run().exits(0);
    server.command(["db", "check"]).run().exits(0);
}

#[test]
fn a_database_of_a_development_build_is_refused_and_left_alone() {
    let mut server = Server::start();
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    database
        .execute("UPDATE refinery_schema_history SET checksum = '12345'", [])
        .expect("another schema");
    drop(database);
    let before = fs::read(server.database()).expect("the database");
    for command in [
        &["serve"][..],
        &["db", "migrate"],
        &["user", "list"],
        &["backup", "--to", "copy.db"],
    ] {
        let refused = server.command([]).args(command).run().exits(78);
        for part in [
            "morelia.db was made by a development build",
            "morelia export",
            "morelia init",
        ] {
            assert!(refused.stderr.contains(part), "{command:?}: {refused:?}");
        }
    }
    let checked = server.command(["check", "database"]).run().exits(5);
    assert!(checked.stdout.contains("development build"), "{checked:?}");
    assert!(!checked.stdout.contains("morelia restore"), "{checked:?}");
    assert!(fs::read(server.database()).expect("the database") == before);
    assert!(!server.folder().join("copy.db").exists());
    // The way that the sentence names.
    fs::rename(server.database(), server.folder().join("old.db")).expect("moved away");
    server.command(["db", "create"]).run().exits(0);
    server.serve();
}

#[test]
fn what_needs_the_file_alone_refuses_while_a_server_runs() {
    let server = Server::start();
    server.command(["db", "delete", "--yes"]).run().exits(75);
    server.command(["clean", "--yes"]).run().exits(75);
    assert!(server.database().exists() && server.config().exists());
    server.command(["db", "check"]).run().exits(0);
    server.command(["db", "compact"]).run().exits(0);
    server.register("anna");
}

#[test]
fn clean_lists_asks_and_removes() {
    let mut server = Server::start();
    server.stop();
    let asked = server.command(["clean"]).run().exits(2);
    assert!(asked.stdout.contains("morelia.db"), "{asked:?}");
    assert!(server.database().exists());
    document(&server, ["backup", "--to", "kept.db"], 0);
    server.command(["clean", "--yes"]).run().exits(0);
    assert!(!server.database().exists() && !server.config().exists());
    assert!(server.folder().join("kept.db").exists());
}

#[test]
fn a_broken_index_is_found_and_nothing_is_written() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send_many(&group, (0..50).map(|n| format!("word{n} and more")));
    let query = json!({"meta": {"query": "word7"}});
    assert_eq!(anna.ask("find_message", &query).is(200).messages().len(), 1);
    server.stop();
    server.command(["db", "check"]).run().exits(0);
    let sound = fs::read(server.database()).expect("the database");
    for (what, sql) in [
        (
            "message_search",
            "UPDATE message_search_data SET block = zeroblob(length(block)) WHERE id > 10",
        ),
        (
            "does not agree",
            "INSERT INTO message_search (message_search, rowid, terms)
             SELECT 'delete', id, 'b1word7 b1and b1more' FROM messages WHERE number = 7",
        ),
        (
            "does not agree",
            "INSERT INTO message_search (rowid, terms) VALUES (99999, 'b1ghost')",
        ),
    ] {
        fs::write(server.database(), &sound).expect("restored");
        let database = rusqlite::Connection::open(server.database()).expect("opens");
        let changed = database.execute(sql, []).expect(what);
        assert!(changed > 0, "{what}");
        drop(database);
        let files = || {
            ["", "-wal"].map(|end| {
                fs::read(format!("{}{end}", server.database().display())).unwrap_or_default()
            })
        };
        let before = files();
        let found = document(&server, ["db", "check"], 5);
        assert_eq!(found["sound"], false);
        assert!(
            found["problems"].to_string().contains(what),
            "{what}: {found}"
        );
        assert!(files() == before, "{what}: examining writes nothing");
    }
}

#[test]
fn old_messages_go_for_good_and_paging_stays_right() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let picture = "UElDVFVSRQ".repeat(300);
    let data = json!({"flow": [{"uuid": group}],
                      "message": [{"client_id": 1, "text": "zanzibar", "file_picture": picture}]});
    anna.ask("send_message", &data).is(200);
    anna.send_many(&group, (0..120).map(|n| format!("old {n}")));
    anna.ask("find_message", &json!({"meta": {"query": "zanzibar"}}))
        .is(200);
    // An hour passes.
    let hour_ms = 3_600_000;
    rusqlite::Connection::open(server.database())
        .and_then(|file| file.execute("UPDATE messages SET sent_at = sent_at - ?1", [hour_ms]))
        .expect("the clock is ahead");
    anna.send_many(&group, (0..130).map(|n| format!("new {n}")));
    anna.ask(
        "read_flow",
        &json!({"flow": [{"uuid": group, "message_end": 130}]}),
    )
    .is(200);

    let counted = document(&server, ["db", "prune", "--older", "30m", "--dry-run"], 0);
    assert_eq!(counted["messages"], 121, "{counted}");
    assert_eq!(anna.history(&group).len(), 251);
    server
        .command(["db", "prune", "--older", "30m"])
        .run()
        .exits(2);
    server.command(["db", "prune"]).run().exits(2);
    // While it serves.
    let removed = document(&server, ["db", "prune", "--older", "30m", "--yes"], 0);
    assert_eq!(removed["messages"], 121, "{removed}");

    let texts = anna.texts(&group);
    assert_eq!(texts.len(), 130);
    assert_eq!(
        (texts[0].as_str(), texts[129].as_str()),
        ("new 0", "new 129")
    );
    let first = anna.page(&group, None).is(206);
    assert_eq!(first.flows()[0]["message_end"], 130, "{first}");
    let flows = anna.ask("all_flow", &Value::Null).is(200);
    let meta = &flows.data()["meta"];
    assert_eq!(
        (&meta["count"][&group], &meta["read"][&group]),
        (&json!(130), &json!(129)),
        "the mark of the author, whose own messages are read"
    );
    assert!(
        anna.ask("find_message", &json!({"meta": {"query": "zanzibar"}}))
            .messages()
            .is_empty()
    );
    // The log leads to what is there, and to nothing else.
    let mut updates = anna.ask("get_update", &json!({"meta": {"after": null}}));
    let mut seen = Vec::new();
    loop {
        seen.extend(
            updates
                .messages()
                .iter()
                .map(|message| message["text"].clone()),
        );
        let position = updates.data()["meta"]["position"].clone();
        if updates.code() == 200 {
            break;
        }
        updates = anna.ask("get_update", &json!({"meta": {"after": position}}));
    }
    assert_eq!(seen.len(), 130);
    anna.send(&group, "newest");
    assert_eq!(anna.texts(&group).len(), 131);
    server.command(["db", "check"]).run().exits(0);

    server.stop();
    let bytes = server.database_bytes();
    assert!(contains(&bytes, "new 7") && !contains(&bytes, "zanzibar"));
    assert!(
        !contains(&bytes, &picture[..100]),
        "the picture is gone too"
    );
}

#[test]
fn a_server_removes_by_itself_what_it_is_not_to_keep() {
    let server = Server::with(&[("history.keep", "1s")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "gone soon");
    let start = std::time::Instant::now();
    while !anna.history(&group).is_empty() {
        assert!(start.elapsed() < crate::common::PATIENCE, "it stays");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    // An emptied flow still counts on.
    anna.send(&group, "next");
    assert!(anna.history(&group).len() <= 1);
    server.command(["db", "check"]).run().exits(0);
}
