//! Fetching files: `/file/<id>`, whole or in part.
//!
//! The right to a file is looked up at each request: what is not there and what is not the caller's
//! is the same 404. The content never changes, so that its id is its tag.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::disposition::disposition;
use crate::model::PublicId;
use crate::protocol::web::{Content, Method, Range, Request, Response, Route, Web};
use crate::service::{Client, FoundFile, Refusal, Service, ServiceError};

/// What files may do in a browser: be shown and played, nothing else.
const POLICY: &str = "sandbox; default-src 'none'; media-src 'self'; img-src 'self'";

/// A file's content is under its id for ever; whoever asks has to be asked again for the right.
const CACHE: &str = "private, max-age=31536000, immutable";

/// The face of files.
pub struct Files {
    service: Arc<Service>,
}

/// What there is to do.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Fetch a file.
    Fetch,
}

/// What is asked for, apart from the request and its body.
struct Asked {
    client: Client,
    token: Option<String>,
    id: Option<PublicId>,
    range: Option<Range>,
    if_none_match: Option<String>,
    if_range: Option<String>,
    save: bool,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let header = |name| request.headers.get(name).map(str::to_owned);
        Self {
            client: Client {
                neighbourhood: request.peer.address.into(),
                ..Client::default()
            },
            token: request.bearer().map(str::to_owned),
            id: request.captured.first().and_then(|text| read_id(text)),
            range: request.range,
            if_none_match: header("if-none-match"),
            if_range: header("if-range"),
            save: request.parameter("download").is_some(),
        }
    }
}

impl Files {
    /// Makes the face.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    async fn fetch(&self, asked: Asked) -> Result<Response, ServiceError> {
        let not_there = || Ok(Response::json(404, &refusal(404, "there is no such file")));
        let Some(token) = &asked.token else {
            return Ok(Response::json(
                401,
                &refusal(401, "a bearer token is needed"),
            ));
        };
        // A token that is none costs a look into the database, as everything else does.
        self.service.admit(None, &asked.client, 1.0)?;
        let user = self.service.authenticate(token).await?;
        self.service.admit(Some(&user), &asked.client, 1.0)?;
        let Some(id) = asked.id else {
            return not_there();
        };
        let file = match self.service.find_file(&user, id).await {
            Err(ServiceError::Refused(_)) => return not_there(),
            found => found?,
        };
        let tag = format!("\"{:032x}\"", id.0);
        let known = asked.if_none_match.as_deref();
        if known.is_some_and(|known| known == "*" || known.split(',').any(|it| it.trim() == tag)) {
            return Ok(Response::new(304)
                .with("etag", tag)
                .with("cache-control", CACHE));
        }
        // Another version than the one whose rest is wanted: all of it.
        let same = asked.if_range.as_deref().is_none_or(|it| it == tag);
        let range = asked.range.filter(|_| same);
        let (status, part) = match range.map(|range| range.of(file.size)) {
            None => (200, 0..file.size),
            Some(Ok(part)) => (206, part),
            Some(Err(_)) => {
                let all = format!("bytes */{}", file.size);
                return Ok(Response::new(416).with("content-range", all));
            }
        };
        let inline = file.media_type.is_some() && !asked.save;
        let kind = file
            .media_type
            .as_deref()
            .unwrap_or("application/octet-stream");
        let mut response = Response::new(status)
            .with("content-type", kind)
            .with(
                "content-disposition",
                disposition(inline, file.name.as_deref()),
            )
            .with("content-security-policy", POLICY)
            .with("cross-origin-resource-policy", "same-origin")
            .with("accept-ranges", "bytes")
            .with("cache-control", CACHE)
            .with("etag", tag);
        if status == 206 {
            let told = format!("bytes {}-{}/{}", part.start, part.end - 1, file.size);
            response = response.with("content-range", told);
        }
        Ok(response.with_content(self.stream(file, part)))
    }

    /// A part of a file, read as it is sent.
    fn stream(&self, file: FoundFile, part: std::ops::Range<u64>) -> Content {
        let length = Some(part.end - part.start);
        let service = Arc::clone(&self.service);
        let pieces =
            stream::try_unfold((service, file, part), |(service, file, part)| async move {
                if part.is_empty() {
                    return Ok(None);
                }
                let read = service.read_file(&file, part.start, part.end).await;
                let piece = read.map_err(std::io::Error::other)?;
                if piece.is_empty() {
                    return Err(std::io::ErrorKind::UnexpectedEof.into());
                }
                let rest = part.start + piece.len() as u64..part.end;
                Ok(Some((Bytes::from(piece), (service, file, rest))))
            });
        Content::Stream {
            length,
            pieces: pieces.boxed(),
        }
    }
}

impl Web for Files {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let fetch = |pattern| {
            (
                Route::new(Method::Get, pattern).with_bearer(),
                Action::Fetch,
            )
        };
        vec![fetch("/file/{id}"), fetch("/file/{id}/{name}")]
    }

    async fn answer(&self, action: Action, request: Request) -> Response {
        let asked = Asked::from(&request);
        // What it takes of the body is nothing.
        drop(request);
        let answered = match action {
            Action::Fetch => self.fetch(asked).await,
        };
        answered.unwrap_or_else(|err| match err {
            ServiceError::Refused(Refusal::TooManyRequests { wait, .. }) => {
                let seconds = wait.as_secs() + 1;
                Response::json(429, &refusal(429, "too many requests"))
                    .with("retry-after", seconds.to_string())
            }
            ServiceError::Refused(_) => {
                Response::json(401, &refusal(401, "this session is unknown or has ended"))
            }
            err => {
                log::error!("a file could not be fetched: {err}");
                Response::json(503, &refusal(503, "the file cannot be read at present"))
            }
        })
    }
}

fn refusal(code: u16, detail: &str) -> serde_json::Value {
    serde_json::json!({"error": {"code": code, "detail": detail}})
}

/// The id that 32 hexadecimal digits name.
fn read_id(text: &str) -> Option<PublicId> {
    let canonical =
        text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    canonical
        .then(|| u128::from_str_radix(text, 16).ok().map(PublicId))
        .flatten()
}
