//! The operator's commands, one file each: they print, and leave the work to other modules.
//!
//! What belongs here: turning a parsed command into calls of the service, and its results into text
//! or JSON. What does not: SQL, permissions, parsing of arguments.

mod about;
pub mod audit;
pub mod backup;
pub mod bot;
pub mod check;
pub mod clean;
pub mod client;
pub mod completions;
pub mod config;
pub mod config_copies;
pub mod confirm;
mod copies;
pub mod db;
mod encrypted;
pub mod error;
mod event;
pub mod export;
pub mod flow;
pub mod hook;
mod hook_out;
mod identity;
pub mod import;
pub mod init;
pub mod invite;
pub mod message;
mod moving;
mod names;
mod owner;
pub mod password;
pub mod print;
pub mod proxy_config;
pub mod registration;
mod reload;
mod restore;
mod rollback;
mod sealed;
pub mod session;
mod setup;
mod sockets;
pub mod status;
mod terminal;
pub mod tls;
pub mod unit;
pub mod user;
mod wording;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::app::{self, Start};
use crate::cli::{self, Command, ConfigCommand, Global, Invocation, ProxyProgram, Verbosity};
use crate::config::{Config, Override, Sources};
use crate::exit::Exit;
use crate::service::Service;
use error::CliError;
use print::Output;

/// Runs a command, prints its result or error, and returns its exit code.
#[must_use]
pub fn run(invocation: &Invocation) -> Exit {
    let global = &invocation.global;
    print::choose(global.json, global.verbosity == Verbosity::Quiet);
    match dispatch(invocation) {
        Ok(exit) => exit,
        Err(err) => {
            print::error(&err.to_string(), err.exit());
            err.exit()
        }
    }
}

fn dispatch(invocation: &Invocation) -> Result<Exit, CliError> {
    let global = &invocation.global;
    let output = Output::new(global);
    identity::assume(&invocation.command, &sources(global, Vec::new()))?;
    match &invocation.command {
        Command::Setup(command) => setup::run(command, &sources(global, Vec::new()), &output),
        Command::Init(command) => init::run(command, &sources(global, Vec::new()), &output),
        Command::Serve(command) => {
            let start = Start {
                max_requests: command.max_requests,
                reload: command.reload,
                verbose: global.verbosity == Verbosity::Verbose,
                examine: check::rows,
                archive: export::write_archive,
            };
            let sources = sources(global, overrides(global, command));
            Ok(app::serve(start, &sources, print::line)?)
        }
        Command::Config(command) => configuration(command, &sources(global, Vec::new()), &output),
        Command::User(command) => user::run(command, &sources(global, Vec::new()), &output),
        Command::Session(command) => session::run(command, &sources(global, Vec::new()), &output),
        Command::Registration(mode) => {
            registration::run(*mode, &sources(global, Vec::new()), &output)
        }
        Command::Audit { limit, before } => {
            audit::run(*limit, *before, &sources(global, Vec::new()), &output)
        }
        Command::Invite(command) => invite::run(command, &sources(global, Vec::new()), &output),
        Command::Bot(command) => bot::run(command, &sources(global, Vec::new()), &output),
        Command::Hook(command) => hook::run(command, &sources(global, Vec::new()), &output),
        Command::Check { topic, fix } => {
            check::run(*topic, *fix, &sources(global, Vec::new()), &output)
        }
        Command::Reload => reload::run(&sources(global, Vec::new()), &output),
        Command::Status { health: true } => {
            status::health_of(&sources(global, Vec::new()).load()?, &output)
        }
        Command::Status { health: false } => {
            status::run(&sources(global, Vec::new()).load()?, &output)
        }
        Command::Clean(confirmation) => {
            let loaded = sources(global, Vec::new()).load()?;
            clean::run(*confirmation, &loaded, &output)
        }
        Command::Db(command) => {
            let sources = sources(global, Vec::new());
            db::run(command, &sources.load()?, &program(&sources), &output)
        }
        Command::Backup(command) => backup::run(command, &sources(global, Vec::new()), &output),
        Command::Move(command) => moving::run(command, &sources(global, Vec::new()), &output),
        Command::Flow(command) => flow::run(command, &sources(global, Vec::new()), &output),
        Command::Message(command) => message::run(command, &sources(global, Vec::new()), &output),
        Command::Import(command) => import::run(command, &sources(global, Vec::new()), &output),
        Command::Export(command) => export::run(command, &sources(global, Vec::new()), &output),
        Command::Client(command) => Ok(client::run(command, global)),
        Command::Completions(wanted) => {
            completions::run(*wanted, &sources(global, Vec::new()), &output)
        }
        Command::ServiceUnit { sockets: true, .. } => {
            let loaded = sources(global, Vec::new()).load()?;
            named(&output, "script", &sockets::script(&loaded.config))
        }
        Command::ServiceUnit { program, .. } => {
            let loaded = sources(global, Vec::new()).load()?;
            let setup =
                unit::Setup::of(&loaded, program.as_deref()).map_err(|source| CliError::File {
                    path: "the program".into(),
                    source,
                })?;
            named(&output, "unit", &unit::unit(&setup))
        }
        Command::Tls(command) => tls::run(command, &sources(global, Vec::new()), &output),
        Command::ProxyConfig(program) => {
            let loaded = sources(global, Vec::new()).load()?;
            let setup = proxy_config::Setup::of(&loaded.config);
            let made = match program {
                ProxyProgram::Nginx => proxy_config::nginx(&setup),
                ProxyProgram::Caddy => proxy_config::caddy(&setup),
            };
            named(&output, "configuration", &made)
        }
        Command::Help(name) => {
            let help = cli::help::about(name).map_err(|err| CliError::Usage(err.to_string()))?;
            named(&output, "help", &help)
        }
        Command::Manual => named(&output, "manual", &cli::manual::page()),
        Command::Version => result(&output, &version()?, &cli::help::version()),
    }
}

/// Returns the sources of the configuration.
fn sources(global: &Global, overrides: Vec<Override>) -> Sources {
    Sources::of_process(global.config.clone(), overrides)
}

/// Returns how to call this program again with the same configuration: with `--config` if it would
/// not find the file by itself.
fn program(sources: &Sources) -> String {
    let Some(named) = &sources.named else {
        return "morelia".to_owned();
    };
    let by_itself = Sources {
        named: None,
        ..sources.clone()
    };
    let found = by_itself.load().ok().and_then(|loaded| loaded.file);
    let same = |path: &Path| std::fs::canonicalize(path).ok();
    if found.is_some_and(|found| same(&found) == same(named)) {
        return "morelia".to_owned();
    }
    let text = named.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+:,@%".contains(c);
    if text.chars().all(is_plain) {
        format!("morelia --config {text}")
    } else {
        format!("morelia --config '{}'", text.replace('\'', r"'\''"))
    }
}

/// Returns the flags of `serve` that stand for keys, including the global ones that do.
fn overrides(global: &Global, command: &cli::Serve) -> Vec<Override> {
    let mut overrides = Vec::new();
    let mut set = |key, value: &str, flag| {
        overrides.push(Override {
            section: "logging",
            key,
            value: value.to_owned(),
            flag,
        });
    };
    match global.verbosity {
        Verbosity::Quiet => set("level", "error", "--quiet"),
        Verbosity::Verbose => set("level", "debug", "-v"),
        Verbosity::Normal => {}
    }
    if global.no_color {
        set("colors", "never", "--no-color");
    }
    overrides.extend(command.overrides.iter().cloned());
    overrides
}

fn configuration(
    command: &ConfigCommand,
    sources: &Sources,
    output: &Output,
) -> Result<Exit, CliError> {
    match command {
        ConfigCommand::Example => named(output, "example", &config::example()),
        ConfigCommand::Show { origin } => {
            let loaded = sources.load()?;
            if output.is_json() {
                document(output, &config::show_json(&loaded, *origin))
            } else {
                text(&config::show(&loaded, *origin))
            }
        }
        ConfigCommand::Backup { name } => config_copies::backup(name.as_deref(), sources, output),
        ConfigCommand::Restore {
            source,
            confirmation,
        } => config_copies::restore(source.as_deref(), *confirmation, sources, output),
    }
}

/// Prints a result in the requested form.
fn result(output: &Output, document_: &Value, text_: &str) -> Result<Exit, CliError> {
    if output.is_json() {
        document(output, document_)
    } else {
        text(text_)
    }
}

/// Prints a text as the result; for programs, under a name.
fn named(output: &Output, name: &str, text: &str) -> Result<Exit, CliError> {
    result(output, &json!({name: text}), text)
}

/// Returns the version of this program, for programs.
fn version() -> Result<Value, CliError> {
    let mut version = serde_json::to_value(app::version())
        .map_err(|error| CliError::Failed(error.to_string()))?;
    version["schema"] = crate::store::newest_schema().into();
    Ok(version)
}

/// Prints a result with a secret that is shown only this once: with `--quiet`, the secret alone is printed.
fn secret(output: &Output, document_: &Value, text: &str, secret: &str) -> Result<Exit, CliError> {
    if output.is_json() {
        return document(output, document_);
    }
    print::secret(text.trim_end_matches('\n'), secret)
        .map(|()| Exit::Ok)
        .or_else(closed)
}

/// Runs a function with the service on the configured database.
fn with_service<T>(
    sources: &Sources,
    work: impl AsyncFnOnce(&Service, &Config) -> Result<T, CliError>,
) -> Result<T, CliError> {
    let config = sources.load()?.config;
    on_database(&config.database.path, &config, async |service| {
        work(&service, &config).await
    })
}

/// Runs a function with the service on a database.
fn on_database<T>(
    database: &Path,
    config: &Config,
    work: impl AsyncFnOnce(Arc<Service>) -> Result<T, CliError>,
) -> Result<T, CliError> {
    app::with_service(database, config, work)
}

/// Prints a result for people.
fn text(text: &str) -> Result<Exit, CliError> {
    print::line(text.trim_end_matches('\n'))
        .map(|()| Exit::Ok)
        .or_else(closed)
}

/// Prints a result for programs.
fn document(output: &Output, document: &Value) -> Result<Exit, CliError> {
    output.document(document).map(|()| Exit::Ok).or_else(closed)
}

/// `morelia config show | head` is not a failure.
fn closed(source: std::io::Error) -> Result<Exit, CliError> {
    if source.kind() == std::io::ErrorKind::BrokenPipe {
        Ok(Exit::Ok)
    } else {
        Err(CliError::File {
            path: "standard output".into(),
            source,
        })
    }
}
