//! Going back to an older program: the copy from before a migration takes the place of the database.

use std::fs;

use crate::{backup::document, common::Server};

/// Has the database look as a newer program leaves it, with its copy from before.
fn upgraded(server: &Server, copy: &str) {
    document(server, ["backup", "--to", copy], 0);
    for beside in ["ini", "sha256"] {
        let path = server.folder().join(copy).with_extension(beside);
        fs::remove_file(path).expect("a backup");
    }
    let file = rusqlite::Connection::open(server.database()).expect("the database");
    file.execute(
        "INSERT OR IGNORE INTO refinery_schema_history (version, name, applied_on, checksum)
         SELECT 3, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 2",
        [],
    )
    .expect("changed");
}

#[test]
fn an_upgrade_is_undone_by_one_command() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "before the upgrade");
    let refused = server.command(["db", "rollback", "--yes"]).run().exits(3);
    assert!(refused.stderr.contains("morelia restore"), "{refused:?}");
    upgraded(&server, "morelia.schema-2.db");
    let running = server.command(["db", "rollback", "--yes"]).run().exits(75);
    assert!(running.stderr.contains("server is running"), "{running:?}");
    anna.send(&group, "after the upgrade");
    server.stop();

    // The older program says what to type, and asks before anything is set aside.
    let refused = server.command(["serve", "--port", "0"]).run().exits(78);
    assert!(
        refused.stderr.contains("morelia db rollback"),
        "{refused:?}"
    );
    server.command(["db", "rollback"]).run().exits(2);
    server.command(["serve", "--port", "0"]).run().exits(78);
    let back = document(&server, ["db", "rollback", "--yes"], 0);
    assert_eq!(back["messages"], 1, "{back}");
    let kept = back["kept"].as_str().expect("a path").to_owned();
    assert!(fs::exists(server.folder().join(kept)).expect("looked"));
    server.command(["db", "check"]).run().exits(0);
    server.serve();
    let mut anna = server.sign_in("anna");
    assert_eq!(anna.texts(&group), ["before the upgrade"]);
}

#[test]
fn the_last_copy_that_the_program_can_read_is_taken() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    upgraded(&server, "morelia.schema-2.db");
    anna.send(&group, "written after a migration that failed");
    let file = rusqlite::Connection::open(server.database()).expect("the database");
    file.execute("DELETE FROM refinery_schema_history WHERE version = 3", [])
        .expect("changed");
    drop(file);
    upgraded(&server, "morelia.schema-2-2.db");
    server.stop();
    for not_for_us in ["morelia.schema-3.db", "morelia.schema-x.db"] {
        fs::write(server.folder().join(not_for_us), "of another program").expect("written");
    }
    let back = document(&server, ["db", "rollback", "--yes"], 0);
    assert_eq!(back["messages"], 1, "{back}");
}
