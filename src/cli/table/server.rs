//! Commands about the server itself, and about this program.

use super::{Flag, PASSWORD, Spec, YES, option, switch};
use crate::cli::command::{Command, ConfigCommand, Init, Serve, TlsCommand};
use crate::cli::matches::{Matches, UsageError};
use crate::config::{self, Override, Word};

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "init",
        arguments: "",
        about: "Makes what a server needs: morelia.ini, the database, the first administrator. Run \
                again it says what is there and changes nothing (exit code 4, or 0 with --if-needed). \
                Without --admin, a terminal is asked for a login.",
        flags: &[
            &[
                option("--admin", "LOGIN", "make this administrator"),
                option(
                    "--registration",
                    "open|invite|closed",
                    "who may make an account",
                ),
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
                switch("--if-needed", "succeed where everything is there already"),
            ],
            PASSWORD,
        ],
        examples: &[
            "morelia init --admin anna",
            "morelia init --admin anna --generate --registration open --if-needed",
            "morelia init --admin anna --https chat.example.org",
        ],
        build: |m| {
            Ok(Command::Init(Init {
                admin: m.text("--admin")?,
                registration: m.read("--registration", Word::read)?,
                https: m.read("--https", |text| {
                    config::keys::check("tls", "acme", text).map(|()| text.to_owned())
                })?,
                staging: m.switch("--try"),
                local_ca: m.switch("--local-ca"),
                if_needed: m.switch("--if-needed"),
                password: m.password()?,
            }))
        },
    },
    Spec {
        path: "serve",
        arguments: "",
        about: "Runs the server. It stops on SIGTERM and Ctrl-C, and reads certificate, limits and log \
                level again on SIGHUP. Each flag stands for a key of morelia.ini and wins over it.",
        flags: &[SERVE],
        examples: &[
            "morelia serve",
            "morelia serve --host 127.0.0.1 --port 8080 --log-level debug",
        ],
        build: |m| serve(m, &[]),
    },
    Spec {
        path: "devserver",
        arguments: "",
        about: "Runs the server for this machine only: on 127.0.0.1, with every request in the log. Takes \
                the flags of serve.",
        flags: &[SERVE],
        examples: &["morelia devserver", "morelia devserver --port 8080"],
        build: |m| {
            serve(
                m,
                &[
                    ("server", "host", "127.0.0.1"),
                    ("logging", "level", "debug"),
                    ("logging", "colors", "auto"),
                ],
            )
        },
    },
    Spec {
        path: "check",
        arguments: "[config|database|tls|net|clock|disk|backup]",
        about: "Examines everything, or one thing, and says what to do about it. One line each: ok, warn or \
                FAIL; exit code 5 if there is a FAIL. With --fix it offers, one by one, the repairs that it can \
                make itself (owner, permissions, folder, reload, unit), and looks again.",
        flags: &[
            &[switch(
                "--fix",
                "offer the repairs that can be made from here",
            )],
            YES,
        ],
        examples: &[
            "morelia check",
            "morelia check net",
            "morelia check --fix",
            "morelia --json check backup",
        ],
        build: |m| {
            let topic = m.optional_word("check")?;
            let fix = m.switch("--fix");
            let confirmation = m.confirmation();
            Ok(Command::Check {
                topic,
                fix: fix.then_some(confirmation),
            })
        },
    },
    Spec {
        path: "reload",
        arguments: "",
        about: "Has the running server read its configuration, certificate and log file again. What is wrong \
                is said first, and the server is left alone (exit code 78). Tells which changes need a \
                restart.",
        flags: &[],
        examples: &["morelia reload", "morelia reload --json"],
        build: |_| Ok(Command::Reload),
    },
    Spec {
        path: "status",
        arguments: "",
        about: "Shows connections, users, flows, messages, sizes and the last backup. Asks the running \
                server, or reads the file when it is stopped. With --health it only asks whether the running \
                server works: exit code 0, 1 if it does not, 69 if no server runs.",
        flags: &[&[switch(
            "--health",
            "only tell whether the running server works, for health checks of containers",
        )]],
        examples: &[
            "morelia status",
            "morelia status --json",
            "morelia status --health",
        ],
        build: |m| {
            Ok(Command::Status {
                health: m.switch("--health"),
            })
        },
    },
    Spec {
        path: "config show",
        arguments: "",
        about: "Prints the configuration that holds.",
        flags: &[&[switch("--origin", "and where each value comes from")]],
        examples: &["morelia config show", "morelia config show --origin"],
        build: |m| {
            Ok(Command::Config(ConfigCommand::Show {
                origin: m.switch("--origin"),
            }))
        },
    },
    Spec {
        path: "config example",
        arguments: "",
        about: "Prints the default configuration file with an explanation of every key.",
        flags: &[],
        examples: &["morelia config example > morelia.ini"],
        build: |_| Ok(Command::Config(ConfigCommand::Example)),
    },
    Spec {
        path: "config backup",
        arguments: "",
        about: "Copies the configuration file, beside it.",
        flags: &[&[option(
            "--backup-name",
            "NAME",
            "name of the copy, in place of one with the date",
        )]],
        examples: &[
            "morelia config backup",
            "morelia config backup --backup-name before-tls",
        ],
        build: |m| {
            Ok(Command::Config(ConfigCommand::Backup {
                name: m.text("--backup-name")?,
            }))
        },
    },
    Spec {
        path: "config restore",
        arguments: "",
        about: "Puts a copy of the configuration file back. The present file is kept beside it.",
        flags: &[
            &[option(
                "--source",
                "FILE",
                "the copy; without it the newest",
            )],
            YES,
        ],
        examples: &[
            "morelia config restore",
            "morelia config restore --source before-tls --yes",
        ],
        build: |m| {
            Ok(Command::Config(ConfigCommand::Restore {
                source: m.path("--source"),
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "service unit",
        arguments: "",
        about: "Prints a systemd unit for this setup, hardened. With --sockets it prints a shell script that \
                writes the units by which systemd itself listens on the ports, so that the server needs no \
                permission for those below 1024.",
        flags: &[&[
            option(
                "--program",
                "FILE",
                "where the program will be, if not where it is now",
            ),
            switch("--sockets", "print the socket units in place of it"),
        ]],
        examples: &[
            "morelia service unit > /etc/systemd/system/morelia.service",
            "morelia service unit --sockets > sockets.sh",
        ],
        build: |m| {
            Ok(Command::ServiceUnit {
                program: m.path("--program"),
                sockets: m.switch("--sockets"),
            })
        },
    },
    Spec {
        path: "tls status",
        arguments: "",
        about: "Shows the certificate that is used: by whom, for which names, until when, and what is \
                tried next.",
        flags: &[],
        examples: &["morelia tls status", "morelia tls status --json"],
        build: |_| Ok(Command::Tls(TlsCommand::Status)),
    },
    Spec {
        path: "tls renew",
        arguments: "",
        about: "Fetches the certificate of [tls] acme now, or makes the one by the server's own authority \
                anew. A running server takes it up.",
        flags: &[&[switch(
            "--force",
            "do it although the present one is good, or the authority asked to wait",
        )]],
        examples: &["morelia tls renew", "morelia tls renew --force"],
        build: |m| {
            Ok(Command::Tls(TlsCommand::Renew {
                force: m.switch("--force"),
            }))
        },
    },
    Spec {
        path: "tls fingerprint",
        arguments: "",
        about: "Shows the fingerprint of the server's own authority, to compare with the one at /trust.",
        flags: &[],
        examples: &["morelia tls fingerprint"],
        build: |_| Ok(Command::Tls(TlsCommand::Fingerprint)),
    },
    Spec {
        path: "tls local-root",
        arguments: "",
        about: "Shows the server's own authority. With --new it makes another one, which every device has \
                to trust anew. With --offline it moves the key of the authority into a file, for a drawer; \
                the present certificate then serves to its end.",
        flags: &[
            &[
                switch("--new", "make another authority"),
                option("--offline", "FILE", "move its key into this file"),
            ],
            YES,
        ],
        examples: &[
            "morelia tls local-root",
            "morelia tls local-root --new",
            "morelia tls local-root --offline /media/stick/morelia-root.key",
        ],
        build: |m| {
            Ok(Command::Tls(TlsCommand::LocalRoot {
                new: m.switch("--new"),
                offline: m.path("--offline"),
                confirmation: m.confirmation(),
            }))
        },
    },
    Spec {
        path: "tls forget",
        arguments: "",
        about: "Removes the account at the certificate authority and its certificates from this machine.",
        flags: &[YES],
        examples: &["morelia tls forget", "morelia tls forget --yes"],
        build: |m| Ok(Command::Tls(TlsCommand::Forget(m.confirmation()))),
    },
    Spec {
        path: "proxy-config",
        arguments: "nginx|caddy",
        about: "Prints the configuration of a proxy in front of this setup.",
        flags: &[],
        examples: &["morelia proxy-config nginx", "morelia proxy-config caddy"],
        build: |m| Ok(Command::ProxyConfig(m.word("proxy-config")?)),
    },
    Spec {
        path: "clean",
        arguments: "",
        about: "Removes configuration and database, after listing them and asking. Refuses while a server \
                runs.",
        flags: &[YES],
        examples: &["morelia clean", "morelia clean --yes"],
        build: |m| Ok(Command::Clean(m.confirmation())),
    },
];

pub(super) const PROGRAM: &[Spec] = &[
    Spec {
        path: "completions",
        arguments: "bash|zsh|fish|logins|flows",
        about: "Prints the completions for a shell. With logins or flows it prints the words that these \
                complete to, one a line.",
        flags: &[],
        examples: &[
            "morelia completions bash > ~/.local/share/bash-completion/completions/morelia",
        ],
        build: |m| Ok(Command::Completions(m.word("completions")?)),
    },
    Spec {
        path: "help",
        arguments: "[COMMAND]",
        about: "Explains a command, or lists all.",
        flags: &[&[switch("--man", "print the manual page, for `man -l`")]],
        examples: &[
            "morelia help",
            "morelia help user add",
            "morelia help --man > morelia.1",
        ],
        build: |m| {
            if m.switch("--man") {
                return Ok(Command::Manual);
            }
            let mut words = Vec::new();
            while let Some(word) = m.optional_argument("COMMAND")? {
                words.push(word);
            }
            Ok(Command::Help(words.join(" ")))
        },
    },
];

/// The flags of uvicorn that `serve` accepts, so that a unit file of the Python server still works.
const SERVE: &[Flag] = &[
    option(
        "--host",
        "ADDRESS",
        "listen on this address ([server] host)",
    ),
    option(
        "--port",
        "PORT",
        "listen on this port, 0 for any free one ([server] port)",
    ),
    option(
        "--log-level",
        "error|warn|info|debug|trace",
        "the least important lines of the log ([logging] level)",
    ),
    switch("--use-colors", "colour the log ([logging] colors)"),
    switch("--no-use-colors", "do not colour the log"),
    option(
        "--ssl-certfile",
        "FILE",
        "certificate and chain, PEM ([tls] certfile)",
    ),
    option("--ssl-keyfile", "FILE", "private key, PEM ([tls] keyfile)"),
    option(
        "--ssl-ca-certs",
        "FILE",
        "authorities of client certificates, PEM ([tls] ca_certs)",
    ),
    option(
        "--ssl-cert-reqs",
        "MODE",
        "none, optional or required, or 0, 1, 2 ([tls] cert_reqs)",
    ),
    option(
        "--limit-concurrency",
        "N",
        "connections at a time ([limits] connections)",
    ),
    option("--limit-max-requests", "N", "stop after so many requests"),
    option(
        "--backlog",
        "N",
        "connections that wait to be accepted ([server] backlog)",
    ),
    option(
        "--timeout-keep-alive",
        "SECONDS",
        "close an idle HTTP connection ([server] keep_alive)",
    ),
    switch(
        "--reload",
        "taken for uvicorn's sake and of no effect: SIGHUP reads the configuration again",
    ),
];

/// The key for which each flag with a value stands.
const OVERRIDES: &[(&str, &str, &str)] = &[
    ("--host", "server", "host"),
    ("--port", "server", "port"),
    ("--log-level", "logging", "level"),
    ("--ssl-certfile", "tls", "certfile"),
    ("--ssl-keyfile", "tls", "keyfile"),
    ("--ssl-ca-certs", "tls", "ca_certs"),
    ("--ssl-cert-reqs", "tls", "cert_reqs"),
    ("--limit-concurrency", "limits", "connections"),
    ("--backlog", "server", "backlog"),
    ("--timeout-keep-alive", "server", "keep_alive"),
];

/// Builds `serve` from its flags, which override `presets`, which override the configuration.
fn serve(
    m: &mut Matches,
    presets: &[(&'static str, &'static str, &str)],
) -> Result<Command, UsageError> {
    let mut overrides: Vec<Override> = presets
        .iter()
        .map(|&(section, key, value)| Override {
            section,
            key,
            value: value.to_owned(),
            flag: "devserver",
        })
        .collect();
    for &(flag, section, key) in OVERRIDES {
        let checked =
            |text: &str| config::keys::check(section, key, text).map(|()| text.to_owned());
        if let Some(value) = m.read(flag, checked)? {
            overrides.push(Override {
                section,
                key,
                value,
                flag,
            });
        }
    }
    let colors = [
        ("--use-colors", m.switch("--use-colors"), "always"),
        ("--no-use-colors", m.switch("--no-use-colors"), "never"),
        ("--no-color", m.global.no_color, "never"),
    ];
    for (flag, _, value) in colors.into_iter().filter(|(_, given, _)| *given) {
        overrides.push(Override {
            section: "logging",
            key: "colors",
            value: value.to_owned(),
            flag,
        });
    }
    Ok(Command::Serve(Serve {
        overrides,
        max_requests: m.number("--limit-max-requests")?,
        reload: m.switch("--reload"),
    }))
}
