//! Situations of database, folders and backups.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::{Situation, backup, folder, mode};
use crate::common::Server;

pub(super) const DATABASE: &[Situation] = &[
    Situation {
        name: "the database is gone",
        make: |server| fs::rename(server.database(), folder(server, "kept")).expect("renamed"),
        says: ("FAIL", "database"),
        text: "there is no database",
        remedy: "morelia init",
        mend: Some(|server| {
            fs::rename(folder(server, "kept"), server.database()).expect("renamed");
        }),
    },
    Situation {
        name: "the database was emptied",
        make: |server| {
            backup(server);
            fs::write(server.database(), b"").expect("written");
        },
        says: ("FAIL", "database"),
        text: "is empty",
        remedy: "morelia restore FILE",
        mend: Some(|server| {
            let listed = server
                .command(["--json", "backup", "list"])
                .run()
                .exits(0)
                .stdout;
            let listed: Value = serde_json::from_str(&listed).expect("JSON");
            let copy = listed["backups"][0]["file"]
                .as_str()
                .expect("a copy")
                .to_owned();
            server.command(["restore", &copy, "--yes"]).run().exits(0);
        }),
    },
    Situation {
        name: "the database is another program's file",
        make: |server| {
            fs::rename(server.database(), folder(server, "kept")).expect("renamed");
            fs::write(server.database(), "a letter, not a database".repeat(100)).expect("written");
        },
        says: ("FAIL", "database"),
        text: "not a database",
        remedy: "database.path names the wrong file",
        mend: Some(|server| {
            fs::rename(folder(server, "kept"), server.database()).expect("renamed");
        }),
    },
    Situation {
        name: "the database is a folder",
        make: |server| {
            fs::rename(server.database(), folder(server, "kept")).expect("renamed");
            fs::create_dir(server.database()).expect("made");
        },
        says: ("FAIL", "database"),
        text: "morelia.db",
        remedy: "set database.path to a file",
        mend: Some(|server| {
            fs::remove_dir(server.database()).expect("removed");
            fs::rename(folder(server, "kept"), server.database()).expect("renamed");
        }),
    },
    Situation {
        name: "the database is damaged",
        make: |server| {
            fs::copy(server.database(), folder(server, "kept")).expect("copied");
            let mut bytes = fs::read(server.database()).expect("it");
            bytes[40_000..60_000].fill(0xa5);
            fs::write(server.database(), bytes).expect("written");
        },
        says: ("FAIL", "database"),
        text: "damaged",
        remedy: "morelia restore FILE",
        mend: Some(|server| {
            fs::copy(folder(server, "kept"), server.database()).expect("copied");
        }),
    },
    Situation {
        name: "others can read the database",
        make: |server| mode(&server.database(), 0o644),
        says: ("warn", "database"),
        text: "other users of this machine can read the database",
        remedy: "chmod 600",
        mend: Some(|server| mode(&server.database(), 0o600)),
    },
    Situation {
        name: "others can read the files",
        make: |server| {
            fs::create_dir_all(folder(server, "morelia.db-files")).expect("a folder");
            mode(&folder(server, "morelia.db-files"), 0o755);
        },
        says: ("warn", "database"),
        text: "other users of this machine can read people's files",
        remedy: "chmod 700",
        mend: Some(|server| mode(&folder(server, "morelia.db-files"), 0o700)),
    },
    Situation {
        name: "the database is newer than the program",
        make: |server| newer(server, 1),
        says: ("FAIL", "database"),
        text: "this program knows",
        remedy: "install the newer Morelia",
        mend: Some(|server| newer(server, -1)),
    },
    Situation {
        name: "nobody can sign in",
        make: |server| {
            server.set("auth.registration", "closed");
            server
                .command(["user", "remove", "admin", "--yes"])
                .run()
                .exits(0);
        },
        says: ("FAIL", "database"),
        text: "nobody can sign in",
        remedy: "morelia user add LOGIN --admin",
        mend: Some(|server| {
            server
                .command(["user", "add", "anna", "--admin", "--generate"])
                .run()
                .exits(0);
        }),
    },
    Situation {
        name: "nobody administers",
        make: |server| {
            server
                .command(["user", "add", "anna", "--generate"])
                .run()
                .exits(0);
            server
                .command(["user", "remove", "admin", "--yes"])
                .run()
                .exits(0);
        },
        says: ("warn", "database"),
        text: "there is no administrator",
        remedy: "morelia user add LOGIN --admin",
        mend: Some(|server| {
            server
                .command(["user", "add", "clara", "--admin", "--generate"])
                .run()
                .exits(0);
        }),
    },
];

/// Pretends that the schema is another one.
fn newer(server: &Server, by: i64) {
    let file = rusqlite::Connection::open(server.database()).expect("the database");
    let sql = if by > 0 {
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
         SELECT max(version) + 1, 'later', applied_on, checksum FROM refinery_schema_history"
    } else {
        "DELETE FROM refinery_schema_history WHERE name = 'later'"
    };
    file.execute(sql, []).expect("changed");
}

pub(super) const PLACES: &[Situation] = &[
    Situation {
        name: "the folder of the log is missing",
        make: |server| {
            let log = folder(server, "log/morelia.log");
            server.set("logging.file", &log.display().to_string());
        },
        says: ("FAIL", "disk"),
        text: "the folder of the log file does not exist",
        remedy: "install -d",
        mend: Some(|server| fs::create_dir(folder(server, "log")).expect("made")),
    },
    Situation {
        name: "the database can only be read",
        make: |server| mode(&server.database(), 0o400),
        says: ("FAIL", "disk"),
        text: "cannot both read and write the database",
        remedy: "chmod 600",
        mend: Some(|server| mode(&server.database(), 0o600)),
    },
    Situation {
        name: "the database is gone with the next start of the machine",
        make: |_| {},
        says: ("warn", "disk"),
        text: "which is emptied when the machine starts",
        remedy: "/var/lib/morelia",
        mend: None,
    },
];

pub(super) const BACKUPS: &[Situation] = &[
    Situation {
        name: "there is no backup",
        make: |_| {},
        says: ("warn", "backup"),
        text: "there is no backup",
        remedy: "morelia backup",
        mend: Some(|server| {
            backup(server);
        }),
    },
    Situation {
        name: "the backup lies beside the database",
        make: |server| {
            backup(server);
        },
        says: ("warn", "backup"),
        text: "on the same disk as the database",
        remedy: "another disk",
        mend: None,
    },
    Situation {
        name: "the backup is gone",
        make: |server| fs::remove_file(backup(server)).expect("removed"),
        says: ("warn", "backup"),
        text: "is no longer at",
        remedy: "morelia backup",
        mend: Some(|server| {
            backup(server);
        }),
    },
    Situation {
        name: "the newest backup is damaged",
        make: |server| damage(&backup(server)),
        says: ("FAIL", "backup"),
        text: "the newest backup is damaged",
        remedy: "make a new one",
        mend: Some(|server| {
            // Their names tell seconds.
            std::thread::sleep(std::time::Duration::from_millis(1100));
            backup(server);
        }),
    },
    Situation {
        name: "the folder around the backups is missing",
        make: |server| {
            let far = folder(server, "media/stick/backups");
            server.set("backup.dir", &far.display().to_string());
            server.set("backup.interval", "24h");
        },
        says: ("FAIL", "backup"),
        text: "its parent folder do not exist",
        remedy: "mount its disk",
        mend: Some(|server| fs::create_dir_all(folder(server, "media/stick")).expect("made")),
    },
    Situation {
        name: "backups are overdue",
        make: |server| {
            backup(server);
            server.set("backup.interval", "24h");
            let file = rusqlite::Connection::open(server.database()).expect("the database");
            let sql = "UPDATE properties SET value = value - 5 * 86400000 WHERE name = 'backup_at'";
            file.execute(sql, []).expect("changed");
        },
        says: ("FAIL", "backup"),
        text: "backup",
        remedy: "morelia backup",
        mend: Some(|server| {
            backup(server);
        }),
    },
];

fn damage(path: &Path) {
    let mut bytes = fs::read(path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle..middle + 100].fill(0x5a);
    fs::write(path, bytes).expect("written");
}
