//! A second machine that takes over, with the real Litestream: what `docs/standby.md` says, step by step.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use tempfile::TempDir;

use crate::{
    common::{
        Person, Program, Server,
        http::{self, bearer, content},
    },
    stored_files::{folder, send},
};

/// The package of npm that holds the program, 0.3.13.
const LITESTREAM: &str = "@flydotio/litestream-linux-x64@1.0.1";

/// Messages that are written so fast that the log is copied into the file meanwhile: more than 8 MiB.
const LOAD: usize = 300;

/// The program, installed where it is missing.
fn litestream() -> PathBuf {
    let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).join("litestream");
    let program = tools.join("node_modules/@flydotio/litestream-linux-x64/litestream");
    if !program.exists() {
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]);
        let installed = npm.arg(&tools).arg(LITESTREAM).status().expect("npm");
        assert!(installed.success(), "{LITESTREAM} is not to be had");
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("runs");
    program
}

/// Litestream at work, killed when dropped.
struct Replicating {
    child: Child,
    place: TempDir,
    database: PathBuf,
}

impl Replicating {
    fn start(server: &Server) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let database = server.database();
        let configuration = format!(
            "dbs:\n  - path: {}\n    replicas:\n      - type: file\n        path: {}\n        sync-interval: 100ms\n",
            database.display(),
            place.path().join("replica").display(),
        );
        fs::write(place.path().join("litestream.yml"), configuration).expect("written");
        let log = fs::File::create(place.path().join("log")).expect("a log");
        let child = Command::new(litestream())
            .args(["replicate", "-config"])
            .arg(place.path().join("litestream.yml"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn()
            .expect("litestream starts");
        Self {
            child,
            place,
            database,
        }
    }

    /// Makes a database from what the replica has by now. False: there is none yet.
    fn try_restore(&self, to: &Path) -> bool {
        let restored = Command::new(litestream())
            .args(["restore", "-o"])
            .arg(to)
            .arg(format!(
                "file://{}",
                self.place.path().join("replica").display()
            ))
            .output();
        restored.expect("litestream runs").status.success()
    }

    /// Waits until so many messages are in the replica.
    fn wait_for(&self, messages: usize) {
        let mut number = 0;
        crate::backup::until(|| {
            number += 1;
            let copy = self.place.path().join(format!("looked-{number}.db"));
            self.try_restore(&copy).then_some(())?;
            let database = rusqlite::Connection::open(&copy).expect("opens");
            let count = database.query_row("SELECT COUNT(*) FROM messages", [], |row| row.get(0));
            let count: i64 = count.expect("a count");
            drop(database);
            fs::remove_file(&copy).expect("removed");
            usize::try_from(count)
                .is_ok_and(|it| it >= messages)
                .then_some(())
        });
    }

    /// Ends it without a word, and makes a database from what it has stored.
    fn restore(&mut self, to: &Path) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
        let log = fs::read_to_string(self.place.path().join("log")).unwrap_or_default();
        assert!(self.try_restore(to), "{log}");
    }
}

impl Drop for Replicating {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the standby has: the replica, the files, a copy of the configuration.
fn take_over(replicating: &mut Replicating, files: &Path) -> Server {
    let place = tempfile::tempdir().expect("a folder");
    let copy = place.path().join("incoming");
    fs::create_dir(&copy).expect("a folder");
    replicating.restore(&copy.join("standby.db"));
    let copied = Command::new("cp")
        .arg("-a")
        .arg(files)
        .arg(copy.join("files"))
        .status();
    assert!(copied.expect("cp").success());
    let configuration = replicating.database.with_extension("ini");
    fs::copy(configuration, place.path().join("morelia.ini")).expect("copied");
    let there = |args: &[&str]| {
        Program::new(place.path())
            .arg("--config")
            .arg(place.path().join("morelia.ini"))
            .args(args)
    };
    there(&["restore", "incoming/standby.db", "--yes"])
        .run()
        .exits(0);
    there(&["db", "check"]).run().exits(0);
    let mut standby = Server::adopted(place);
    standby.serve();
    standby
}

/// A text of some size, so that few of them fill the log.
fn text(number: usize) -> String {
    format!("{number} {}", "word ".repeat(6000))
}

fn numbers(person: &mut Person, flow: &str) -> Vec<usize> {
    let texts = person.history_by(20, flow);
    let first = |text: &str| text.split(' ').next()?.parse().ok();
    texts
        .iter()
        .filter_map(|it| it["text"].as_str().and_then(first))
        .collect()
}

#[test]
fn the_standby_has_all_that_was_synced_and_goes_on() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("Семья", &[]);
    let mut replicating = Replicating::start(&server);
    let bytes = content(400_000, 3);
    let (_, file) = send(&server, &mut anna, &group, &bytes);
    // The server copies its log into the file in between, as ever.
    for number in 0..LOAD {
        anna.send(&group, &text(number));
    }
    // And the message with the file.
    replicating.wait_for(LOAD + 1);
    let is_killed = AtomicBool::new(false);
    let mut other = server.sign_in("anna");
    let written = thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut number = LOAD;
            while !is_killed.load(Ordering::Relaxed) {
                other.send(&group, &text(number));
                number += 1;
            }
            number
        });
        // The log must not grow without end because somebody else reads it.
        let log = fs::metadata(format!("{}-wal", server.database().display())).expect("the log");
        assert!(log.len() < 64 << 20, "{}", log.len());
        thread::sleep(std::time::Duration::from_millis(300));
        is_killed.store(true, Ordering::Relaxed);
        writing.join().expect("sent")
    });
    let files = folder(&server);
    server.kill();
    let mut standby = take_over(&mut replicating, &files);
    let mut again = standby.sign_in("anna");
    let there = numbers(&mut again, &group);
    // All that was synced, and of what came after it no more than was written, without a hole.
    assert!(there.len() >= LOAD, "{} of {LOAD}", there.len());
    assert_eq!(there, (0..there.len()).collect::<Vec<_>>());
    assert!(there.len() <= written);
    let address = format!("/file/{file}");
    let answer = http::ask(&standby, "GET", &address, &bearer(&again)).is(200);
    assert_eq!(answer.body, bytes);
    // It goes on, and back: the same way in the other direction.
    let next = there.len();
    again.send(&group, &text(next));
    let mut back = Replicating::start(&standby);
    again.send(&group, &text(next + 1));
    back.wait_for(next + 3);
    let files = folder(&standby);
    standby.kill();
    let home = take_over(&mut back, &files);
    let mut anna = home.sign_in("anna");
    assert_eq!(numbers(&mut anna, &group).last(), Some(&(next + 1)));
}
