//! Commands about hooks and bots.

use super::{Spec, option};
use crate::cli::command::Command;
use crate::cli::nouns::HookCommand;

pub(super) const COMMANDS: &[Spec] = &[
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
