//! What comes after a backup: a trial restore, and the operator's own command.

use std::{collections::BTreeSet, fs};

use crate::{
    backup::{damage, document, path, until},
    common::Server,
};

#[test]
fn the_command_after_a_backup_is_part_of_it() {
    let mut server =
        Server::initialised("open", &[("backup.interval", "1s"), ("backup.keep", "3")]);
    let ran = server.folder().join("ran");
    let broken = server.folder().join("broken");
    fs::write(&broken, "").expect("written");
    server.set(
        "backup.after",
        &format!(
            "echo $MORELIA_BACKUP >> {}; test ! -e {} || {{ echo no route to nas >&2; exit 4; }}",
            ran.display(),
            broken.display()
        ),
    );
    server.serve();
    let failure = until(|| {
        let status = document(&server, ["status"], 0)["backup"].clone();
        let status = status.as_str()?.to_owned();
        status.contains("failed").then_some(status)
    });
    assert!(
        failure.contains("ended with code 4: no route to nas"),
        "{failure}"
    );
    server.command(["check", "backup"]).run().exits(5);
    // It is tried again for the copy that is there.
    until(|| {
        let runs = fs::read_to_string(&ran).ok()?;
        (runs.lines().count() > 1).then_some(())
    });
    let runs = fs::read_to_string(&ran).expect("it ran");
    let copies: BTreeSet<_> = runs.lines().collect();
    assert_eq!(copies.len(), 1, "{runs}");
    fs::remove_file(&broken).expect("mended");
    until(|| {
        let checked = server.command(["check", "backup"]).run();
        (checked.code == Some(0)).then_some(())
    });
    let (_, log) = server.stop();
    assert!(log.contains("restored for a trial"), "{log}");
    // By hand too.
    fs::write(&broken, "").expect("written");
    let failed = server.command(["backup"]).run().exits(1);
    assert!(failed.stderr.contains("no route to nas"), "{failed:?}");
    // Not for a copy that somebody takes elsewhere.
    server
        .command(["backup", "--to", "by-hand.db"])
        .run()
        .exits(0);
}

#[test]
fn a_backup_is_restored_for_a_trial() {
    let server = Server::initialised("open", &[]);
    let made = document(&server, ["backup"], 0);
    let copy = server.folder().join(path(&made["file"]));
    let name = copy.to_str().expect("UTF-8");
    let verified = document(&server, ["backup", "verify", name, "--restore"], 0);
    assert_eq!(verified["restored"], true, "{verified}");
    let left = fs::read_dir(copy.parent().expect("a folder")).expect("a folder");
    for entry in left {
        let name = entry.expect("an entry").file_name();
        assert!(!name.to_string_lossy().contains("trial"), "{name:?}");
    }
    damage(&copy);
    server
        .command(["backup", "verify", name, "--restore"])
        .run()
        .exits(5);
}
