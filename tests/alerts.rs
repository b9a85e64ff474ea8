//! Alerts: the operator is told outside when something needs attention, and not again and again.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::common::{PATIENCE, Server};

/// Something that takes whatever is posted to it: its port, and the bodies.
fn receiver() -> (u16, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let (sender, received) = channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut text = String::new();
            let mut buffer = [0; 4096];
            while !text.contains("\r\n\r\n") || !is_whole(&text) {
                match stream.read(&mut buffer) {
                    Ok(read) if read > 0 => text += &String::from_utf8_lossy(&buffer[..read]),
                    _ => break,
                }
            }
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
            let _ = sender.send(text);
        }
    });
    (port, received)
}

fn is_whole(text: &str) -> bool {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    length.is_none_or(|length: usize| body.len() >= length)
}

#[test]
fn a_backup_that_fails_is_told_once() {
    let (port, received) = receiver();
    let url = format!("http://127.0.0.1:{port}/alerts");
    let mut server = Server::initialised(
        "open",
        &[
            ("alerts.url", &url),
            ("backup.interval", "1h"),
            ("backup.dir", "/proc/nowhere"),
        ],
    );
    server.serve();
    let told = received.recv_timeout(PATIENCE).expect("an alert");
    assert!(told.starts_with("POST /alerts HTTP/1.1\r\n"), "{told}");
    let (_, body) = told.split_once("\r\n\r\n").expect("a body");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["title"], "Morelia");
    assert_eq!(body["text"], body["message"]);
    assert!(
        body["text"]
            .as_str()
            .is_some_and(|text| text.contains("backup")),
        "{body}"
    );
    // Not again after a restart either, once it is noted that it was sent.
    server.running().says("an alert was sent: backup");
    let (_, log) = server.stop();
    assert!(log.contains("alerts to 127.0.0.1"), "{log}");
    server.serve();
    assert!(received.recv_timeout(Duration::from_secs(5)).is_err());
}
