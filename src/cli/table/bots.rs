//! Commands about hooks and bots.

use super::{Spec, YES, option, switch};
use crate::cli::command::Command;
use crate::cli::matches::UsageError;
use crate::cli::nouns::BotCommand;
use crate::cli::programs::{HookCommand, NewOut, OutCommand, TokenCommand};
use crate::config::read_duration;
use crate::model::{Scopes, Topics};

/// Reads scopes from a command line.
fn scopes(text: &str) -> Result<Scopes, String> {
    Scopes::of_words(text.split(',')).ok_or_else(|| {
        format!("{text:?} is no list of scopes: read, write and manage, with commas between them")
    })
}

/// Reads the events of an outgoing hook from a command line.
fn topics(text: &str) -> Result<Topics, String> {
    Topics::of_words(text.split(',')).ok_or_else(|| {
        format!(
            "{text:?} is no list of what happens: message, edit, delete, join and reaction, with commas between them"
        )
    })
}

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "bot add",
        arguments: "LOGIN",
        about: "Creates a bot: an account for a program. Nobody can sign in as a bot; programs use \
                the tokens of `morelia bot token`.",
        flags: &[&[option("--username", "NAME", "the name that others see")]],
        examples: &["morelia bot add helper --username \"The helper\""],
        build: |m| {
            Ok(Command::Bot(BotCommand::Add {
                login: m.argument("LOGIN")?,
                username: m.text("--username")?,
            }))
        },
    },
    Spec {
        path: "bot list",
        arguments: "",
        about: "Lists bots with their owners and numbers of tokens.",
        flags: &[],
        examples: &["morelia bot list"],
        build: |_| Ok(Command::Bot(BotCommand::List)),
    },
    Spec {
        path: "bot remove",
        arguments: "LOGIN",
        about: "Removes a bot and its tokens. Its messages stay, under \"User deleted\".",
        flags: &[YES],
        examples: &["morelia bot remove helper"],
        build: |m| {
            Ok(Command::Bot(BotCommand::Remove {
                login: m.argument("LOGIN")?,
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "bot token",
        arguments: "add|list|revoke LOGIN|ID",
        about: "Creates, lists or revokes tokens of a bot. A new token is printed once.",
        flags: &[&[
            option(
                "--label",
                "TEXT",
                "with add: what the token is for, shown in lists",
            ),
            option(
                "--scopes",
                "LIST",
                "with add: any of read, write and manage; all three by default",
            ),
            option(
                "--expires",
                "DURATION",
                "with add: how long it is valid; forever by default",
            ),
        ]],
        examples: &[
            "morelia bot token add helper --label cron --scopes read,write",
            "morelia bot token list helper",
            "morelia bot token revoke 17",
        ],
        build: |m| {
            let what = m.argument("add|list|revoke")?;
            let whom = m.argument("LOGIN|ID")?;
            let label = m.text("--label")?;
            let scopes = m.read("--scopes", scopes)?;
            let expires = m.read("--expires", read_duration)?;
            let has_flags = label.is_some() || scopes.is_some() || expires.is_some();
            let command = match what.as_str() {
                "add" => TokenCommand::Add {
                    login: whom,
                    label,
                    scopes: scopes.unwrap_or(Scopes::ALL),
                    expires,
                },
                "list" if !has_flags => TokenCommand::List { login: whom },
                "revoke" if !has_flags => TokenCommand::Revoke { id: whom },
                "list" | "revoke" => {
                    return Err(UsageError::new(
                        "only `morelia bot token add` takes these flags",
                    ));
                }
                other => {
                    return Err(UsageError::new(format!(
                        "{other:?} is none of add, list and revoke"
                    )));
                }
            };
            Ok(Command::Bot(BotCommand::Token(command)))
        },
    },
    Spec {
        path: "hook add",
        arguments: "",
        about: "Creates a web address to which programs post messages for a flow, and prints it \
                with a curl command and a QR code. Anybody who has the address can write to the \
                flow, but not read it.",
        flags: &[&[
            option("--flow", "FLOW", "the flow to write to (required)"),
            option(
                "--name",
                "NAME",
                "its name, shown with each message (required)",
            ),
            option(
                "--as",
                "LOGIN",
                "the bot that writes; by default a bot for the hooks of this flow",
            ),
            option(
                "--picture",
                "FILE",
                "a picture shown beside its messages, at most 128 KiB",
            ),
        ]],
        examples: &["morelia hook add --flow Family --name \"Washing machine\""],
        build: |m| {
            Ok(Command::Hook(HookCommand::Add {
                flow: m.required("--flow")?,
                name: m.required("--name")?,
                bot: m.text("--as")?,
                picture: m.path("--picture"),
            }))
        },
    },
    Spec {
        path: "hook edit",
        arguments: "ID",
        about: "Renames a hook or changes its picture. ID is the number that `morelia hook list` \
                shows.",
        flags: &[&[
            option("--name", "NAME", "its new name"),
            option("--picture", "FILE", "its new picture, at most 128 KiB"),
            switch("--no-picture", "remove its picture"),
        ]],
        examples: &["morelia hook edit 3 --name Dryer --picture dryer.png"],
        build: |m| {
            let id = m.argument("ID")?;
            let name = m.text("--name")?;
            let picture = match (m.path("--picture"), m.switch("--no-picture")) {
                (Some(_), true) => {
                    return Err(UsageError::new(
                        "--picture and --no-picture exclude each other",
                    ));
                }
                (None, true) => Some(None),
                (picture, false) => picture.map(Some),
            };
            if name.is_none() && picture.is_none() {
                return Err(UsageError::new(
                    "what is to change? --name, --picture or --no-picture",
                ));
            }
            Ok(Command::Hook(HookCommand::Edit { id, name, picture }))
        },
    },
    Spec {
        path: "hook list",
        arguments: "",
        about: "Lists hooks: name, last use and number of uses.",
        flags: &[&[option("--flow", "FLOW", "only those of this flow")]],
        examples: &["morelia hook list", "morelia hook list --flow Family"],
        build: |m| {
            Ok(Command::Hook(HookCommand::List {
                flow: m.text("--flow")?,
            }))
        },
    },
    Spec {
        path: "hook revoke",
        arguments: "ID",
        about: "Ends a hook: its address no longer works. ID is the number that `morelia hook list` \
                shows.",
        flags: &[],
        examples: &["morelia hook revoke 3"],
        build: |m| {
            Ok(Command::Hook(HookCommand::Revoke {
                id: m.argument("ID")?,
            }))
        },
    },
    Spec {
        path: "hook out",
        arguments: "add|list|remove|test [ID]",
        about: "Creates, lists, removes or tests a hook that posts what happens in a flow to a web \
                address. A new hook prints the secret that signs its posts. ID is the number that \
                `morelia hook out list` shows.",
        flags: &[&[
            option(
                "--flow",
                "FLOW",
                "with add: the flow to post (required); with list: only those of this flow",
            ),
            option(
                "--url",
                "URL",
                "with add: the address to post to (required)",
            ),
            option(
                "--on",
                "LIST",
                "with add: any of message, edit, delete, join and reaction; message by default",
            ),
            option(
                "--trigger",
                "TEXT",
                "with add: only messages that begin with this text",
            ),
            switch("--bots", "with add: also messages of other bots"),
            option(
                "--as",
                "LOGIN",
                "with add: the bot that answers; by default a bot for the hooks of this flow",
            ),
        ]],
        examples: &[
            "morelia hook out add --flow Family --url https://home.example.org/api/chat --trigger /washing",
            "morelia hook out list",
            "morelia hook out test 2",
            "morelia hook out remove 2",
        ],
        build: |m| {
            let what = m.argument("add|list|remove|test")?;
            let id = m.optional_argument("ID")?;
            let flow = m.text("--flow")?;
            let (url, topics) = (m.text("--url")?, m.read("--on", topics)?);
            let (trigger, bot) = (m.text("--trigger")?, m.text("--as")?);
            let has_bots = m.switch("--bots");
            let is_plain = url.is_none()
                && topics.is_none()
                && trigger.is_none()
                && bot.is_none()
                && !has_bots;
            let command = match (what.as_str(), id) {
                ("add", None) => OutCommand::Add(NewOut {
                    flow: flow.ok_or_else(|| m.missing("--flow"))?,
                    url: url.ok_or_else(|| m.missing("--url"))?,
                    topics: topics.unwrap_or_default(),
                    trigger,
                    has_bots,
                    bot,
                }),
                ("list", None) if is_plain => OutCommand::List { flow },
                ("remove", Some(id)) if is_plain && flow.is_none() => OutCommand::Remove { id },
                ("test", Some(id)) if is_plain && flow.is_none() => OutCommand::Test { id },
                ("remove" | "test", None) => return Err(m.missing("ID")),
                ("add" | "list" | "remove" | "test", _) => {
                    return Err(UsageError::new(format!(
                        "`morelia hook out {what}` takes fewer arguments and flags"
                    )));
                }
                (other, _) => {
                    return Err(UsageError::new(format!(
                        "{other:?} is none of add, list, remove and test"
                    )));
                }
            };
            Ok(Command::Hook(HookCommand::Out(command)))
        },
    },
];
