//! `check` and `status`: what an operator is told, before and while the server runs.

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
};

use serde_json::Value;

use crate::backup::document;
use crate::common::Server;
use crate::common::port::free_port;
use crate::proxy::{Nginx, adapted};
use crate::transport::{becomes, fixture};

/// The results of one topic.
fn results(document: &Value, topic: &str) -> Vec<String> {
    let all = document["checks"].as_array().expect("a list");
    all.iter()
        .filter(|found| found["topic"] == topic)
        .map(|found| found["result"].as_str().expect("a word").to_owned())
        .collect()
}

#[test]
fn a_fresh_server_passes_and_each_topic_can_be_asked_alone() {
    let server = Server::initialised("invite", &[("server.port", "0")]);
    let all = document(&server, ["check"], 0);
    assert_eq!(all["ok"], true);
    for topic in [
        "config", "database", "tls", "net", "clock", "disk", "backup",
    ] {
        assert!(!results(&all, topic).is_empty(), "{topic}: {all}");
        let text = server.command(["check", topic]).run().exits(0).stdout;
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert!(
                ["ok", "warn"].contains(&words[0]) && words[1] == topic,
                "{line}"
            );
        }
    }
    let wrong = server.command(["check", "databse"]).run().exits(2);
    assert!(wrong.stderr.contains("database"), "{wrong:?}");
}

#[test]
fn mistakes_are_found_with_their_remedy() {
    let server = Server::initialised("open", &[]);
    fs::set_permissions(server.database(), fs::Permissions::from_mode(0o644)).expect("chmod");
    let checked = server.command(["check", "database"]).run().exits(0);
    assert!(checked.stdout.contains("chmod 600"), "{checked:?}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let net = server
        .command(["check", "net"])
        .env("MORELIA__SERVER__HOST", "127.0.0.1")
        .env("MORELIA__SERVER__PORT", &port)
        .run()
        .exits(5);
    assert!(
        net.stdout.starts_with("FAIL  net") && net.stdout.contains(&port),
        "{net:?}"
    );
    fs::remove_file(server.database()).expect("removed");
    let missing = server.command(["check"]).run().exits(5);
    assert!(missing.stdout.contains("morelia init"), "{missing:?}");
    fs::write(server.config(), "[server]\nprot = 1\n").expect("written");
    let broken = server.command(["check"]).run().exits(5);
    assert!(
        broken.stdout.contains("FAIL  config") && broken.stdout.contains("port"),
        "{broken:?}"
    );
}

#[test]
fn a_certificate_is_examined() {
    let server = Server::initialised("open", &[]);
    let tls = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls/");
    let check = |key: &str| {
        server
            .command(["check", "tls"])
            .env("MORELIA__TLS__CERTFILE", format!("{tls}server.pem"))
            .env("MORELIA__TLS__KEYFILE", format!("{tls}{key}"))
            .run()
    };
    let good = check("server.key").exits(0);
    assert!(good.stdout.contains("days"), "{good:?}");
    let wrong = check("second.key").exits(5);
    assert!(wrong.stdout.starts_with("FAIL  tls"), "{wrong:?}");
    check("none.key").exits(5);
}

#[test]
fn status_tells_of_the_running_server_and_of_the_file() {
    let mut server = Server::start();
    let mut anna = server.register("anna");
    let group = anna.group("G", &[]);
    anna.send(&group, "hello");
    let running = document(&server, ["status"], 0);
    assert_eq!(running["running"], true, "{running}");
    assert!(running["connections"].as_i64() >= Some(1), "{running}");
    assert_eq!(running["status"], "ok");
    let net = server.command(["check", "net"]).run().exits(0);
    assert!(
        net.stdout.contains("answers at http://127.0.0.1:"),
        "{net:?}"
    );
    server.stop();
    let stopped = document(&server, ["status"], 0);
    assert_eq!(stopped["running"], false);
    for key in ["users", "flows", "messages"] {
        assert_eq!(stopped[key], running[key], "{key}");
    }
    assert_eq!(
        (&stopped["users"], &stopped["messages"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn the_way_through_a_proxy_is_tried_live() {
    let mut server = Server::initialised("open", &[]);
    server.serve();
    let check = |url: &str| {
        server
            .command(["check", "net"])
            .env("MORELIA__SERVER__PUBLIC_URL", url)
            .run()
    };
    // Straight to the server.
    let direct = check(&format!("http://{}", server.address())).exits(0);
    assert!(direct.stdout.contains("a WebSocket opens"), "{direct:?}");
    // Through a proxy that does not pass on what a WebSocket needs.
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", proxy.local_addr().expect("an address"));
    let upstream = server.address();
    std::thread::spawn(move || {
        for client in proxy.incoming() {
            let mut client = client.expect("a client");
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && client.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let kept: Vec<&str> = request
                .lines()
                .filter(|line| !line.is_empty())
                .filter(|line| {
                    let line = line.to_lowercase();
                    !line.starts_with("upgrade:") && !line.starts_with("connection:")
                })
                .collect();
            let mut server = std::net::TcpStream::connect(&upstream).expect("the server");
            write!(server, "{}\r\nConnection: close\r\n\r\n", kept.join("\r\n")).expect("sent");
            let mut answer = Vec::new();
            server.read_to_end(&mut answer).expect("an answer");
            client.write_all(&answer).expect("answered");
        }
    });
    let broken = check(&url).exits(5);
    assert!(
        broken.stdout.contains("Upgrade and Connection"),
        "{broken:?}"
    );
    let nobody = check("http://127.0.0.1:1").exits(5);
    assert!(nobody.stdout.contains("FAIL  net"), "{nobody:?}");
}

#[test]
fn the_way_through_tls_is_tried_live() {
    let tls = |name: &str| fixture(name).display().to_string();
    let mut server = Server::initialised(
        "open",
        &[
            ("tls.certfile", &tls("server.pem")),
            ("tls.keyfile", &tls("server.key")),
        ],
    );
    server.serve();
    let address = server.address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let check = |url: &str| {
        server
            .command(["check", "net"])
            .env("MORELIA__SERVER__PUBLIC_URL", url)
            .run()
    };
    // The server's own certificate is trusted, whoever has signed it.
    let opened = check(&format!("https://localhost:{port}")).exits(0);
    assert!(
        opened.stdout.contains("answers at https://")
            && opened.stdout.contains("a WebSocket opens"),
        "{opened:?}"
    );
    // In clear to a port that encrypts.
    let clear = check(&format!("http://localhost:{port}")).exits(5);
    assert!(clear.stdout.contains("FAIL  net"), "{clear:?}");
    let status = document(&server, ["status"], 0);
    assert_eq!(status["status"], "ok", "{status}");
}

#[test]
fn matrix_is_tried_where_it_is_on() {
    let tls = |name: &str| fixture(name).display().to_string();
    let mut server = Server::initialised(
        "open",
        &[
            ("tls.certfile", &tls("server.pem")),
            ("tls.keyfile", &tls("server.key")),
            ("matrix.enabled", "on"),
            ("matrix.server_name", "example.org"),
        ],
    );
    server.serve();
    let address = server.address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let place = format!("localhost:{port}");
    let check = |server: &Server, url: &str, name: &str| {
        server
            .command(["check", "net"])
            .env("MORELIA__SERVER__PUBLIC_URL", url)
            .env("MORELIA__MATRIX__SERVER_NAME", name)
            .run()
    };
    let url = format!("https://{place}");
    // The server was not told its public address, so that the name leads nowhere.
    let nowhere = check(&server, &url, &place).exits(0);
    assert!(nowhere.stdout.contains("Matrix answers at"), "{nowhere:?}");
    assert!(
        nowhere.stdout.contains("does not lead Matrix clients"),
        "{nowhere:?}"
    );
    server.set("server.public_url", &url);
    server.restart();
    let good = check(&server, &url, &place).exits(0);
    assert!(
        good.stdout.contains(&format!("the name {place} leads")),
        "{good:?}"
    );
    let clear = check(&server, &format!("http://{place}"), &place);
    assert!(clear.stdout.contains("they require https"), "{clear:?}");
    server.set("matrix.enabled", "off");
    server.restart();
    let off = server
        .command(["check", "net"])
        .env("MORELIA__MATRIX__ENABLED", "on")
        .run()
        .exits(5);
    assert!(
        off.stdout.contains("does not answer like a Matrix server"),
        "{off:?}"
    );
}

#[test]
fn an_nginx_that_forgets_headers_is_told_which() {
    let mut server = Server::initialised("open", &[("proxy.trusted", "127.0.0.1")]);
    server.serve();
    let address = server.address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let printed = server
        .command(["proxy-config", "nginx"])
        .env("MORELIA__SERVER__PORT", port)
        .run()
        .exits(0)
        .stdout;
    // Each time a line less of what `proxy-config` prints, and what is then said.
    for (number, (forgotten, code, said)) in [
        ("", 0, "a WebSocket opens"),
        ("proxy_set_header Upgrade", 5, "pass on the header Upgrade"),
        (
            "proxy_set_header Connection",
            5,
            "pass on the header Connection",
        ),
        ("proxy_set_header Host", 5, "changes the header Host"),
        ("proxy_set_header X-Forwarded-For", 5, "x-forwarded-for"),
    ]
    .into_iter()
    .enumerate()
    {
        let free = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let whole = adapted(&printed, free);
        let kept = |line: &&str| forgotten.is_empty() || !line.trim().starts_with(forgotten);
        let site: String = whole.split_inclusive('\n').filter(kept).collect();
        let folder = server.folder().join(format!("nginx{number}"));
        let nginx = match Nginx::start(&folder, &site) {
            Ok(nginx) => nginx,
            Err(err) => return println!("skipped: nginx does not start: {err}"),
        };
        becomes("nginx", || std::net::TcpStream::connect(free).is_ok());
        let checked = server
            .command(["check", "net"])
            .env(
                "MORELIA__SERVER__PUBLIC_URL",
                format!("https://localhost:{}", free.port()),
            )
            .env("SSL_CERT_FILE", fixture("ca.pem"))
            .run()
            .exits(code);
        assert!(
            checked.stdout.contains(said),
            "without {forgotten:?}: {checked:?}"
        );
        drop(nginx);
    }
}

#[test]
fn health_tells_of_backup_and_clock() {
    let server = Server::with(&[]);
    let mut stream = std::net::TcpStream::connect(server.address()).expect("the server");
    write!(
        stream,
        "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
    let health: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(health["checks"]["clock"], "ok", "{health}");
    assert_eq!(health["checks"]["backup"], "none scheduled", "{health}");
    assert_eq!(health["checks"]["search"], "ok", "{health}");
}

#[test]
fn a_backup_is_advised_only_where_data_is_gone() {
    let server = Server::initialised("invite", &[]);
    let database = server.database();
    let kept = fs::read(&database).expect("the database");
    let told = || {
        let output = server.command(["check", "database"]).run().exits(5);
        let line = output.stdout.lines().find(|line| line.starts_with("FAIL"));
        line.expect("a line that fails").to_owned()
    };
    let restore = "`morelia restore FILE`";

    // Emptied, or with nothing in it: what was there may be in a backup.
    fs::write(&database, b"").expect("written");
    let line = told();
    assert!(line.contains(restore), "{line}");
    fs::remove_file(&database).expect("removed");
    rusqlite::Connection::open(&database)
        .and_then(|file| file.execute_batch("CREATE TABLE x (y); DROP TABLE x"))
        .expect("an empty database");
    let line = told();
    assert!(
        line.contains(restore) && line.contains("for a new server run `morelia db create`"),
        "{line}"
    );

    // Somebody else's file, or a folder: the path may be wrong.
    fs::write(
        &database,
        "a letter to the editor, and not a database at all".repeat(40),
    )
    .expect("written");
    let line = told();
    assert!(
        line.contains("if database.path names the wrong file"),
        "{line}"
    );
    fs::remove_file(&database).expect("removed");
    fs::create_dir(&database).expect("a folder");
    let line = told();
    assert!(
        !line.contains("restore") && line.contains("folder"),
        "{line}"
    );
    fs::remove_dir(&database).expect("removed");

    // Damaged: a backup is what helps.
    let mut damaged = kept.clone();
    damaged[40_000..60_000].fill(0xa5);
    fs::write(&database, &damaged).expect("written");
    let line = told();
    assert!(line.contains(restore), "{line}");
    fs::write(&database, &kept).expect("written");
    server.command(["check", "database"]).run().exits(0);
}
