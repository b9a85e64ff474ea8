//! Which user a command runs as: files of root's among the server's would lock it out.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};

use crate::common::Server;

/// Accounts that own nothing on a system: the one that the server runs as here, and another.
const SERVICE: u32 = 65534;
const SOMEBODY: u32 = 12_345;

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id runs");
    output.stdout == b"0\n"
}

/// A copy of the program where everybody may go.
fn program(server: &Server) -> std::path::PathBuf {
    let copy = server.folder().join("program");
    if !copy.exists() {
        // By another process: what this one has open for writing, its children may hold open.
        let done = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_morelia"))
            .arg(&copy)
            .status();
        assert!(done.is_ok_and(|status| status.success()), "a copy");
        fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    copy
}

/// Runs a command as a user, who must be ourselves where we are not root.
fn run_as(server: &Server, user: u32, args: &[&str]) -> Output {
    let program = program(server);
    let mut command = if is_root() {
        let user = user.to_string();
        let mut command = Command::new("setpriv");
        command
            .args(["--reuid", &user, "--regid", &user, "--clear-groups"])
            .arg(&program);
        command
    } else {
        Command::new(&program)
    };
    command
        .args(["--config", "morelia.ini"])
        .args(args)
        .current_dir(server.folder())
        .env("HOME", server.folder())
        .output()
        .expect("the program runs")
}

fn hand_over(folder: &Path, user: u32) {
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        chown(&path, Some(user), Some(user)).expect("chown");
    }
    chown(folder, Some(user), Some(user)).expect("chown");
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn root_becomes_the_user_to_whom_the_database_belongs() {
    let server = Server::initialised("open", &[]);
    if !is_root() {
        // Without root there is nobody to become: the command works as it is.
        assert!(run_as(&server, 0, &["user", "list"]).status.success());
        return;
    }
    hand_over(server.folder(), SERVICE);
    for args in [
        &["user", "add", "anna", "--generate"][..],
        &["flow", "create", "group", "--owner", "anna", "--title", "G"],
        &["message", "send", "G", "hello", "--as", "anna"],
        &["check"],
        &["status"],
        &["db", "check"],
        &["backup"],
    ] {
        let output = run_as(&server, 0, args);
        assert!(
            matches!(output.status.code(), Some(0 | 5)),
            "{args:?}: {}",
            said(&output)
        );
        for entry in fs::read_dir(server.folder()).expect("the folder") {
            let path = entry.expect("an entry").path();
            if path.ends_with("program") {
                continue;
            }
            let owner = fs::metadata(&path).expect("metadata").uid();
            assert_eq!(owner, SERVICE, "{args:?} leaves {}", path.display());
        }
    }
}

#[test]
fn somebody_else_is_told_the_command_to_type() {
    let server = Server::initialised("open", &[]);
    if !is_root() {
        return somebody_elses_file_is_told(&server);
    }
    hand_over(server.folder(), SERVICE);
    let told = "belongs to nobody, and this is user 12345: type `sudo ";
    let refused = |args: &[&str]| {
        let output = run_as(&server, SOMEBODY, args);
        assert_eq!(
            output.status.code(),
            Some(77),
            "{args:?}: {}",
            said(&output)
        );
        assert!(output.stdout.is_empty(), "{args:?}");
        said(&output)
    };
    chmod(&server.folder().join("morelia.ini"), 0o644);
    chmod(server.folder(), 0o755);
    for args in [
        &["user", "list"][..],
        &["status"],
        &["check"],
        &["invite", "create"],
        &["backup"],
        &["export", "--all", "--to", "out"],
    ] {
        let said = refused(args);
        assert!(said.contains(told), "{args:?}: {said}");
        assert!(said.contains(&args.join(" ")), "{args:?}: {said}");
    }
    // What may not be read is not absent.
    chmod(&server.folder().join("morelia.ini"), 0o640);
    let said = refused(&["user", "list"]);
    assert!(
        said.contains("morelia.ini") && said.contains(told),
        "{said}"
    );
    let json: Value = serde_json::from_str(&refused(&["user", "list", "--json"])).expect("JSON");
    assert_eq!(json["error"]["code"], json!(77));
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

/// The same without root, with a file of root's.
fn somebody_elses_file_is_told(server: &Server) {
    let output = Command::new(program(server))
        .args(["user", "list"])
        .env("MORELIA__DATABASE__PATH", "/etc/shadow")
        .current_dir(server.folder())
        .output()
        .expect("the program runs");
    assert_eq!(output.status.code(), Some(77), "{}", said(&output));
    assert!(
        said(&output).contains("belongs to root"),
        "{}",
        said(&output)
    );
}
