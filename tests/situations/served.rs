//! What the running server has in use, and what lies on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::Value;

use super::certificate::own_certificate;
use super::{backup, findings, folder, good_files, with_files};
use crate::common::Server;
use crate::users::document;

/// The finding that has these words.
fn said(server: &Server, words: &str) -> Option<Value> {
    findings(server).into_iter().find(|found| {
        let text = found["text"].as_str();
        text.is_some_and(|text| text.contains(words))
    })
}

const ANOTHER: &str = "still uses another certificate";
const ANYBODY: &str = "anybody who reaches this server can register";
const REPLACED: &str = "the file was moved or replaced";

#[test]
fn the_certificate_in_use_counts_and_not_only_the_one_on_the_disk() {
    let mut server = Server::initialised("invite", &[("server.host", "127.0.0.1")]);
    let short = folder(&server, "short.pem");
    let (certificate, key) = own_certificate(&server, "3");
    fs::rename(&certificate, &short).expect("kept");
    own_certificate(&server, "300");
    with_files(&mut server, &certificate, &key);
    server.serve();
    assert!(said(&server, "the running server uses this certificate").is_some());
    let days = |server: &Server| {
        let status = document(server.command(["tls", "status"]));
        let ends = status["served"]["ends"].as_i64().expect("a second");
        (ends - status["ends"].as_i64().expect("a second")) / 86_400
    };
    assert_eq!(days(&server), 0);

    // Another one is configured, and the server does not know.
    good_files(&mut server);
    let found = said(&server, ANOTHER).expect("said");
    assert_eq!(found["result"], "warn");
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("morelia reload"), "{remedy}");
    let shown = server.command(["tls", "status"]).run().exits(0).stdout;
    assert!(shown.contains("in use       another one"), "{shown}");
    // Commands find the server all the same.
    assert_eq!(document(server.command(["status"]))["status"], "ok");
    assert_eq!(
        server.command(["status", "--health"]).run().exits(0).stdout,
        "ok\n"
    );
    with_files(&mut server, &certificate, &key);
    assert!(said(&server, ANOTHER).is_none());

    // One that ends soon lies there, and the server cannot use it: the key is another's.
    fs::rename(&short, &certificate).expect("replaced");
    assert!(said(&server, "cannot be used").is_some());
    let found = said(&server, ANOTHER).expect("said");
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("before the server restarts"), "{remedy}");
    assert_eq!(days(&server), 297);
}

#[test]
fn a_server_that_began_without_encryption_is_told() {
    let mut server = Server::initialised("invite", &[("server.host", "127.0.0.1")]);
    server.serve();
    assert!(said(&server, "does not encrypt").is_none());
    good_files(&mut server);
    let found = said(&server, "the running server does not encrypt").expect("said");
    assert_eq!(found["result"], "FAIL");
    server.restart();
    assert!(said(&server, "does not encrypt").is_none());
}

#[test]
fn who_registers_is_what_was_said_last() {
    let server = Server::initialised("invite", &[]);
    assert!(said(&server, ANYBODY).is_none());
    server.command(["registration", "open"]).run().exits(0);
    let found = said(&server, ANYBODY).expect("said");
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("morelia registration invite"), "{remedy}");
    server.command(["registration", "invite"]).run().exits(0);
    assert!(said(&server, ANYBODY).is_none());
}

#[test]
fn a_unit_that_systemd_has_not_read_is_told() {
    let mut server = Server::initialised("invite", &[]);
    let unit = server.command(["service", "unit"]).run().exits(0).stdout;
    let path = folder(&server, "morelia.service");
    fs::write(&path, unit).expect("written");
    server.environment("MORELIA_UNIT", path.display().to_string());
    let programs = folder(&server, "bin");
    fs::create_dir(&programs).expect("a folder");
    let systemctl = programs.join("systemctl");
    let answers = |server: &Server, word: &str| {
        fs::write(&systemctl, format!("#!/bin/sh\necho {word}\n")).expect("written");
        fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("chmod");
        said(server, "systemd has not read")
    };
    let path = std::env::var("PATH").expect("a path");
    server.environment("PATH", format!("{}:{path}", programs.display()));
    assert!(answers(&server, "no").is_none());
    let found = answers(&server, "yes").expect("said");
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains("daemon-reload"), "{remedy}");
}

/// The commands of a remedy, as whoever may send them does.
fn commands(remedy: &str) -> Vec<String> {
    let parts = remedy.split('`').skip(1).step_by(2);
    parts.map(|part| part.replace("sudo ", "")).collect()
}

#[test]
fn a_database_that_was_replaced_under_the_server_is_told_and_can_be_saved() {
    let mut server = Server::initialised("open", &[]);
    let copy = backup(&server);
    server.serve();
    assert!(said(&server, REPLACED).is_none());
    let mut anna = server.register("anna");
    let flow = anna.group("Family", &[]);
    anna.send(&flow, "before");
    fs::copy(&copy, folder(&server, "new.db")).expect("copied");
    fs::rename(folder(&server, "new.db"), server.database()).expect("replaced");
    anna.send(&flow, "after");
    let found = said(&server, REPLACED).expect("said");
    assert_eq!(
        (&found["result"], &found["topic"]),
        (&"FAIL".into(), &"database".into())
    );
    let remedy = found["remedy"].as_str().expect("a remedy");
    for command in commands(remedy) {
        let done = Command::new("sh").args(["-c", &command]).status();
        assert!(done.expect("sh").success(), "{command}");
    }
    server.kill();
    let saved = folder(&server, "morelia.db.saved");
    let database = rusqlite::Connection::open(saved).expect("opens");
    let texts: Vec<String> = database
        .prepare("SELECT text FROM messages ORDER BY id")
        .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
        .expect("messages");
    assert_eq!(texts, ["before", "after"]);
}

#[test]
fn a_database_that_was_moved_under_the_server_is_told() {
    let mut server = Server::initialised("open", &[]);
    let copy = backup(&server);
    server.serve();
    server.register("anna");
    let moved = folder(&server, "moved.db");
    fs::rename(server.database(), &moved).expect("moved");
    fs::copy(copy, server.database()).expect("another");
    let found = said(&server, REPLACED).expect("said");
    let remedy = found["remedy"].as_str().expect("a remedy");
    assert!(remedy.contains(&moved.display().to_string()), "{remedy}");
}
