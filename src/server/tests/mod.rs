//! Tests of the transport over real sockets, with a conversation made for them.

mod faces;
mod http;
mod limits;
mod sockets;
mod stopping;
mod tls;

use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::*;
use crate::protocol::{Answer, Close, Conversation, Frame, Peer, Pushed};

/// Longer than anything here should take, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// More than the kernel buffers for a peer that does not read.
const PICTURE_BYTES: usize = 8 << 20;

static PICTURE: OnceLock<Bytes> = OnceLock::new();

/// A conversation that understands a few words, and echoes the rest.
pub(super) struct Talk {
    peer: Peer,
    signed_in: bool,
    pushes: u32,
}

impl Conversation for Talk {
    async fn answer(&mut self, frame: Frame) -> Answer {
        let answer = |text: String| Answer {
            frame: Some(Frame::Text(text.into())),
            close: None,
        };
        let Frame::Text(text) = &frame else {
            return Answer {
                frame: Some(frame),
                close: None,
            };
        };
        match &text[..] {
            b"who" => answer(format!("{} {}", self.peer.address, self.peer.tls)),
            b"sign in" => {
                self.signed_in = true;
                answer("signed in".to_owned())
            }
            b"slow" => {
                sleep(Duration::from_millis(300)).await;
                answer("slowly".to_owned())
            }
            b"push" => {
                self.pushes = 3;
                answer("pushing".to_owned())
            }
            b"flood" => {
                self.pushes = u32::MAX;
                Answer {
                    frame: None,
                    close: None,
                }
            }
            // All clients get the same bytes, as all members of a group do.
            b"picture" => Answer {
                frame: Some(Frame::Binary(
                    PICTURE
                        .get_or_init(|| vec![b'x'; PICTURE_BYTES].into())
                        .clone(),
                )),
                close: None,
            },
            b"close" => Answer {
                frame: Some(Frame::Text(Bytes::from_static(b"bye"))),
                close: Some(Close {
                    code: 1008,
                    reason: "asked for",
                }),
            },
            b"panic" => panic!("a bug in a handler"),
            large if large.len() > 4096 => answer(format!("{} bytes", large.len())),
            _ => Answer {
                frame: Some(frame),
                close: None,
            },
        }
    }

    async fn pushed(&mut self) -> Pushed {
        if self.pushes == 0 {
            return pending().await;
        }
        self.pushes -= 1;
        let size = if self.pushes > 3 { 10_000 } else { 4 };
        Pushed::Frame(Frame::Text(vec![b'.'; size].into()))
    }

    fn is_signed_in(&self) -> bool {
        self.signed_in
    }
}

/// A server that stops with its test.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) certificate: Option<Certificate>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Summary>,
}

impl Server {
    pub(super) async fn start(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            hosts: vec!["127.0.0.1".to_owned()],
            port: 0,
            ..Settings::default()
        };
        change(&mut settings);
        let bound = bind(settings, Vec::new()).await.unwrap();
        let (address, certificate) = (bound.addresses()[0], bound.certificate());
        let (stop, stopped) = oneshot::channel();
        let converse = |peer| Talk {
            peer,
            signed_in: false,
            pushes: 0,
        };
        let task = tokio::spawn(async move {
            bound
                .serve(site, converse, async move {
                    if stopped.await.is_err() {
                        pending::<()>().await;
                    }
                })
                .await
        });
        Self {
            address,
            certificate,
            stop: Some(stop),
            task,
        }
    }

    pub(super) async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Opens a WebSocket.
    pub(super) async fn open(&self) -> Client<TcpStream> {
        Client::open(self.tcp().await, "").await
    }

    /// Sends a request and returns the whole answer, once the server has closed the connection.
    pub(super) async fn ask(&self, request: &str) -> String {
        let mut tcp = self.tcp().await;
        tcp.write_all(request.as_bytes()).await.unwrap();
        rest(&mut tcp).await
    }

    pub(super) async fn get(&self, path: &str, headers: &str) -> String {
        self.ask(&format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n"
        ))
        .await
    }

    pub(super) async fn stop(mut self) -> Summary {
        self.stop.take().unwrap().send(()).unwrap();
        self.end().await
    }

    pub(super) async fn end(self) -> Summary {
        timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }
}

/// Reads until the peer closes; if the connection is reset, returns what came before.
pub(super) async fn rest(io: &mut (impl AsyncRead + Unpin)) -> String {
    let mut all = Vec::new();
    let _ = timeout(PATIENCE, io.read_to_end(&mut all))
        .await
        .expect("the server closes");
    String::from_utf8_lossy(&all).into_owned()
}

fn site(statistics: Statistics) -> Site {
    let health: Source<Health> = Arc::new(|| {
        let none = String::new;
        let checks = Checks {
            database: "ok".to_owned(),
            schema: none(),
            search: none(),
            disk_free_bytes: None,
            backup: none(),
            clock: none(),
            certificate: "ok".to_owned(),
        };
        Box::pin(async {
            Health {
                ok: true,
                uptime_seconds: 7,
                connections: 0,
                users_online: 0,
                checks,
                configuration: Reloads::default(),
                certificate: None,
                attention: Vec::new(),
            }
        })
    });
    let metrics: Source<String> = Arc::new(move || {
        let text = format!("connections {}\n", statistics.connections());
        Box::pin(async { text })
    });
    let protocol = Protocol {
        name: "talk",
        version: "1.0",
        revision: "1",
    };
    Site {
        instance: "test".to_owned(),
        version: Version {
            name: "test",
            version: "0",
            protocol,
            features: &["more"],
            title: None,
            contact: None,
        },
        health,
        metrics: Some(metrics),
        faces: vec![Face::new(faces::Desk), Face::new(faces::Outside)],
        client: false,
    }
}

/// A WebSocket client that can also break the protocol.
pub(super) struct Client<S> {
    pub(super) io: S,
}

/// What a client receives: an opcode and a payload.
pub(super) type Received = (u8, Vec<u8>);

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) async fn open(mut io: S, headers: &str) -> Self {
        let answer = Self::handshake(&mut io, headers).await;
        assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
        Self { io }
    }

    /// Asks for a WebSocket and returns the head of the answer.
    pub(super) async fn handshake(io: &mut S, headers: &str) -> String {
        let request = format!(
            "GET /ws HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
        );
        io.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(timeout(PATIENCE, io.read_u8()).await.unwrap().unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    pub(super) async fn say(&mut self, text: &str) {
        self.send(&frame(0x81, text.as_bytes())).await;
    }

    /// Returns the next frame; `None` once the connection has ended.
    pub(super) async fn next(&mut self) -> Option<Received> {
        timeout(PATIENCE, self.read())
            .await
            .expect("a frame or the end")
    }

    async fn read(&mut self) -> Option<Received> {
        let first = self.io.read_u8().await.ok()?;
        let len = match self.io.read_u8().await.ok()? {
            126 => u64::from(self.io.read_u16().await.ok()?),
            127 => self.io.read_u64().await.ok()?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(len).unwrap()];
        self.io.read_exact(&mut payload).await.ok()?;
        assert_eq!(first & 0xf0, 0x80, "servers' frames are whole");
        Some((first & 0x0f, payload))
    }

    pub(super) async fn hears(&mut self, text: &str) {
        let (opcode, payload) = self.next().await.expect("a frame");
        assert_eq!(
            (opcode, String::from_utf8_lossy(&payload).as_ref()),
            (1, text)
        );
    }

    /// Expects a close with a code, then the end of the connection.
    pub(super) async fn is_closed(&mut self, code: u16) {
        let (opcode, payload) = self.next().await.expect("a close frame");
        assert_eq!(opcode, 8, "{}", String::from_utf8_lossy(&payload));
        assert_eq!(u16::from_be_bytes([payload[0], payload[1]]), code);
        let _ = self.io.write_all(&frame(0x88, &payload[..2])).await;
        assert_eq!(self.next().await, None);
    }
}

/// Returns a masked frame.
pub(super) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let mut frame = announce(first, payload.len() as u64);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Returns the header of a masked frame.
pub(super) fn announce(first: u8, len: u64) -> Vec<u8> {
    let mut head = vec![first];
    match len {
        0..=125 => head.push(0x80 | u8::try_from(len).unwrap()),
        126..=65535 => {
            head.push(0xfe);
            head.extend_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
        }
        _ => {
            head.push(0xff);
            head.extend_from_slice(&len.to_be_bytes());
        }
    }
    head.extend_from_slice(&[0x37, 0xfa, 0x21, 0x3d]);
    head
}
