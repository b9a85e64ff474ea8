//! Downloads of files: `/file/<id>`, whole or in part.
//!
//! The client sends a token, or a ticket in the address. The permission for a file is checked at each
//! request: a file that does not exist, one that the caller may not read, and an invalid ticket give
//! the same 404. The content never changes, so its id is its tag.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;

use super::super::disposition::disposition;
use super::problem;
use crate::model::PublicId;
use crate::protocol::web::{Content, Method, Range, Request, Response, Route, Web};
use crate::service::{Client, FetchError, FoundFile, Reader, Refusal, Service, ServiceError};

/// The policy for files in a browser: they may be shown and played, nothing else.
const POLICY: &str = "sandbox; default-src 'none'; media-src 'self'; img-src 'self'";

/// A file's content never changes under its id, but each reader's permission has to be checked, so
/// no shared cache may store it.
const CACHE: &str = "private, max-age=31536000, immutable";

/// The parameter of the address that holds a ticket. To a cache, addresses that differ only in it
/// are the same.
const TICKET: &str = "t";

/// The face of files.
pub struct Files {
    service: Arc<Service>,
}

/// The actions of this face.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Fetches a file.
    Fetch,
}

/// A request without its body.
struct Asked {
    is_head: bool,
    client: Client,
    token: Option<String>,
    ticket: Option<String>,
    id: Option<PublicId>,
    range: Option<Range>,
    if_none_match: Option<String>,
    if_range: Option<String>,
    save: bool,
    /// Whether a page of another site shows it, or would.
    is_foreign: bool,
}

impl From<&Request> for Asked {
    fn from(request: &Request) -> Self {
        let header = |name| request.headers.get(name).map(str::to_owned);
        Self {
            is_head: request.method == Method::Head,
            client: Client {
                neighbourhood: request.peer.address.into(),
                ..Client::default()
            },
            token: request.bearer().map(str::to_owned),
            ticket: request.parameter(TICKET),
            id: request
                .captured
                .first()
                .and_then(|text| PublicId::from_hex(text)),
            range: request.range,
            if_none_match: header("if-none-match"),
            if_range: header("if-range"),
            save: request.parameter("download").is_some(),
            is_foreign: request.headers.get("sec-fetch-site") == Some("cross-site"),
        }
    }
}

impl Asked {
    /// Returns whether the client already has the content.
    fn has(&self, tag: &str) -> bool {
        let known = self.if_none_match.as_deref();
        // A proxy that compresses answers makes the tag weak, which is as good here.
        let strong = |it: &str| it.trim().trim_start_matches("W/") == tag;
        known.is_some_and(|known| known == "*" || known.split(',').any(strong))
    }
}

impl Files {
    /// Returns the face.
    #[must_use]
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// Returns the reader; `None` if the ticket is invalid.
    async fn reader(&self, asked: &Asked) -> Result<Option<Reader>, ServiceError> {
        match (&asked.token, &asked.ticket) {
            (Some(token), _) => {
                let user = self.service.admit_bearer(token, &asked.client).await?;
                user.permit("list_files")?;
                Ok(Some(Reader {
                    user: user.user(),
                    session: user.session().id,
                    is_matrix: false,
                }))
            }
            (None, Some(ticket)) => self.service.admit_ticket(ticket, &asked.client).await,
            (None, None) => Err(Refusal::NoSession.into()),
        }
    }

    async fn fetch(&self, asked: Asked) -> Result<Response, ServiceError> {
        let not_there = || Ok(problem(404, "there is no such file"));
        if asked.is_foreign {
            return Ok(problem(403, "pages of other sites may not show files"));
        }
        let (Some(reader), Some(id)) = (self.reader(&asked).await?, asked.id) else {
            return not_there();
        };
        let file = match self.service.find_file(reader, id).await {
            Err(ServiceError::Refused(_)) => return not_there(),
            found => found?,
        };
        let tag = format!("\"{}\"", id.hex());
        if asked.has(&tag) {
            return Ok(kept(Response::new(304), &tag));
        }
        if self.service.is_lost(&file).await {
            return Ok(problem(410, &FetchError::Lost.to_string()));
        }
        // If the client has a part of another version, it gets all of it.
        let same = asked.if_range.as_deref().is_none_or(|it| it == tag);
        // A range has no meaning for HEAD (RFC 9110 section 14.2).
        let range = asked.range.filter(|_| same && !asked.is_head);
        let (status, part) = match range.map(|range| range.of(file.size)) {
            None => (200, 0..file.size),
            Some(Ok(part)) => (206, part),
            Some(Err(_)) => {
                let all = format!("bytes */{}", file.size);
                return Ok(Response::new(416).with("content-range", all));
            }
        };
        let told = format!(
            "bytes {}-{}/{}",
            part.start,
            part.end.saturating_sub(1),
            file.size
        );
        let response = described(kept(Response::new(status), &tag), &file, asked.save);
        let response = if status == 206 {
            response.with("content-range", told)
        } else {
            response
        };
        let length = Some(part.end - part.start);
        if asked.is_head {
            let pieces = stream::empty().boxed();
            return Ok(response.with_content(Content::Stream { length, pieces }));
        }
        match self
            .service
            .fetch_file((reader, id), file, (part.start, part.end))
            .await
        {
            Ok(pieces) => {
                let next = async |mut pieces: crate::service::Pieces| {
                    let piece = pieces.next().await?;
                    Some((piece.map(Bytes::from), pieces))
                };
                let pieces = stream::unfold(pieces, next).boxed();
                Ok(response.with_content(Content::Stream { length, pieces }))
            }
            Err(FetchError::Failed(err)) => Err(err),
            Err(err @ FetchError::Lost) => Ok(problem(410, &err.to_string())),
            Err(err @ FetchError::Crowded) => {
                Ok(problem(429, &err.to_string()).with("retry-after", "1"))
            }
        }
    }
}

/// Adds the headers that let a cache store a file.
fn kept(response: Response, tag: &str) -> Response {
    response
        .with("etag", tag)
        .with("cache-control", CACHE)
        .with("no-vary-search", format!("params=(\"{TICKET}\")"))
}

/// Adds the headers about a file. A browser saves a file that is not certain to be safe to show.
fn described(response: Response, file: &FoundFile, save: bool) -> Response {
    let inline = file.media_type.is_some() && !save;
    let kind = file.media_type.as_deref();
    response
        .with("content-type", kind.unwrap_or("application/octet-stream"))
        .with(
            "content-disposition",
            disposition(inline, file.name.as_deref()),
        )
        .with("content-security-policy", POLICY)
        .with("cross-origin-resource-policy", "same-origin")
        .with("referrer-policy", "no-referrer")
        .with("accept-ranges", "bytes")
}

impl Web for Files {
    type Action = Action;

    fn routes(&self) -> Vec<(Route, Action)> {
        let fetch = |pattern| (Route::new(Method::Get, pattern), Action::Fetch);
        vec![fetch("/file/{id}"), fetch("/file/{id}/{name}")]
    }

    async fn answer(&self, action: Action, request: Request) -> Response {
        let asked = Asked::from(&request);
        let is_known = asked.token.is_some();
        // The body is not read.
        drop(request);
        let answered = match action {
            Action::Fetch => self.fetch(asked).await,
        };
        answered.unwrap_or_else(|err| match err {
            ServiceError::Refused(Refusal::TooManyRequests { wait, .. }) => {
                let seconds = wait.as_secs() + 1;
                problem(429, "too many requests").with("retry-after", seconds.to_string())
            }
            ServiceError::Refused(Refusal::OutOfScope) => {
                problem(403, "this token does not let its bot read")
            }
            ServiceError::Refused(_) => {
                let detail = if is_known {
                    "this session is unknown or has ended"
                } else {
                    "a token is needed here: Authorization: Bearer, or a ticket"
                };
                problem(401, detail).with("www-authenticate", "Bearer")
            }
            err => {
                log::error!("a file could not be fetched: {err}");
                problem(503, "the file cannot be read at present")
            }
        })
    }
}
