//! The command that installs a server.

use super::{PASSWORD, Spec, YES, option, switch};
use crate::cli::command::{Command, Setup};
use crate::config;

pub(super) const COMMANDS: &[Spec] = &[Spec {
    path: "setup",
    arguments: "",
    about: "Installs a server by question and answer: user, folder, configuration, HTTPS, backups, first \
            administrator, a first group with its invitation, systemd unit, start, and a check. Flags answer \
            questions in advance; with --yes the rest is as suggested. Run again, it keeps what there is and \
            changes what is answered differently.",
    flags: &[
        &[
            option(
                "--user",
                "NAME",
                "the system's user that the server runs as",
            ),
            option("--folder", "DIR", "where the database lies"),
            option(
                "--https",
                "NAME",
                "fetch a certificate for this name from Let's Encrypt, whose terms you agree to",
            ),
            switch(
                "--try",
                "with --https: from the authority for trying things out",
            ),
            switch(
                "--local-ca",
                "make this house's own certificate, for a home without a domain",
            ),
            switch("--plain", "no encryption: it is the work of a proxy"),
            option(
                "--backup-dir",
                "DIR",
                "where daily backups go, best on another disk",
            ),
            switch("--no-backup", "no daily backups"),
            option("--admin", "LOGIN", "make this administrator"),
            option(
                "--group",
                "TITLE",
                "make this group, whose invitation leads newcomers into it",
            ),
            option("--unit", "FILE", "where the systemd unit is written"),
            switch("--no-start", "neither write the unit nor start the server"),
        ],
        PASSWORD,
        YES,
    ],
    examples: &[
        "morelia setup",
        "morelia setup --yes --local-ca --admin anna --generate --group Family",
        "morelia setup --https chat.example.org",
    ],
    build: |m| {
        Ok(Command::Setup(Box::new(Setup {
            user: m.text("--user")?,
            folder: m.path("--folder"),
            https: m.read("--https", |text| {
                config::keys::check("tls", "acme", text).map(|()| text.to_owned())
            })?,
            staging: m.switch("--try"),
            local_ca: m.switch("--local-ca"),
            plain: m.switch("--plain"),
            backup_dir: m.path("--backup-dir"),
            no_backup: m.switch("--no-backup"),
            admin: m.text("--admin")?,
            group: m.text("--group")?,
            unit: m.path("--unit"),
            start: !m.switch("--no-start"),
            password: m.password()?,
            confirmation: m.confirmation(),
        })))
    },
}];
