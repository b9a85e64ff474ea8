//! `reload`: makes the running server reload its configuration, after a check of it, and reports the result.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::error::CliError;
use super::print::Output;
use super::{result, status};
use crate::app::{self, AppError};
use crate::config::{Config, Sources};
use crate::exit::Exit;
use crate::server::BindError;
use crate::store::ServerLock;

/// How long the server may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is asked in the meantime.
const ASKED_EVERY: Duration = Duration::from_millis(50);

/// Runs the command.
///
/// # Errors
/// The configuration or the certificate is invalid, so that the server was left alone; no server is
/// running; it could not apply what it read.
pub(super) fn run(sources: &Sources, output: &Output) -> Result<Exit, CliError> {
    let config = sources.load()?.config;
    if let Some(Err(err)) = app::check_tls(&config) {
        return Err(AppError::from(BindError::from(err)).into());
    }
    let nobody = || CliError::Unreachable("no server runs on this database".to_owned());
    let pid = ServerLock::pid(&config.database.path).ok_or_else(nobody)?;
    let pid = Pid::from_raw(pid).ok_or_else(nobody)?;
    let before = said(&config).map_or(0, |said| count(&said));
    kill_process(pid, Signal::HUP).map_err(|err| CliError::File {
        path: format!("the server (process {})", pid.as_raw_nonzero()).into(),
        source: err.into(),
    })?;
    let end = Instant::now() + PATIENCE;
    let said = loop {
        match said(&config) {
            Some(said) if count(&said) > before => break said,
            _ if Instant::now() >= end => {
                return Err(CliError::Failed(
                    "the server was signalled but has not reported the result: see its log"
                        .to_owned(),
                ));
            }
            _ => std::thread::sleep(ASKED_EVERY),
        }
    };
    if let Some(why) = said["error"].as_str() {
        return Err(CliError::Failed(format!(
            "the server could not apply it: {why}"
        )));
    }
    let keys: Vec<&str> = said["restart"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let text = if keys.is_empty() {
        "the server has read its configuration again".to_owned()
    } else {
        format!(
            "the server has read its configuration again; these need a restart: {}",
            keys.join(", ")
        )
    };
    result(output, &json!({"reloaded": true, "restart": keys}), &text)
}

/// Returns what the running server says about its configuration.
fn said(config: &Config) -> Option<Value> {
    let health = status::ask(config)?.health.ok()?;
    Some(health["configuration"].clone())
}

fn count(said: &Value) -> u64 {
    said["reloads"].as_u64().unwrap_or(0)
}
