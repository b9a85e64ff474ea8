//! `[files]`.

use super::{Key, Kind, Section, optional_path, put, show_path, true_or_false};
use crate::config::units::{
    DAY, KB, MB, MOST, SECOND, disk_size, duration, number, show_disk_size, show_duration,
    show_size, size,
};
use crate::config::words::Word;

pub(super) const FILES: Section = Section {
    name: "files",
    about: "Files that people send over HTTP. Large ones are stored in a folder beside the database, which \
            backups cover.",
    keys: &[
        Key {
            name: "dir",
            kind: Kind::Text,
            values: "a path; empty for a folder beside the database, named after it: `morelia.db-files`",
            about: "The folder for large files. The server puts a link to it beside the database. On the \
                    file system of the backups, these share the files instead of copying them.",
            example: "/mnt/usb/morelia-files",
            reload: false,
            set: |config, text, folder| put(&mut config.files.dir, optional_path(text, folder)),
            show: |config| show_path(config.files.dir.as_ref()),
        },
        Key {
            name: "max_size",
            kind: Kind::Text,
            values: "1KB to 1048576GB",
            about: "The largest file that can be uploaded.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.files.max_size,
                    disk_size(text, KB as u64..=MOST),
                )
            },
            show: |config| show_disk_size(config.files.max_size),
        },
        Key {
            name: "user_quota",
            kind: Kind::Text,
            values: "a size such as 5GB; 0 is any number",
            about: "Bytes of files that one account may have attached to messages or uploaded. Each file \
                    counts whole, also where the same content is stored once; forwarding counts nothing. \
                    `morelia user set --quota` sets it for one account.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.user_quota, disk_size(text, 0..=MOST)),
            show: |config| show_disk_size(config.files.user_quota),
        },
        Key {
            name: "reserve",
            kind: Kind::Text,
            values: "a size such as 1GB",
            about: "Free space of the disk that uploads leave: one that would take of it is refused.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.reserve, disk_size(text, 0..=MOST)),
            show: |config| show_disk_size(config.files.reserve),
        },
        Key {
            name: "inline",
            kind: Kind::Text,
            values: "0 to 16MB",
            about: "Files up to this size stand in the database, where small ones are as fast and need no \
                    file of their own.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.inline, size(text, 0..=16 * MB)),
            show: |config| show_size(config.files.inline),
        },
        Key {
            name: "unfinished",
            kind: Kind::Text,
            values: "a duration from 1s to 30d",
            about: "How long an upload is kept after its last byte, finished or not, if no message shows it.",
            example: "",
            reload: true,
            set: |config, text, _| {
                put(
                    &mut config.files.unfinished,
                    duration(text, SECOND..=30 * DAY),
                )
            },
            show: |config| show_duration(config.files.unfinished),
        },
        Key {
            name: "uploads",
            kind: Kind::Number,
            values: "1 to 1000",
            about: "Uploads that are received at the same time; each takes 512 KB of memory.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.uploads, number(text, 1..=1000)),
            show: |config| config.files.uploads.to_string(),
        },
        Key {
            name: "user_uploads",
            kind: Kind::Number,
            values: "1 to 1000",
            about: "The same, of one account.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.user_uploads, number(text, 1..=1000)),
            show: |config| config.files.user_uploads.to_string(),
        },
        Key {
            name: "overwrite",
            kind: Kind::Switch,
            values: "true or false",
            about: "Whether a large file is overwritten before it is removed. That writes every byte twice, \
                    and does not reach the spare blocks of a memory card.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.files.overwrite, bool::read(text)),
            show: |config| true_or_false(config.files.overwrite),
        },
    ],
};
