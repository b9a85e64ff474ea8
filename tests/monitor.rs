//! What monitors read: numbers, health, and how a change of the configuration went.

use std::fs;

use serde_json::{Value, json};

use super::common::https::get;
use super::common::port::free_port;
use super::common::{Server, eventually};
use super::users::document;

fn port(server: &Server) -> u16 {
    let address = server.address();
    address
        .rsplit(':')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a port")
}

/// The value of a line.
fn value(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| {
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(' '))
    })?;
    line.rsplit(' ').next()?.parse().ok()
}

#[test]
fn numbers_are_for_this_machine_alone() {
    let mut server = Server::with(&[("web.metrics", "on"), ("proxy.trusted", "127.0.0.1")]);
    let mut anna = server.register("anna");
    anna.ask("ping_pong", &Value::Null).is(200);
    anna.ask("no_such", &Value::Null).is(405);
    server.command(["backup"]).run().exits(0);
    let (head, text) = get(port(&server), "localhost", "/metrics", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let text = String::from_utf8(text).expect("text");
    for name in [
        "morelia_connections",
        "morelia_users",
        "morelia_database_bytes",
        "morelia_wal_bytes",
        "morelia_disk_free_bytes",
        "morelia_backup_age_seconds",
        "morelia_backup_failed",
        "morelia_push_waiting",
        "morelia_push_total{result=\"taken\"}",
        "morelia_request_seconds_count{method=\"ping_pong\"}",
        "morelia_request_seconds_bucket{method=\"ping_pong\",le=\"+Inf\"}",
    ] {
        assert!(value(&text, name).is_some(), "{name}\n{text}");
    }
    assert_eq!(
        value(&text, "morelia_requests_total{method=\"ping_pong\"}"),
        Some(1.0)
    );
    assert_eq!(
        value(&text, "morelia_request_errors_total{method=\"error\"}"),
        Some(1.0)
    );
    assert!(!text.contains("no_such"), "{text}");
    assert_eq!(value(&text, "morelia_backup_failed"), Some(0.0));
    // Every series has its type before it.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().expect("a name");
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        let typed = |name: &str| text.contains(&format!("# TYPE {name} "));
        assert!(typed(name) || base.is_some_and(typed), "{line}");
    }
    // For somebody who comes by a proxy there is nothing.
    let (head, _) = get(
        port(&server),
        "localhost",
        "/metrics",
        "X-Forwarded-For: 203.0.113.7\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    // A listener of its own answers whoever reaches it, and nothing else does.
    let monitors = free_port();
    server.stop();
    server.set("web.metrics_listen", &format!("127.0.0.1:{monitors}"));
    server.serve();
    let (head, _) = get(
        monitors,
        "prometheus.example",
        "/metrics",
        "X-Forwarded-For: 203.0.113.7\r\n",
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    for path in ["/", "/health", "/ws"] {
        let (head, _) = get(monitors, "localhost", path, "");
        assert!(head.starts_with("HTTP/1.1 404"), "{path}: {head}");
    }
    let (head, _) = get(port(&server), "localhost", "/metrics", "");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[test]
fn without_metrics_there_are_none() {
    let server = Server::with(&[("web.metrics_listen", "127.0.0.1:1")]);
    let (head, _) = get(port(&server), "localhost", "/metrics", "");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[test]
fn health_of_containers_is_an_exit_code() {
    let mut server = Server::start();
    let well = server.command(["status", "--health"]).run().exits(0);
    assert_eq!(well.stdout, "ok\n");
    server.stop();
    let gone = server.command(["status", "--health"]).run().exits(69);
    assert!(gone.stderr.contains("no server runs"), "{gone:?}");
}

#[test]
fn who_asks_how_many_are_connected_is_not_counted() {
    let server = Server::start();
    let connected = || document(server.command(["status"]))["connections"].clone();
    assert_eq!(eventually(connected, |count| *count == 0), 0);
    let anna = server.register("anna");
    assert_eq!(eventually(connected, |count| *count == 1), 1);
    drop(anna);
    assert_eq!(eventually(connected, |count| *count == 0), 0);
}

#[test]
fn strict_health_tells_what_needs_somebody_today() {
    let keys = [("backup.interval", "1h"), ("backup.dir", "/proc/nowhere")];
    let server = Server::with(&keys);
    let health = |query: &str| {
        let (head, body) = get(port(&server), "localhost", &format!("/health{query}"), "");
        let status = head.split(' ').nth(1).expect("a status").to_owned();
        (
            status,
            serde_json::from_slice::<Value>(&body).expect("JSON"),
        )
    };
    let (status, body) = eventually(|| health("?strict"), |(status, _)| status == "503");
    assert_eq!(
        (status.as_str(), &body["status"]),
        ("503", &json!("attention")),
        "{body}"
    );
    let why = body["attention"][0].as_str().unwrap_or_default();
    assert!(why.contains("backup"), "{body}");
    // People can work all the same.
    let (status, body) = health("");
    assert_eq!(
        (status.as_str(), &body["status"]),
        ("200", &json!("ok")),
        "{body}"
    );
    let fine = Server::start();
    let (head, _) = get(port(&fine), "localhost", "/health?strict", "");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn a_reload_is_looked_at_first_and_told_of() {
    let mut server = Server::initialised("open", &[]);
    let nobody = server.command(["reload"]).run().exits(69);
    assert!(nobody.stderr.contains("no server runs"), "{nobody:?}");
    server.serve();
    let config = fs::read_to_string(server.config()).expect("a configuration");
    let write = |text: &str| fs::write(server.config(), text).expect("written");
    let done = server.command(["--json", "reload"]).run().exits(0);
    let done: Value = serde_json::from_str(&done.stdout).expect("JSON");
    assert_eq!(done, json!({"reloaded": true, "restart": []}));
    // A mistake: the server is left alone, and whoever asked is told.
    write(&config.replace("level = info", "level = loud"));
    let wrong = server.command(["reload"]).run().exits(78);
    assert!(wrong.stderr.contains("loud"), "{wrong:?}");
    write(&config.replace("backlog = 2048", "backlog = 100"));
    let later = server.command(["reload"]).run().exits(0);
    assert!(
        later
            .stdout
            .contains("these need a restart: server.backlog"),
        "{later:?}"
    );
    // Once by the command before, and not by the one that was refused.
    let (_, log) = server.stop();
    assert_eq!(
        log.matches("the configuration was read again").count(),
        2,
        "{log}"
    );
    assert!(!log.contains("the old configuration is kept"), "{log}");
}

#[test]
fn completions_ask_the_server_for_values() {
    let server = Server::start();
    let mut anna = server.register("anna");
    server.register("boris");
    anna.group("Kitchen", &[]);
    let logins = server
        .command(["completions", "logins"])
        .run()
        .exits(0)
        .stdout;
    assert_eq!(
        logins.lines().collect::<Vec<_>>(),
        ["admin", "anna", "boris"]
    );
    // As bash asks it.
    let script = server
        .command(["completions", "bash"])
        .run()
        .exits(0)
        .stdout;
    let ask = |words: &[&str]| {
        let program = env!("CARGO_BIN_EXE_morelia");
        let config = server.config();
        let mut all = vec![program, "--config", config.to_str().expect("text")];
        all.extend(words);
        let quoted: Vec<String> = all.iter().map(|word| format!("'{word}'")).collect();
        let text = format!(
            "{script}\nCOMP_WORDS=({})\nCOMP_CWORD={}\n_morelia\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
            quoted.join(" "),
            all.len() - 1
        );
        let output = std::process::Command::new("bash")
            .arg("-c")
            .arg(text)
            .output()
            .expect("bash");
        String::from_utf8(output.stdout)
            .expect("text")
            .lines()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(ask(&["user", "show", "b"]), ["boris"]);
    assert_eq!(ask(&["flow", "add-member", "K"]), ["Kitchen"]);
    assert_eq!(ask(&["flow", "add-member", "Kitchen", "bo"]), ["boris"]);
    assert_eq!(ask(&["message", "search", "x", "--flow", "K"]), ["Kitchen"]);
    assert_eq!(ask(&["init", "--registration", "cl"]), ["closed"]);
}
