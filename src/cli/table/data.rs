//! Commands about the database, its copies, import and export.

use super::{Flag, Spec, YES, many, option, switch};
use crate::cli::command::Command;
use crate::cli::matches::UsageError;
use crate::cli::nouns::{
    BackupCommand, DbCommand, Export, ExportWhat, Import, ImportSource, MoveCommand,
};
use crate::config::read_duration;

const IDENTITY: Flag = option(
    "--identity",
    "FILE",
    "the secret key of an encrypted backup; - reads it from standard input",
);

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "db create",
        arguments: "",
        about: "Creates the database and its tables.",
        flags: &[],
        examples: &["morelia db create"],
        build: |_| Ok(Command::Db(DbCommand::Create)),
    },
    Spec {
        path: "db delete",
        arguments: "",
        about: "Deletes all tables and everything in them, and keeps the file.",
        flags: &[YES],
        examples: &["morelia db delete"],
        build: |m| Ok(Command::Db(DbCommand::Delete(m.confirmation()))),
    },
    Spec {
        path: "db migrate",
        arguments: "",
        about: "Updates the tables for this version of the program. Makes a copy first. serve does \
                the same when it starts.",
        flags: &[],
        examples: &["morelia db migrate"],
        build: |_| Ok(Command::Db(DbCommand::Migrate)),
    },
    Spec {
        path: "db rollback",
        arguments: "",
        about: "Undoes the last update of the tables: the copy from before it replaces the \
                database, which is kept beside it. What was written since then is only in the kept \
                file. Use it to go back to an older program; the older program can also run it. No \
                server may run on the database.",
        flags: &[YES],
        examples: &["morelia db rollback"],
        build: |m| Ok(Command::Db(DbCommand::Rollback(m.confirmation()))),
    },
    Spec {
        path: "db check",
        arguments: "",
        about: "Checks the database file thoroughly; exit code 5 if it is damaged.",
        flags: &[],
        examples: &["morelia db check"],
        build: |_| Ok(Command::Db(DbCommand::Check)),
    },
    Spec {
        path: "db repair",
        arguments: "",
        about: "Rebuilds the search index and all other indexes of the database. If more than an \
                index is damaged, --to saves what can be read to a new file. No server may run on \
                the database.",
        flags: &[&[
            option(
                "--to",
                "FILE",
                "save every readable row to this new file; the database stays as it is",
            ),
            switch(
                "--times",
                "only correct times that were written while the clock was ahead; the clock must be \
                 right now",
            ),
        ]],
        examples: &[
            "morelia db repair",
            "morelia db repair --to saved.db",
            "morelia db repair --times",
        ],
        build: |m| {
            Ok(Command::Db(DbCommand::Repair {
                to: m.path("--to"),
                times: m.switch("--times"),
            }))
        },
    },
    Spec {
        path: "db compact",
        arguments: "",
        about: "Returns free space in the database to the disk. While the server runs, this happens \
                in small steps; otherwise at once, and the search index is compacted too.",
        flags: &[],
        examples: &["morelia db compact"],
        build: |_| Ok(Command::Db(DbCommand::Compact)),
    },
    Spec {
        path: "db stats",
        arguments: "",
        about: "Shows counts and sizes.",
        flags: &[],
        examples: &["morelia db stats --json"],
        build: |_| Ok(Command::Db(DbCommand::Stats)),
    },
    Spec {
        path: "db prune",
        arguments: "",
        about: "Deletes old messages and their files.",
        flags: &[
            &[
                option(
                    "--older",
                    "DURATION",
                    "messages older than this; by default `keep` of section [history]",
                ),
                switch("--dry-run", "only count them"),
            ],
            YES,
        ],
        examples: &["morelia db prune --older 365d --dry-run"],
        build: |m| {
            Ok(Command::Db(DbCommand::Prune {
                older: m.read("--older", read_duration)?,
                dry_run: m.switch("--dry-run"),
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "backup",
        arguments: "",
        about: "Makes a copy of the database and the configuration, also while the server runs, and \
                checks it. With --with-keys it includes the certificates and keys that the server \
                made or fetched: anybody who has such a copy can impersonate the server. With \
                --encrypt-to, or `encrypt_to` in section [backup], the copy is one encrypted file \
                that only the matching secret key opens.",
        flags: &[&[
            option(
                "--to",
                "FILE|DIR",
                "where to; by default `dir` of section [backup]",
            ),
            switch(
                "--with-keys",
                "include the folder tls with its private keys",
            ),
            many(option(
                "--encrypt-to",
                "KEY",
                "encrypt for this public key (age1…); any of several secret keys opens it",
            )),
        ]],
        examples: &[
            "morelia backup",
            "morelia backup --to /mnt/usb",
            "morelia backup --to /mnt/usb --with-keys",
        ],
        build: |m| {
            Ok(Command::Backup(BackupCommand::Make {
                to: m.path("--to"),
                with_keys: m.switch("--with-keys"),
                encrypt_to: m.texts("--encrypt-to")?,
            }))
        },
    },
    Spec {
        path: "backup key",
        arguments: "FILE",
        about: "Creates a key for encrypted backups: writes the secret key to a file, and prints \
                the public key for `encrypt_to` of section [backup]. Without that file nobody can \
                open the backups. The program `age` can use the file too.",
        flags: &[],
        examples: &["morelia backup key morelia-backup.key"],
        build: |m| {
            Ok(Command::Backup(BackupCommand::Key {
                file: m.path_argument("FILE")?,
            }))
        },
    },
    Spec {
        path: "backup list",
        arguments: "",
        about: "Lists the backups.",
        flags: &[],
        examples: &["morelia backup list"],
        build: |_| Ok(Command::Backup(BackupCommand::List)),
    },
    Spec {
        path: "backup verify",
        arguments: "FILE",
        about: "Opens a backup, checks and counts what is in it, and looks for its files.",
        flags: &[&[
            switch("--deep", "also read and compare all files"),
            switch(
                "--restore",
                "also restore it to a temporary folder beside it, which is then removed",
            ),
            IDENTITY,
        ]],
        examples: &["morelia backup verify /mnt/usb/morelia-2026-11-22.db"],
        build: |m| {
            Ok(Command::Backup(BackupCommand::Verify {
                file: m.path_argument("FILE")?,
                deep: m.switch("--deep"),
                restores: m.switch("--restore"),
                identity: m.path("--identity"),
            }))
        },
    },
    Spec {
        path: "restore",
        arguments: "FILE",
        about: "Replaces the database with a backup. The current database is kept beside it. \
                Refuses while a server runs.",
        flags: &[&[IDENTITY], YES],
        examples: &[
            "morelia restore /mnt/usb/morelia-2026-11-22.db",
            "morelia restore /mnt/usb/morelia-2026-11-22.age --identity morelia-backup.key",
        ],
        build: |m| {
            Ok(Command::Backup(BackupCommand::Restore {
                file: m.path_argument("FILE")?,
                identity: m.path("--identity"),
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "move pack",
        arguments: "FILE",
        about: "Writes everything that another machine needs to one file: database, files, \
                configuration and, with --with-keys, certificates and keys. The file is read back \
                and compared. Stop the server first: what people write later is not in the file.",
        flags: &[
            &[switch(
                "--with-keys",
                "include the folder tls with its private keys",
            )],
            YES,
        ],
        examples: &[
            "morelia move pack /mnt/usb/chat.morelia",
            "morelia move pack /mnt/usb/chat.morelia --with-keys",
        ],
        build: |m| {
            Ok(Command::Move(MoveCommand::Pack {
                file: m.path_argument("FILE")?,
                with_keys: m.switch("--with-keys"),
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "move unpack",
        arguments: "FILE",
        about: "Sets up the server on this machine from a packed file. Everything is checked before \
                anything is put in place. If there is a database already, nothing is changed. An \
                existing configuration is kept beside the new one, which takes over its \
                database.path.",
        flags: &[],
        examples: &["morelia move unpack /mnt/usb/chat.morelia"],
        build: |m| {
            Ok(Command::Move(MoveCommand::Unpack {
                file: m.path_argument("FILE")?,
            }))
        },
    },
    Spec {
        path: "import",
        arguments: "",
        about: "Imports what `export` wrote, from this server or another one, or the database of the \
                Python server: users, flows, messages and files. Run again, it imports only what is new.",
        flags: &[&[
            option("--from", "DIR", "the folder that `export` wrote"),
            option(
                "--python-db",
                "FILE",
                "the file of the Python server, with its users' passwords",
            ),
            switch("--dry-run", "only count, change nothing"),
        ]],
        examples: &[
            "morelia import --from export --dry-run",
            "morelia import --python-db db_sqlite.db --dry-run",
        ],
        build: |m| {
            let dry_run = m.switch("--dry-run");
            let export = m.path("--from").map(ImportSource::Export);
            let python_db = m.path("--python-db").map(ImportSource::PythonDb);
            let ((Some(source), None) | (None, Some(source))) = (export, python_db) else {
                return Err(m.missing("--from DIR or --python-db FILE, one of the two"));
            };
            Ok(Command::Import(Import { source, dry_run }))
        },
    },
    Spec {
        path: "export",
        arguments: "",
        about: "Exports a user, a flow or everything as JSON.",
        flags: &[&[
            option("--user", "LOGIN", "what this user wrote and may see"),
            option("--flow", "FLOW", "this flow with its messages"),
            switch("--all", "everything"),
            option("--to", "DIR", "the folder to write to (required)"),
        ]],
        examples: &[
            "morelia export --user boris --to boris-data",
            "morelia export --all --to export",
        ],
        build: |m| {
            let to = m.path("--to");
            let user = m.text("--user")?.map(ExportWhat::User);
            let flow = m.text("--flow")?.map(ExportWhat::Flow);
            let all = m.switch("--all").then_some(ExportWhat::All);
            let mut given = [user, flow, all].into_iter().flatten();
            let what = match (given.next(), given.next()) {
                (Some(what), None) => what,
                (None, _) => return Err(m.missing("--user, --flow or --all")),
                (Some(_), Some(_)) => {
                    let sentence = "--user, --flow and --all exclude each other: give one";
                    return Err(UsageError::new(sentence));
                }
            };
            let to = to.ok_or_else(|| m.missing("--to DIR"))?;
            Ok(Command::Export(Export { what, to }))
        },
    },
];
