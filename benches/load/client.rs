//! A WebSocket client that costs as little as one can: it shares the processors with the server.
//!
//! Frames are built once, with a fixed mask, and written as they are; answers are looked at no
//! closer than needed. A client library that copies, masks and allocates for each frame costs as
//! much as the server does, and the ratio of two servers behind it would come out too near to 1.

use std::net::{Ipv4Addr, SocketAddr};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

/// Every client frame is masked with this; the server's work is the same for any mask.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// Room that a read is offered.
const READ_BYTES: usize = 16 * 1024;

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer has been handed out.
    taken: usize,
}

impl Client {
    /// Connects and upgrades, from a loopback address of one's own where one is given: ports and
    /// limits are counted by address.
    pub(crate) async fn open(address: SocketAddr, from: Option<Ipv4Addr>) -> Self {
        let mut client = Self::plain(address, from).await;
        client.write(upgrade(address, "").as_bytes()).await;
        let status = client.head().await.expect("an answer to the upgrade");
        assert!(status.starts_with("HTTP/1.1 101"), "no upgrade: {status}");
        client
    }

    /// Connects and upgrades, as a proxy does for somebody at an address; nothing where that is
    /// refused.
    pub(crate) async fn through(address: SocketAddr, from: &str) -> Option<Self> {
        let stream = TcpStream::connect(address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let mut client = Self {
            stream,
            buffer: Vec::new(),
            taken: 0,
        };
        let request = upgrade(address, &format!("X-Forwarded-For: {from}\r\n"));
        client.stream.write_all(request.as_bytes()).await.ok()?;
        let status = client.head().await?;
        status.starts_with("HTTP/1.1 101").then_some(client)
    }

    /// Reads the head of the answer to an upgrade.
    async fn head(&mut self) -> Option<String> {
        let end = loop {
            let head = self.buffer.windows(4).position(|it| it == b"\r\n\r\n");
            match head {
                Some(end) => break end + 4,
                None if self.fill().await => {}
                None => return None,
            }
        };
        self.taken = end;
        Some(String::from_utf8_lossy(&self.buffer[..end]).into_owned())
    }

    /// Connects and upgrades nothing.
    pub(crate) async fn plain(address: SocketAddr, from: Option<Ipv4Addr>) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        if let Some(from) = from {
            socket.bind((from, 0).into()).expect("a loopback address");
        }
        let stream = socket.connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream,
            buffer: Vec::new(),
            taken: 0,
        }
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.expect("written");
    }

    /// Reads the next data frame and returns its payload.
    pub(crate) async fn frame(&mut self) -> &[u8] {
        self.try_frame().await.expect("the server is there")
    }

    /// Reads the next data frame and returns its payload; nothing when the server is gone.
    pub(crate) async fn try_frame(&mut self) -> Option<&[u8]> {
        loop {
            let rest = &self.buffer[self.taken..];
            if let Some((head, len)) = measure(rest)
                && rest.len() >= head + len
            {
                let opcode = rest[0] & 0x0f;
                let start = self.taken + head;
                self.taken = start + len;
                match opcode {
                    1 | 2 => return Some(&self.buffer[start..start + len]),
                    9 => {
                        let pong = masked(10, &self.buffer[start..start + len]);
                        self.stream.write_all(&pong).await.ok()?;
                    }
                    8 => return None,
                    _ => panic!(
                        "closed: {:?}",
                        String::from_utf8_lossy(&self.buffer[start..start + len])
                    ),
                }
                continue;
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// Sends a request and returns its answer, read in full.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Value {
        self.try_ask(request).await.expect("the server is there")
    }

    /// The same; nothing when the server is gone, or has closed.
    pub(crate) async fn try_ask(&mut self, request: &[u8]) -> Option<Value> {
        self.stream.write_all(request).await.ok()?;
        loop {
            let answer: Value = serde_json::from_slice(self.try_frame().await?).expect("JSON");
            if answer["meta"]["push"] != true {
                return Some(answer);
            }
        }
    }

    /// Reads what is there; returns whether there can be more.
    async fn fill(&mut self) -> bool {
        if self.taken == self.buffer.len() {
            self.buffer.clear();
            self.taken = 0;
        } else if self.taken > READ_BYTES {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.reserve(READ_BYTES);
        matches!(self.stream.read_buf(&mut self.buffer).await, Ok(1..))
    }
}

/// The request of an upgrade, with more headers.
fn upgrade(address: SocketAddr, headers: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{headers}\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

/// Returns the lengths of header and payload, once they are known.
fn measure(bytes: &[u8]) -> Option<(usize, usize)> {
    let [_, second, rest @ ..] = bytes else {
        return None;
    };
    match second & 0x7f {
        0x7e => {
            let [high, low, ..] = rest else { return None };
            Some((4, usize::from(u16::from_be_bytes([*high, *low]))))
        }
        0x7f => {
            let len: [u8; 8] = rest.get(..8)?.try_into().ok()?;
            Some((10, usize::try_from(u64::from_be_bytes(len)).ok()?))
        }
        short => Some((2, usize::from(short))),
    }
}

/// Builds a client's frame.
fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(opcode, payload.len(), 0x80);
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

/// Builds a frame as a server sends it.
pub(crate) fn unmasked(payload: &[u8]) -> Vec<u8> {
    let mut frame = head(1, payload.len(), 0);
    frame.extend_from_slice(payload);
    frame
}

fn head(opcode: u8, len: usize, mask: u8) -> Vec<u8> {
    let mut head = vec![0x80 | opcode];
    if len < 0x7e {
        head.push(mask | u8::try_from(len).expect("short"));
    } else if let Ok(len) = u16::try_from(len) {
        head.push(mask | 0x7e);
        head.extend_from_slice(&len.to_be_bytes());
    } else {
        head.push(mask | 0x7f);
        head.extend_from_slice(&(len as u64).to_be_bytes());
    }
    head
}

/// Builds the frame of a request in the envelope that the clients in the field use.
pub(crate) fn request(method: &str, data: &Value) -> Vec<u8> {
    enveloped(method, data, &Value::Null)
}

/// The same of a client that accepts what revision 17 does not have.
pub(crate) fn rich_request(method: &str, data: &Value) -> Vec<u8> {
    enveloped(method, data, &json!({"accept": ["rich"]}))
}

fn enveloped(method: &str, data: &Value, meta: &Value) -> Vec<u8> {
    let envelope = json!({
        "type": method,
        "data": data,
        "errors": null,
        "jsonapi": {"version": "1.0", "revision": "17"},
        "meta": meta,
    });
    masked(1, envelope.to_string().as_bytes())
}

/// Tells whether an answer is one of success, without reading all of it.
pub(crate) fn is_done(answer: &[u8]) -> bool {
    // The errors come after the data, so they are near the end.
    let tail = &answer[answer.len().saturating_sub(256)..];
    let find = |what: &[u8]| tail.windows(what.len()).any(|it| it == what);
    find(b"\"code\":200,") || find(b"\"code\":206,")
}
