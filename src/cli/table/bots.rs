//! Commands about hooks and bots.

use super::{Spec, YES, option};
use crate::cli::command::Command;
use crate::cli::matches::UsageError;
use crate::cli::nouns::BotCommand;
use crate::cli::programs::{HookCommand, TokenCommand};
use crate::config::read_duration;
use crate::model::Scopes;

/// Reads scopes as a command line has them.
fn scopes(text: &str) -> Result<Scopes, String> {
    Scopes::of_words(text.split(',')).ok_or_else(|| {
        format!("{text:?} is no list of scopes: read, write and manage, with commas between them")
    })
}

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "bot add",
        arguments: "LOGIN",
        about: "Makes a bot: an account for a program, which nobody signs in as. It gets its tokens by `morelia bot \
                token`.",
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
        about: "Lists bots, whose they are and how many tokens they have.",
        flags: &[],
        examples: &["morelia bot list"],
        build: |_| Ok(Command::Bot(BotCommand::List)),
    },
    Spec {
        path: "bot remove",
        arguments: "LOGIN",
        about: "Removes a bot with its tokens. Messages stay, under \"User deleted\".",
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
        about: "Makes a token of a bot and prints it once, lists the tokens of a bot, or ends the token with an ID.",
        flags: &[&[
            option(
                "--label",
                "TEXT",
                "with add: what the token is for, shown in lists",
            ),
            option(
                "--scopes",
                "LIST",
                "with add: read, write, manage; without it all three",
            ),
            option(
                "--expires",
                "DURATION",
                "with add: how long it is good; without it for ever",
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
        about: "Makes an address at which programs post into a flow, and prints it with a line for curl and a QR \
                code. Whoever has the address can write there, and reads nothing.",
        flags: &[&[
            option("--flow", "FLOW", "the flow that it writes to"),
            option(
                "--name",
                "NAME",
                "what it is called, shown with each message",
            ),
            option(
                "--as",
                "LOGIN",
                "the bot that writes; without it a bot for the hooks of this flow",
            ),
        ]],
        examples: &["morelia hook add --flow Family --name \"Washing machine\""],
        build: |m| {
            Ok(Command::Hook(HookCommand::Add {
                flow: m.required("--flow")?,
                name: m.required("--name")?,
                bot: m.text("--as")?,
            }))
        },
    },
    Spec {
        path: "hook list",
        arguments: "",
        about: "Lists hooks: what they are called, when they were used last and how often.",
        flags: &[&[option("--flow", "FLOW", "those of one flow only")]],
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
        about: "Ends a hook: its address leads nowhere from then on. ID is what `morelia hook list` shows.",
        flags: &[],
        examples: &["morelia hook revoke 3"],
        build: |m| {
            Ok(Command::Hook(HookCommand::Revoke {
                id: m.argument("ID")?,
            }))
        },
    },
];
