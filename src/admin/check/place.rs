//! Checks the folders that the server writes to: their owner, permissions, and whether they survive a
//! restart.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Access, access, statvfs};
use rustix::process::geteuid;

use super::Finding;
use super::repair::{Repair, name};
use crate::admin::copies::size;
use crate::admin::print::count;
use crate::cli::CheckTopic;
use crate::config::Config;
use crate::store::files_of;

const TOPIC: CheckTopic = CheckTopic::Disk;

/// With fewer free inodes than this they may soon be used up.
const FEW_INODES: u64 = 1000;

/// The names of copies that commands leave beside a database, after the database's own name.
const LEFT: [&str; 4] = [
    "schema-",
    "before-restore-",
    "before-rollback-",
    "before-unpack-",
];

/// After this time such a copy will hardly be needed.
const LONG_UNUSED: Duration = Duration::from_hours(30 * 24);

/// Folders that are empty after a restart of the machine.
const FORGOTTEN: [&str; 4] = ["/tmp", "/run", "/var/run", "/dev/shm"];

pub(super) fn examine(config: &Config) -> Vec<Finding> {
    let database = &config.database.path;
    let folder = folder_of(database);
    let mut found = owners(database, &folder);
    found.extend(writable("the folder of the database", &folder));
    if database.exists() {
        found.extend(writable("the database", database));
    }
    if let Some(log) = &config.logging.file {
        found.extend(log_folder(&folder_of(log)));
    }
    found.extend(inodes(&folder));
    found.extend(old_copies(database, &folder));
    let whole = fs::canonicalize(&folder).unwrap_or(folder);
    if let Some(forgotten) = FORGOTTEN.iter().find(|it| whole.starts_with(it)) {
        found.push(Finding::warn(
            TOPIC,
            format!("the database is in {forgotten}, which is emptied when the machine starts"),
            "stop the server, move the database to a permanent folder such as /var/lib/morelia, and \
             set path in section [database]",
        ));
    }
    found
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Checks whether the files beside the database belong to the owner of the database.
fn owners(database: &Path, folder: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    let Ok(own) = fs::metadata(database) else {
        return found;
    };
    let shown = name(own.uid());
    for file in files_of(database) {
        let Ok(beside) = fs::metadata(&file) else {
            continue;
        };
        if beside.uid() != own.uid() {
            let text = format!(
                "{} belongs to {}, but the database belongs to {shown}, who cannot write to it",
                file.display(),
                name(beside.uid())
            );
            let remedy = format!("sudo chown {shown} {}", file.display());
            let repair = Repair::Own(file, own.uid(), own.gid());
            found.push(Finding::fail(TOPIC, text, remedy).with(repair));
        }
    }
    if own.mode() & 0o600 != 0o600 {
        let text = format!("the user {shown} cannot both read and write the database");
        let remedy = format!("sudo chmod 600 {}", database.display());
        let repair = Repair::Mode(database.to_owned(), 0o600);
        found.push(Finding::fail(TOPIC, text, remedy).with(repair));
    }
    // Root can write anywhere; a server that runs as another user cannot.
    if let Ok(around) = fs::metadata(folder)
        && own.uid() != 0
        && around.uid() != own.uid()
        && around.permissions().mode() & 0o002 == 0
        && (around.gid() != own.gid() || around.permissions().mode() & 0o020 == 0)
    {
        let text = format!(
            "the folder {} belongs to {}, so {shown}, who owns the database, cannot create files in \
             it",
            folder.display(),
            name(around.uid())
        );
        let remedy = format!("sudo chown {shown} {}", folder.display());
        let repair = Repair::Own(folder.to_owned(), own.uid(), own.gid());
        found.push(Finding::fail(TOPIC, text, remedy).with(repair));
    }
    found
}

/// Checks whether this user, who is the server's, can write to a path.
fn writable(what: &str, path: &Path) -> Option<Finding> {
    let wanted = if path.is_dir() {
        Access::WRITE_OK | Access::EXEC_OK
    } else {
        Access::WRITE_OK | Access::READ_OK
    };
    let err = io::Error::from(access(path, wanted).err()?);
    let user = name(geteuid().as_raw());
    let shown = path.display();
    let (text, remedy) = match err.kind() {
        io::ErrorKind::NotFound => (
            format!("{what} does not exist: {shown}"),
            format!("create it: `sudo install -d -o {user} -m 700 {shown}`"),
        ),
        io::ErrorKind::ReadOnlyFilesystem => (
            format!("{what}, {shown}, is on a disk that is mounted read-only"),
            "find the reason with `dmesg`, and remount it for writing".to_owned(),
        ),
        _ => (
            format!("{user} cannot write to {what}, {shown}"),
            format!("make that user the owner: `sudo chown {user} {shown}`; nothing is lost"),
        ),
    };
    Some(Finding::fail(TOPIC, text, remedy))
}

/// Returns a finding about copies that commands left beside the database, unused for a long time.
fn old_copies(database: &Path, folder: &Path) -> Option<Finding> {
    let stem = database.file_stem()?.to_string_lossy().into_owned();
    let (mut bytes, mut names) = (0, Vec::new());
    for entry in fs::read_dir(folder).ok()?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(rest) = name.strip_prefix(&format!("{stem}.")) else {
            continue;
        };
        let is_copy = rest.split('.').next_back() == Some("db")
            && LEFT.iter().any(|left| rest.starts_with(left));
        let Ok(found) = entry.metadata() else {
            continue;
        };
        let age = found.modified().ok().and_then(|at| at.elapsed().ok());
        if is_copy && age.is_some_and(|age| age > LONG_UNUSED) {
            bytes += found.len();
            names.push(name);
        }
    }
    let first = names.first()?;
    let many = count(i64::try_from(names.len()).unwrap_or(i64::MAX), "file");
    Some(Finding::warn(
        TOPIC,
        format!(
            "copies of the database that commands kept more than 30 days ago use {}: {many}, such \
             as {first}",
            size(bytes)
        ),
        format!(
            "if everything works, remove those that you no longer need: `ls {}/{stem}.*.db`",
            folder.display()
        ),
    ))
}

fn log_folder(folder: &Path) -> Option<Finding> {
    let mut finding = writable("the folder of the log file", folder)?;
    if !folder.exists() {
        finding = finding.with(Repair::Folder(folder.to_owned()));
    }
    Some(finding)
}

/// Checks whether there are inodes for more files, whatever their size.
fn inodes(folder: &Path) -> Option<Finding> {
    let room = statvfs(folder).ok()?;
    // Some file systems do not count inodes.
    (room.f_files > 0 && room.f_favail < FEW_INODES).then(|| {
        Finding::fail(
            TOPIC,
            format!(
                "the disk of the database has room for only {} more files, whatever their size",
                room.f_favail
            ),
            "remove many small files (`df -i` shows where they are); nothing is lost",
        )
    })
}
