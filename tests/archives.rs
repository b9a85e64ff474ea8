//! Archives that people have made of what is theirs, from a client.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};

use rusqlite::named_params;
use serde_json::{Value, json};
use zip::ZipArchive;

use crate::common::http::{self, bearer, content, upload};
use crate::common::{Person, Server, eventually};
use crate::push::told;
use crate::roles::ask;
use crate::sent_files::send;

/// What a person is told next of an archive.
fn archive(person: &mut Person) -> Value {
    loop {
        let reply = told(person);
        if let Some(export) = reply.data()["meta"].get("export") {
            return export.clone();
        }
    }
}

/// Subscribes, in rich form. Returns the position.
fn follow(person: &mut Person) -> Value {
    let reply = ask(person, "subscribe", &json!({})).is(200);
    reply.data()["meta"]["position"].clone()
}

fn fetch(server: &Server, person: &Person, file: &Value) -> http::Answer {
    let path = format!("/file/{}", file["id"].as_str().expect("an id"));
    http::ask(server, "GET", &path, &bearer(person))
}

/// The files in an archive.
fn unpacked(bytes: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut zip = ZipArchive::new(Cursor::new(bytes)).expect("an archive");
    let mut files = BTreeMap::new();
    for index in 0..zip.len() {
        let mut file = zip.by_index(index).expect("a file");
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).expect("read");
        let name = file.name().expect("a name").into_owned();
        files.insert(name, bytes);
    }
    files
}

fn json_of(files: &BTreeMap<String, Vec<u8>>, name: &str) -> Value {
    let bytes = files.get(name).unwrap_or_else(|| panic!("no {name}"));
    serde_json::from_slice(bytes).expect("JSON")
}

#[test]
fn everybody_gets_an_archive_of_what_is_theirs() {
    let server = Server::start();
    let [mut anna, mut boris] = ["anna", "boris"].map(|login| server.register(login));
    let group = anna.group("Family", &[&boris]);
    let secret = boris.group("Secret", &[]);
    boris.send(&secret, "nobody else's");
    anna.send(&group, "dinner at seven");
    let clip = content(600_000, 3);
    let uploaded = upload(&server, &anna, &clip);
    let files = json!([{"upload": uploaded, "kind": "document", "name": "Мой файл.bin"}]);
    send(&mut anna, &group, "look", &files).is(200);
    follow(&mut anna);
    let mut old = anna.on(server.connect());
    old.ask("subscribe", &json!({})).is(200);

    ask(&mut anna, "export_me", &json!({"meta": {"files": true}})).is(202);
    let file = archive(&mut anna);
    assert_eq!(file["kind"], "document", "{file}");
    assert_eq!(file["type"], "application/zip", "{file}");
    let name = file["name"].as_str().expect("a name");
    assert!(
        name.starts_with("morelia-anna-20")
            && name.rsplit_once('.').is_some_and(|(_, end)| end == "zip"),
        "{name}"
    );

    let got = fetch(&server, &anna, &file).is(200);
    assert_eq!(json!(got.body.len()), file["size"]);
    let disposition = got.header("content-disposition").expect("a header");
    assert!(
        disposition.starts_with("attachment") && disposition.contains(name),
        "{disposition}"
    );
    let inside = unpacked(&got.body);
    let user = json_of(&inside, "user.json");
    assert_eq!(user["user"]["login"], "anna");
    assert_eq!(
        json_of(&inside, "written.json")["messages"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    let flow = json_of(&inside, &format!("flow-{group}.json"));
    let path = flow["messages"][1]["about"]["files"][0]["path"]
        .as_str()
        .expect("a path");
    assert!(path.ends_with("Мой файл.bin"), "{path}");
    assert_eq!(inside[path], clip, "the content of files");
    let all: Vec<u8> = inside.values().flatten().copied().collect();
    let all = String::from_utf8_lossy(&all);
    assert!(!all.contains("nobody else's") && !all.contains("argon2"));

    // It is nobody else's, and not told to clients that did not ask for such.
    fetch(&server, &boris, &file).is(404);
    anna.send(&group, "after it");
    let next = told(&mut old);
    assert_eq!(next.messages()[0]["text"], "after it", "{next}");
}

#[test]
fn a_new_archive_takes_the_place_of_the_old_one() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Own", &[]);
    let uploaded = upload(&server, &anna, &content(600_000, 3));
    let files = json!([{"upload": uploaded, "kind": "document", "name": "a.bin"}]);
    send(&mut anna, &group, "", &files).is(200);
    let start = follow(&mut anna);
    ask(&mut anna, "export_me", &json!({"meta": {"files": false}})).is(202);
    let first = archive(&mut anna);
    let inside = unpacked(&fetch(&server, &anna, &first).is(200).body);
    assert!(
        !inside.keys().any(|name| name.starts_with("files/")),
        "{:?}",
        inside.keys()
    );

    // As long as `files` is not said to be false, they belong in it.
    ask(&mut anna, "export_me", &json!({})).is(202);
    let second = archive(&mut anna);
    assert_ne!(first["id"], second["id"]);
    fetch(&server, &anna, &first).is(404);
    let inside = unpacked(&fetch(&server, &anna, &second).is(200).body);
    assert!(
        inside.keys().any(|name| name.starts_with("files/")),
        "{:?}",
        inside.keys()
    );

    // Whoever asks from an earlier position is told of the present one.
    let since = json!({"meta": {"after": start}});
    let later = ask(&mut anna, "get_update", &since).is(200);
    assert_eq!(
        later.data()["meta"]["export"]["id"],
        second["id"],
        "{later}"
    );

    // After its day it is gone.
    let database = server.database();
    let out = || rusqlite::Connection::open(&database).expect("the database");
    out()
        .execute("UPDATE exports SET expires_at = 1", [])
        .expect("aged");
    fetch(&server, &anna, &second).is(404);
    let message = anna.send(&group, "x");
    anna.delete(&message).is(200);
    let rows = || -> i64 {
        let count = out().query_row("SELECT COUNT(*) FROM exports", [], |row| row.get(0));
        count.expect("a number")
    };
    assert_eq!(eventually(rows, |count| *count == 0), 0);
}

#[test]
fn what_was_wanted_is_made_after_a_kill() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    anna.group("Own", &[]);
    let start = follow(&mut anna);
    server.kill();
    // As a server leaves it that is killed when it has answered.
    let database = rusqlite::Connection::open(server.database()).expect("the database");
    database
        .execute(
            "INSERT INTO exports (user_id, has_files, wanted_at)
             SELECT id, 1, 5 FROM users WHERE login = :login",
            named_params! {":login": "anna"},
        )
        .expect("wanted");
    drop(database);
    server.serve();
    let mut anna = server.sign_in("anna");
    let since = json!({"meta": {"after": start}});
    ask(&mut anna, "subscribe", &since).is(200);
    let file = archive(&mut anna);
    let inside = unpacked(&fetch(&server, &anna, &file).is(200).body);
    assert_eq!(json_of(&inside, "user.json")["user"]["login"], "anna");
}

#[test]
fn one_at_a_time_and_none_without_room() {
    let server = Server::with(&[("files.reserve", "1000000000000000")]);
    let mut anna = server.register("anna");
    follow(&mut anna);
    ask(&mut anna, "export_me", &json!({})).is(202);
    assert_eq!(archive(&mut anna), Value::Null, "the disk has no room");
    // Who may try again may do so.
    let answers: Vec<u64> = (0..20)
        .map(|_| ask(&mut anna, "export_me", &json!({})).code())
        .collect();
    assert!(
        answers.iter().all(|code| [202, 409].contains(code)),
        "{answers:?}"
    );
    assert!(answers.contains(&202), "{answers:?}");
}
