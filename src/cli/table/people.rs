//! Commands about users, their sessions, and invitations.

use super::{PASSWORD, Spec, YES, option, switch};
use crate::cli::command::Command;
use crate::cli::matches::UsageError;
use crate::cli::nouns::{InviteCommand, SessionCommand, UserChanges, UserCommand};
use crate::config::{Registration, Word, read_duration, read_quota};
use std::time::Duration;

/// The default lifetime of an invitation: a week, so that a lost code is not valid forever.
const INVITATION: Duration = Duration::from_hours(7 * 24);

/// Rows that a list has when nothing else is said.
const LISTED: usize = 50;

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "user add",
        arguments: "LOGIN",
        about: "Creates a user. Unless a flag gives the password, it is asked for twice.",
        flags: &[
            &[
                option(
                    "--username",
                    "NAME",
                    "the name that others see instead of the login",
                ),
                option("--email", "ADDRESS", "the user's e-mail address"),
                switch("--admin", "make the user an administrator"),
                switch("--bot", "mark the account as a program"),
            ],
            PASSWORD,
        ],
        examples: &[
            "morelia user add boris",
            "morelia user add clara --admin --generate",
        ],
        build: |m| {
            Ok(Command::User(UserCommand::Add {
                login: m.argument("LOGIN")?,
                username: m.text("--username")?,
                email: m.text("--email")?,
                admin: m.switch("--admin"),
                bot: m.switch("--bot"),
                password: m.password()?,
            }))
        },
    },
    Spec {
        path: "user list",
        arguments: "",
        about: "Lists all users.",
        flags: &[],
        examples: &["morelia user list", "morelia user list --json"],
        build: |_| Ok(Command::User(UserCommand::List)),
    },
    Spec {
        path: "user show",
        arguments: "LOGIN",
        about: "Shows a user with flows and sessions.",
        flags: &[],
        examples: &["morelia user show boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Show {
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "user set",
        arguments: "LOGIN",
        about: "Changes a user.",
        flags: &[&[
            option("--username", "NAME", "the name that others see"),
            option("--email", "ADDRESS", "the user's e-mail address"),
            option("--bio", "TEXT", "the text of the profile"),
            option("--admin", "on|off", "whether the user is an administrator"),
            option("--bot", "on|off", "whether the user is a program"),
            option(
                "--quota",
                "SIZE",
                "how many bytes of files the user may keep: a size such as 5GB, 0 for no limit, or \
                 default for [files] user_quota",
            ),
        ]],
        examples: &[
            "morelia user set boris --username \"Boris the Brave\" --admin on",
            "morelia user set boris --quota 5GB",
        ],
        build: |m| {
            let login = m.argument("LOGIN")?;
            let changes = UserChanges {
                username: m.text("--username")?,
                email: m.text("--email")?,
                bio: m.text("--bio")?,
                admin: m.read("--admin", Word::read)?,
                bot: m.read("--bot", Word::read)?,
                quota: m.read("--quota", read_quota)?,
            };
            if changes == UserChanges::default() {
                return Err(m.missing("a flag that says what to change"));
            }
            Ok(Command::User(UserCommand::Set { login, changes }))
        },
    },
    Spec {
        path: "user passwd",
        arguments: "LOGIN",
        about: "Sets a new password and ends all sessions of the user. Works while the server runs.",
        flags: &[PASSWORD],
        examples: &[
            "morelia user passwd boris",
            "morelia user passwd boris --generate",
        ],
        build: |m| {
            Ok(Command::User(UserCommand::Passwd {
                login: m.argument("LOGIN")?,
                password: m.password()?,
            }))
        },
    },
    Spec {
        path: "user reset",
        arguments: "LOGIN",
        about: "Creates a link with which the user sets a new password, and prints it with a QR \
                code. The link works once, for 24 hours. A newer link, a new password or a \
                suspension ends it.",
        flags: &[],
        examples: &["morelia user reset boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Reset {
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "user localpart",
        arguments: "LOGIN NAME",
        about: "Sets the name of a user in Matrix: the part of @name:server between @ and the \
                colon. By default it is made from the login. Once the user has signed in with \
                Matrix, it cannot change.",
        flags: &[],
        examples: &["morelia user localpart Борис boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Localpart {
                login: m.argument("LOGIN")?,
                name: m.argument("NAME")?,
            }))
        },
    },
    Spec {
        path: "user suspend",
        arguments: "LOGIN",
        about: "Ends all sessions of a user and refuses new ones.",
        flags: &[],
        examples: &["morelia user suspend boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Suspend {
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "user resume",
        arguments: "LOGIN",
        about: "Lets a suspended user sign in again.",
        flags: &[],
        examples: &["morelia user resume boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Resume {
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "user remove",
        arguments: "LOGIN",
        about: "Removes a user. The user's messages stay, under \"User deleted\". Groups and \
                channels pass to the moderator, else the member, who joined first. The login \
                becomes free.",
        flags: &[YES],
        examples: &["morelia user remove boris"],
        build: |m| {
            Ok(Command::User(UserCommand::Remove {
                login: m.argument("LOGIN")?,
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "session list",
        arguments: "[LOGIN]",
        about: "Lists the signed-in devices: since when, last seen, and address.",
        flags: &[],
        examples: &["morelia session list", "morelia session list boris"],
        build: |m| {
            Ok(Command::Session(SessionCommand::List {
                login: m.optional_argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "session revoke",
        arguments: "[ID]",
        about: "Ends one session, or all sessions of a user. The device has to sign in again.",
        flags: &[&[option("--user", "LOGIN", "end all sessions of this user")]],
        examples: &[
            "morelia session revoke 17",
            "morelia session revoke --user boris",
        ],
        build: |m| match (m.optional_argument("ID")?, m.text("--user")?) {
            (Some(id), None) => Ok(Command::Session(SessionCommand::Revoke { id })),
            (None, Some(login)) => Ok(Command::Session(SessionCommand::RevokeAll { login })),
            (None, None) => Err(m.missing("ID or --user")),
            (Some(_), Some(_)) => Err(UsageError::new(
                "ID and --user exclude each other: give one",
            )),
        },
    },
    Spec {
        path: "registration",
        arguments: "[open|invite|closed]",
        about: "Shows or sets who may register: anybody, people with an invitation, or nobody. The \
                setting stays until the value in the configuration changes. Works while the server \
                runs.",
        flags: &[],
        examples: &["morelia registration", "morelia registration closed"],
        build: |m| {
            let mode = m.optional_argument("open|invite|closed")?;
            let mode = mode.map(|word| Registration::read(&word).map_err(UsageError::new));
            Ok(Command::Registration(mode.transpose()?))
        },
    },
    Spec {
        path: "audit",
        arguments: "",
        about: "Lists what administrators and the operator did to accounts, conversations and the server, newest \
                first. Administrators read the same in the web client.",
        flags: &[&[
            option("--limit", "N", "how many; without it 50"),
            option("--before", "ID", "only those with a lower number"),
        ]],
        examples: &["morelia audit", "morelia audit --limit 500 --json"],
        build: |m| {
            Ok(Command::Audit {
                limit: m.number("--limit")?.unwrap_or(LISTED),
                before: m.number("--before")?,
            })
        },
    },
    Spec {
        path: "invite create",
        arguments: "",
        about: "Creates an invitation and prints its code, its link and a QR code.",
        flags: &[&[
            option("--uses", "N", "how many people may use it; 1 by default"),
            option(
                "--expires",
                "DURATION",
                "how long it is valid; 7d by default",
            ),
            option("--flow", "FLOW", "the group or channel that it leads to"),
            option("--note", "TEXT", "a note for lists, such as whom it is for"),
        ]],
        examples: &[
            "morelia invite create",
            "morelia invite create --uses 5 --expires 24h",
        ],
        build: |m| {
            Ok(Command::Invite(InviteCommand::Create {
                uses: m.number("--uses")?.unwrap_or(1),
                expires: m.read("--expires", read_duration)?.unwrap_or(INVITATION),
                flow: m.text("--flow")?,
                note: m.text("--note")?,
            }))
        },
    },
    Spec {
        path: "invite list",
        arguments: "",
        about: "Lists the valid invitations.",
        flags: &[],
        examples: &["morelia invite list"],
        build: |_| Ok(Command::Invite(InviteCommand::List)),
    },
    Spec {
        path: "invite revoke",
        arguments: "CODE",
        about: "Ends an invitation. CODE is its code, or the part that `morelia invite list` shows.",
        flags: &[],
        examples: &["morelia invite revoke 7KQ2-M9XF"],
        build: |m| {
            Ok(Command::Invite(InviteCommand::Revoke {
                code: m.argument("CODE")?,
            }))
        },
    },
];
