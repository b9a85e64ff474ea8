//! The command that installs a server.

use super::{PASSWORD, Spec, YES, option, switch};
use crate::cli::command::{Command, Setup};
use crate::config;

pub(super) const COMMANDS: &[Spec] = &[Spec {
    path: "setup",
    arguments: "",
    about: "Installs a server step by step: user, folder, configuration, HTTPS, backups, first \
            administrator, first group and its invitation, systemd unit, start, and a check. Flags \
            answer questions in advance; with --yes the suggestions answer the others. On a server \
            that is installed already, only what you answer differently changes.",
    flags: &[
        &[
            option("--user", "NAME", "the system user that the server runs as"),
            option("--folder", "DIR", "the folder of the database"),
            option(
                "--https",
                "NAME",
                "get a certificate for this name from Let's Encrypt; this accepts its terms of \
                 service",
            ),
            switch(
                "--try",
                "with --https: use Let's Encrypt's staging server, for trying things out",
            ),
            switch(
                "--local-ca",
                "create a local certificate authority, for a home without a domain name",
            ),
            switch("--plain", "no encryption, because a proxy encrypts"),
            option(
                "--backup-dir",
                "DIR",
                "the folder for daily backups, best on another disk",
            ),
            switch("--no-backup", "no daily backups"),
            option(
                "--admin",
                "LOGIN",
                "create an administrator with this login",
            ),
            option(
                "--group",
                "TITLE",
                "create this group; its invitation adds new users to it",
            ),
            option("--unit", "FILE", "where to write the systemd unit"),
            switch("--no-start", "do not write the unit or start the server"),
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
