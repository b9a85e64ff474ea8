//! `[logging]`, `[web]` and `[api]`.

use super::{Key, Kind, Section, optional, optional_path, put, show_path, true_or_false, word};
use crate::config::addresses::AllowedOrigins;
use crate::config::units::{CENTURY, DAY, duration_in, show_duration};
use crate::config::words::{ApiVersion, ClientIp, ColorMode, Word};
use log::LevelFilter;
use std::net::SocketAddr;

pub(super) const LOGGING: Section = Section {
    name: "logging",
    about: "What the server tells about itself. Texts of messages, passwords and tokens are never logged.",
    keys: &[
        Key {
            name: "level",
            kind: Kind::Text,
            values: "error, warn, info, debug, trace or off",
            about: "error: you must act. warn: a client misbehaves. info: start, stop, sign-ups. debug: \
                    every request.",
            example: "",
            reload: true,
            set: |config, text, _| put(&mut config.logging.level, LevelFilter::read(text)),
            show: |config| word(config.logging.level),
        },
        Key {
            name: "file",
            kind: Kind::Text,
            values: "a path; empty for standard error",
            about: "The log file. Under systemd leave it empty: the journal keeps the log. The file is \
                    opened again on SIGHUP.",
            example: "/var/log/morelia/morelia.log",
            reload: false,
            set: |config, text, folder| put(&mut config.logging.file, optional_path(text, folder)),
            show: |config| show_path(config.logging.file.as_ref()),
        },
        Key {
            name: "expiration_date",
            kind: Kind::Text,
            values: "a duration from 1d; a plain number is days",
            about: "How long log files are kept. Each day has its own, named after the date (UTC).",
            example: "",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.logging.expiration_date,
                    duration_in(text, DAY, DAY..=CENTURY),
                )
            },
            show: |config| show_duration(config.logging.expiration_date),
        },
        Key {
            name: "colors",
            kind: Kind::Text,
            values: "auto, always or never",
            about: "Whether standard error is coloured; auto means on a terminal, unless the environment \
                    has NO_COLOR.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.logging.colors, ColorMode::read(text)),
            show: |config| word(config.logging.colors),
        },
        Key {
            name: "client_ip",
            kind: Kind::Text,
            values: "masked, full or off",
            about: "How much of the clients' addresses is logged and shown in the list of sessions; \
                    masked keeps the network (203.0.113.0, 2001:db8:1::).",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.logging.client_ip, ClientIp::read(text)),
            show: |config| word(config.logging.client_ip),
        },
    ],
};

/// Reads what is shown in one line, `most` characters at most.
fn line(text: &str, most: usize) -> Result<String, String> {
    if text.chars().any(char::is_control) || text.chars().count() > most {
        return Err(format!("this is not a line of at most {most} characters"));
    }
    Ok(text.to_owned())
}

pub(super) const WEB: Section = Section {
    name: "web",
    about: "What browsers get.",
    keys: &[
        Key {
            name: "client",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether the server's address opened in a browser is the web client. off: a small page \
                    that says how to connect.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.web.client, bool::read(text)),
            show: |config| word(config.web.client),
        },
        Key {
            name: "title",
            kind: Kind::Text,
            values: "a line of text of at most 60 characters",
            about: "What the page for signing in calls this server. Everybody who reaches it reads that. \
                    Empty: the program's name alone.",
            example: "The Ivanovs",
            reload: false,
            set: |config, text, _| {
                put(&mut config.web.title, optional(text, |text| line(text, 60)))
            },
            show: |config| config.web.title.clone().unwrap_or_default(),
        },
        Key {
            name: "contact",
            kind: Kind::Text,
            values: "an address (mailto:, tel:, https:) or a line of text of at most 200 characters",
            about: "How people who cannot sign in reach the person who runs this server: the page for signing in \
                    tells it to those who have forgotten their password or need an invitation. Everybody \
                    who reaches the server reads that.",
            example: "mailto:anna@example.org",
            reload: false,
            set: |config, text, _| {
                put(
                    &mut config.web.contact,
                    optional(text, |text| line(text, 200)),
                )
            },
            show: |config| config.web.contact.clone().unwrap_or_default(),
        },
        Key {
            name: "previews",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether links in messages get a preview: title, description and picture, which this server \
                    fetches when somebody writes the link. The page's owner then learns this server's \
                    address, and when somebody talks of the page. Only public addresses are asked.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.web.previews, bool::read(text)),
            show: |config| word(config.web.previews),
        },
        Key {
            name: "metrics",
            kind: Kind::Switch,
            values: "on or off",
            about: "Whether /metrics answers, for Prometheus: to programs on this machine, unless \
                    metrics_listen is set.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.web.metrics, bool::read(text)),
            show: |config| word(config.web.metrics),
        },
        Key {
            name: "metrics_listen",
            kind: Kind::Text,
            values: "an address and a port; empty for the server's own",
            about: "A listener of its own for /metrics, without encryption, which answers everybody who reaches \
                    it: an address of a network that only monitors are in.",
            example: "127.0.0.1:9464",
            reload: false,
            set: |config, text, _| put(&mut config.web.metrics_listen, optional(text, listener)),
            show: |config| {
                let listen = config.web.metrics_listen;
                listen.map_or_else(String::new, |listen| listen.to_string())
            },
        },
        Key {
            name: "allowed_origins",
            kind: Kind::Text,
            values: "same, any, or origins with commas between",
            about: "Which web pages a browser may connect from: those of this server, also those of the \
                    origins named (https://chat.example.org), or all. Programs that are no browsers are \
                    not concerned.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.web.allowed_origins, AllowedOrigins::read(text)),
            show: |config| config.web.allowed_origins.to_string(),
        },
    ],
};

pub(super) const API: Section = Section {
    name: "api",
    about: "The versions of the protocol that are answered; any other gets 505. They compare as numbers: \
            1.10 is above 1.9. And what scripts may do.",
    keys: &[
        Key {
            name: "min_version",
            kind: Kind::Text,
            values: "a version such as 1.0",
            about: "The lowest one.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.api.min_version, ApiVersion::read(text)),
            show: |config| config.api.min_version.to_string(),
        },
        Key {
            name: "max_version",
            kind: Kind::Text,
            values: "a version such as 1.9",
            about: "The highest one.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.api.max_version, ApiVersion::read(text)),
            show: |config| config.api.max_version.to_string(),
        },
        Key {
            name: "admin",
            kind: Kind::Switch,
            values: "true or false",
            about: "Whether scripts of administrators reach /api/v1/admin: accounts, invitations, backups and status, \
                    by the token of a session, over TLS or on the server itself.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.api.admin, bool::read(text)),
            show: |config| true_or_false(config.api.admin),
        },
        Key {
            name: "origins",
            kind: Kind::Text,
            values: "same, any, or origins with commas between",
            about: "Which web pages may use /api/v1 from a browser: those of this server, also those of the origins \
                    named (https://dashboard.example.org), or all. They show a token all the same. The routes of \
                    administrators stay with this server's own pages.",
            example: "",
            reload: false,
            set: |config, text, _| put(&mut config.api.origins, AllowedOrigins::read(text)),
            show: |config| config.api.origins.to_string(),
        },
    ],
};

/// Reads an address with a port.
fn listener(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("`{text}` is no address with a port, such as 127.0.0.1:9464"))
}
