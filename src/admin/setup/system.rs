//! What an installation creates in the system: user, folders, unit, start.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::geteuid;

use super::super::error::CliError;
use super::super::identity::user_ids;
use super::super::owner::Owner;
use super::Done;
use crate::config::{Config, Encryption};
use crate::server::user_name;

/// The path of the unit.
pub(super) const UNIT: &str = "/etc/systemd/system/morelia.service";

/// Creates the user if it does not exist. Returns the owner of the files; `None` if they belong to the
/// user who runs this.
pub(super) fn user(name: &str, done: &mut Done) -> Result<Option<Owner>, CliError> {
    if !geteuid().is_root() {
        return Ok(None);
    }
    if user_ids(name).is_none() {
        let arguments = [
            "--system",
            "--user-group",
            "--home-dir",
            "/",
            "--shell",
            "/usr/sbin/nologin",
            name,
        ];
        run("useradd", &arguments)?;
        done.say("user", name);
    }
    let (user, group) = user_ids(name).ok_or_else(|| {
        CliError::NotFound(format!(
            "there is no user {name} on this machine, also after useradd"
        ))
    })?;
    Ok(Owner::new(user, group))
}

/// Returns the owner of a file, unless that is root.
pub(super) fn owner_name(path: &Path) -> Option<String> {
    let id = fs::metadata(path).ok()?.uid();
    if id == 0 { None } else { user_name(id) }
}

/// Returns the user who runs this.
pub(super) fn own_name() -> String {
    let id = geteuid().as_raw();
    user_name(id).unwrap_or_else(|| id.to_string())
}

/// Creates the folders that the server writes to.
pub(super) fn folders(config: &Config, owner: Option<Owner>) -> Result<(), CliError> {
    let database = config.database.path.parent();
    folder(database.unwrap_or(Path::new(".")), owner)?;
    if !config.backup.interval.is_zero() {
        // One level only: a disk that is not mounted must not be mistaken for the folder on it.
        let backups = config.backup_dir();
        let parent = backups.parent().filter(|parent| *parent != Path::new(""));
        if let Some(parent) = parent.filter(|parent| !parent.exists()) {
            return Err(CliError::NotFound(format!(
                "{} does not exist, and backups are to be in it: is its disk mounted?",
                parent.display()
            )));
        }
        folder(&backups, owner)?;
    }
    if matches!(config.encryption(), Encryption::Acme | Encryption::Local) {
        folder(&config.tls.folder, owner)?;
    }
    Ok(())
}

fn folder(path: &Path, owner: Option<Owner>) -> Result<(), CliError> {
    if path.is_dir() || path == Path::new("") {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    Owner::give(owner, [path]);
    Ok(())
}

/// The path of the Debian package's unit.
const PACKAGED: &str = "/usr/lib/systemd/system/morelia.service";

/// Writes the unit if it differs or is missing. The package's unit is used if its text is the same.
pub(super) fn unit(path: &Path, text: &str, done: &mut Done) -> Result<(), CliError> {
    let is_there = |path: &Path| fs::read_to_string(path).is_ok_and(|there| there == text);
    if is_there(path) || !path.exists() && path == Path::new(UNIT) && is_there(Path::new(PACKAGED))
    {
        return Ok(());
    }
    fs::write(path, text).map_err(|source| CliError::File {
        path: path.to_owned(),
        source,
    })?;
    done.say("unit", &path.display().to_string());
    Ok(())
}

/// Makes systemd start or restart the server, now and whenever the machine starts.
pub(super) fn start(done: &mut Done) -> Result<(), CliError> {
    run("systemctl", &["daemon-reload"])?;
    run("systemctl", &["enable", "morelia.service"])?;
    run("systemctl", &["restart", "morelia.service"])?;
    done.say("started", "morelia.service");
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<(), CliError> {
    let line = format!("{program} {}", arguments.join(" "));
    let ran = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|source: io::Error| CliError::File {
            path: program.into(),
            source,
        })?;
    if ran.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&ran.stderr);
    Err(CliError::Failed(format!(
        "`{line}` failed: {}",
        said.lines().next().unwrap_or("it says nothing")
    )))
}
