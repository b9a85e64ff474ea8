//! Requests over HTTP, a connection each.

use std::{
    io::{self, Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use super::{PATIENCE, Person, Server};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Returns a header, in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key == name).then(|| value.trim())
        })
    }

    /// Checks the status.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        let body = String::from_utf8_lossy(&self.body[..self.body.len().min(300)]);
        assert_eq!(self.status, status, "{}\n{body}", self.head);
        self
    }

    /// Returns the sentence of a refusal.
    #[track_caller]
    pub(crate) fn detail(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).expect("JSON");
        body["error"]["detail"]
            .as_str()
            .expect("a sentence")
            .to_owned()
    }
}

/// The header that shows somebody's token.
pub(crate) fn bearer(person: &Person) -> String {
    format!("Authorization: Bearer {}\r\n", person.token)
}

/// Sends a request without a body and returns the answer. Headers end with line ends.
#[track_caller]
pub(crate) fn ask(server: &Server, method: &str, path: &str, headers: &str) -> Answer {
    send(server, method, path, headers, b"")
}

/// Sends a request with a body, whose length it tells, and returns the answer.
#[track_caller]
pub(crate) fn send(
    server: &Server,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> Answer {
    let headers = if body.is_empty() {
        headers.to_owned()
    } else {
        format!("{headers}Content-Length: {}\r\n", body.len())
    };
    let mut stream = begin(server, method, path, &headers);
    // A server that refuses a body need not read it.
    let _ = stream.write_all(body);
    answer(&mut stream, method == "HEAD").expect("an answer")
}

/// Sends the head of a request, and leaves the rest to the caller.
#[track_caller]
pub(crate) fn begin(server: &Server, method: &str, path: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n"
    );
    stream.write_all(head.as_bytes()).expect("sent");
    stream
}

/// Reads an answer to its end.
pub(crate) fn answer(stream: &mut TcpStream, is_head: bool) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    let end = |bytes: &[u8]| bytes.windows(4).position(|it| it == b"\r\n\r\n");
    let mut head = None;
    loop {
        if let Some((at, length)) = head
            && bytes.len() >= at + length
        {
            break;
        }
        let read = match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            // Cut off after the answer, since there was more that it did not read.
            Err(_) if head.is_some() => break,
            Err(err) => return Err(err),
        };
        bytes.extend_from_slice(&buffer[..read]);
        if head.is_none()
            && let Some(at) = end(&bytes)
        {
            let text = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
            let length = text
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .and_then(|length| length.trim().parse::<usize>().ok());
            let length = if is_head { Some(0) } else { length };
            head = Some((at + 4, length.unwrap_or(usize::MAX - at - 4)));
        }
    }
    let at = end(&bytes).ok_or(io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&bytes[..at]).to_lowercase();
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    Ok(Answer {
        status: status.ok_or(io::ErrorKind::InvalidData)?,
        head,
        body: bytes.split_off(at + 4),
    })
}

/// The headers of every request of the protocol of uploads.
pub(crate) fn tus(person: &Person) -> String {
    format!("{}Tus-Resumable: 1.0.0\r\n", bearer(person))
}

/// The type of a body that is a part of a file.
pub(crate) const PART: &str = "Content-Type: application/offset+octet-stream\r\n";

/// Uploads a file in one request and returns its id.
#[track_caller]
pub(crate) fn upload(server: &Server, person: &Person, content: &[u8]) -> String {
    let headers = format!("{}{PART}Upload-Length: {}\r\n", tus(person), content.len());
    let made = send(server, "POST", "/files", &headers, content).is(201);
    let length = content.len().to_string();
    assert_eq!(
        made.header("upload-offset"),
        Some(&*length),
        "{}",
        made.head
    );
    made.header("location")
        .and_then(|it| it.strip_prefix("/files/"))
        .expect("a location")
        .to_owned()
}

/// Bytes that do not repeat soon, other ones for each seed.
pub(crate) fn content(length: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345) | 1;
    let mut bytes = Vec::with_capacity(length + 4);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
