//! Commands about the server itself, and about this program.

use super::{Flag, PASSWORD, Spec, YES, option, switch};
use crate::cli::command::{Command, ConfigCommand, Init, Serve, TlsCommand};
use crate::cli::matches::{Matches, UsageError};
use crate::config::{self, Override, Word};

pub(super) const COMMANDS: &[Spec] = &[
    Spec {
        path: "init",
        arguments: "",
        about: "Creates the configuration, the database and the first administrator. What exists \
                already is listed and left as it is (exit code 4, or 0 with --if-needed). Without \
                --admin, it asks for a login on the terminal.",
        flags: &[
            &[
                option(
                    "--admin",
                    "LOGIN",
                    "create an administrator with this login",
                ),
                option(
                    "--registration",
                    "open|invite|closed",
                    "who may create an account",
                ),
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
                switch("--if-needed", "exit with 0 if everything exists already"),
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
        about: "Runs the server. It stops on SIGTERM and Ctrl-C. On SIGHUP it reads the \
                certificate, limits and log level again. Each flag overrides a key of morelia.ini.",
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
        about: "Runs the server for this machine only: on 127.0.0.1, with every request in the log. \
                Takes the same flags as serve.",
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
        about: "Checks the whole setup, or one part of it, and says how to fix what is wrong. \
                Prints one line per result: ok, warn or FAIL; exit code 5 if there is a FAIL. With \
                --fix it offers each repair that it can make itself (owner, permissions, folder, \
                reload, unit), and then checks again.",
        flags: &[
            &[switch(
                "--fix",
                "offer the repairs that this command can make itself",
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
        about: "Makes the running server read its configuration, certificate and log file again. \
                Errors in them are reported first, and the server is left alone (exit code 78). \
                Also lists the changes that need a restart.",
        flags: &[],
        examples: &["morelia reload", "morelia reload --json"],
        build: |_| Ok(Command::Reload),
    },
    Spec {
        path: "status",
        arguments: "",
        about: "Shows connections, users, flows, messages, sizes and the last backup. Asks the \
                running server, or reads the database if no server runs. With --health it only says \
                whether the running server works: exit code 0 if it does, 1 if it does not, 69 if \
                no server runs.",
        flags: &[&[switch(
            "--health",
            "only say whether the running server works, for health checks of containers",
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
        about: "Prints the effective configuration.",
        flags: &[&[switch("--origin", "also show where each value comes from")]],
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
        about: "Copies the configuration file to the same folder.",
        flags: &[&[option(
            "--backup-name",
            "NAME",
            "name of the copy, instead of one with the date",
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
        about: "Restores a copy of the configuration file. The current file is kept beside it.",
        flags: &[
            &[option(
                "--source",
                "FILE",
                "the copy; the newest by default",
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
        about: "Prints a hardened systemd unit for this setup. With --sockets it prints a shell \
                script that writes socket units instead: systemd then opens the ports, and the \
                server needs no permission for ports below 1024.",
        flags: &[&[
            option(
                "--program",
                "FILE",
                "where the program will be installed, if not where it is now",
            ),
            switch("--sockets", "print the script for socket units instead"),
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
        about: "Shows the certificate: its issuer, names and end, whether the running server uses \
                it, and the next attempt to renew it.",
        flags: &[],
        examples: &["morelia tls status", "morelia tls status --json"],
        build: |_| Ok(Command::Tls(TlsCommand::Status)),
    },
    Spec {
        path: "tls renew",
        arguments: "",
        about: "Renews the certificate now, from the authority of [tls] acme or from the server's \
                own authority. A running server starts to use it by itself.",
        flags: &[&[switch(
            "--force",
            "renew even if the current one is still good or the authority asked to wait",
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
        about: "Shows the fingerprint of the server's own authority, to compare with the one at \
                /trust.",
        flags: &[],
        examples: &["morelia tls fingerprint"],
        build: |_| Ok(Command::Tls(TlsCommand::Fingerprint)),
    },
    Spec {
        path: "tls local-root",
        arguments: "",
        about: "Shows the server's own authority. With --new it creates another one, which every \
                device then has to trust again. With --offline it moves the authority's key to a \
                file, to be kept elsewhere; the current certificate works until it ends.",
        flags: &[
            &[
                switch("--new", "create another authority"),
                option("--offline", "FILE", "move its key to this file"),
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
        about: "Prints a configuration for a proxy in front of this server.",
        flags: &[],
        examples: &["morelia proxy-config nginx", "morelia proxy-config caddy"],
        build: |m| Ok(Command::ProxyConfig(m.word("proxy-config")?)),
    },
    Spec {
        path: "clean",
        arguments: "",
        about: "Removes the configuration and the database. Lists the files and asks first. Refuses \
                while a server runs.",
        flags: &[YES],
        examples: &["morelia clean", "morelia clean --yes"],
        build: |m| Ok(Command::Clean(m.confirmation())),
    },
];

pub(super) const PROGRAM: &[Spec] = &[
    Spec {
        path: "completions",
        arguments: "bash|zsh|fish|logins|flows",
        about: "Prints the completions for a shell. With logins or flows it prints the words \
                themselves, one per line.",
        flags: &[],
        examples: &[
            "morelia completions bash > ~/.local/share/bash-completion/completions/morelia",
        ],
        build: |m| Ok(Command::Completions(m.word("completions")?)),
    },
    Spec {
        path: "help",
        arguments: "[COMMAND]",
        about: "Explains a command, or lists all commands.",
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
        "listen on this port; 0 for any free one ([server] port)",
    ),
    option(
        "--log-level",
        "error|warn|info|debug|trace",
        "the lowest level to log ([logging] level)",
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
        "maximum number of connections ([limits] connections)",
    ),
    option("--limit-max-requests", "N", "stop after this many requests"),
    option(
        "--backlog",
        "N",
        "maximum number of connections that wait to be accepted ([server] backlog)",
    ),
    option(
        "--timeout-keep-alive",
        "SECONDS",
        "close an HTTP connection that is idle for so long ([server] keep_alive)",
    ),
    switch(
        "--reload",
        "accepted for compatibility with uvicorn, without effect: SIGHUP reloads the configuration",
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
