//! The folder of large files with everything that handles data: backups, restores, exports, checks,
//! crashes, full disks.

use std::{
    fs,
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    common::{
        PATIENCE, Person, Server,
        health::until,
        http::{self, PART, bearer, content, tus, upload},
    },
    roles::ask,
};

pub(crate) fn folder(server: &Server) -> PathBuf {
    server.folder().join("morelia.db-files")
}

/// The files of a folder of this kind, those that gather left out.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let shelves = fs::read_dir(folder).into_iter().flatten();
    let mut found: Vec<PathBuf> = shelves
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_dir() && !path.ends_with("part"))
        .flat_map(|path| fs::read_dir(path).expect("a shelf"))
        .map(|entry| entry.expect("an entry").path())
        .collect();
    found.sort();
    found
}

/// Uploads a file, sends it and returns the ids of message and file.
#[track_caller]
pub(crate) fn send(
    server: &Server,
    person: &mut Person,
    flow: &str,
    bytes: &[u8],
) -> (String, String) {
    let id = upload(server, person, bytes);
    let data = json!({
        "flow": [{"uuid": flow}], "message": [{}],
        "meta": {"about": {"files": [{"upload": id, "kind": "document", "name": "report.bin"}]}},
    });
    let sent = ask(person, "send_message", &data).is(200);
    let message = sent.messages()[0]["uuid"]
        .as_str()
        .expect("an id")
        .to_owned();
    let file = &sent.data()["meta"]["about"][&message]["files"][0]["id"];
    (message.clone(), file.as_str().expect("an id").to_owned())
}

#[track_caller]
fn fetch(server: &Server, person: &Person, file: &str) -> Vec<u8> {
    let path = format!("/file/{file}");
    http::ask(server, "GET", &path, &bearer(person))
        .is(200)
        .body
}

#[test]
fn backups_share_the_files_that_do_not_change() {
    let mut server = Server::with(&[("backup.keep", "2")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let (first, _) = send(&server, &mut anna, &group, &content(400_000, 1));
    server.command(["backup"]).run().exits(0);
    let pool = server.folder().join("backups/files");
    let [one] = &files(&pool)[..] else {
        panic!("one file in the pool");
    };
    // A second name of the same bytes.
    assert_eq!(fs::metadata(one).expect("there").nlink(), 2);
    send(&server, &mut anna, &group, &content(500_000, 2));
    let made = server.command(["backup", "--json"]).run().exits(0);
    let made: Value = serde_json::from_str(&made.stdout).expect("JSON");
    assert_eq!(made["files"], 2, "{made}");
    assert_eq!(files(&pool).len(), 2);
    let verified = server
        .command([
            "backup",
            "verify",
            made["file"].as_str().expect("a path"),
            "--deep",
        ])
        .run()
        .exits(0);
    assert!(
        verified.stdout.contains("2 large files"),
        "{}",
        verified.stdout
    );
    // What is deleted stays in the pool until no backup names it.
    anna.delete(&first).is(200);
    let begun = Instant::now();
    let upload = format!(
        "/files/{}",
        one.file_stem().expect("a name").to_string_lossy()
    );
    http::ask(&server, "DELETE", &upload, &tus(&anna)).is(204);
    while files(&folder(&server)).len() > 1 {
        assert!(begun.elapsed() < PATIENCE, "it stays");
        std::thread::sleep(Duration::from_millis(20));
    }
    server.command(["backup"]).run().exits(0);
    assert_eq!(files(&pool).len(), 2, "an older backup needs it");
    server.command(["backup"]).run().exits(0);
    assert_eq!(files(&pool).len(), 1);
    server.stop();
}

#[test]
fn a_restore_brings_the_files_back_and_tells_what_is_missing() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let (one, other) = (content(400_000, 3), content(500_000, 4));
    let (_, kept) = send(&server, &mut anna, &group, &one);
    let (_, lost) = send(&server, &mut anna, &group, &other);
    let made = server.command(["backup", "--json"]).run().exits(0);
    let made: Value = serde_json::from_str(&made.stdout).expect("JSON");
    let copy = made["file"].as_str().expect("a path").to_owned();
    let ticket = anna.ask("file_ticket", &Value::Null).is(200);
    let ticket = ticket.data()["meta"]["ticket"]
        .as_str()
        .expect("text")
        .to_owned();
    server.stop();
    // A new machine: nothing but the backups.
    fs::remove_dir_all(folder(&server)).expect("removed");
    fs::remove_file(server.database()).expect("removed");
    server.command(["restore", &copy, "--yes"]).run().exits(0);
    server.serve();
    let anna = server.sign_in("anna");
    assert!(fetch(&server, &anna, &kept) == one && fetch(&server, &anna, &lost) == other);
    // Tickets from before are good no more.
    http::ask(&server, "GET", &format!("/file/{kept}?t={ticket}"), "").is(404);
    server.stop();
    // A pool that was copied in part; and one file of it that was changed.
    let pool = files(&server.folder().join("backups/files"));
    let size = |path: &PathBuf| fs::metadata(path).expect("there").len();
    let gone = pool
        .iter()
        .find(|path| size(path) == 500_000)
        .expect("the file");
    fs::remove_file(gone).expect("removed");
    fs::remove_dir_all(folder(&server)).expect("removed");
    let said = server.command(["restore", &copy, "--yes"]).run().exits(5);
    assert!(
        said.stdout.contains("files     1 of 2 large files"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("missing   "), "{}", said.stdout);
    server.serve();
    let anna = server.sign_in("anna");
    assert!(fetch(&server, &anna, &kept) == one);
    http::ask(&server, "GET", &format!("/file/{lost}"), &bearer(&anna)).is(410);
    let checked = server.command(["check", "database"]).run().exits(5);
    assert!(
        checked.stdout.contains("of 2 large files, 1 are missing"),
        "{}",
        checked.stdout
    );
    server.stop();
    server.command(["backup", "verify", &copy]).run().exits(5);
}

#[test]
fn overwriting_what_is_deleted_leaves_backups_alone() {
    let server = Server::with(&[("files.overwrite", "on"), ("files.unfinished", "1s")]);
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(400_000, 11);
    let (message, _) = send(&server, &mut anna, &group, &all);
    server.command(["backup"]).run().exits(0);
    let pool = files(&server.folder().join("backups/files"));
    anna.delete(&message).is(200);
    let begun = Instant::now();
    while !files(&folder(&server)).is_empty() {
        assert!(begun.elapsed() < PATIENCE + PATIENCE, "it stays");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(fs::read(&pool[0]).expect("the file") == all);
}

#[test]
fn a_changed_file_is_found_by_reading_it() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    send(&server, &mut anna, &group, &content(400_000, 5));
    let made = server.command(["backup", "--to", "copy.db"]).run();
    made.exits(0);
    let pool = files(&server.folder().join("files"));
    // Another file of the same size, so that the one in use stays as it is.
    fs::remove_file(&pool[0]).expect("removed");
    fs::write(&pool[0], content(400_000, 6)).expect("written");
    server
        .command(["backup", "verify", "copy.db"])
        .run()
        .exits(0);
    let said = server
        .command(["backup", "verify", "copy.db", "--deep"])
        .run()
        .exits(5);
    assert!(said.stdout.contains("FAIL"), "{}", said.stdout);
}

#[test]
fn a_database_without_its_folder_is_told_of() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    send(&server, &mut anna, &group, &content(400_000, 7));
    let checked = server.command(["check", "database"]).run().exits(0);
    assert!(
        checked.stdout.contains("all 1 large files exist"),
        "{}",
        checked.stdout
    );
    server.stop();
    fs::remove_dir_all(folder(&server)).expect("removed");
    let checked = server.command(["check", "database"]).run().exits(5);
    assert!(
        checked.stdout.contains("only the database was copied"),
        "{}",
        checked.stdout
    );
}

#[test]
fn an_export_has_large_files_beside_its_documents() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let all = content(400_000, 8);
    let (_, id) = send(&server, &mut anna, &group, &all);
    let small = json!({"flow": [{"uuid": group}], "message": [{"file_document": "AAECAw=="}]});
    anna.ask("send_message", &small).is(200);
    for command in [
        &["export", "--flow", &group, "--to", "one"][..],
        &["export", "--user", "anna", "--to", "two"],
    ] {
        let to = *command.last().expect("a folder");
        let run = command
            .iter()
            .fold(server.command([]), crate::common::Program::arg);
        run.run().exits(0);
        let document = server.folder().join(format!("{to}/flow-{group}.json"));
        let document: Value =
            serde_json::from_slice(&fs::read(document).expect("it")).expect("JSON");
        let file = &document["messages"][0]["about"]["files"][0];
        assert_eq!(file["name"], "report.bin", "{file}");
        let path = file["path"].as_str().expect("a path");
        assert_eq!(path, format!("files/{id}-report.bin"));
        let written = fs::read(server.folder().join(to).join(path)).expect("the file");
        assert!(written == all);
        assert_eq!(document["messages"][1]["file_document"], "AAECAw==");
    }
}

#[test]
fn old_messages_take_their_files_along() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let (_, id) = send(&server, &mut anna, &group, &content(400_000, 9));
    let upload = files(&folder(&server))[0]
        .file_stem()
        .expect("a name")
        .to_owned();
    anna.send(&group, "newer");
    std::thread::sleep(Duration::from_millis(1_100));
    server
        .command(["db", "prune", "--older", "1s", "--yes"])
        .run()
        .exits(0);
    http::ask(&server, "GET", &format!("/file/{id}"), &bearer(&anna)).is(404);
    // The upload still holds the content, until it goes as well.
    let path = format!("/files/{}", upload.to_string_lossy());
    http::ask(&server, "DELETE", &path, &tus(&anna)).is(204);
    let begun = Instant::now();
    while !files(&folder(&server)).is_empty() {
        assert!(begun.elapsed() < PATIENCE, "it stays on the disk");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_a_backup_kept_from_going_goes_after_it() {
    let mut server = Server::initialised("open", &[("files.unfinished", "1s")]);
    server.serve();
    let anna = server.register("anna");
    server.stop();
    let old = std::time::SystemTime::now() - Duration::from_hours(2);
    let junk = folder(&server).join(format!("part/{}", "a".repeat(32)));
    fs::write(&junk, "junk").expect("written");
    let file = fs::File::options().write(true).open(&junk);
    file.expect("a file").set_modified(old).expect("set");
    let hold = fs::File::create(folder(&server).join("hold")).expect("a file");
    hold.lock_shared().expect("locked");
    server.serve();
    // Half of an upload expires meanwhile.
    let headers = format!("{}Upload-Length: 700000\r\n", tus(&anna));
    let made = http::ask(&server, "POST", "/files", &headers).is(201);
    let path = made.header("location").expect("a path").to_owned();
    let brought = format!("{}{PART}Upload-Offset: 0\r\n", tus(&anna));
    http::send(&server, "PATCH", &path, &brought, &content(300_000, 1)).is(204);
    until("the upload expires", || {
        let asked = http::ask(&server, "HEAD", &path, &tus(&anna));
        (asked.status != 200).then_some(())
    });
    let parts = || {
        fs::read_dir(folder(&server).join("part"))
            .expect("a folder")
            .count()
    };
    assert_eq!(parts(), 2, "nothing goes while a backup needs the files");
    drop(hold);
    until("all of it goes", || (parts() == 0).then_some(()));
}

#[test]
fn a_crash_at_any_moment_leaves_no_message_without_its_file() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut sent: Vec<(String, Vec<u8>)> = Vec::new();
    for round in 0..8_u32 {
        let all = content(600_000 + 1_000 * round as usize, 100 + round);
        let (_, id) = send(&server, &mut anna, &group, &all);
        sent.push((id, all));
        // Something is on its way when the end comes, each time a little further.
        let other = content(700_000, 200 + round);
        let headers = format!(
            "{}{PART}Upload-Length: {}\r\nContent-Length: {}\r\n",
            tus(&anna),
            other.len(),
            other.len()
        );
        let mut stream = http::begin(&server, "POST", "/files", &headers);
        let part = other.len() * (round as usize + 1) / 8;
        let _ = stream.write_all(&other[..part]);
        std::thread::sleep(Duration::from_millis(u64::from(round) * 3));
        server.kill();
        server.serve();
        anna = anna.on(server.connect());
        for (id, all) in &sent {
            assert!(fetch(&server, &anna, id) == *all, "{id}");
        }
    }
    server.command(["db", "check"]).run().exits(0);
    // What was left behind goes once it is old, and nothing else.
    let old = std::time::SystemTime::now() - Duration::from_hours(2);
    let junk = folder(&server)
        .join("ab")
        .join(format!("ab{}.bin", "0".repeat(30)));
    fs::create_dir_all(junk.parent().expect("a shelf")).expect("made");
    fs::write(&junk, "junk").expect("written");
    for path in files(&folder(&server)) {
        let file = fs::File::options().write(true).open(path).expect("a file");
        file.set_modified(old).expect("set");
    }
    server.restart();
    let begun = Instant::now();
    while junk.exists() {
        assert!(begun.elapsed() < PATIENCE, "it is not removed");
        std::thread::sleep(Duration::from_millis(20));
    }
    for (id, all) in &sent {
        assert!(fetch(&server, &anna, id) == *all, "{id}");
    }
}

/// A small disk in memory, unmounted when dropped.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one; `None`: this user may not.
    fn mount(path: PathBuf, size: &str) -> Option<Self> {
        fs::create_dir(&path).expect("made");
        let mounted = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size},mode=700"),
                "tmpfs",
            ])
            .arg(&path)
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(path))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_what_was_received_stays() {
    let mut server = Server::initialised("open", &[("files.reserve", "0")]);
    let path = server.folder().join("small");
    let Some(disk) = SmallDisk::mount(path.clone(), "6m") else {
        println!("not root: no small disk can be mounted");
        return;
    };
    server.set("files.dir", path.to_str().expect("UTF-8"));
    server.serve();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let filler = disk.0.join("filler");
    let all = content(5_500_000, 10);
    let headers = format!("{}Upload-Length: {}\r\n", tus(&anna), all.len());
    let made = http::ask(&server, "POST", "/files", &headers).is(201);
    let upload = made.header("location").expect("a path").to_owned();
    // It fits when it begins, and no more when it comes.
    fs::write(&filler, vec![0; 1_500_000]).expect("written");
    let go = |server: &Server, anna: &Person, offset: usize| {
        let headers = format!("{}{PART}Upload-Offset: {offset}\r\n", tus(anna));
        http::send(server, "PATCH", &upload, &headers, &all[offset..])
    };
    let refused = go(&server, &anna, 0);
    assert!(matches!(refused.status, 507 | 413), "{}", refused.head);
    let stands = |server: &Server, anna: &Person| {
        let stands = http::ask(server, "HEAD", &upload, &tus(anna)).is(200);
        stands
            .header("upload-offset")
            .and_then(|it| it.parse::<usize>().ok())
    };
    let offset = stands(&server, &anna).expect("an offset");
    // People write meanwhile: the database lies elsewhere.
    anna.send(&group, "still here");
    fs::remove_file(&filler).expect("removed");
    go(&server, &anna, offset).is(204);
    assert_eq!(stands(&server, &anna), Some(all.len()));
    server.stop();
}
