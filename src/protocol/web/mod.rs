//! Requests over HTTP: the twin of [`Conversation`](super::Conversation).
//!
//! What belongs here: a request, an answer and a table of addresses as plain values, so that a face
//! of the service over HTTP needs no HTTP library. What does not: sockets, time limits and the
//! headers that every answer carries (see [`crate::server`]).

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
/// The transport finds the route of a request, checks what the route asks for, and calls
/// [`answer`](Self::answer). Requests of one connection are answered one after the other, those of
/// different ones at the same time.
pub trait Web: Send + Sync + 'static {
    /// What a route leads to: the face's own list of what it can do.
    type Action: Copy + Send + Sync + 'static;

    /// Returns the addresses that the face answers, and what each leads to. Asked once.
    fn routes(&self) -> Vec<(Route, Self::Action)>;

    /// Answers one request.
    ///
    /// Is dropped where the peer goes away meanwhile: what must not be done by halves belongs into a
    /// task of its own or into one call of the service.
    fn answer(
        &self,
        action: Self::Action,
        request: Request,
    ) -> impl Future<Output = Response> + Send;

    /// Returns what the transport answers in the name of the face: that there is nothing at an
    /// address (404), or not for a method (405), that a token is missing (401), a body too large
    /// (413). `None` is the JSON of all other pages, and leaves an address where there is nothing to
    /// other faces.
    fn refuse(&self, status: u16, detail: &str) -> Option<Response> {
        let _ = (status, detail);
        None
    }

    /// Returns the answer to OPTIONS at any address below the face's; `None`: the transport answers by
    /// its routes.
    fn describe(&self) -> Option<Response> {
        None
    }
}

/// A method of HTTP.
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
    /// The method that it takes. A route for [`Method::Get`] takes HEAD too, unless there is one
    /// for that.
    pub method: Method,
    /// The path: segments after slashes. One in braces stands for any that is not empty, and is
    /// [captured](Request::captured): `/file/{id}/{name}`.
    pub pattern: &'static str,
    /// What body it takes.
    pub takes: Takes,
    /// Whether the transport refuses who sends no bearer token. Whose it is and whether it is good
    /// the face has to find out, before it reads the body.
    pub needs_bearer: bool,
    /// The foreign web pages that may use it: their origins, or `*` for all. A page of this server
    /// always may, and a program that is no browser.
    pub origins: Arc<[String]>,
    /// Whether any web page may send to it, and reads nothing of the answer: what is shown in the
    /// request is all the right that it takes.
    pub is_for_any_page: bool,
}

impl Route {
    /// Returns a route that takes no body and asks for nothing.
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

    /// Takes a body.
    #[must_use]
    pub fn takes(mut self, takes: Takes) -> Self {
        self.takes = takes;
        self
    }

    /// Asks for a bearer token.
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

/// What body a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None; one that is sent is not read.
    Nothing,
    /// One of at most so many bytes that is read whole, such as JSON.
    Whole(usize),
    /// One of at most so many bytes that is read in pieces.
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
    /// What stands where the pattern has braces, one after the other. Each segment is decoded by
    /// itself, so that it may hold a slash that was written `%2F`.
    pub captured: Vec<String>,
    /// What follows the question mark, as it was sent; empty without.
    pub query: String,
    /// The header `Authorization`.
    pub authorization: Option<Secret>,
    /// Who sent it.
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

    /// Returns the first parameter of a name, decoded.
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

/// A header that says who somebody is. Its `Debug` hides it.
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

    /// Returns the token, if it is one of a bearer.
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

/// Headers of a request, names in lower case.
#[derive(Clone, Default)]
pub struct Headers(Vec<(String, String)>);

impl Headers {
    /// Returns the first value of a header whose name is given in lower case.
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
    /// Its headers; the transport adds those that every answer carries.
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

    /// Returns an answer of JSON that is kept nowhere.
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

    /// Puts the content.
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

/// The content of an answer. To HEAD it is left out; its length is told all the same.
pub enum Content {
    /// Bytes that are in memory.
    Bytes(Bytes),
    /// Bytes that are made while they are sent. An error cuts the connection off, which is how the
    /// peer learns of it.
    Stream {
        /// How many there will be, where that is known.
        length: Option<u64>,
        /// The bytes, in pieces of any size. A peer that reads none for 30 seconds is given up, and
        /// with it these.
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
