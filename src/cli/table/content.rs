//! Commands about flows and messages.

use super::{Spec, YES, many, option, switch};
use crate::cli::command::Command;
use crate::cli::nouns::{FlowCommand, MessageCommand, MessageSearch};
use crate::config::read_duration;
use crate::model::{KINDS, kind_bit};

/// The default number of listed messages: a screen or two.
const LISTED: u32 = 50;

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "flow create",
        arguments: "chat|channel|group",
        about: "Creates a flow. A chat has exactly two members. In a channel the owner and \
                moderators write. In a group everybody writes.",
        flags: &[&[
            option(
                "--owner",
                "LOGIN",
                "the owner, who is also a member (required)",
            ),
            many(option("--member", "LOGIN", "another member")),
            option("--title", "TITLE", "its name"),
            option("--info", "TEXT", "its description"),
        ]],
        examples: &[
            "morelia flow create group --title Family --owner anna --member boris --member clara",
            "morelia flow create chat --owner anna --member boris",
        ],
        build: |m| {
            Ok(Command::Flow(FlowCommand::Create {
                kind: m.word("flow create")?,
                owner: m.required("--owner")?,
                members: m.texts("--member")?,
                title: m.text("--title")?,
                info: m.text("--info")?,
            }))
        },
    },
    Spec {
        path: "flow list",
        arguments: "",
        about: "Lists flows.",
        flags: &[&[option("--user", "LOGIN", "only those of this user")]],
        examples: &["morelia flow list", "morelia flow list --user boris"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::List {
                login: m.text("--user")?,
            }))
        },
    },
    Spec {
        path: "flow show",
        arguments: "FLOW",
        about: "Shows a flow with its members and settings. FLOW is its id, or its title if no \
                other flow has the same. With --events it shows what happened in the flow instead: \
                when, what and by whom.",
        flags: &[&[
            switch("--events", "show the newest events of the flow"),
            option("--limit", "N", "how many events; 50 by default"),
        ]],
        examples: &[
            "morelia flow show Family",
            "morelia flow show Family --events --limit 10",
        ],
        build: |m| {
            let (events, limit) = (m.switch("--events"), m.number("--limit")?);
            if limit.is_some() && !events {
                return Err(m.missing("--events"));
            }
            Ok(Command::Flow(FlowCommand::Show {
                flow: m.argument("FLOW")?,
                events: events.then(|| limit.unwrap_or(LISTED)),
            }))
        },
    },
    Spec {
        path: "flow add-member",
        arguments: "FLOW LOGIN",
        about: "Adds a user to a flow.",
        flags: &[],
        examples: &["morelia flow add-member Family boris"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::AddMember {
                flow: m.argument("FLOW")?,
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "flow remove-member",
        arguments: "FLOW LOGIN",
        about: "Removes a member from a flow.",
        flags: &[],
        examples: &["morelia flow remove-member Family boris"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::RemoveMember {
                flow: m.argument("FLOW")?,
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "flow set-level",
        arguments: "FLOW LOGIN member|moderator",
        about: "Makes a member a moderator, or a moderator a member. Moderators add and remove members, change \
                the flow's title, info and picture, delete messages, and write in a channel.",
        flags: &[],
        examples: &["morelia flow set-level Family boris moderator"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::SetLevel {
                flow: m.argument("FLOW")?,
                login: m.argument("LOGIN")?,
                level: m.word("flow set-level")?,
            }))
        },
    },
    Spec {
        path: "flow transfer",
        arguments: "FLOW LOGIN",
        about: "Makes a member the owner of a flow.",
        flags: &[],
        examples: &["morelia flow transfer Family boris"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::Transfer {
                flow: m.argument("FLOW")?,
                login: m.argument("LOGIN")?,
            }))
        },
    },
    Spec {
        path: "flow remove",
        arguments: "FLOW",
        about: "Removes a flow and all its messages.",
        flags: &[YES],
        examples: &["morelia flow remove Family"],
        build: |m| {
            Ok(Command::Flow(FlowCommand::Remove {
                flow: m.argument("FLOW")?,
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "message list",
        arguments: "FLOW",
        about: "Lists the last messages of a flow.",
        flags: &[&[
            option("--limit", "N", "how many; 50 by default"),
            option(
                "--before",
                "NUMBER",
                "only those with a lower number in the flow",
            ),
        ]],
        examples: &["morelia message list Family --limit 10"],
        build: |m| {
            Ok(Command::Message(MessageCommand::List {
                flow: m.argument("FLOW")?,
                limit: m.number("--limit")?.unwrap_or(LISTED),
                before: m.number("--before")?,
            }))
        },
    },
    Spec {
        path: "message send",
        arguments: "FLOW [TEXT]",
        about: "Sends a message. Connected clients get it at once. Without TEXT, the text is read \
                from standard input.",
        flags: &[&[option(
            "--as",
            "LOGIN",
            "the sender; by default an administrator, if possible a member",
        )]],
        examples: &[
            "morelia message send Family \"The server restarts at ten\"",
            "morelia message send Family --as anna -- \"-5 degrees\"",
        ],
        build: |m| {
            Ok(Command::Message(MessageCommand::Send {
                flow: m.argument("FLOW")?,
                text: m.optional_argument("TEXT")?,
                sender: m.text("--as")?,
            }))
        },
    },
    Spec {
        path: "message delete",
        arguments: "ID",
        about: "Deletes a message. Its text and files are also erased from the database.",
        flags: &[YES],
        examples: &["morelia message delete 2135987035920910082395021706169552114"],
        build: |m| {
            Ok(Command::Message(MessageCommand::Delete {
                id: m.argument("ID")?,
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "message search",
        arguments: "QUERY",
        about: "Searches the texts of all messages and the names of their files, newest first. \
                Words in double quotes must match exactly.",
        flags: &[&[
            option("--flow", "FLOW", "only in this flow"),
            option("--from", "LOGIN", "only by this user"),
            option(
                "--kind",
                "KIND",
                "only with a picture, video, audio, document, sticker or voice",
            ),
            option("--newer", "DURATION", "only messages younger than this"),
            option("--older", "DURATION", "only messages older than this"),
            option("--limit", "N", "how many; 50 by default"),
        ]],
        examples: &[
            "morelia message search birthday --flow Family",
            "morelia message search contract --kind document --newer 30d",
        ],
        build: |m| {
            Ok(Command::Message(MessageCommand::Search(MessageSearch {
                query: m.argument("QUERY")?,
                flow: m.text("--flow")?,
                from: m.text("--from")?,
                kinds: m.read("--kind", read_kind)?.unwrap_or(0),
                newer: m.read("--newer", read_duration)?,
                older: m.read("--older", read_duration)?,
                limit: m.number("--limit")?.unwrap_or(LISTED),
            })))
        },
    },
];

fn read_kind(text: &str) -> Result<i64, String> {
    kind_bit(text).ok_or_else(|| format!("{text:?} is none of {}", KINDS.join(", ")))
}
