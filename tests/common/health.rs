//! What a server says of its own health.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{PATIENCE, Server};

/// Asks a server on this machine; returns the code and the document.
#[track_caller]
pub(crate) fn health(server: &Server) -> (u16, Value) {
    document(server, "/health")
}

/// Asks a server for a document that it shows by HTTP; returns the code and the document.
#[track_caller]
pub(crate) fn document(server: &Server, path: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(server.address()).expect("the server");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (
        code.expect("a code"),
        serde_json::from_str(body).expect("JSON"),
    )
}

/// Looks again and again until something is found.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "it does not happen: {what}");
        thread::sleep(Duration::from_millis(50));
    }
}
