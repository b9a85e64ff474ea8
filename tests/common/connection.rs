//! One WebSocket, blocking, with a limit on every wait.

use std::{collections::VecDeque, io, net::TcpStream, time::Instant};

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    client::{IntoClientRequest as _, client_with_config},
    protocol::WebSocketConfig,
};

use super::{PATIENCE, Reply};

/// A connection to a server, on which frames are sent and read as they come.
pub(crate) struct Connection {
    socket: WebSocket<TcpStream>,
    pushed: VecDeque<Reply>,
}

/// What came instead of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The server closed, with this code where it sent one.
    Closed(Option<u16>),
    /// The connection broke without a word.
    Broken,
}

impl Connection {
    /// Connects to a server on this machine.
    #[track_caller]
    pub(crate) fn open(port: u16) -> Self {
        Self::try_open(port).unwrap_or_else(|error| panic!("no connection: {error}"))
    }

    /// Connects as a proxy does for somebody at an address.
    #[track_caller]
    pub(crate) fn from(port: u16, address: &str) -> Self {
        Self::try_open_with(port, &[("x-forwarded-for", address)])
            .unwrap_or_else(|error| panic!("no connection: {error}"))
    }

    /// Connects to a server on this machine, which may not be there.
    pub(crate) fn try_open(port: u16) -> Result<Self, String> {
        Self::try_open_with(port, &[])
    }

    /// Connects as a program that says what it is.
    #[track_caller]
    pub(crate) fn called(port: u16, user_agent: &str) -> Self {
        Self::try_open_with(port, &[("user-agent", user_agent)])
            .unwrap_or_else(|error| panic!("no connection: {error}"))
    }

    fn try_open_with(port: u16, headers: &[(&'static str, &str)]) -> Result<Self, String> {
        let stream = TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string())?;
        stream
            .set_nodelay(true)
            .map_err(|error| error.to_string())?;
        stream
            .set_read_timeout(Some(PATIENCE))
            .map_err(|error| error.to_string())?;
        stream
            .set_write_timeout(Some(PATIENCE))
            .map_err(|error| error.to_string())?;
        let config = WebSocketConfig::default()
            .max_message_size(Some(256 << 20))
            .max_frame_size(Some(256 << 20));
        let url = format!("ws://127.0.0.1:{port}/ws");
        let mut request = url
            .into_client_request()
            .map_err(|error| error.to_string())?;
        for (name, value) in headers {
            let value = value.parse().map_err(|error| format!("{error}"))?;
            request.headers_mut().insert(*name, value);
        }
        let (socket, _) =
            client_with_config(request, stream, Some(config)).map_err(|error| error.to_string())?;
        Ok(Self {
            socket,
            pushed: VecDeque::new(),
        })
    }

    /// The port of this end.
    pub(crate) fn own_port(&self) -> u16 {
        let address = self.socket.get_ref().local_addr();
        address.expect("a connected socket").port()
    }

    /// Sends a frame of text.
    pub(crate) fn send_text(&mut self, text: impl Into<String>) -> Result<(), End> {
        self.send(Message::text(text.into()))
    }

    /// Sends any WebSocket message.
    pub(crate) fn send(&mut self, message: Message) -> Result<(), End> {
        self.socket.send(message).map_err(|_| End::Broken)
    }

    /// Sends a request in the usual envelope and returns the answer.
    #[track_caller]
    pub(crate) fn request(&mut self, method: &str, data: &Value) -> Reply {
        self.ask(&envelope(method, data))
    }

    /// Sends a JSON value as it is and returns the answer.
    #[track_caller]
    pub(crate) fn ask(&mut self, frame: &Value) -> Reply {
        self.ask_text(frame.to_string())
    }

    /// Sends a text as it is and returns the answer.
    #[track_caller]
    pub(crate) fn ask_text(&mut self, text: impl Into<String>) -> Reply {
        self.send_text(text)
            .unwrap_or_else(|end| panic!("not sent: {end:?}"));
        self.answer()
    }

    /// Returns the next answer; pushed frames before it are kept for [`pushed`](Self::pushed).
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Reply {
        self.try_answer()
            .unwrap_or_else(|end| panic!("no answer: {end:?}"))
    }

    /// Returns the next answer, or how the connection ended instead.
    #[track_caller]
    pub(crate) fn try_answer(&mut self) -> Result<Reply, End> {
        loop {
            let reply = self.frame()?;
            if !reply.is_push() {
                return Ok(reply);
            }
            self.pushed.push_back(reply);
        }
    }

    /// Returns the next frame that the server sends unasked.
    #[track_caller]
    pub(crate) fn pushed(&mut self) -> Reply {
        self.try_pushed()
            .unwrap_or_else(|end| panic!("nothing pushed: {end:?}"))
    }

    /// Returns the next pushed frame, or how the connection ended instead.
    #[track_caller]
    pub(crate) fn try_pushed(&mut self) -> Result<Reply, End> {
        if let Some(reply) = self.pushed.pop_front() {
            return Ok(reply);
        }
        let reply = self.frame()?;
        assert!(reply.is_push(), "an answer that nobody asked for: {reply}");
        Ok(reply)
    }

    /// Returns the pushed frames that have come already, without waiting for more.
    pub(crate) fn pushed_so_far(&mut self) -> Vec<Reply> {
        self.pushed.drain(..).collect()
    }

    /// Reads until the server closes, and returns with which code.
    #[track_caller]
    pub(crate) fn closed(&mut self) -> End {
        loop {
            if let Err(end) = self.frame() {
                return end;
            }
        }
    }

    /// Returns the next frame of the protocol, asked for or not.
    #[track_caller]
    pub(crate) fn frame(&mut self) -> Result<Reply, End> {
        self.text().map(|text| Reply::read(&text))
    }

    /// Returns the next frame as it was sent.
    #[track_caller]
    pub(crate) fn text(&mut self) -> Result<String, End> {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "no frame within {PATIENCE:?}");
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(text.as_str().to_owned()),
                Ok(Message::Binary(bytes)) => panic!("a binary frame of {} bytes", bytes.len()),
                Ok(Message::Close(frame)) => {
                    return Err(End::Closed(frame.map(|frame| frame.code.into())));
                }
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(&error) => {
                    panic!("no frame within {PATIENCE:?}")
                }
                Err(_) => return Err(End::Broken),
            }
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

/// Returns a request in the usual envelope.
pub(crate) fn envelope(method: &str, data: &Value) -> Value {
    json!({
        "type": method,
        "data": data,
        "errors": null,
        "jsonapi": {"version": "1.0", "revision": "17"},
        "meta": null,
    })
}
