//! `setup`: a server from nothing, by flags and by answers, and once more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::acme::{self, Authority, NAME};
use super::common::eventually;
use super::common::https::{get, get_secure};
use super::common::port::free_port;
use super::common::program::{Output, Program};
use super::common::{Connection, PASSWORD, Server};
use super::terminal::Terminal;

/// A machine, as far as an installation sees it.
struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self) -> Program {
        Program::new(self.0.path())
            .arg("--config")
            .arg(self.path("etc/morelia.ini"))
    }

    fn setup(&self, more: &[&str]) -> Output {
        let folder = self.path("data");
        self.program()
            .args(["--json", "setup", "--yes", "--user", &me(), "--folder"])
            .arg(folder)
            .args(more)
            .stdin(format!("{PASSWORD}\n"))
            .run()
    }

    fn config(&self) -> String {
        fs::read_to_string(self.path("etc/morelia.ini")).expect("a configuration")
    }
}

/// Who runs the tests.
fn me() -> String {
    let output = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8(output.stdout)
        .expect("text")
        .trim()
        .to_owned()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(&output.stdout).unwrap_or_else(|err| panic!("{err}: {output:?}"))
}

#[test]
fn a_server_is_made_from_nothing_and_found_again() {
    let machine = Machine::new();
    let unit = machine.path("morelia.service");
    let unit = unit.to_str().expect("text");
    let refused = machine.setup(&["--unit", unit]).exits(2);
    assert!(refused.stderr.contains("--admin LOGIN"), "{refused:?}");
    assert!(
        !machine.path("etc").exists(),
        "nothing is made before everything is known"
    );
    let flags = [
        "--unit",
        unit,
        "--admin",
        "anna",
        "--password-stdin",
        "--group",
        "Family",
    ];
    let made = machine.setup(&flags);
    let made = json(&made);
    let link = made["group"]["link"].as_str().expect("a link").to_owned();
    let code = made["group"]["code"].as_str().expect("a code").to_owned();
    assert!(
        link.contains(&format!("/trust#next=/invite/{code}")),
        "{made}"
    );
    assert!(
        made["check"].as_array().is_some_and(|all| all.len() > 5),
        "{made}"
    );
    let text = fs::read_to_string(unit).expect("a unit");
    let config = machine.path("etc/morelia.ini").display().to_string();
    assert!(text.contains(&format!("--config {config} serve")), "{text}");
    assert!(text.contains(&machine.path("data").display().to_string()));
    assert!(machine.config().contains("\nlocal_ca = on\n"));
    assert!(machine.config().contains("\ninterval = 24h\n"));
    // Again: everything is there.
    let again = json(&machine.setup(&["--unit", unit]));
    assert_eq!(again["done"], serde_json::json!([]), "{again}");
    // What is answered differently changes, and nothing else.
    let before = machine.config();
    let changed = json(&machine.setup(&["--unit", unit, "--no-backup"]));
    assert_eq!(changed["done"][0]["what"], "configuration", "{changed}");
    assert_eq!(
        machine.config(),
        before.replace("\ninterval = 24h\n", "\ninterval = 0\n")
    );
    // The invitation leads a newcomer into the group.
    let running = machine
        .program()
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .env("MORELIA__SERVER__PLAIN_PORT", free_port().to_string())
        .start();
    let ready = running.line_with("listening on ");
    let port = ready
        .rsplit(':')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a port");
    let root = machine.path("etc/tls/local-root.pem");
    let (head, _) = get_secure(port, "localhost", &root, "/health").expect("trusted");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    drop(running);
    newcomer(&machine, &code);
}

/// Registers by an invitation and finds the group.
fn newcomer(machine: &Machine, code: &str) {
    let running = machine
        .program()
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .env("MORELIA__TLS__LOCAL_CA", "off")
        .start();
    let ready = running.line_with("listening on ");
    let port = ready
        .rsplit(':')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a port");
    let mut connection = Connection::open(port);
    let data = serde_json::json!({
        "user": [{"login": "boris", "password": PASSWORD, "username": "Boris", "auth_id": code}],
    });
    let reply = connection.request("register_user", &data);
    assert!(matches!(reply.code(), 200 | 201), "{reply}");
    let user = serde_json::json!([{"uuid": reply.users()[0]["uuid"], "auth_id": reply.users()[0]["auth_id"]}]);
    let flows = connection.request("all_flow", &serde_json::json!({"user": user}));
    assert!(flows.to_string().contains("Family"), "{flows}");
}

#[test]
fn answers_make_a_server_too() {
    let machine = Machine::new();
    fs::create_dir(machine.path("etc")).expect("made");
    let line = format!(
        "'{}' --config etc/morelia.ini setup --user {} --no-start",
        env!("CARGO_BIN_EXE_morelia"),
        me()
    );
    let mut terminal = Terminal::start_in(machine.0.path(), &line);
    let folder = machine.path("data").display().to_string();
    for (question, answer) in [
        ("Folder of the database", folder.as_str()),
        ("Domain name", ""),
        ("local certificate authority", "n"),
        ("daily backups", "-"),
        ("first administrator", "anna"),
        ("assword", PASSWORD),
        ("gain", PASSWORD),
        ("first group", ""),
    ] {
        terminal.shows(question).types(&format!("{answer}\n"));
    }
    terminal.shows("Nothing is encrypted here");
    terminal.ends();
    let config = machine.config();
    assert!(config.contains("\nlocal_ca = off\n") && config.contains("\ninterval = 0\n"));
    let users = machine
        .program()
        .args(["--json", "user", "list"])
        .run()
        .exits(0);
    assert_eq!(json(&users)["users"][0]["login"], "anna");
    let flows = machine
        .program()
        .args(["--json", "flow", "list"])
        .run()
        .exits(0);
    assert_eq!(json(&flows)["flows"][0]["title"], "Family");
}

#[test]
fn one_answer_brings_a_certificate() {
    let (machine, authority) = (Machine::new(), Authority::start());
    fs::create_dir(machine.path("etc")).expect("made");
    let line = format!(
        "'{}' --config etc/morelia.ini setup --user {} --no-start --no-backup --admin anna --group Family",
        env!("CARGO_BIN_EXE_morelia"),
        me()
    );
    let mut terminal = Terminal::start_in(machine.0.path(), &line);
    let folder = machine.path("data").display().to_string();
    for (question, answer) in [
        ("Folder of the database", folder.as_str()),
        ("Domain name", NAME),
        ("assword", PASSWORD),
        ("gain", PASSWORD),
    ] {
        terminal.shows(question).types(&format!("{answer}\n"));
    }
    // The invitation is for the name.
    terminal.shows(&format!("https://{NAME}/invite/"));
    terminal.ends();
    let config = machine.config();
    for line in [
        format!("acme = {NAME}"),
        "acme_terms = agreed".to_owned(),
        "port = 443".to_owned(),
        "http_port = 80".to_owned(),
        format!("public_url = https://{NAME}"),
    ] {
        assert!(config.contains(&format!("\n{line}\n")), "{line}: {config}");
    }
    // As the unit starts it, but for the authority and its ports.
    let directory = format!("https://localhost:{}/dir", authority.directory);
    let running = machine
        .program()
        .args(["serve", "--host", "127.0.0.1", "--port", "0"])
        .env("MORELIA__SERVER__HTTP_PORT", authority.http.to_string())
        .env("MORELIA__TLS__ACME_DIRECTORY", directory)
        .env("MORELIA__TLS__ACME_CA", acme::file("ca.pem"))
        .start();
    let ready = running.line_with("listening on ");
    let port = ready.rsplit(':').next().and_then(|it| it.parse().ok());
    let (port, root) = (port.expect("a port"), authority.root());
    let served = || get_secure(port, NAME, &root, "/health");
    let (head, _) = eventually(served, Result::is_ok).expect("a certificate that is trusted");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, _) = get(authority.http, NAME, "/", "");
    assert!(
        head.contains(&format!("location: https://{NAME}")),
        "{head}"
    );
}

#[test]
fn nothing_is_guessed_where_nobody_can_be_asked() {
    let machine = Machine::new();
    let asked = machine.program().args(["setup"]).run().exits(2);
    assert!(asked.stderr.contains("--yes"), "{asked:?}");
    for (flags, said) in [
        (vec!["--local-ca", "--plain"], "exclude each other"),
        (vec!["--try"], "--https"),
        (
            vec!["--backup-dir", "x", "--no-backup"],
            "exclude each other",
        ),
        (vec!["--admin", "anna"], "--generate"),
    ] {
        let refused = machine.setup(&flags).exits(2);
        assert!(refused.stderr.contains(said), "{flags:?}: {refused:?}");
    }
    let missing = machine.path("not/mounted");
    let missing = missing.to_str().expect("text");
    let flags = [
        "--admin",
        "anna",
        "--password-stdin",
        "--no-start",
        "--backup-dir",
        missing,
    ];
    let refused = machine.setup(&flags).exits(3);
    assert!(refused.stderr.contains("mounted"), "{refused:?}");
    // A server that is there already is taken as it is.
    let server = Server::initialised("open", &[]);
    let folder = server.folder().display().to_string();
    let found = server
        .command(["--json", "setup", "--yes", "--no-start", "--user", &me()])
        .run();
    let found = json(&found);
    assert_eq!(found["done"], serde_json::json!([]), "{found}");
    assert!(
        found["database"]
            .as_str()
            .is_some_and(|it| Path::new(it).starts_with(folder))
    );
}
