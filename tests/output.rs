//! How commands print: for people, for programs, and nothing but errors.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Program, Server};

/// An initialised folder.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    Program::new(folder.path())
        .args(["init", "--registration", "open"])
        .run()
        .exits(0);
    folder
}

#[test]
fn errors_for_programs_are_one_line_of_json_with_the_same_exit_code() {
    let folder = folder();
    for (args, code) in [
        (&["user", "lsit"][..], 2),
        (&["user", "show", "nobody"], 3),
        (&["flow", "show", "nowhere"], 3),
        (&["client", "ping", "ws://127.0.0.1:1/ws"], 69),
        (&["backup", "verify", "missing.db"], 3),
        (&["db", "prune", "--older", "30", "--yes"], 2),
        (&["init"], 4),
    ] {
        let plain = Program::new(folder.path()).args(args).run().exits(code);
        let output = Program::new(folder.path())
            .args(args)
            .arg("--json")
            .run()
            .exits(code);
        // What is there already is told as a result.
        if args == ["init"] {
            continue;
        }
        assert_eq!(output.stdout, "", "{args:?}");
        assert_eq!(output.stderr.lines().count(), 1, "{}", output.stderr);
        let error: Value = serde_json::from_str(&output.stderr).expect("JSON");
        let error = &error["error"];
        assert_eq!(error["code"], json!(code), "{error}");
        let message = error["message"].as_str().expect("a message");
        assert!(
            plain.stderr.contains(message),
            "{message}: {}",
            plain.stderr
        );
        if let Some(hint) = error["hint"].as_str() {
            assert!(message.ends_with(hint), "{error}");
        } else {
            assert_eq!(error["hint"], Value::Null);
        }
    }
    // A wrong configuration, too.
    let output = Program::new(folder.path())
        .args(["status", "--json"])
        .env("MORELIA__SERVER__PROT", "1")
        .run()
        .exits(78);
    let error: Value = serde_json::from_str(&output.stderr).expect("JSON");
    assert_eq!(error["error"]["code"], json!(78));
}

#[test]
fn every_result_is_json_where_programs_ask_for_it() {
    let folder = folder();
    for args in [
        &["config", "show"][..],
        &["config", "example"],
        &["service", "unit"],
        &["proxy-config", "nginx"],
        &["proxy-config", "caddy"],
        &["completions", "bash"],
        &["help"],
        &["help", "serve"],
        &["--version"],
        &["status"],
        &["db", "stats"],
        &["db", "check"],
        &["user", "list"],
        &["flow", "list"],
        &["invite", "list"],
        &["backup", "list"],
        &["registration"],
        &["audit"],
    ] {
        let output = Program::new(folder.path())
            .args(args)
            .arg("--json")
            .run()
            .exits(0);
        let document: Result<Value, _> = serde_json::from_str(&output.stdout);
        assert!(
            document.is_ok_and(|document| document.is_object()),
            "{args:?}: {}",
            output.stdout
        );
    }
    let output = Program::new(folder.path())
        .args(["--version", "--json"])
        .run()
        .exits(0);
    let version: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["schema"], json!(2));
    assert!(version["features"].is_array(), "{version}");
}

#[test]
fn only_errors_are_printed_where_nothing_else_is_wanted() {
    let folder = folder();
    let quiet = |args: &[&str]| Program::new(folder.path()).arg("-q").args(args);
    for args in [&["user", "list"][..], &["status"], &["db", "check"]] {
        let output = quiet(args).run().exits(0);
        assert_eq!((&*output.stdout, &*output.stderr), ("", ""), "{args:?}");
    }
    let output = quiet(&["user", "show", "nobody"]).run().exits(3);
    assert!(output.stderr.contains("nobody"), "{}", output.stderr);
    // What is shown this once is what such a command is for.
    let output = quiet(&["user", "add", "anna", "--generate"]).run().exits(0);
    let password = output.stdout.trim_end();
    assert!(
        password.len() > 12 && !password.contains(char::is_whitespace),
        "{password}"
    );
    let server = Server::start();
    let output = server.command(["-q", "invite", "create"]).run().exits(0);
    let link = output.stdout.trim_end();
    assert!(
        link.contains("/invite/") && link.lines().count() == 1,
        "{link}"
    );
    // What a check finds wrong is an error, and what it finds right is none.
    let certificate = ("MORELIA__TLS__CERTFILE", "/gone.pem");
    let key = ("MORELIA__TLS__KEYFILE", "/gone.key");
    let check = quiet(&["check"])
        .env(certificate.0, certificate.1)
        .env(key.0, key.1);
    let found = check.run().exits(5).stdout;
    assert!(
        found.lines().count() > 0 && found.lines().all(|line| line.starts_with("FAIL ")),
        "{found}"
    );
    let output = quiet(&["user", "list", "--json"]).run().exits(0);
    let listed: Value = serde_json::from_str(&output.stdout).expect("JSON");
    assert_eq!(listed["users"][0]["login"], "anna");
}

#[test]
fn a_file_that_exists_is_named_and_never_overwritten() {
    let folder = folder();
    let copy = |args: &[&str]| Program::new(folder.path()).args(args);
    let args = ["config", "backup", "--backup-name", "mine"];
    copy(&args).run().exits(0);
    let refused = copy(&args).run().exits(4);
    assert!(
        refused
            .stderr
            .contains("mine already exists; choose another name"),
        "{refused:?}"
    );
}

#[test]
fn each_line_has_its_priority_in_the_journal() {
    let folder = folder();
    let script = "JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2); export JOURNAL_STREAM
        \"$0\" user show nobody
        timeout --signal=TERM 2 \"$0\" serve --host 127.0.0.1 --port 0 >/dev/null";
    let output = Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_morelia")])
        .current_dir(folder.path())
        .env("HOME", folder.path())
        .output()
        .expect("a shell");
    let stderr = String::from_utf8_lossy(&output.stderr);
    for line in ["<3>morelia: ", "<6>[INFO] "] {
        assert!(
            stderr.lines().any(|it| it.starts_with(line)),
            "{line}: {stderr}"
        );
    }
    assert!(stderr.lines().all(|line| line.starts_with('<')), "{stderr}");
}
