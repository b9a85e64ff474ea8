//! What `check` says of situations that operators get into, each made for real; and that following its
//! advice ends them and loses nothing.

mod certificate;
mod configuration;
mod files;
mod lost;
mod network;
mod served;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::common::Server;
use super::transport::fixture;

/// How a situation is made, or ended.
type Step = fn(&mut Server);

/// A situation, and what is to be said of it.
struct Situation {
    /// What is the matter.
    name: &'static str,
    /// How it comes about.
    make: Step,
    /// `warn` or `FAIL`, and the topic.
    says: (&'static str, &'static str),
    /// Words of the finding.
    text: &'static str,
    /// Words of what to do.
    remedy: &'static str,
    /// That is done; nothing where only the machine's owner can.
    mend: Option<Step>,
}

fn tls(name: &str) -> String {
    fixture(name).display().to_string()
}

fn folder(server: &Server, name: &str) -> PathBuf {
    server.folder().join(name)
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("chmod");
}

fn edit(server: &Server, from: &str, to: &str) {
    let text = fs::read_to_string(server.config()).expect("a configuration");
    assert!(text.contains(from), "{from}");
    fs::write(server.config(), text.replace(from, to)).expect("written");
}

fn with_files(server: &mut Server, certificate: &str, key: &str) {
    server.set("tls.certfile", certificate);
    server.set("tls.keyfile", key);
}

fn good_files(server: &mut Server) {
    with_files(server, &tls("server.pem"), &tls("server.key"));
}

fn backup(server: &Server) -> PathBuf {
    let made = server.command(["--json", "backup"]).run().exits(0).stdout;
    let made: Value = serde_json::from_str(&made).expect("JSON");
    PathBuf::from(made["file"].as_str().expect("a file"))
}

/// The findings of a server, as `level topic text: remedy`.
fn findings(server: &Server) -> Vec<Value> {
    let checked = server.command(["--json", "check"]).run();
    let document: Value =
        serde_json::from_str(&checked.stdout).unwrap_or_else(|err| panic!("{err}: {checked:?}"));
    document["checks"].as_array().expect("a list").clone()
}

fn is_said(findings: &[Value], situation: &Situation) -> bool {
    findings.iter().any(|found| {
        let has =
            |key: &str, words: &str| found[key].as_str().is_some_and(|text| text.contains(words));
        let whole = format!(
            "{}: {}",
            found["text"].as_str().unwrap_or_default(),
            found["remedy"].as_str().unwrap_or_default()
        );
        found["result"] == situation.says.0
            && found["topic"] == situation.says.1
            && has("text", situation.text)
            && whole.contains(situation.remedy)
    })
}

/// Tells whether what is advised is to give a file its owner or mode, which the program can do itself.
fn is_mended_by_one_command(findings: &[Value], situation: &Situation) -> bool {
    let mut remedies = findings
        .iter()
        .filter(|found| is_said(std::slice::from_ref(found), situation))
        .filter_map(|found| found["remedy"].as_str());
    remedies.any(|remedy| {
        let command = remedy.strip_prefix("sudo ").unwrap_or(remedy);
        ["chmod ", "chown "]
            .iter()
            .any(|it| command.starts_with(it))
    })
}

#[track_caller]
fn all(situations: &[Situation]) {
    for situation in situations {
        let name = situation.name;
        let mut server = Server::initialised(
            "invite",
            &[("server.port", "0"), ("server.host", "127.0.0.1")],
        );
        (situation.make)(&mut server);
        let found = findings(&server);
        assert!(is_said(&found, situation), "{name}: {found:#?}");
        if is_mended_by_one_command(&found, situation) {
            let mut other = Server::initialised(
                "invite",
                &[("server.port", "0"), ("server.host", "127.0.0.1")],
            );
            (situation.make)(&mut other);
            other.command(["check", "--fix", "--yes"]).run();
            let found = findings(&other);
            assert!(!is_said(&found, situation), "{name}, by --fix: {found:#?}");
        }
        let Some(mend) = situation.mend else { continue };
        mend(&mut server);
        let found = findings(&server);
        assert!(!is_said(&found, situation), "{name}, mended: {found:#?}");
        // The advice loses nothing: whoever was there still is.
        if !name.starts_with("nobody") {
            let users = server
                .command(["--json", "user", "list"])
                .run()
                .exits(0)
                .stdout;
            assert!(users.contains("\"admin\""), "{name}: {users}");
        }
    }
}

#[test]
fn configuration() {
    all(configuration::CONFIGURATION);
}

#[test]
fn network() {
    all(network::NETWORK);
}

#[test]
fn habits() {
    all(network::HABITS);
}

#[test]
fn lost() {
    all(lost::LOST);
}

#[test]
fn at_least_sixty_are_told() {
    let tables: [&[Situation]; 9] = [
        configuration::CONFIGURATION,
        configuration::UNIT,
        files::DATABASE,
        files::PLACES,
        files::BACKUPS,
        certificate::CERTIFICATE,
        network::NETWORK,
        network::HABITS,
        lost::LOST,
    ];
    let count: usize = tables.iter().map(|table| table.len()).sum();
    assert!(count >= 60, "{count}");
}

#[test]
fn unit() {
    all(configuration::UNIT);
}

#[test]
fn database() {
    all(files::DATABASE);
}

#[test]
fn certificate() {
    all(certificate::CERTIFICATE);
}

#[test]
fn places() {
    all(files::PLACES);
}

#[test]
fn backups() {
    all(files::BACKUPS);
}

#[test]
fn a_stick_that_is_not_mounted_is_no_folder() {
    let stick = match tempfile::tempdir_in("/dev/shm") {
        Ok(stick) => stick,
        Err(err) => return println!("skipped: there is no second disk: {err}"),
    };
    let mut server = Server::initialised("open", &[("backup.interval", "24h")]);
    let mount = folder(&server, "stick");
    server.set("backup.dir", &mount.display().to_string());
    std::os::unix::fs::symlink(stick.path(), &mount).expect("mounted");
    backup(&server);
    let is_lost = |server: &Server| {
        findings(server).iter().any(|found| {
            found["result"] == "FAIL"
                && found["text"]
                    .as_str()
                    .is_some_and(|text| text.contains("which is not mounted at"))
        })
    };
    assert!(!is_lost(&server));
    // What is left of a disk that is not mounted is an empty folder.
    fs::remove_file(&mount).expect("unmounted");
    fs::create_dir(&mount).expect("a folder");
    assert!(is_lost(&server));
    let refused = server.command(["backup"]).run().exits(1);
    assert!(refused.stderr.contains("not mounted"), "{refused:?}");
    server.serve();
    server.stop();
    assert_eq!(
        fs::read_dir(&mount).expect("it").count(),
        0,
        "nothing was put there"
    );
    fs::remove_dir(&mount).expect("removed");
    std::os::unix::fs::symlink(stick.path(), &mount).expect("mounted");
    assert!(!is_lost(&server));
    backup(&server);
}

#[test]
fn a_running_server_is_asked() {
    let mut server = Server::initialised("open", &[]);
    server.serve();
    let said = |server: &Server, words: &str| {
        findings(server).iter().any(|found| {
            found["text"]
                .as_str()
                .is_some_and(|text| text.contains(words))
        })
    };
    assert!(!said(&server, "was changed after"));
    // Changed and not read, changed and read, changed and in need of a restart.
    std::thread::sleep(std::time::Duration::from_millis(20));
    edit(&server, "\nbacklog = 2048", "\nbacklog = 1000");
    assert!(said(&server, "was changed after the server read it"));
    server.command(["check", "--fix", "--yes", "net"]).run();
    super::common::eventually(|| said(&server, "was changed after"), |it| !it);
    assert!(said(&server, "older values of server.backlog"));
    server.restart();
    assert!(!said(&server, "older values"));
    // Another Morelia at the public address.
    let other = Server::start();
    server.set("server.public_url", &format!("http://{}", other.address()));
    assert!(said(&server, "leads to a server other than"));
    server.set("server.public_url", &format!("http://{}", server.address()));
    assert!(!said(&server, "leads to a server other than"));
    server.set(
        "server.public_url",
        &format!("https://{}", server.address()),
    );
    assert!(said(&server, "speaks plain HTTP"));
}

#[test]
fn repairs_are_made_when_they_are_agreed_to() {
    let mut server = Server::initialised("open", &[]);
    mode(&server.database(), 0o400);
    let log = folder(&server, "log/morelia.log");
    server.set("logging.file", &log.display().to_string());
    let asked = server.command(["check", "--fix"]).run().exits(2);
    assert!(asked.stderr.contains("--yes"), "{asked:?}");
    assert!(!folder(&server, "log").exists());
    server
        .command(["check", "--fix", "--yes", "disk"])
        .run()
        .exits(0);
    assert!(folder(&server, "log").is_dir());
    let now = fs::metadata(server.database())
        .expect("it")
        .permissions()
        .mode();
    assert_eq!(now & 0o777, 0o600);
}
