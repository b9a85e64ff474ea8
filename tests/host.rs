//! Which hosts and web pages the server answers, and requests that two programs could read
//! differently.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::{common::Server, transport::connect};

/// Sends bytes and returns all that comes until the server closes.
fn ask(server: &Server, request: &str) -> String {
    let mut stream: TcpStream = connect(&server.address());
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    // A reset is an end as well; what came before counts.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8(answer).expect("text")
}

/// Returns the status of the answer to a request with these lines.
fn status(server: &Server, lines: &[&str]) -> u16 {
    let request = format!("{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    let answer = ask(server, &request);
    let code = answer.get(9..12).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no status after {lines:?}: {answer:?}"))
}

/// Returns the status of the answer to a page of an origin that asks for a socket.
fn socket(server: &Server, host: &str, origin: &str) -> u16 {
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    let mut stream = connect(&server.address());
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = [0; 12];
    stream.read_exact(&mut head).expect("a status");
    std::str::from_utf8(&head[9..]).unwrap().parse().unwrap()
}

#[test]
fn page_that_gives_its_own_name_our_address_gets_nothing() {
    let mut server = Server::with(&[
        ("server.names", "chat.example, Other.Example"),
        ("server.public_url", "https://public.example"),
    ]);
    let port = server.address().rsplit_once(':').unwrap().1.to_owned();
    for path in [
        "/",
        "/health",
        "/health/live",
        "/version",
        "/ws",
        "/reset/x",
        "/nothing",
    ] {
        let evil = format!("Host: evil.example:{port}");
        assert_eq!(
            status(&server, &[&format!("GET {path} HTTP/1.1"), &evil]),
            421,
            "{path}"
        );
    }
    let origin = format!("http://evil.example:{port}");
    assert_eq!(
        socket(&server, &format!("evil.example:{port}"), &origin),
        421
    );
    let answer = ask(
        &server,
        "GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    );
    assert!(answer.contains("evil.example"), "{answer}");
    assert!(answer.contains("[server] names"), "{answer}");
    assert!(answer.contains("nosniff"), "{answer}");
    let hostname = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    for host in [
        "chat.example",
        "OTHER.example.:1",
        "public.example",
        "127.0.0.1",
        "[::1]:8000",
        "203.0.113.9",
        "localhost",
        "raspberrypi.local",
        "pi.fritz.box:8000",
        hostname.trim(),
    ] {
        let host = format!("Host: {host}");
        assert_eq!(
            status(&server, &["GET /health HTTP/1.1", &host]),
            200,
            "{host}"
        );
    }
    let (code, log) = server.stop();
    assert_eq!(code, Some(0), "{log}");
    let said = log.lines().filter(|line| line.contains("421")).count();
    assert_eq!(said, 1, "said once:\n{log}");
}

#[test]
fn request_names_one_host() {
    let server = Server::start();
    let cases: [(&[&str], u16); 10] = [
        (&["GET /health HTTP/1.1"], 400),
        (&["GET /health HTTP/1.0"], 400),
        (&["GET /health HTTP/1.0", "Host: x"], 200),
        (&["GET /health HTTP/1.1", "Host: x", "Host: x"], 400),
        (
            &["GET /health HTTP/1.1", "Host: x", "host: evil.example"],
            400,
        ),
        (&["GET /health HTTP/1.1", "Host: x, evil.example"], 400),
        (&["GET /health HTTP/1.1", "Host: "], 400),
        (&["GET /health HTTP/1.1", "Host: x y"], 400),
        (&["GET /health HTTP/1.1", "Host: evil.example#x"], 400),
        (&["GET /health HTTP/1.1", "Host: \u{44f}"], 400),
    ];
    for (lines, expected) in cases {
        assert_eq!(status(&server, lines), expected, "{lines:?}");
    }
}

#[test]
fn host_of_an_absolute_target_counts() {
    let server = Server::start();
    let cases = [
        ("GET http://127.0.0.1/health HTTP/1.1", "Host: x", 200),
        ("GET http://evil.example/health HTTP/1.1", "Host: x", 421),
        ("GET http://x/health HTTP/1.1", "Host: evil.example", 421),
        ("GET http://x@evil.example/health HTTP/1.1", "Host: x", 400),
        ("GET http://evil.example:80/ws HTTP/1.1", "Host: x", 421),
        ("CONNECT evil.example:443 HTTP/1.1", "Host: x", 421),
    ];
    for (line, host, expected) in cases {
        assert_eq!(status(&server, &[line, host]), expected, "{line}");
    }
}

#[test]
fn folded_headers_are_refused() {
    let server = Server::start();
    for header in [
        "Host: x\r\n evil.example",
        "X-A: b\r\n Host: y",
        "X-A:\r\n\tb",
    ] {
        let lines = ["GET /health HTTP/1.1", "Host: x", header];
        assert_eq!(status(&server, &lines), 400, "{header:?}");
    }
}

#[test]
fn body_with_two_lengths_hides_no_second_request() {
    let server = Server::start();
    let hidden = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
    let both = ["Content-Length: 3", "Transfer-Encoding: chunked"];
    for [first, second] in [both, [both[1], both[0]]] {
        let request = format!(
            "POST /health HTTP/1.1\r\nHost: x\r\n{first}\r\n{second}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let answer = ask(&server, &request);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
        assert!(!answer.contains("\"protocol\""), "{answer}");
    }
    for lengths in [
        "Content-Length: 3\r\nContent-Length: 4",
        "Content-Length: 3, 4",
        "Content-Length: +3",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: x",
    ] {
        let answer = ask(
            &server,
            &format!("POST /health HTTP/1.1\r\nHost: x\r\n{lengths}\r\n\r\nabc{hidden}"),
        );
        assert!(answer.starts_with("HTTP/1.1 400 "), "{lengths}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    }
}

#[test]
fn proxy_may_ask_for_any_host_until_one_is_public() {
    let mut server = Server::with(&[("proxy.trusted", "127.0.0.1")]);
    let line = "GET /health HTTP/1.1";
    assert_eq!(status(&server, &[line, "Host: chat.example"]), 200);
    assert_eq!(status(&server, &[line, "Host: a", "Host: b"]), 400);
    let (_, log) = server.stop();
    let warned = |line: &str| line.contains("WARN") && line.contains("server.public_url");
    assert!(log.lines().any(warned), "{log}");

    server.set("server.public_url", "https://chat.example");
    server.serve();
    assert_eq!(status(&server, &[line, "Host: chat.example"]), 200);
    assert_eq!(status(&server, &[line, "Host: evil.example"]), 421);
    let (_, log) = server.stop();
    assert!(!log.lines().any(warned), "{log}");
}

#[test]
fn page_that_came_in_clear_is_foreign_to_an_encrypted_address() {
    let server = Server::with(&[
        ("proxy.trusted", "127.0.0.1"),
        ("server.public_url", "https://chat.example"),
    ]);
    let host = "chat.example";
    assert_eq!(socket(&server, host, "https://chat.example"), 101);
    assert_eq!(socket(&server, host, "http://chat.example"), 403);
    assert_eq!(socket(&server, host, "https://evil.example"), 403);
    assert_eq!(socket(&server, "127.0.0.1:1", "http://127.0.0.1:1"), 101);
}
