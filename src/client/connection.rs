//! One WebSocket connection to a server: requests in order, and unsolicited frames between them.

use std::{collections::VecDeque, io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error as WebSocketError, Message,
        protocol::{CloseFrame, WebSocketConfig},
    },
};

use super::{Address, ClientError, Reply, Request, Trust};

/// How long connecting to a server may take, including name lookup and handshakes.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);
/// How long an answer may take; a server under load hashes passwords one after another.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// After this time without a frame the peer is pinged, and after the same time again it is given up.
const SILENCE_LIMIT: Duration = Duration::from_secs(45);
/// The largest accepted answer. A server's answers are about 8 MiB, one message with its files more.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// What a connection runs over: TCP, or TLS over TCP.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// An open connection.
pub struct Connection {
    socket: WebSocketStream<Box<dyn Stream>>,
    address: Address,
    pushed: VecDeque<Reply>,
}

impl Connection {
    /// Connects to a server.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] if nothing answers, [`ClientError::NotMtp`] if something other
    /// than a WebSocket does.
    pub async fn open(address: &Address, trust: &Trust) -> Result<Self, ClientError> {
        let tls = address.is_secure().then(|| trust.config()).transpose()?;
        let opening = async {
            let stream = dial(address, tls).await?;
            shake_hands(address, stream).await
        };
        let socket =
            timeout(CONNECT_LIMIT, opening)
                .await
                .map_err(|_| ClientError::TimedOut {
                    address: address.to_string(),
                    waited_s: CONNECT_LIMIT.as_secs(),
                })??;
        Ok(Self {
            socket,
            address: address.clone(),
            pushed: VecDeque::new(),
        })
    }

    /// Sends a request and returns its answer, whatever its code.
    ///
    /// # Errors
    /// The connection ends, the answer takes too long or is not MTP.
    pub async fn request(&mut self, request: &Request) -> Result<Reply, ClientError> {
        self.exchange(request.to_frame().to_string()).await
    }

    /// Sends one frame as it is and returns the answer; unsolicited frames that arrive in between
    /// are kept for [`pushed`](Self::pushed).
    ///
    /// # Errors
    /// As for [`request`](Self::request).
    pub async fn exchange(&mut self, frame: String) -> Result<Reply, ClientError> {
        let sent = self.socket.send(Message::text(frame)).await;
        sent.map_err(|error| self.ended(&error))?;
        let answer = async {
            loop {
                let reply = self.frame().await?;
                if !reply.is_push() {
                    return Ok(reply);
                }
                self.pushed.push_back(reply);
            }
        };
        match timeout(ANSWER_LIMIT, answer).await {
            Ok(reply) => reply,
            Err(_) => Err(ClientError::TimedOut {
                address: self.address.to_string(),
                waited_s: ANSWER_LIMIT.as_secs(),
            }),
        }
    }

    /// Waits for the next unsolicited frame; pings a silent server.
    ///
    /// # Errors
    /// The connection ends or the server does not answer a ping.
    pub async fn pushed(&mut self) -> Result<Reply, ClientError> {
        if let Some(reply) = self.pushed.pop_front() {
            return Ok(reply);
        }
        let mut pinged = false;
        loop {
            match timeout(SILENCE_LIMIT, self.message()).await {
                Ok(Ok(Some(reply))) => return Ok(reply),
                Ok(Ok(None)) => pinged = false,
                Ok(Err(error)) => return Err(error),
                Err(_) if pinged => {
                    return Err(ClientError::TimedOut {
                        address: self.address.to_string(),
                        waited_s: SILENCE_LIMIT.as_secs(),
                    });
                }
                Err(_) => {
                    let sent = self.socket.send(Message::Ping(Vec::new().into())).await;
                    sent.map_err(|error| self.ended(&error))?;
                    pinged = true;
                }
            }
        }
    }

    /// Closes the connection, without waiting for the server's close.
    pub async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.socket.close(None)).await;
    }

    /// Reads until there is a text frame.
    async fn frame(&mut self) -> Result<Reply, ClientError> {
        loop {
            if let Some(reply) = self.message().await? {
                return Ok(reply);
            }
        }
    }

    /// Reads one WebSocket message; `None` if it contains no frame of the protocol.
    async fn message(&mut self) -> Result<Option<Reply>, ClientError> {
        let message = match self.socket.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(self.ended(&error)),
            None => return Err(self.ended(&WebSocketError::ConnectionClosed)),
        };
        let reply = match &message {
            Message::Text(text) => Reply::parse(text),
            Message::Binary(bytes) => std::str::from_utf8(bytes).ok().and_then(Reply::parse),
            Message::Close(frame) => return Err(self.closed(frame.as_ref())),
            _ => return Ok(None),
        };
        match reply {
            Some(reply) => Ok(Some(reply)),
            None => Err(ClientError::NotMtp {
                address: self.address.to_string(),
                cause: "its answer has no type and errors.code".to_owned(),
            }),
        }
    }

    fn closed(&self, frame: Option<&CloseFrame>) -> ClientError {
        let code = frame.map(|frame| u16::from(frame.code));
        let reason = match frame {
            None => "without a reason".to_owned(),
            Some(frame) if frame.reason.is_empty() => format!("code {}", frame.code),
            Some(frame) => format!("code {}, {}", frame.code, frame.reason),
        };
        ClientError::Closed {
            address: self.address.to_string(),
            code,
            reason,
        }
    }

    fn ended(&self, error: &WebSocketError) -> ClientError {
        let address = self.address.to_string();
        match error {
            WebSocketError::Io(_)
            | WebSocketError::ConnectionClosed
            | WebSocketError::AlreadyClosed
            | WebSocketError::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => ClientError::Closed {
                address,
                code: None,
                reason: error.to_string(),
            },
            _ => ClientError::NotMtp {
                address,
                cause: error.to_string(),
            },
        }
    }
}

/// Opens the connection that everything else runs over.
pub(super) async fn dial(
    address: &Address,
    tls: Option<std::sync::Arc<rustls::ClientConfig>>,
) -> Result<Box<dyn Stream>, ClientError> {
    let unreachable = |cause: String| ClientError::Unreachable {
        address: address.to_string(),
        cause,
    };
    let tcp = TcpStream::connect((address.host(), address.port()))
        .await
        .map_err(|error| unreachable(error.to_string()))?;
    // Without this an answer can wait 40 ms for the system to collect more to send.
    tcp.set_nodelay(true)
        .map_err(|error| unreachable(error.to_string()))?;
    let Some(config) = tls else {
        return Ok(Box::new(tcp));
    };
    let name = ServerName::try_from(address.host().to_owned())
        .map_err(|error| unreachable(error.to_string()))?;
    let stream = TlsConnector::from(config).connect(name, tcp).await;
    stream
        .map(|stream| Box::new(stream) as Box<dyn Stream>)
        .map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::InvalidData => {
                    "; if this is your own server, name its certificate with --ca FILE"
                }
                _ => "",
            };
            unreachable(format!("{error}{hint}"))
        })
}

async fn shake_hands(
    address: &Address,
    stream: Box<dyn Stream>,
) -> Result<WebSocketStream<Box<dyn Stream>>, ClientError> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_ANSWER_BYTES))
        .max_frame_size(Some(MAX_ANSWER_BYTES));
    let unreachable = |cause: String| ClientError::Unreachable {
        address: address.to_string(),
        cause,
    };
    match client_async_with_config(address.to_string(), stream, Some(config)).await {
        Ok((socket, _)) => Ok(socket),
        Err(WebSocketError::Http(response)) if response.status().as_u16() == 503 => Err(
            unreachable("it is overloaded or shutting down (HTTP 503)".to_owned()),
        ),
        Err(WebSocketError::Http(response)) => Err(ClientError::NotMtp {
            address: address.to_string(),
            cause: format!("it answers HTTP {}", response.status()),
        }),
        Err(WebSocketError::Io(error)) => Err(unreachable(error.to_string())),
        Err(error) => Err(ClientError::NotMtp {
            address: address.to_string(),
            cause: error.to_string(),
        }),
    }
}
