//! Files that the server may not write to: said when it starts, in a sentence, and not later.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown},
    path::Path,
    process::Command,
};

use super::contents;
use crate::common::{Program, Server, program::Output};

/// The account that has leave to nothing.
const NOBODY: u32 = 65534;

/// Whether the tests run as root, whom permissions don't stop.
fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout == b"0\n"
}

/// Serves as somebody without rights: as `nobody` when the tests run as root, else as ourselves.
fn serve_unprivileged(server: &Server) -> Output {
    let program = env!("CARGO_BIN_EXE_morelia");
    let args = [
        "--config",
        "morelia.ini",
        "serve",
        "--host",
        "127.0.0.1",
        "--port",
        "0",
    ];
    if !is_root() {
        return Program::new(server.folder()).args(args).run();
    }
    // The program may lie where only root may go: it is called by a path of everybody's.
    let copy = server.folder().join("program");
    fs::copy(program, &copy).expect("a copy");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("chmod");
    let output = Command::new("timeout")
        .args([
            "60",
            "setpriv",
            "--reuid",
            "65534",
            "--regid",
            "65534",
            "--clear-groups",
        ])
        .arg(&copy)
        .args(args)
        .current_dir(server.folder())
        .env("HOME", server.folder())
        .output()
        .expect("setpriv runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Output {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

/// Gives everything of a server to `nobody`, when we are root.
fn hand_over(server: &Server) {
    if !is_root() {
        return;
    }
    for entry in fs::read_dir(server.folder()).expect("the folder") {
        chown(entry.expect("an entry").path(), Some(NOBODY), Some(NOBODY)).expect("chown");
    }
    chown(server.folder(), Some(NOBODY), Some(NOBODY)).expect("chown");
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

#[track_caller]
fn is_a_sentence(output: &Output, names: &Path) {
    assert_eq!(output.code, Some(77), "{output:?}");
    let sentence = output.stderr.lines().last().unwrap_or_default();
    let name = names.file_name().expect("a name").to_str().expect("UTF-8");
    assert!(
        sentence.contains(name) && sentence.contains("let the server's user"),
        "{output:?}"
    );
    assert!(
        !sentence.contains("os error") && !output.stderr.contains("panicked"),
        "{output:?}"
    );
    assert_eq!(output.stdout, "", "it never says that it listens");
}

#[test]
fn files_without_leave_are_77_with_a_sentence() {
    let server = Server::initialised("open", &[]);
    hand_over(&server);
    let database = server.database();
    let before = contents(&server);
    // The database can be read and not written.
    chmod(&database, 0o400);
    is_a_sentence(&serve_unprivileged(&server), &database);
    // It cannot even be read.
    chmod(&database, 0o000);
    is_a_sentence(&serve_unprivileged(&server), &database);
    chmod(&database, 0o600);
    // Nothing can be made in its folder.
    fs::remove_file(server.folder().join("morelia.lock")).ok();
    for beside in ["morelia.db-wal", "morelia.db-shm"] {
        fs::remove_file(server.folder().join(beside)).ok();
    }
    if is_root() {
        chown(server.folder(), Some(0), Some(0)).expect("chown");
        chmod(server.folder(), 0o755);
    } else {
        chmod(server.folder(), 0o500);
    }
    is_a_sentence(&serve_unprivileged(&server), server.folder());
    chmod(server.folder(), 0o700);
    let find = |all: &[(String, Vec<u8>)]| {
        let found = all.iter().find(|(name, _)| name == "morelia.db");
        found.expect("the database").1.clone()
    };
    assert!(
        find(&before) == find(&contents(&server)),
        "the database is as it was"
    );
}

/// A folder that cannot be written to while this lives.
struct ReadOnly<'a>(&'a Path);

impl<'a> ReadOnly<'a> {
    fn mount(folder: &'a Path) -> Option<Self> {
        let run = |args: &[&str]| {
            let done = Command::new("mount").args(args).arg(folder).output();
            done.is_ok_and(|output| output.status.success())
        };
        let path = folder.to_str().expect("UTF-8");
        if !run(&["--bind", path]) {
            return None;
        }
        let mounted = Self(folder);
        run(&["-o", "remount,bind,ro"]).then_some(mounted)
    }
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn a_read_only_file_system_is_a_sentence() {
    let server = Server::initialised("open", &[]);
    let folder = server.folder().to_owned();
    let Some(mounted) = ReadOnly::mount(&folder) else {
        eprintln!("skipped: no leave to mount a file system here");
        return;
    };
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .run();
    assert_eq!(output.code, Some(74), "{output:?}");
    let sentence = output.stderr.lines().last().unwrap_or_default();
    assert!(
        sentence.contains("read-only") && sentence.contains("remount"),
        "{output:?}"
    );
    assert!(!sentence.contains("os error"), "{output:?}");
    drop(mounted);
    let mut server = server;
    server.serve();
    server.register("anna");
}
