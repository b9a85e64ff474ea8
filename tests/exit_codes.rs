//! Exit codes: what each means is a promise to scripts.

use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    thread,
};

use crate::common::{PASSWORD, Program, Server};

#[test]
fn usage_errors_are_2_and_name_the_nearest() {
    let folder = tempfile::tempdir().expect("a folder");
    for (args, nearest) in [
        (vec!["srve"], "serve"),
        (vec!["serve", "--prot", "1"], "--port"),
        (vec!["user", "lsit"], "list"),
        (vec!["init", "--amdin", "x"], "--admin"),
        (vec!["serve", "left", "over"], "left"),
        (vec!["serve", "--port"], "--port"),
        (vec!["serve", "--http", "h11"], "Python"),
        (vec!["serve", "--loop", "uvloop"], "Python"),
    ] {
        let output = Program::new(folder.path()).args(&args).run().exits(2);
        assert!(
            output.stderr.contains(nearest),
            "{args:?}: {}",
            output.stderr
        );
        assert_eq!(output.stdout, "", "{args:?}: diagnostics go to stderr");
    }
}

#[test]
fn help_and_version_are_0() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = Program::new(folder.path()).arg("--version").run().exits(0);
    assert!(
        output.stdout.contains(env!("CARGO_PKG_VERSION")),
        "{}",
        output.stdout
    );
    for args in [
        vec!["help"],
        vec!["--help"],
        vec!["help", "serve"],
        vec!["serve", "--help"],
    ] {
        let output = Program::new(folder.path()).args(&args).run().exits(0);
        assert!(
            output.stdout.contains("serve"),
            "{args:?}: {}",
            output.stdout
        );
    }
}

#[test]
fn a_bad_configuration_is_78_with_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("morelia.ini");
    for (text, names) in [
        ("[server]\nport = many\n", "morelia.ini:2"),
        ("[server]\nport = 8000\nprot = 1\n", "morelia.ini:3"),
        ("\n[sever]\nport = 8000\n", "morelia.ini:2"),
        ("[server]\nport = 1\nport = 2\n", "morelia.ini:3"),
        ("[limits]\ntext = 64XB\n", "morelia.ini:2"),
        ("[auth]\nregistration = perhaps\n", "morelia.ini:2"),
        ("[api]\nmin_version = one\n", "morelia.ini:2"),
    ] {
        fs::write(&file, text).expect("written");
        let output = Program::new(folder.path())
            .arg("--config")
            .arg(&file)
            .arg("serve")
            .run()
            .exits(78);
        assert!(output.stderr.contains(names), "{text:?}: {}", output.stderr);
    }
    let missing = folder.path().join("missing.ini");
    let output = Program::new(folder.path())
        .arg("--config")
        .arg(&missing)
        .arg("serve")
        .run()
        .exits(78);
    assert!(output.stderr.contains("missing.ini"), "{}", output.stderr);
    let output = Program::new(folder.path())
        .arg("serve")
        .env("MORELIA__SERVER__PROT", "1")
        .run()
        .exits(78);
    assert!(
        output.stderr.contains("MORELIA__SERVER__PROT"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_number_without_its_unit_is_refused_where_people_mean_days() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("morelia.ini");
    for (section, key) in [
        ("backup", "interval"),
        ("history", "keep"),
        ("auth", "token_ttl"),
    ] {
        fs::write(&file, format!("[{section}]\n{key} = 30\n")).expect("written");
        let output = Program::new(folder.path()).arg("serve").run().exits(78);
        for words in ["morelia.ini:2", "30d for days", "30s for seconds"] {
            assert!(output.stderr.contains(words), "{key}: {}", output.stderr);
        }
    }
    fs::remove_file(&file).expect("removed");
    for command in [
        &["db", "prune", "--older", "30", "--yes"][..],
        &["invite", "create", "--expires", "30"],
        &["message", "search", "x", "--older", "30"],
        &["message", "search", "x", "--newer", "30"],
    ] {
        let output = Program::new(folder.path()).args(command).run().exits(2);
        for words in ["30d for days", "30s for seconds"] {
            assert!(
                output.stderr.contains(words),
                "{command:?}: {}",
                output.stderr
            );
        }
    }
}

#[test]
fn initialising_elsewhere_leaves_the_server_here_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("other")).expect("a folder");
    let init = |config: &str, login: &str| {
        Program::new(folder.path())
            .args([
                "--config",
                config,
                "init",
                "--admin",
                login,
                "--password-stdin",
            ])
            .stdin(format!("{PASSWORD}\n"))
            .run()
            .exits(0)
    };
    init("morelia.ini", "anna");
    init("other/morelia.ini", "boris");
    let users = Program::new(folder.path())
        .args(["user", "list"])
        .run()
        .exits(0);
    assert!(!users.stdout.contains("boris"), "{}", users.stdout);
    assert!(folder.path().join("other/morelia.db").exists());
    // The environment puts the database where it says.
    let elsewhere = folder.path().join("elsewhere.db");
    Program::new(folder.path())
        .args(["--config", "third.ini", "init"])
        .env("MORELIA__DATABASE__PATH", &elsewhere)
        .run()
        .exits(0);
    assert!(elsewhere.exists());
}

#[test]
fn a_folder_that_may_not_be_looked_into_holds_no_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let show = || {
        std::process::Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .args([env!("CARGO_BIN_EXE_morelia"), "config", "show"])
            .current_dir(folder.path())
            .env("HOME", folder.path())
            .env_remove("XDG_CONFIG_HOME")
            .env_remove("MORELIA_CONFIG")
            .output()
    };
    let open = |mode| {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(folder.path(), mode).expect("chmod");
    };
    open(0o755);
    if !show().is_ok_and(|output| output.status.success()) {
        return println!("skipped: only root can be somebody else, and not everywhere");
    }
    // As with `sudo -u morelia morelia …` in root's home.
    open(0o700);
    let output = show().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    // A file that is there and cannot be read is said.
    open(0o755);
    let file = folder.path().join("morelia.ini");
    fs::write(&file, "").expect("written");
    let secret = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&file, secret).expect("chmod");
    let output = show().expect("it starts");
    assert_eq!(output.status.code(), Some(77), "{output:?}");
}

#[test]
fn init_says_what_to_type_next() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("my chat")).expect("a folder");
    let init = |args: &[&str]| Program::new(folder.path()).args(args).run();
    let here = init(&["--config", "./morelia.ini", "init"]).exits(0);
    assert!(here.stdout.contains("  morelia serve\n"), "{here:?}");
    let there = init(&["--config", "my chat/m.ini", "init"]).exits(0);
    assert!(
        there
            .stdout
            .contains("  morelia --config 'my chat/m.ini' serve\n"),
        "{there:?}"
    );
    // What is there is not changed, and that is said of the flag that would.
    for (mode, is_said) in [("open", true), ("invite", false)] {
        let args = ["init", "--if-needed", "--registration", mode];
        let again = init(&args).exits(0);
        assert_eq!(
            again.stderr.contains("--registration open has no effect"),
            is_said,
            "{again:?}"
        );
    }
    fs::remove_file(folder.path().join("morelia.db")).expect("removed");
    let made = init(&["init", "--registration", "closed"]).exits(0);
    assert!(made.stderr.contains("no effect"), "{made:?}");
    assert!(made.stdout.contains("registration   invite"), "{made:?}");
}

#[test]
fn initialising_twice_is_4_and_changes_nothing() {
    let server = Server::initialised("open", &[]);
    let config = fs::read(server.config()).expect("the configuration");
    let init = || {
        server
            .command(["init", "--admin", "other", "--password-stdin"])
            .stdin(format!("{PASSWORD}\n"))
    };
    init().run().exits(4);
    init().arg("--if-needed").run().exits(0);
    assert_eq!(
        fs::read(server.config()).expect("the configuration"),
        config
    );
    let mut server = server;
    server.serve();
    server.sign_in("admin");
    let other = serde_json::json!({"user": [{"login": "other", "password": PASSWORD}]});
    server.connect().request("authentication", &other).is(401);
}

#[test]
fn a_second_server_on_the_file_is_75() {
    let server = Server::start();
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .run()
        .exits(75);
    assert!(!output.stderr.trim().is_empty(), "a sentence says why");
    server.register("anna");
}

#[test]
fn a_schema_of_the_future_is_78() {
    let mut server = Server::start();
    server.stop();
    let database = rusqlite::Connection::open(server.database()).expect("opens");
    let future = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9999, 'future', '2040-01-01T00:00:00Z', '1')";
    database
        .execute(future, [])
        .expect("a later version was here");
    drop(database);
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .run()
        .exits(78);
    assert!(output.stderr.contains("newer"), "{}", output.stderr);
}

#[test]
fn a_file_that_is_no_database_is_74() {
    let server = Server::initialised("open", &[]);
    let mut bytes = fs::read(server.database()).expect("the database");
    for byte in bytes.iter_mut().take(100) {
        *byte = b'x';
    }
    fs::write(server.database(), bytes).expect("written");
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", "0"])
        .run()
        .exits(74);
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

#[test]
fn a_taken_port_is_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let server = Server::initialised("open", &[]);
    let output = server
        .command(["serve", "--host", "127.0.0.1", "--port", &port])
        .run();
    assert!(!matches!(output.code, Some(0) | None), "{output:?}");
    assert!(
        output.stderr.contains(&port) && !output.stderr.contains("panicked"),
        "{}",
        output.stderr
    );
}

#[test]
fn what_destroys_asks_and_without_a_terminal_is_2() {
    let mut server = Server::initialised("open", &[]);
    server.command(["user", "remove", "admin"]).run().exits(2);
    server.serve();
    server.sign_in("admin");
}

#[test]
fn ping_is_0_69_or_76() {
    let folder = tempfile::tempdir().expect("a folder");
    let ping = |url: &str| {
        Program::new(folder.path())
            .args(["client", "ping", url])
            .run()
    };
    let server = Server::start();
    ping(&server.address()).exits(0);
    ping(&format!("ws://{}/ws", server.address())).exits(0);
    ping(&format!("http://{}", server.address())).exits(0);
    ping("not an address").exits(2);

    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.local_addr().expect("an address").port()
    };
    ping(&format!("127.0.0.1:{port}")).exits(69);

    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "220 mail.example.org ESMTP\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("the client");
            let mut request = [0; 1024];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        });
        let output = ping(&format!("127.0.0.1:{port}")).exits(76);
        assert!(output.stderr.contains("MTP"), "{}", output.stderr);
        other.join().expect("it answered");
    }
}
