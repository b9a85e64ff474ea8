//! `move pack` and `move unpack`: a server goes to another machine in one file.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::{
    backup::document,
    common::{
        Person, Program, Server,
        http::{self, bearer, content},
    },
    stored_files::{files, folder, send},
};

/// An empty folder for the other machine.
fn elsewhere() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// A command on the other machine.
fn there<const N: usize>(place: &Path, args: [&str; N]) -> Program {
    Program::new(place)
        .arg("--config")
        .arg(place.join("morelia.ini"))
        .args(args)
}

/// A server with a conversation and a large file.
struct Inhabited {
    server: Server,
    anna: Person,
    group: String,
    file: String,
    bytes: Vec<u8>,
}

fn inhabited() -> Inhabited {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Семья", &[]);
    anna.send(&group, "packed");
    let bytes = content(400_000, 1);
    let (_, file) = send(&server, &mut anna, &group, &bytes);
    Inhabited {
        server,
        anna,
        group,
        file,
        bytes,
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_server_goes_to_another_machine_in_one_file() {
    let Inhabited {
        mut server,
        anna,
        group,
        file,
        bytes,
    } = inhabited();
    fs::create_dir_all(server.folder().join("tls")).expect("a folder");
    fs::write(server.folder().join("tls/account.json"), "{}").expect("written");
    server.stop();
    let packed = document(&server, ["move", "pack", "chat.morelia", "--with-keys"], 0);
    assert_eq!(
        (&packed["messages"], &packed["files"], &packed["keys"]),
        (&2.into(), &1.into(), &1.into()),
        "{packed}"
    );
    assert_eq!(packed["server_runs"], false, "{packed}");
    let one = server.folder().join("chat.morelia");
    let mode = fs::metadata(&one).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(
        names(server.folder())
            .iter()
            .all(|name| !name.contains(".part")),
        "nothing is left behind"
    );
    server
        .command(["move", "pack", "chat.morelia"])
        .run()
        .exits(4);

    let place = elsewhere();
    let one = one.to_str().expect("UTF-8");
    let unpacked = there(place.path(), ["move", "unpack", one, "--json"])
        .run()
        .exits(0);
    let unpacked: Value = serde_json::from_str(&unpacked.stdout).expect("JSON");
    assert_eq!(unpacked["files"], 1, "{unpacked}");
    assert_eq!(
        names(place.path()),
        [
            "morelia.db",
            "morelia.db-files",
            "morelia.ini",
            "morelia.lock",
            "tls"
        ]
    );
    assert_eq!(
        fs::read(place.path().join("morelia.ini")).expect("there"),
        fs::read(server.config()).expect("here")
    );
    assert_eq!(names(&place.path().join("tls")), ["account.json"]);
    // What is there is never written over.
    let again = there(place.path(), ["move", "unpack", one]).run().exits(4);
    assert!(again.stderr.contains("is there already"), "{again:?}");
    there(place.path(), ["db", "check"]).run().exits(0);

    // People go on as if nothing had happened, with the sessions that they have.
    let mut moved = Server::adopted(place);
    moved.serve();
    let mut anna = anna.on(moved.connect());
    assert_eq!(anna.texts(&group)[0], "packed");
    let got = http::ask(&moved, "GET", &format!("/file/{file}"), &bearer(&anna)).is(200);
    assert!(got.body == bytes, "the file is what it was");
    moved.stop();
}

#[test]
fn a_pack_of_a_running_server_says_what_it_cannot_hold() {
    let server = inhabited().server;
    let packed = server
        .command(["move", "pack", "chat.morelia"])
        .run()
        .exits(0);
    assert!(
        packed
            .stdout
            .contains("what people write from now on is not in the file"),
        "{packed:?}"
    );
    // Keys only where they are asked for.
    assert!(
        !packed.stdout.contains("can impersonate the server"),
        "{packed:?}"
    );
}

#[test]
fn a_file_that_is_missing_is_asked_about() {
    let mut server = inhabited().server;
    server.stop();
    fs::remove_file(&files(&folder(&server))[0]).expect("removed");
    let refused = server
        .command(["move", "pack", "chat.morelia"])
        .run()
        .exits(2);
    assert!(
        refused
            .stderr
            .contains("1 file that messages name is not there"),
        "{refused:?}"
    );
    assert!(!server.folder().join("chat.morelia").exists());
    let packed = document(&server, ["move", "pack", "chat.morelia", "--yes"], 0);
    assert_eq!(
        packed["missing"].as_array().map(Vec::len),
        Some(1),
        "{packed}"
    );
    let place = elsewhere();
    let one = server.folder().join("chat.morelia");
    let unpacked = there(
        place.path(),
        ["move", "unpack", one.to_str().expect("UTF-8")],
    )
    .run()
    .exits(5);
    assert!(unpacked.stdout.contains("missing"), "{unpacked:?}");
    there(place.path(), ["db", "check"]).run();
}

#[test]
fn a_damaged_or_foreign_file_changes_nothing() {
    let mut server = inhabited().server;
    server.stop();
    server
        .command(["move", "pack", "chat.morelia"])
        .run()
        .exits(0);
    let one = server.folder().join("chat.morelia");
    let sound = fs::read(&one).expect("the file");
    let place = elsewhere();
    let unpack = |bytes: &[u8], says: &str| {
        let file = place.path().join("got.morelia");
        fs::write(&file, bytes).expect("written");
        let refused = there(place.path(), ["move", "unpack", "got.morelia"])
            .run()
            .exits(1);
        assert!(refused.stderr.contains(says), "{refused:?}");
        assert_eq!(names(place.path()), ["got.morelia"], "{says}");
    };
    let mut flipped = sound.clone();
    flipped[5000] ^= 1;
    unpack(&flipped, "is not what was packed");
    let mut late = sound.clone();
    let at = late.len() - 100_000;
    late[at] ^= 1;
    unpack(&late, "is not what was packed");
    unpack(&sound[..sound.len() - 10], "only a part of one");
    unpack(
        b"PK something else",
        "is not a file that `morelia move pack` made",
    );
    there(place.path(), ["move", "unpack", "none.morelia"])
        .run()
        .exits(3);
}

#[test]
fn a_configuration_that_is_there_says_where_the_database_is() {
    let mut server = inhabited().server;
    server.stop();
    server
        .command(["move", "pack", "chat.morelia"])
        .run()
        .exits(0);
    let one = server.folder().join("chat.morelia");
    let place = elsewhere();
    let data = place.path().join("data");
    fs::create_dir(&data).expect("a folder");
    let config = place.path().join("morelia.ini");
    let before = format!("[database]\npath = {}\n", data.join("morelia.db").display());
    fs::write(&config, &before).expect("written");
    there(
        place.path(),
        ["move", "unpack", one.to_str().expect("UTF-8")],
    )
    .run()
    .exits(0);
    assert_eq!(
        names(&data),
        ["morelia.db", "morelia.db-files", "morelia.lock"]
    );
    let after = fs::read_to_string(&config).expect("there");
    assert!(after.contains("\nregistration = open\n"), "{after}");
    assert!(
        after.contains(&format!("path = {}", data.join("morelia.db").display())),
        "{after}"
    );
    let kept: Vec<PathBuf> = names(place.path())
        .into_iter()
        .filter(|name| name.contains("before-unpack"))
        .map(|name| place.path().join(name))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(fs::read_to_string(&kept[0]).expect("there"), before);
}
