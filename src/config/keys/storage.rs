//! `[database]`, `[history]` and `[backup]`.

use super::{Key, Kind, Section, optional_path, path, put, show_path, word};
use crate::config::addresses::list;
use crate::config::units::{CENTURY, SECOND, age, number, show_duration};
use crate::config::words::{Durability, Word};
use std::str::FromStr as _;
use std::time::Duration;

pub(super) const DATABASE: Section = Section {
    name: "database",
    about: "The one file that holds everything: users, messages, pictures.",
    keys: &[
        Key {
            name: "path",
            kind: Kind::Text,
            values: "a path",
            about: "The database file; a relative path starts from the folder of this configuration. \
                    Keep it on a local disk: SQLite is not safe on a network file system.",
            example: "",
            reload: false,
            set: |config, text, folder| put(&mut config.database.path, path(text, folder)),
            show: |config| config.database.path.display().to_string(),
        },
        Key {
            name: "durability",
            kind: Kind::Text,
            values: "full or normal",
            about: "What it means that a message is answered with 200. full: it is on the disk. normal: \
                    it survives a crash of the server, but a power cut may lose the last seconds; \
                    spares an SD card.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.database.durability, Durability::read(text)),
            show: |config| word(config.database.durability),
        },
    ],
};

pub(super) const HISTORY: Section = Section {
    name: "history",
    about: "How long messages are kept.",
    keys: &[Key {
        name: "keep",
        kind: Kind::Text,
        values: "forever, or a duration with its unit such as 365d",
        about: "Older messages and their files are removed for good, from the file as well. A plain \
                number is refused: 30 could be meant as days and would be seconds.",
        example: "",
        reload: false,
        set: |config, text, _| put(&mut config.history.keep, keep(text)),
        show: |config| {
            config
                .history
                .keep
                .map_or_else(|| "forever".to_owned(), show_duration)
        },
    }],
};

fn keep(text: &str) -> Result<Option<Duration>, String> {
    if text.eq_ignore_ascii_case("forever") {
        return Ok(None);
    }
    if !text.starts_with(|sign: char| sign.is_ascii_digit()) {
        return Err(format!(
            "`{text}` is neither `forever` nor a duration with a unit such as 365d"
        ));
    }
    age(text, SECOND..=CENTURY).map(Some)
}

fn public_key(text: &str) -> Result<String, String> {
    let read = age::x25519::Recipient::from_str(text);
    read.map(|key| key.to_string()).map_err(|_| {
        let what = if text.starts_with("AGE-SECRET-KEY-") {
            "a secret key; it must not be on this machine. Write the public one that belongs to it"
        } else {
            "no public key"
        };
        format!("this is {what}: `age1` and 58 more letters and digits, as `morelia backup key FILE` prints it")
    })
}

pub(super) const BACKUP: Section = Section {
    name: "backup",
    about: "Copies made by the running server, each of them opened and checked afterwards. A copy on the \
            same disk helps against mistakes, not against a dead disk.",
    keys: &[
        Key {
            name: "interval",
            kind: Kind::Text,
            values: "a duration with its unit such as 24h; 0 is off",
            about: "The time between two copies.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.backup.interval,
                    age(text, Duration::ZERO..=CENTURY),
                )
            },
            show: |config| show_duration(config.backup.interval),
        },
        Key {
            name: "dir",
            kind: Kind::Text,
            values: "a path; empty for `backups` beside the database",
            about: "The folder for the copies, best on another disk.",
            example: "/mnt/usb/morelia",
            reload: false,
            set: |config, text, folder| put(&mut config.backup.dir, optional_path(text, folder)),
            show: |config| show_path(config.backup.dir.as_ref()),
        },
        Key {
            name: "keep",
            kind: Kind::Number,
            values: "1 to 10000",
            about: "How many copies are kept; older ones are removed once a new one is proved good.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.backup.keep, number(text, 1..=10_000)),
            show: |config| config.backup.keep.to_string(),
        },
        Key {
            name: "verify",
            kind: Kind::Text,
            values: "a duration with its unit such as 30d; 0 is never",
            about: "How often the newest copy is restored into a temporary folder beside it and checked, \
                    with all large files. The administrators are notified if that fails.",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.backup.verify,
                    age(text, Duration::ZERO..=CENTURY),
                )
            },
            show: |config| show_duration(config.backup.verify),
        },
        Key {
            name: "encrypt_to",
            kind: Kind::Text,
            values: "public keys such as age1…, separated by commas; empty for none",
            about: "Copies are encrypted so that only the matching secret key opens them, in the format of \
                    the program age. `morelia backup key FILE` makes a key; keep FILE away from this \
                    machine and in two places, since without it nobody can open the copies.",
            example: "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            reload: false,
            set: |config, text, _| put(&mut config.backup.encrypt_to, list(text, public_key)),
            show: |config| config.backup.encrypt_to.join(", "),
        },
        Key {
            name: "after",
            kind: Kind::Text,
            values: "a command for the shell; empty for none",
            about: "What runs after each copy into this folder, such as a copy to another machine. The \
                    variables MORELIA_BACKUP, MORELIA_BACKUP_CONFIG and MORELIA_BACKUP_FILES name the copy, \
                    its configuration and the folder of large files, MORELIA_BACKUP_KEYS the folder of keys \
                    if the copy was made by `backup --with-keys`; what a copy does not have beside it is \
                    empty. If the command ends with another code than 0, the backup counts as failed and \
                    the administrators are notified.",
            example: "rsync -a /mnt/usb/morelia/ backup@nas:morelia/",
            reload: false,
            set: |config, text, _| {
                let command = (!text.is_empty()).then(|| text.to_owned());
                put(&mut config.backup.after, Ok(command))
            },
            show: |config| config.backup.after.clone().unwrap_or_default(),
        },
    ],
};
