//! Requests over HTTP: the counterpart of [`Conversation`](super::Conversation).
//!
//! What belongs here: a request, an answer and a table of addresses as plain values, so that a face
//! of the service over HTTP needs no HTTP library. What does not: sockets, time limits and the
//! headers that every answer has (see [`crate::server`]).

mod body;
mod range;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use body::{Body, BodyError, Gathered, Room, Rooms};
pub use range::{Range, Unsatisfiable};

use super::Peer;

/// A face of the service over HTTP.
///
/// The transport finds the route of a request, checks what the route requires, and calls
/// [`answer`](Self::answer). Requests of one connection are answered one after the other, those of
/// different connections at the same time.
pub trait Web: Send + Sync + 'static {
    /// What a route leads to: the face's own list of actions.
    type Action: Copy + Send + Sync + 'static;

    /// Returns the addresses that the face answers, and the action of each. Called once.
    fn routes(&self) -> Vec<(Route, Self::Action)>;

    /// Answers one request.
    ///
    /// The future is dropped if the peer disconnects: work that must not be done by halves belongs
    /// in a task of its own or in one call of the service.
    fn answer(
        &self,
        action: Self::Action,
        request: Request,
    ) -> impl Future<Output = Response> + Send;

    /// Returns the answer that the transport gives in the name of the face: for an unknown address
    /// (404), a wrong method (405), a missing token (401), a body that is too large (413). `None` is
    /// the JSON of all other pages, and leaves an unknown address to other faces.
    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        let _ = (status, detail);
        None
    }

    /// Returns the answer to OPTIONS at any address below the face's; `None` if the transport answers
    /// from its routes.
    fn describe(&self) -> Option<Response> {
        None
    }
}

/// An HTTP method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Reads the headers only.
    Head,
    /// Adds.
    Post,
    /// Replaces.
    Put,
    /// Changes a part.
    Patch,
    /// Removes.
    Delete,
    /// Asks what is possible.
    Options,
}

impl Method {
    /// Returns the method as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

/// One address of a face.
#[derive(Debug, Clone)]
pub struct Route {
    /// The method that it takes. A route for [`Method::Get`] also takes HEAD, unless there is a
    /// route for HEAD.
    pub method: Method,
    /// The path: segments after slashes. A segment in braces matches any that is not empty, and is
    /// [captured](Request::captured): `/file/{id}/{name}`.
    pub pattern: &'static str,
    /// The body that it takes.
    pub takes: Takes,
    /// Whether the transport refuses requests without a bearer token. The face has to check the
    /// token, before it reads the body.
    pub needs_bearer: bool,
    /// The foreign web pages that may use it: their origins, or `*` for all. A page of this server
    /// and a program that is not a browser may always use it.
    pub origins: Arc<[String]>,
    /// Whether any web page may send to it, without reading the answer: the request itself contains
    /// all the authorization that it needs.
    pub is_for_any_page: bool,
}

impl Route {
    /// Returns a route that takes no body and requires nothing.
    #[must_use]
    pub fn new(method: Method, pattern: &'static str) -> Self {
        Self {
            method,
            pattern,
            takes: Takes::Nothing,
            needs_bearer: false,
            origins: Arc::default(),
            is_for_any_page: false,
        }
    }

    /// Lets any web page send to it, without reading the answer.
    #[must_use]
    pub fn for_any_page(mut self) -> Self {
        self.is_for_any_page = true;
        self
    }

    /// Sets the body that it takes.
    #[must_use]
    pub fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    /// Requires a bearer token.
    #[must_use]
    pub fn with_bearer(mut self) -> Self {
        self.needs_bearer = true;
        self
    }

    /// Lets foreign web pages use it.
    #[must_use]
    pub fn with_origins(mut self, origins: Arc<[String]>) -> Self {
        self.origins = origins;
        self
    }
}

/// The body that a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None; a body that is sent is not read.
    Nothing,
    /// A body of at most this many bytes that is read whole, such as JSON.
    Whole(usize),
    /// A body of at most this many bytes that is read in pieces.
    Pieces(u64),
}

impl Takes {
    /// Returns the most bytes of a body.
    #[must_use]
    pub fn limit(self) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Whole(bytes) => bytes as u64,
            Self::Pieces(bytes) => bytes,
        }
    }
}

/// A request. Its `Debug` hides what may be secret.
pub struct Request {
    /// The method: the route's, or HEAD.
    pub method: Method,
    /// The segments that match the braces of the pattern, in order. Each is decoded by itself, so
    /// it may contain a slash that was written as `%2F`.
    pub captured: Vec<String>,
    /// The query as it was sent; empty if there is none.
    pub query: String,
    /// The header `Authorization`.
    pub authorization: Option<Secret>,
    /// The peer that sent it.
    pub peer: Peer,
    /// The part of the content that is wanted.
    pub range: Option<Range>,
    /// The other headers.
    pub headers: Headers,
    /// The body.
    pub body: Body,
}

impl Request {
    /// Returns the bearer token.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        self.authorization.as_ref()?.bearer()
    }

    /// Returns the first parameter with a name, decoded.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<String> {
        let mut all = form_urlencoded::parse(self.query.as_bytes());
        all.find(|(found, _)| found == name)
            .map(|(_, value)| value.into_owned())
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A header that authenticates a client. Its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the value of a header.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns it as it was sent, such as `Basic dXNlcjpwYXNz`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the token, if it is a bearer token.
    #[must_use]
    pub fn bearer(&self) -> Option<&str> {
        let (scheme, token) = self.0.split_once(' ')?;
        let token = token.trim();
        (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The headers of a request, with names in lower case.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Returns the first value of a header, whose name is given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(found, _)| found == name)
            .map(|(_, value)| value.as_str())
    }
}

impl FromIterator<(String, String)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(headers: I) -> Self {
        Self(headers.into_iter().collect())
    }
}

/// An answer.
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// Its headers; the transport adds those that every answer has.
    pub headers: Vec<(&'static str, String)>,
    /// Its content.
    pub content: Content,
}

impl Response {
    /// Returns an answer without content.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            content: Content::Bytes(Bytes::new()),
        }
    }

    /// Returns a JSON answer that is not cached.
    #[must_use]
    pub fn json(status: u16, value: &serde_json::Value) -> Self {
        Self::new(status)
            .with("content-type", "application/json")
            .with("cache-control", "no-store")
            .with_content(Content::Bytes(value.to_string().into()))
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sets the content.
    #[must_use]
    pub fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// The content of an answer. For HEAD it is omitted, but its length is sent.
pub enum Content {
    /// Bytes in memory.
    Bytes(Bytes),
    /// Bytes that are produced while they are sent. An error cuts the connection, so that the peer
    /// notices it.
    Stream {
        /// The number of bytes, if it is known.
        length: Option<u64>,
        /// The bytes, in pieces of any size. If a peer reads none for 30 seconds, the connection is
        /// closed and this is dropped.
        pieces: BoxStream<'static, std::io::Result<Bytes>>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_is_told_from_other_ways_of_signing_in() {
        let bearer = |text: &str| Secret::new(text.to_owned()).bearer().map(str::to_owned);
        assert_eq!(bearer("Bearer abc").as_deref(), Some("abc"));
        assert_eq!(bearer("bearer  abc ").as_deref(), Some("abc"));
        for text in ["", "Bearer", "Bearer ", "Basic YTpi", "abc"] {
            assert_eq!(bearer(text), None, "{text}");
        }
        assert_eq!(format!("{:?}", Secret::new("Bearer abc".to_owned())), "***");
    }

    #[test]
    fn parameters_are_decoded() {
        let request = Request {
            method: Method::Get,
            captured: Vec::new(),
            query: "a=1&name=two+words%21&name=other&empty".to_owned(),
            authorization: None,
            peer: Peer {
                address: [127, 0, 0, 1].into(),
                tls: false,
                user_agent: None,
            },
            range: None,
            headers: Headers::default(),
            body: Body::empty(),
        };
        assert_eq!(request.parameter("name").as_deref(), Some("two words!"));
        assert_eq!(request.parameter("empty").as_deref(), Some(""));
        assert_eq!(request.parameter("b"), None);
        let shown = format!("{request:?}");
        assert!(!shown.contains("words"), "{shown}");
    }
}
