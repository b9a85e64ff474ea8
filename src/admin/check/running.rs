//! Checks whether the running server uses the present configuration.

use std::os::unix::fs::MetadataExt as _;

use serde_json::Value;

use super::Finding;
use super::repair::Repair;
use crate::admin::status;
use crate::cli::CheckTopic;
use crate::config::Loaded;
use crate::store::ServerLock;

const TOPIC: CheckTopic = CheckTopic::Net;

/// Whether the server is the program that is installed.
fn version(running: Option<&str>) -> Option<Finding> {
    let installed = env!("CARGO_PKG_VERSION");
    let running = running.filter(|running| *running != installed)?;
    Some(Finding::warn(
        TOPIC,
        format!("the running server is Morelia {running}, but this program is {installed}"),
        "restart it: `sudo systemctl restart morelia`",
    ))
}

pub(super) fn examine(loaded: &Loaded) -> Vec<Finding> {
    let config = &loaded.config;
    let Some(running) = status::ask(config) else {
        return Vec::new();
    };
    let Ok(health) = running.health else {
        return Vec::new();
    };
    let said = &health["configuration"];
    let mut found = Vec::new();
    found.extend(version(health["version"].as_str()));
    let keys: Vec<&str> = said["restart"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if !keys.is_empty() {
        found.push(Finding::warn(
            TOPIC,
            format!(
                "the running server uses older values of {}",
                keys.join(", ")
            ),
            "restart it: `sudo systemctl restart morelia`",
        ));
    }
    if let Some(why) = said["error"].as_str() {
        found.push(Finding::fail(
            TOPIC,
            format!("the server could not apply its configuration: {why}"),
            "correct it and run `morelia reload`",
        ));
    }
    let changed = loaded
        .file
        .as_deref()
        .and_then(|file| std::fs::metadata(file).ok())
        .map(|file| file.mtime().saturating_mul(1000) + file.mtime_nsec() / 1_000_000);
    let read = said["read_at"].as_i64();
    if let (Some(changed), Some(read)) = (changed, read)
        && changed > read
    {
        let finding = Finding::warn(
            TOPIC,
            "morelia.ini was changed after the server read it",
            "run `morelia reload`, which also says what needs a restart",
        );
        found.push(match ServerLock::pid(&config.database.path) {
            Some(pid) => finding.with(Repair::Reload(pid)),
            None => finding,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_was_not_restarted_after_an_upgrade_is_told() {
        assert!(version(Some(env!("CARGO_PKG_VERSION"))).is_none());
        assert!(version(None).is_none());
        let found = version(Some("0.0.1"));
        assert!(found.is_some_and(|found| found.text.contains("Morelia 0.0.1")));
    }
}
