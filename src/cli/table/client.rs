//! The built-in client.

use super::{Flag, PASSWORD, Spec, many, option, switch};
use crate::cli::command::Command;
use crate::cli::matches::{Matches, UsageError};
use crate::cli::nouns::{ClientAction, ClientCommand};

/// The choice of a token that `login` or `register` has stored.
const LOGIN: &[Flag] = &[option(
    "--login",
    "LOGIN",
    "act as this user; by default the one who signed in last",
)];

/// The certificates to trust, for servers with self-signed ones.
const CA: &[Flag] = &[option(
    "--ca",
    "FILE",
    "for wss: trust the certificates in this PEM file instead of the system's",
)];

/// Asks for what only some servers send.
const RICH: &[Flag] = &[switch(
    "--rich",
    "also accept what only this server tells: events of flows, reasons of refusals",
)];

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "client ping",
        arguments: "URL",
        about: "Checks whether an MTP server answers. Exit code 0 if it does, 69 if nothing \
                answers, 76 if something else does.",
        flags: &[CA],
        examples: &["morelia client ping ws://localhost:8000/ws"],
        build: |m| client(m, |_| Ok(ClientAction::Ping)),
    },
    Spec {
        path: "client register",
        arguments: "URL LOGIN",
        about: "Creates an account and keeps its token for the other commands.",
        flags: &[
            CA,
            &[option(
                "--code",
                "CODE",
                "the invitation code, if the server needs one",
            )],
            PASSWORD,
        ],
        examples: &["morelia client register wss://chat.example.org boris --code 7KQ2-M9XF"],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::Register {
                    login: m.argument("LOGIN")?,
                    code: m.text("--code")?,
                    password: m.password()?,
                })
            })
        },
    },
    Spec {
        path: "client login",
        arguments: "URL LOGIN",
        about: "Signs in and keeps the token for the other commands.",
        flags: &[CA, PASSWORD],
        examples: &["morelia client login wss://chat.example.org boris"],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::Login {
                    login: m.argument("LOGIN")?,
                    password: m.password()?,
                })
            })
        },
    },
    Spec {
        path: "client send",
        arguments: "URL FLOW [TEXT]",
        about: "Sends a message. Without TEXT, the text is read from standard input.",
        flags: &[
            CA,
            LOGIN,
            RICH,
            &[option(
                "--reply",
                "MESSAGE",
                "the id of the message that this one answers",
            )],
        ],
        examples: &["morelia client send ws://localhost:8000 17 \"Hello\""],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::Send {
                    reply: m.text("--reply")?,
                    flow: m.argument("FLOW")?,
                    text: m.optional_argument("TEXT")?,
                    login: m.text("--login")?,
                    rich: m.switch("--rich"),
                })
            })
        },
    },
    Spec {
        path: "client react",
        arguments: "URL MESSAGE EMOJI",
        about: "Adds a reaction to a message. MESSAGE is its id.",
        flags: &[CA, LOGIN, RICH, &[switch("--off", "remove the reaction")]],
        examples: &["morelia client react ws://localhost:8000 2130461 👍"],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::React {
                    message: m.argument("MESSAGE")?,
                    emoji: m.argument("EMOJI")?,
                    off: m.switch("--off"),
                    login: m.text("--login")?,
                    rich: m.switch("--rich"),
                })
            })
        },
    },
    Spec {
        path: "client history",
        arguments: "URL FLOW",
        about: "Prints the messages of a flow.",
        flags: &[CA, LOGIN, RICH],
        examples: &["morelia client history ws://localhost:8000 17"],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::History {
                    flow: m.argument("FLOW")?,
                    login: m.text("--login")?,
                    rich: m.switch("--rich"),
                })
            })
        },
    },
    Spec {
        path: "client watch",
        arguments: "URL",
        about: "Prints what happens as it happens. Connects again after a failure and misses \
                nothing.",
        flags: &[CA, LOGIN, RICH],
        examples: &[
            "morelia client watch ws://localhost:8000 --login boris",
            "morelia client watch ws://localhost:8000 --rich",
        ],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::Watch {
                    login: m.text("--login")?,
                    rich: m.switch("--rich"),
                })
            })
        },
    },
    Spec {
        path: "client raw",
        arguments: "URL",
        about: "Sends a request as it is and prints the answer.",
        flags: &[
            CA,
            &[
                option(
                    "--type",
                    "METHOD",
                    "the method, instead of the one in the file",
                ),
                option(
                    "--file",
                    "FILE",
                    "the request, or its data, as a JSON object; - reads it from standard input",
                ),
                many(option(
                    "--accept",
                    "WORD",
                    "add this word to the list that the request accepts, such as rich",
                )),
            ],
        ],
        examples: &[
            "morelia client raw --type ping_pong --file request.json ws://localhost:8000/ws",
            "morelia client raw --type all_flow --file request.json --accept rich ws://localhost:8000",
        ],
        build: |m| {
            client(m, |m| {
                let (method, file) = (m.text("--type")?, m.path("--file"));
                if method.is_none() && file.is_none() {
                    return Err(m.missing("--type or --file"));
                }
                Ok(ClientAction::Raw {
                    method,
                    file,
                    accept: m.texts("--accept")?,
                })
            })
        },
    },
    Spec {
        path: "client conformance",
        arguments: "URL",
        about: "Replays the protocol against a server and prints a line per case; exit code 5 if \
                one fails.",
        flags: &[
            CA,
            &[option(
                "--code",
                "CODE",
                "an invitation for the accounts that it creates",
            )],
        ],
        examples: &["morelia client conformance ws://localhost:8000/ws"],
        build: |m| {
            client(m, |m| {
                Ok(ClientAction::Conformance {
                    code: m.text("--code")?,
                })
            })
        },
    },
];

fn client(
    m: &mut Matches,
    action: fn(&mut Matches) -> Result<ClientAction, UsageError>,
) -> Result<Command, UsageError> {
    let url = m.argument("URL")?;
    Ok(Command::Client(ClientCommand {
        url,
        ca: m.path("--ca"),
        action: action(m)?,
    }))
}
