//! `status`: the state of the server, from the running server and from the database.

use serde_json::{Value, json};

use super::copies::size;
use super::error::CliError;
use super::print::Output;
use super::{document, text};
use crate::app::{self, backups};
use crate::client::{self, Address, Trust};
use crate::config::{Config, Loaded};
use crate::exit::Exit;
use crate::store::{ServerLock, statistics};

/// What a running server reports about itself.
pub(super) struct Running {
    /// Its address.
    pub(super) address: String,
    /// Its `/health`, or the reason why that could not be read.
    pub(super) health: Result<Value, String>,
}

/// Asks the server that runs on the database. `None` if none is running.
pub(super) fn ask(config: &Config) -> Option<Running> {
    let address = ServerLock::address(&config.database.path)?;
    let health = health(&address);
    Some(Running { address, health })
}

fn health(address: &str) -> Result<Value, String> {
    let parsed: Address = address
        .parse()
        .map_err(|_| "it has not said yet where it listens".to_owned())?;
    // Which certificate it shows is one of the questions.
    let asked = client::get(&parsed, &Trust::ThisMachine, "/health", &[]);
    let answer = block_on(asked)?.map_err(|err| err.to_string())?;
    serde_json::from_str(&answer.body).map_err(|_| "its /health is no JSON".to_owned())
}

/// Runs a future of the client to its end.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map(|runtime| runtime.block_on(work))
        .map_err(|err| format!("no threads: {err}"))
}

/// Runs the command.
///
/// # Errors
/// The database cannot be read.
pub fn run(loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let config = &loaded.config;
    let database = &config.database.path;
    let (stats, record, search) = super::on_database(database, config, async |service| {
        Ok((
            service.statistics().await?,
            service.backup_record().await?,
            app::search_state(service.search_state().await?),
        ))
    })?;
    let (file, log) = statistics::sizes(database);
    let running = ask(config);
    let flows = stats.chats + stats.channels + stats.groups;
    let backup = match backups::judge(&record, config.backup.interval) {
        backups::State::Fine(how) => how,
        backups::State::None => "none scheduled, none made".to_owned(),
        backups::State::Bad(why) => format!("WARNING: {why}"),
    };
    let certificate = super::encrypted::summary(config);
    if output.is_json() {
        let health = running.as_ref().map(|running| running.health.as_ref());
        let said = |key: &str| match health {
            Some(Ok(health)) => health[key].clone(),
            _ => Value::Null,
        };
        let value = json!({
            "running": running.is_some(),
            "address": running.as_ref().map(|running| &running.address),
            "status": said("status"),
            "version": said("version"),
            "uptime_seconds": said("uptime_seconds"),
            "connections": said("connections"),
            "users_online": said("users_online"),
            "users": stats.users,
            "flows": flows,
            "messages": stats.messages,
            "sessions": stats.sessions,
            "files": stats.files,
            "files_bytes": stats.files_bytes,
            "large_files": stats.large_files,
            "large_files_bytes": stats.large_files_bytes,
            "size_bytes": file,
            "log_bytes": log,
            "search": search,
            "last_backup": record.made_at.map(crate::model::Timestamp::seconds),
            "last_backup_file": record.path,
            "backup": backup,
            "certificate": certificate.map(|(value, _)| value),
        });
        return document(output, &value);
    }
    let mut lines = match &running {
        None => vec!["server       not running; this is from the file".to_owned()],
        Some(Running { address, health }) => match health {
            Ok(health) => vec![
                format!(
                    "server       {} {}, {}, up {}",
                    address,
                    health["version"].as_str().unwrap_or("?"),
                    health["status"].as_str().unwrap_or("?"),
                    duration(health["uptime_seconds"].as_u64().unwrap_or(0)),
                ),
                format!(
                    "connections  {}, users online {}",
                    health["connections"], health["users_online"]
                ),
            ],
            Err(why) => vec![format!("server       runs but does not answer: {why}")],
        },
    };
    lines.push(format!("users        {}", stats.users));
    lines.push(format!("sessions     {}", stats.sessions));
    lines.push(format!("flows        {flows}"));
    lines.push(format!("messages     {}", stats.messages));
    lines.push(format!(
        "files        {}, {}; of these {} beside the database",
        stats.files,
        bytes(stats.files_bytes),
        bytes(stats.large_files_bytes)
    ));
    lines.push(format!(
        "database     {}, {} and a log of {}",
        database.display(),
        size(file),
        size(log)
    ));
    lines.push(format!("search       {search}"));
    lines.push(format!("backup       {backup}"));
    lines.extend(certificate.map(|(_, text)| format!("certificate  {text}")));
    text(&lines.join("\n"))
}

/// Runs `status --health`.
///
/// # Errors
/// No server is running, or it does not answer or work.
pub(super) fn health_of(loaded: &Loaded, output: &Output) -> Result<Exit, CliError> {
    let database = &loaded.config.database.path;
    let running = ask(&loaded.config).ok_or_else(|| {
        CliError::Unreachable(format!(
            "no server runs on {}; start it with `morelia serve`",
            database.display()
        ))
    })?;
    let health = running.health.map_err(CliError::Unreachable)?;
    let status = health["status"].as_str().unwrap_or("unknown");
    if status != "ok" {
        return Err(CliError::Failed(format!(
            "the server at {} says {status}; see `morelia check`",
            running.address
        )));
    }
    if output.is_json() {
        return document(
            output,
            &json!({"status": status, "address": running.address}),
        );
    }
    text(status)
}

fn bytes(count: i64) -> String {
    size(count.max(0).unsigned_abs())
}

/// Returns a number of seconds in a form for people.
fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
