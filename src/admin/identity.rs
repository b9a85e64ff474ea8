//! The user as whom a command runs. A command that touches the server's files runs as the owner of these
//! files: files of root's among them would lock the server out, and other users may not read them.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use rustix::process::{Gid, Uid, geteuid};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};

use super::error::CliError;
use crate::cli::{BackupCommand, Command, Completion};
use crate::config::{self, ConfigError, Sources};

/// The lists of users and groups.
const USERS: &str = "/etc/passwd";
const GROUPS: &str = "/etc/group";

/// The owner of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Owner {
    user: u32,
    group: u32,
}

/// The access of a command to the server's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    /// Nothing.
    None,
    /// It reads or changes them, and no other files.
    Them,
    /// It also writes elsewhere, where only root may: it stays root and changes the owner of what it creates.
    Elsewhere,
}

fn touch(command: &Command) -> Touch {
    match command {
        Command::Serve(_)
        | Command::Check { fix: None, .. }
        | Command::Completions(Completion::Logins | Completion::Flows)
        | Command::Reload
        | Command::Status { .. }
        | Command::User(_)
        | Command::Session(_)
        | Command::Registration(_)
        | Command::Audit { .. }
        | Command::Invite(_)
        | Command::Hook(_)
        | Command::Bot(_)
        | Command::Flow(_)
        | Command::Message(_)
        | Command::Import(_)
        | Command::Db(_) => Touch::Them,
        Command::Backup(BackupCommand::Key { .. }) => Touch::None,
        Command::Backup(_) | Command::Export(_) | Command::Move(_) => Touch::Elsewhere,
        _ => Touch::None,
    }
}

/// Makes this process the owner of the database, if the process is root's; for another user it fails. Errors
/// in the configuration are left to the code that needs it. Call it before other threads are started.
///
/// # Errors
/// [`CliError::Forbidden`] for another user; the system did not let root become the owner.
pub(super) fn assume(command: &Command, sources: &Sources) -> Result<(), CliError> {
    let touch = touch(command);
    if touch == Touch::None {
        return Ok(());
    }
    let database = match sources.load() {
        Ok(loaded) => {
            // The running server rereads it on a signal, and must be able to.
            if let Some(file) = loaded
                .file
                .filter(|_| !matches!(command, Command::Serve(_)))
            {
                config::keep(&file);
            }
            loaded.config.database.path
        }
        Err(ConfigError::Unreadable { path, .. }) => return forbid(&path, Access::READ_OK),
        // The code that needs the configuration reports its errors.
        Err(_) => return Ok(()),
    };
    let database = &database;
    if !geteuid().is_root() {
        return forbid(database, Access::WRITE_OK);
    }
    let owner = nearest(database).filter(|owner| owner.user != 0);
    let Some(owner) = owner.filter(|_| touch == Touch::Them) else {
        return Ok(());
    };
    become_user(owner).map_err(|source| CliError::File {
        path: database.to_owned(),
        source,
    })
}

fn become_user(owner: Owner) -> io::Result<()> {
    let groups = fs::read_to_string(GROUPS).unwrap_or_default();
    let mut groups = name_of(owner.user)
        .map(|name| groups_of(&groups, &name))
        .unwrap_or_default();
    groups.push(owner.group);
    let groups: Vec<Gid> = groups.into_iter().map(Gid::from_raw).collect();
    set_thread_groups(&groups)?;
    set_thread_gid(Gid::from_raw(owner.group))?;
    set_thread_uid(Uid::from_raw(owner.user))?;
    Ok(())
}

/// Refuses files of another user that this user may not access.
fn forbid(path: &Path, wanted: Access) -> Result<(), CliError> {
    let is_denied = match access(path, wanted) {
        Ok(()) => false,
        Err(err) => io::Error::from(err).kind() == io::ErrorKind::PermissionDenied,
    };
    let own = geteuid().as_raw();
    let Some(owner) = nearest(path).filter(|owner| is_denied && owner.user != own) else {
        return Ok(());
    };
    let show = |user: u32| name_of(user).unwrap_or_else(|| format!("user {user}"));
    Err(CliError::Forbidden {
        path: path.to_owned(),
        owner: show(owner.user),
        user: show(own),
        command: command_line(std::env::args()),
    })
}

/// Returns the owner of a file, or, if it does not exist or cannot be accessed, of the nearest
/// folder around it.
fn nearest(path: &Path) -> Option<Owner> {
    let whole = std::path::absolute(path).unwrap_or_else(|_| PathBuf::from(path));
    let found = whole.ancestors().find_map(|path| fs::metadata(path).ok())?;
    Some(Owner {
        user: found.uid(),
        group: found.gid(),
    })
}

fn name_of(user: u32) -> Option<String> {
    let users = fs::read_to_string(USERS).ok()?;
    name_in(&users, user)
}

/// Returns the user and group number of a user.
pub(super) fn user_ids(name: &str) -> Option<(u32, u32)> {
    let users = fs::read_to_string(USERS).ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let is_it = fields.next() == Some(name);
        let user = fields.nth(1)?.parse().ok()?;
        let group = fields.next()?.parse().ok()?;
        is_it.then_some((user, group))
    })
}

fn name_in(users: &str, user: u32) -> Option<String> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(user)).then(|| name.to_owned())
    })
}

/// Returns the groups in which a user is listed.
fn groups_of(groups: &str, user: &str) -> Vec<u32> {
    let listed = groups.lines().filter_map(|line| {
        let mut fields = line.split(':').skip(2);
        let id = fields.next()?.parse().ok()?;
        let is_member = fields.next()?.split(',').any(|member| member == user);
        is_member.then_some(id)
    });
    listed.collect()
}

/// Returns the command to type instead, quoted for a shell.
fn command_line(words: impl Iterator<Item = String>) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:,@%=".contains(c);
    let quoted = words.map(|word| {
        if !word.is_empty() && word.chars().all(plain) {
            word
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    });
    format!("sudo {}", quoted.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_groups_are_found_by_the_systems_lists() {
        let users =
            "root:x:0:0:root:/root:/bin/sh\nmorelia:x:998:997::/var/lib/morelia:/bin/false\n";
        assert_eq!(name_in(users, 998).as_deref(), Some("morelia"));
        assert_eq!(name_in(users, 5), None);
        let groups =
            "root:x:0:\nmorelia:x:997:\nssl-cert:x:115:www,morelia\nbackup:x:34:morelia2\n";
        assert_eq!(groups_of(groups, "morelia"), [115]);
    }

    #[test]
    fn the_command_to_type_is_quoted() {
        let words = ["morelia", "message", "send", "Family", "it's late"];
        assert_eq!(
            command_line(words.map(str::to_owned).into_iter()),
            r"sudo morelia message send Family 'it'\''s late'"
        );
    }
}
