//! Situations in which something is not where it was.

use std::{
    fs::{self, File},
    path::PathBuf,
    time::{Duration, SystemTime},
};

use super::{Situation, backup, folder, mode};
use crate::{
    common::{Server, http::content},
    stored_files::{files, send},
};

pub(super) const LOST: &[Situation] = &[
    Situation {
        name: "the database is on a disk that is not mounted",
        make: |server| {
            fs::rename(server.database(), folder(server, "kept")).expect("renamed");
            let far = folder(server, "stick/morelia.db");
            std::os::unix::fs::symlink(far, server.database()).expect("a link");
        },
        says: ("FAIL", "database"),
        text: "is a link to",
        remedy: "do not create a new database",
        mend: Some(|server| {
            fs::create_dir(folder(server, "stick")).expect("mounted");
            fs::rename(folder(server, "kept"), folder(server, "stick/morelia.db"))
                .expect("renamed");
        }),
    },
    Situation {
        name: "the database was moved without its log",
        make: |server| {
            fs::rename(server.database(), folder(server, "kept")).expect("renamed");
            fs::write(log(server), "frames").expect("written");
        },
        says: ("FAIL", "database"),
        text: "but its write-ahead log",
        remedy: "move it back",
        mend: Some(|server| {
            fs::remove_file(log(server)).expect("removed");
            fs::rename(folder(server, "kept"), server.database()).expect("renamed");
        }),
    },
    Situation {
        name: "the database is gone and there are backups",
        make: |server| {
            backup(server);
            fs::remove_file(server.database()).expect("removed");
        },
        says: ("FAIL", "database"),
        text: "but there are backups of it",
        remedy: "morelia restore ",
        mend: Some(|server| {
            let copies = fs::read_dir(folder(server, "backups")).expect("a folder");
            let copy = copies
                .map(|entry| entry.expect("an entry").path())
                .find(|path| path.extension().is_some_and(|it| it == "db"));
            let copy = copy.expect("a copy").display().to_string();
            server.command(["restore", &copy, "--yes"]).run().exits(0);
        }),
    },
    Situation {
        name: "a large file is missing",
        make: |server| {
            with_file(server);
            let file = &files(&folder(server, "morelia.db-files"))[0];
            fs::rename(file, folder(server, "kept")).expect("renamed");
            fs::write(folder(server, "where"), file.display().to_string()).expect("written");
        },
        says: ("FAIL", "database"),
        text: "of 1 large files, 1 are missing",
        remedy: "morelia restore FILE",
        mend: Some(|server| {
            let place = fs::read_to_string(folder(server, "where")).expect("a path");
            fs::rename(folder(server, "kept"), place).expect("renamed");
        }),
    },
    Situation {
        name: "only the database was copied",
        make: |server| {
            with_file(server);
            fs::rename(folder(server, "morelia.db-files"), folder(server, "kept"))
                .expect("renamed");
        },
        says: ("FAIL", "database"),
        text: "only the database was copied",
        remedy: "copy that folder too",
        mend: Some(|server| {
            fs::rename(folder(server, "kept"), folder(server, "morelia.db-files"))
                .expect("renamed");
        }),
    },
    Situation {
        name: "others can read people's files",
        make: |server| {
            with_file(server);
            mode(&folder(server, "morelia.db-files"), 0o755);
        },
        says: ("warn", "database"),
        text: "can read people's files",
        remedy: "chmod 700",
        mend: Some(|server| mode(&folder(server, "morelia.db-files"), 0o700)),
    },
    Situation {
        name: "copies from long ago fill the disk",
        make: |server| {
            let file = File::create(folder(server, "morelia.schema-1.db")).expect("made");
            let long_ago = SystemTime::now() - Duration::from_hours(40 * 24);
            file.set_modified(long_ago).expect("set");
        },
        says: ("warn", "disk"),
        text: "such as morelia.schema-1.db",
        remedy: "remove those that you no longer need",
        mend: Some(|server| {
            fs::remove_file(folder(server, "morelia.schema-1.db")).expect("removed");
        }),
    },
];

fn log(server: &Server) -> PathBuf {
    folder(server, "morelia.db-wal")
}

/// Has somebody send a large file.
fn with_file(server: &mut Server) {
    server.set("auth.registration", "open");
    server.serve();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    send(server, &mut anna, &group, &content(400_000, 1));
    server.stop();
}
