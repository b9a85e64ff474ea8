//! One request and its answer on a connection.

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::{Answer, OutboundError, Request, Rules, Url};

/// The most that status and headers of an answer may take, in bytes.
const HEAD_BYTES: usize = 16 * 1024;

/// The `User-Agent` of requests.
const AGENT: &str = concat!("Morelia/", env!("CARGO_PKG_VERSION"));

/// A connection on which a request can be sent.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// Whether a proxy reads the request, which then has to contain the host.
    by_proxy: bool,
}

/// The reason why a request was not answered.
pub(super) enum Failure {
    /// Nothing of it was sent.
    Unsent,
    /// Something went wrong.
    Failed(OutboundError),
}

impl Failure {
    pub(super) fn into_error(self, url: &Url) -> OutboundError {
        match self {
            Self::Failed(err) => err,
            Self::Unsent => OutboundError::Invalid {
                host: url.host().to_owned(),
                cause: "the connection was closed".to_owned(),
            },
        }
    }
}

/// Starts HTTP on a connection.
pub(super) async fn begin<S>(
    stream: S,
    url: &Url,
    by_proxy: bool,
) -> Result<Connection, OutboundError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handshake = http1::Builder::new()
        .max_buf_size(HEAD_BYTES)
        .handshake(TokioIo::new(stream));
    let (sender, connection) = handshake.await.map_err(|err| invalid(url, &err))?;
    // The task ends with the connection, which ends when the sender is dropped.
    tokio::spawn(async move {
        if let Err(err) = connection.await {
            log::debug!("an outbound connection ended: {err}");
        }
    });
    Ok(Connection { sender, by_proxy })
}

/// Sends a request and reads its answer.
pub(super) async fn send(
    connection: &mut Connection,
    request: &Request,
    rules: Rules,
) -> Result<Answer, Failure> {
    let url = &request.url;
    let message = message(request, connection.by_proxy).map_err(Failure::Failed)?;
    if connection.sender.ready().await.is_err() {
        return Err(Failure::Unsent);
    }
    let answered = connection.sender.try_send_request(message).await;
    let answer = answered.map_err(|mut err| match err.take_message() {
        Some(_) => Failure::Unsent,
        None => Failure::Failed(invalid(url, err.error())),
    })?;
    read(url, answer, rules).await.map_err(Failure::Failed)
}

fn message(
    request: &Request,
    by_proxy: bool,
) -> Result<hyper::Request<Full<Bytes>>, OutboundError> {
    const BAD: OutboundError = OutboundError::BadUrl("it cannot be asked for");
    let url = &request.url;
    let target = if by_proxy {
        url.whole()
    } else {
        url.target().to_owned()
    };
    let mut message = hyper::Request::builder()
        .method(request.method)
        .uri(target)
        .body(Full::new(request.body.clone()))
        .map_err(|_| BAD)?;
    let headers = message.headers_mut();
    let host = HeaderValue::from_str(&url.authority()).map_err(|_| BAD)?;
    headers.insert(HOST, host);
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| BAD)?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| BAD)?);
    }
    Ok(message)
}

async fn read(
    url: &Url,
    answer: hyper::Response<Incoming>,
    rules: Rules,
) -> Result<Answer, OutboundError> {
    let (head, mut body) = answer.into_parts();
    let headers = head.headers.iter().filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    let headers = headers.collect();
    let mut bytes = BytesMut::new();
    let mut is_cut = false;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|err| invalid(url, &err))?;
        let Ok(piece) = frame.into_data() else {
            continue;
        };
        let room = rules.body_bytes - bytes.len();
        if piece.len() > room {
            bytes.extend_from_slice(&piece[..room]);
            is_cut = true;
            break;
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Answer {
        status: head.status.as_u16(),
        headers,
        body: bytes.freeze(),
        is_cut,
    })
}

fn invalid(url: &Url, err: &hyper::Error) -> OutboundError {
    OutboundError::Invalid {
        host: url.host().to_owned(),
        cause: err.to_string(),
    }
}
