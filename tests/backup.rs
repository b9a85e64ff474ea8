//! Backups: copies of a server at work, and the way back from a broken disk.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::common::{PASSWORD, PATIENCE, Person, Program, Server};

/// Runs a command with `--json` and returns its document.
#[track_caller]
pub(crate) fn document<const N: usize>(server: &Server, args: [&str; N], code: i32) -> Value {
    let output = server.command(args).arg("--json").run().exits(code);
    serde_json::from_str(&output.stdout).unwrap_or_else(|err| panic!("{err}: {}", output.stdout))
}

pub(crate) fn path(value: &Value) -> PathBuf {
    PathBuf::from(value.as_str().expect("a path"))
}

/// Overwrites pages in the middle of a file.
pub(crate) fn damage(file: &Path) {
    let mut bytes = fs::read(file).expect("a file");
    let (from, to) = (bytes.len() / 4, bytes.len() * 3 / 4);
    bytes[from..to].fill(0xa5);
    fs::write(file, bytes).expect("written");
}

#[test]
fn a_server_comes_back_from_a_damaged_database() {
    let mut server = Server::initialised("invite", &[]);
    server.serve();
    let invited = document(&server, ["invite", "create"], 0);
    let user = json!({"user": [{"login": "anna", "password": "one of her own",
                                "auth_id": invited["code"]}]});
    server.connect().request("register_user", &user).is(201);
    server
        .command(["user", "passwd", "anna", "--password-stdin"])
        .stdin(format!("{PASSWORD}\n"))
        .run()
        .exits(0);
    let mut anna = server.sign_in("anna");
    let group = anna.group("Семья", &[]);
    anna.send(&group, "before the backup");

    // While it serves.
    let made = document(&server, ["backup"], 0);
    assert_eq!((&made["users"], &made["messages"]), (&json!(2), &json!(1)));
    let copy = server.folder().join(path(&made["file"]));
    let configuration = copy.with_extension("ini");
    assert_eq!(
        fs::read(&configuration).expect("the configuration"),
        fs::read(server.config()).expect("the configuration")
    );
    anna.send(&group, "after the backup");
    let copy = copy.to_str().expect("UTF-8").to_owned();
    let refused = server.command(["restore", &copy, "--yes"]).run().exits(75);
    assert!(refused.stderr.contains("server is running"), "{refused:?}");

    server.stop();
    damage(&server.database());
    let checked = server.command(["check"]).run().exits(5);
    assert!(
        checked
            .stdout
            .lines()
            .any(|line| line.starts_with("FAIL  database")),
        "{checked:?}"
    );
    assert!(checked.stdout.contains("morelia restore"), "{checked:?}");
    server.command(["db", "check"]).run().exits(5);
    server.command(["serve", "--port", "0"]).run().exits(74);

    // Without a terminal and --yes nothing happens.
    let broken = fs::read(server.database()).expect("the database");
    server.command(["restore", &copy]).run().exits(2);
    assert_eq!(fs::read(server.database()).expect("the database"), broken);
    let restored = document(&server, ["restore", &copy, "--yes"], 0);
    let kept = fs::read(path(&restored["kept"])).expect("the old file");
    assert_eq!(kept, broken, "the old file is kept as it was");
    server.command(["check", "database"]).run().exits(0);

    server.serve();
    let mut anna = server.sign_in("anna");
    assert_eq!(anna.texts(&group), ["before the backup"]);
    anna.send(&group, "life goes on");
    assert_eq!(anna.texts(&group), ["before the backup", "life goes on"]);
}

#[test]
fn a_backup_alone_makes_a_server_in_an_empty_folder() {
    let mut server = Server::start();
    server.register("anna");
    let made = document(&server, ["backup"], 0);
    server.stop();
    let copy = server.folder().join(path(&made["file"]));
    let folder = tempfile::tempdir().expect("a folder");
    let start = |args: &[&str]| Program::new(folder.path()).args(args).run();
    let run = |args: &[&str]| start(args).exits(0);
    let copy = copy.to_str().expect("UTF-8");
    // Where it comes to is said before it does, and nothing stays of a question without an answer.
    let asked = start(&["restore", copy]).exits(2);
    assert!(
        asked.stderr.contains("will replace morelia.db"),
        "{asked:?}"
    );
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    run(&["restore", copy, "--yes"]);
    assert!(folder.path().join("morelia.ini").exists());
    let stats: Value = serde_json::from_str(&run(&["db", "stats", "--json"]).stdout).expect("JSON");
    assert_eq!(stats["users"], 2);
}

#[test]
fn a_copy_is_whole_while_people_write() {
    let server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    let mut counts = Vec::new();
    std::thread::scope(|scope| {
        let (done, is_done) = std::sync::mpsc::channel::<()>();
        let (person, group) = (&mut anna, &group);
        let writer = scope.spawn(move || {
            let mut sent = 0;
            while is_done.try_recv().is_err() {
                person.send_many(group, (0..50).map(|n| format!("{n} {}", "x".repeat(500))));
                sent += 50;
            }
            sent
        });
        for n in 0..4 {
            let to = format!("copy{n}.db");
            let made = document(&server, ["backup", "--to", &to], 0);
            counts.push(made["messages"].as_i64().expect("a number"));
            let verified = document(&server, ["backup", "verify", &to], 0);
            assert_eq!(verified["messages"], made["messages"]);
            assert_eq!(verified["checksums"], true);
        }
        done.send(()).expect("it listens");
        let sent: i64 = writer.join().expect("it wrote");
        assert!(
            counts.iter().all(|count| *count <= sent),
            "{counts:?} of {sent}"
        );
    });
    assert!(counts.is_sorted() && counts.last() > Some(&0), "{counts:?}");
}

#[test]
fn a_changed_copy_is_found() {
    let server = Server::initialised("open", &[]);
    let made = document(&server, ["backup", "--to", "copy.db"], 0);
    let copy = server.folder().join(path(&made["file"]));
    let taken = server.command(["backup", "--to", "copy.db"]).run().exits(4);
    assert!(taken.stderr.contains("copy.db is there"), "{taken:?}");
    server
        .command(["backup", "verify", "copy.db"])
        .run()
        .exits(0);
    // One bit of one text, which SQLite itself would not notice.
    let mut bytes = fs::read(&copy).expect("the copy");
    let at = bytes
        .windows(5)
        .position(|bytes| bytes == b"admin")
        .expect("the login");
    bytes[at] ^= 1;
    fs::write(&copy, &bytes).expect("written");
    server
        .command(["backup", "verify", "copy.db"])
        .run()
        .exits(5);
    server
        .command(["restore", "copy.db", "--yes"])
        .run()
        .exits(74);
    fs::write(
        &copy,
        b"no database at all, but long enough to be read as one of them",
    )
    .expect("written");
    server
        .command(["backup", "verify", "copy.db"])
        .run()
        .exits(5);
    server
        .command(["backup", "verify", "none.db"])
        .run()
        .exits(3);
    server
        .command(["restore", "none.db", "--yes"])
        .run()
        .exits(3);
}

#[test]
fn old_copies_go_when_a_new_one_is_good() {
    let server = Server::initialised("open", &[("backup.keep", "2")]);
    let first = document(&server, ["backup"], 0);
    document(&server, ["backup"], 0);
    let third = document(&server, ["backup"], 0);
    assert_eq!(third["removed"], json!([first["file"]]));
    let listed = document(&server, ["backup", "list"], 0);
    let files: Vec<&Value> = listed["backups"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|copy| &copy["file"])
        .collect();
    assert_eq!(files.len(), 2, "{listed}");
    assert_eq!(files[0], &third["file"]);
    assert!(
        !server
            .folder()
            .join(path(&first["file"]))
            .with_extension("ini")
            .exists()
    );
    // What is put elsewhere removes nothing.
    document(&server, ["backup", "--to", "elsewhere.db"], 0);
    assert_eq!(
        document(&server, ["backup", "list"], 0)["backups"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

/// Asks again until something holds.
#[track_caller]
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let start = std::time::Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "it does not happen");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn the_server_makes_copies_by_itself() {
    let server = Server::with(&[("backup.interval", "1s"), ("backup.keep", "2")]);
    let first = until(|| {
        let listed = document(&server, ["backup", "list"], 0);
        listed["backups"][0]["file"].as_str().map(ToOwned::to_owned)
    });
    until(|| {
        let listed = document(&server, ["backup", "list"], 0);
        let all = listed["backups"].as_array().expect("a list").clone();
        assert!(all.len() <= 3, "{listed}");
        all.iter()
            .all(|copy| copy["file"] != first.as_str())
            .then_some(())
    });
    let status = document(&server, ["status"], 0);
    assert!(status["last_backup"].as_i64() > Some(0), "{status}");
    server.command(["check", "backup"]).run().exits(0);
}

#[test]
fn administrators_are_told_when_no_copy_can_be_made() {
    // A file where the folder would have to be.
    let server = Server::with(&[
        ("backup.interval", "1s"),
        ("backup.dir", "morelia.ini/backups"),
    ]);
    let mut admin = Person::sign_in(server.connect(), "admin");
    let flow = until(|| {
        let reply = admin.ask("all_flow", &Value::Null);
        (reply.code() == 200).then(|| reply.flows()[0]["uuid"].as_str().expect("an id").to_owned())
    });
    let texts = admin.texts(&flow);
    assert_eq!(texts.len(), 1, "told once: {texts:?}");
    assert!(texts[0].contains("No backup could be made"), "{texts:?}");
    let checked = server.command(["check", "backup"]).run().exits(5);
    assert!(checked.stdout.contains("failed"), "{checked:?}");
    let status = document(&server, ["status"], 0);
    assert!(
        status["backup"]
            .as_str()
            .is_some_and(|text| text.contains("failed")),
        "{status}"
    );
    assert_eq!(status["running"], true, "{status}");
    // Nobody can log in as the one who told.
    let user = json!({"user": [{"login": "morelia", "password": PASSWORD}]});
    server.connect().request("authentication", &user).is(401);
}

#[test]
fn administrators_are_told_when_copies_can_be_made_again() {
    // One level of folders is made, not two: the disk is not mounted.
    let server = Server::with(&[("backup.interval", "1s"), ("backup.dir", "disk/backups")]);
    let mut admin = Person::sign_in(server.connect(), "admin");
    let flow = until(|| {
        let reply = admin.ask("all_flow", &Value::Null);
        (reply.code() == 200).then(|| reply.flows()[0]["uuid"].as_str().expect("an id").to_owned())
    });
    fs::create_dir(server.folder().join("disk")).expect("mounted");
    let texts = until(|| {
        let texts = admin.texts(&flow);
        (texts.len() > 1).then_some(texts)
    });
    assert!(texts[1].contains("Backups work again"), "{texts:?}");
    // It is said once, however many follow.
    let newest = |server: &Server| document(server, ["status"], 0)["last_backup_file"].clone();
    let first = newest(&server);
    until(|| (newest(&server) != first).then_some(()));
    assert_eq!(admin.texts(&flow).len(), 2);
    server.command(["check", "backup"]).run().exits(0);
}

#[test]
fn what_root_makes_belongs_to_whom_the_server_runs_as() {
    const OTHER: u32 = 1;
    let server = Server::initialised("open", &[]);
    for path in [server.folder().to_owned(), server.database()] {
        if chown(&path, Some(OTHER), Some(OTHER)).is_err() {
            return println!("skipped: only root can give files away");
        }
    }
    let owner = |path: &Path| fs::metadata(path).expect("a file").uid();
    let made = document(&server, ["backup"], 0);
    let copy = server.folder().join(path(&made["file"]));
    for made in ["db", "ini", "sha256"] {
        assert_eq!(owner(&copy.with_extension(made)), OTHER, "{made}");
    }
    assert_eq!(owner(copy.parent().expect("a folder")), OTHER);
    let text = copy.to_str().expect("UTF-8");
    document(&server, ["restore", text, "--yes"], 0);
    assert_eq!(owner(&server.database()), OTHER);
    // Emptying takes the lock, whose file stays.
    document(&server, ["db", "delete", "--yes"], 0);
    document(&server, ["db", "create"], 0);
    assert_eq!(owner(&server.folder().join("morelia.lock")), OTHER);
    fs::remove_file(server.database()).expect("removed");
    server.command(["init"]).run().exits(0);
    assert_eq!(owner(&server.database()), OTHER);
}

#[test]
fn configuration_is_copied_and_put_back() {
    let server = Server::initialised("open", &[]);
    let original = fs::read(server.config()).expect("the configuration");
    let made = document(&server, ["config", "backup"], 0);
    assert_eq!(fs::read(path(&made["copy"])).expect("the copy"), original);
    server
        .command(["config", "backup", "--backup-name", "before-tls"])
        .run()
        .exits(0);
    server
        .command(["config", "backup", "--backup-name", "before-tls"])
        .run()
        .exits(4);
    server
        .command(["config", "backup", "--backup-name", "../x"])
        .run()
        .exits(2);
    fs::write(server.config(), "[server]\nport = 9\n").expect("written");
    server.command(["config", "restore"]).run().exits(2);
    server
        .command(["config", "restore", "--yes"])
        .run()
        .exits(0);
    assert_eq!(
        fs::read(server.config()).expect("the configuration"),
        original
    );
    // A broken file can be replaced, a broken copy cannot be put back.
    fs::write(server.config(), "[server\n").expect("written");
    server
        .command(["config", "restore", "--source", "before-tls", "--yes"])
        .run()
        .exits(0);
    assert_eq!(
        fs::read(server.config()).expect("the configuration"),
        original
    );
    fs::write(server.folder().join("bad"), "[server]\nprot = 9\n").expect("written");
    server
        .command(["config", "restore", "--source", "bad", "--yes"])
        .run()
        .exits(78);
    server
        .command(["config", "restore", "--source", "none", "--yes"])
        .run()
        .exits(3);
    assert_eq!(
        fs::read(server.config()).expect("the configuration"),
        original
    );
}

#[test]
fn what_a_kill_has_left_goes_with_the_next_run() {
    let mut server = Server::initialised("open", &[]);
    let folder = server.folder().join("backups");
    fs::create_dir(&folder).expect("a folder");
    let left: Vec<PathBuf> = [
        "backups/morelia-2026-01-01T000000Z.db.part",
        "backups/morelia-2026-01-01T000000Z.db.part-journal",
        "backups/morelia-2026-01-02T000000Z.db.part-journal",
        "morelia.db.restoring",
        "morelia.db.restoring-journal",
    ]
    .map(|name| server.folder().join(name))
    .into();
    let others = ["morelia-notes.db.part", "anna-2026.db.part"].map(|name| folder.join(name));
    for file in left.iter().chain(&others) {
        fs::write(file, "half").expect("written");
    }
    // One that is being made is locked, and stays.
    let busy = folder.join("morelia-2026-01-03T000000Z.db.part");
    let lock = fs::File::create(&busy).expect("a file");
    lock.lock().expect("a lock");
    let made = document(&server, ["backup"], 0);
    server.serve();
    for file in &left {
        assert!(!file.exists(), "{}", file.display());
    }
    assert!(busy.exists() && others.iter().all(|file| file.exists()));
    assert!(server.folder().join(path(&made["file"])).exists());
    drop(lock);
    document(&server, ["backup"], 0);
    assert!(!busy.exists());
    // And a restore that was killed does not stand in the way of the next.
    server.stop();
    let copy = server.folder().join(path(&made["file"]));
    fs::write(server.folder().join("morelia.restoring"), "half").expect("written");
    fs::remove_file(server.config()).expect("removed");
    let copy = copy.to_str().expect("UTF-8");
    server.command(["restore", copy, "--yes"]).run().exits(0);
    assert!(server.config().exists());
    assert!(!server.folder().join("morelia.restoring").exists());
}
