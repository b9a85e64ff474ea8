//! Checks whether the systemd unit of the server matches the configuration.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Finding;
use super::repair::Repair;
use crate::admin::identity::user_ids;
use crate::admin::unit::{Setup, unit};
use crate::cli::CheckTopic;
use crate::config::Loaded;

const TOPIC: CheckTopic = CheckTopic::Config;

/// The paths of units of the administrator and of packages.
const UNITS: [&str; 3] = [
    "/etc/systemd/system/morelia.service",
    "/usr/local/lib/systemd/system/morelia.service",
    "/lib/systemd/system/morelia.service",
];

pub(super) fn examine(loaded: &Loaded) -> Vec<Finding> {
    let path = std::env::var_os("MORELIA_UNIT").map(PathBuf::from);
    let all = path.map_or_else(|| UNITS.map(PathBuf::from).to_vec(), |path| vec![path]);
    let Some((path, text)) = all
        .into_iter()
        .find_map(|path| Some((path.clone(), std::fs::read_to_string(path).ok()?)))
    else {
        return Vec::new();
    };
    let program = value(&text, "ExecStart").map(|line| first_word(line).to_owned());
    let Ok(setup) = Setup::of(loaded, program.as_deref().map(Path::new)) else {
        return Vec::new();
    };
    // A unit with another configuration belongs to another server.
    if !serves(&text, setup.config.as_deref()) {
        return Vec::new();
    }
    let mut found = judge(&path, &text, &setup);
    found.extend(unread(&path));
    found.extend(of_root(&text, &loaded.config.database.path));
    found
}

/// Whether systemd goes by an older unit than the one that lies there.
fn unread(path: &Path) -> Option<Finding> {
    let unit = path.file_name()?;
    let said = Command::new("systemctl")
        .args(["show", "--property=NeedDaemonReload", "--value"])
        .arg(unit)
        .output()
        .ok()?;
    (String::from_utf8_lossy(&said.stdout).trim() == "yes").then(|| {
        Finding::warn(
            TOPIC,
            format!(
                "systemd has not read {} since it was changed",
                path.display()
            ),
            "run `sudo systemctl daemon-reload && sudo systemctl restart morelia`",
        )
    })
}

/// Checks whether the database belongs to root while the server runs as another user.
fn of_root(text: &str, database: &Path) -> Option<Finding> {
    let user = value(text, "User")?;
    let is_root = std::fs::metadata(database).ok()?.uid() == 0;
    let (id, group) = user_ids(user).filter(|(id, _)| is_root && *id != 0)?;
    let finding = Finding::fail(
        CheckTopic::Database,
        format!(
            "the database belongs to root, but the server runs as {user}, who cannot write to it"
        ),
        format!(
            "sudo chown {user}: {}*; nothing is lost",
            database.display()
        ),
    );
    Some(finding.with(Repair::Own(database.to_owned(), id, group)))
}

/// Returns the values of a key, in the order of the file.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let of = |line: &'a str| {
        let (name, value) = line.trim().split_once('=')?;
        (name.trim() == key).then(|| value.trim())
    };
    text.lines().filter_map(of).collect()
}

fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    values(text, key).into_iter().next_back()
}

fn first_word(line: &str) -> &str {
    line.split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_matches('"')
}

fn serves(text: &str, config: Option<&Path>) -> bool {
    let Some(line) = value(text, "ExecStart") else {
        return false;
    };
    match (line.split_once("--config "), config) {
        (Some((_, rest)), Some(config)) => Path::new(first_word(rest)) == config,
        (None, _) => true,
        (Some(_), None) => false,
    }
}

fn judge(path: &Path, text: &str, setup: &Setup) -> Vec<Finding> {
    let mut wrong = Vec::new();
    let user = value(text, "User").unwrap_or("root");
    if user != setup.user {
        wrong.push(format!(
            "runs the server as {user}, but its files belong to {}",
            setup.user
        ));
    }
    if !setup.program.exists() {
        wrong.push(format!(
            "starts {}, which does not exist",
            setup.program.display()
        ));
    }
    let limit = value(text, "LimitNOFILE").and_then(|limit| limit.parse::<usize>().ok());
    if limit.is_some_and(|limit| limit < setup.connections) {
        wrong.push(format!(
            "allows {} open files, but limits.connections is {}",
            limit.unwrap_or(0),
            setup.connections
        ));
    }
    let has = |key: &str, word: &str| values(text, key).iter().any(|value| value.contains(word));
    if setup.port < 1024 && !has("AmbientCapabilities", "CAP_NET_BIND_SERVICE") {
        wrong.push(format!(
            "does not allow the port {}, which is below 1024",
            setup.port
        ));
    }
    if has("ProtectSystem", "strict") {
        let written = values(text, "ReadWritePaths").join(" ");
        for folder in &setup.writes {
            let is_covered = written.split_whitespace().any(|path| {
                let path = path.trim_matches('"').trim_start_matches(['-', '+']);
                folder.starts_with(path)
            });
            if !is_covered {
                wrong.push(format!(
                    "does not let the server write to {} (ReadWritePaths)",
                    folder.display()
                ));
            }
        }
    }
    if value(text, "ProtectHome").is_some_and(|value| ["yes", "true"].contains(&value))
        && setup
            .writes
            .iter()
            .any(|folder| folder.starts_with("/home"))
    {
        wrong.push("hides /home, where the server's files are".to_owned());
    }
    if value(text, "PrivateTmp").is_some_and(|value| ["yes", "true"].contains(&value))
        && setup
            .writes
            .iter()
            .any(|folder| folder.starts_with("/tmp") || folder.starts_with("/var/tmp"))
    {
        wrong.push("hides /tmp, where the server's files are (PrivateTmp)".to_owned());
    }
    let stop = value(text, "TimeoutStopSec").and_then(|value| value.parse::<u64>().ok());
    if stop.is_some_and(|stop| stop <= setup.shutdown_timeout.as_secs()) {
        wrong.push(format!(
            "kills the server after {} s, but server.shutdown_timeout is {} s",
            stop.unwrap_or(0),
            setup.shutdown_timeout.as_secs()
        ));
    }
    if value(text, "Restart").is_none_or(|value| value == "no") {
        wrong.push("does not restart the server when it fails (Restart)".to_owned());
    }
    wrong
        .into_iter()
        .map(|what| {
            Finding::fail(
                TOPIC,
                format!("the unit {} {what}", path.display()),
                format!(
                    "write it again and restart: `morelia service unit | sudo tee {} && sudo \
                     systemctl daemon-reload && sudo systemctl restart morelia`",
                    path.display()
                ),
            )
            .with(Repair::Unit(path.to_owned(), unit(setup)))
        })
        .collect()
}
