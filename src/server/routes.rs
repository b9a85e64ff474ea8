//! Faces over HTTP: from warp's filters to a table of routes, and from plain answers to warp's.
//!
//! What belongs here: what applies to the requests of all faces. What does not: the meaning of a
//! request (see [`Web`]), and how a body is read (see `body`).

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Buf;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, EXPECT, HeaderName, HeaderValue, ORIGIN, RANGE,
    TRANSFER_ENCODING, WWW_AUTHENTICATE,
};
use warp::http::{self, HeaderMap, StatusCode};
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;

use super::answer::{listed, preflight, response, share};
use super::body::{Incoming, Shares};
use super::connection::{Arrival, Shared};
use super::filters::query;
use super::recover::{self, NotForMethod, refusal};
use super::table::{Found, Table, segments};
use crate::protocol::Peer;
use crate::protocol::web::{
    self, Body, BodyError, Headers, Method, Request, Route, Secret, Takes, Web,
};

/// A face of the service over HTTP, ready to be mounted; clones are the same face.
#[derive(Clone)]
pub struct Face(Arc<dyn Answers>);

impl Face {
    /// Wraps a face.
    #[must_use]
    pub fn new<W: Web>(web: W) -> Self {
        let (routes, actions) = web.routes().into_iter().unzip();
        Self(Arc::new(Mounted {
            web,
            routes,
            actions,
        }))
    }
}

impl std::fmt::Debug for Face {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.routes()).finish()
    }
}

/// A face with its type erased.
trait Answers: Send + Sync {
    fn routes(&self) -> &[Route];
    fn answer(&self, route: usize, request: Request) -> BoxFuture<'_, web::Response>;
    fn refuse(&self, status: u16, detail: &str) -> Option<web::Response>;
    fn describe(&self) -> Option<web::Response>;
}

struct Mounted<W: Web> {
    web: W,
    routes: Vec<Route>,
    actions: Vec<W::Action>,
}

impl<W: Web> Answers for Mounted<W> {
    fn routes(&self) -> &[Route] {
        &self.routes
    }

    fn answer(&self, route: usize, request: Request) -> BoxFuture<'_, web::Response> {
        match self.actions.get(route) {
            Some(action) => self.web.answer(*action, request).boxed(),
            None => async { web::Response::new(404) }.boxed(),
        }
    }

    fn refuse(&self, status: u16, detail: &str) -> Option<web::Response> {
        self.web.refuse(status, detail)
    }

    fn describe(&self) -> Option<web::Response> {
        self.web.describe()
    }
}

/// Returns the filter of a face: below the first segments of its routes its table decides. Paths
/// that are not in the table are left to the next faces.
pub(super) fn face(shared: &Arc<Shared>, face: &Face) -> BoxedFilter<(Response,)> {
    for route in face.0.routes() {
        if let Takes::Whole(bytes) = route.takes {
            shared.limits.budget.fit(bytes);
        }
    }
    let mount = Arc::new(Mount {
        table: Table::of(face.0.routes()),
        open: open(face.0.routes()),
        face: Arc::clone(&face.0),
        shared: Arc::clone(shared),
    });
    let looking = Arc::clone(&mount);
    entrance(face)
        .and(warp::path::full())
        .and(warp::method())
        .and_then(move |path: FullPath, method: http::Method| {
            std::future::ready(looking.find(path.as_str(), &method))
        })
        .and(warp::header::headers_cloned())
        .and(query())
        .and(warp::ext::get::<Arrival>())
        .and(warp::body::stream())
        .then(move |way, headers, query, arrival: Arrival, body| {
            let mount = Arc::clone(&mount);
            async move {
                match way {
                    Way::Route(route, method, captured) => {
                        let peer = mount.shared.peer(&arrival, &headers);
                        let asked = Asked {
                            method,
                            captured,
                            headers,
                            query,
                            peer,
                        };
                        mount.answer(route, asked, body).await
                    }
                    Way::Preflight(origins, methods) => preflight(&origins, &methods, &headers),
                    Way::Refusal(mut refusal) => {
                        share(&mut refusal, &mount.open, headers.get(ORIGIN));
                        refusal
                    }
                }
            }
        })
        .boxed()
}

/// Accepts requests whose path begins like one of the face's routes.
fn entrance(face: &Face) -> BoxedFilter<()> {
    let mut entrance: Option<BoxedFilter<()>> = None;
    let mut firsts = Vec::new();
    for route in face.0.routes() {
        let first = segments(route.pattern).next();
        if firsts.contains(&first) {
            continue;
        }
        firsts.push(first);
        let one = match first {
            Some(segment) => warp::path(segment).boxed(),
            None => warp::path::end().boxed(),
        };
        entrance = Some(match entrance {
            Some(others) => others.or(one).unify().boxed(),
            None => one,
        });
    }
    let nowhere = || warp::any().and_then(async || Err::<(), _>(warp::reject::not_found()));
    entrance.unwrap_or_else(|| nowhere().untuple_one().boxed())
}

/// Returns the origins to which all routes of a face are open.
fn open(routes: &[Route]) -> Arc<[String]> {
    let first = routes.first().map(|route| Arc::clone(&route.origins));
    let first = first.unwrap_or_default();
    if routes.iter().all(|route| route.origins == first) {
        first
    } else {
        Arc::default()
    }
}

/// A face with its table.
struct Mount {
    table: Table,
    /// The origins to which the whole face is open, even at unknown addresses: a page that may not
    /// read such an answer takes it for a network failure.
    open: Arc<[String]>,
    face: Arc<dyn Answers>,
    shared: Arc<Shared>,
}

/// The destination of a request.
enum Way {
    Route(usize, Method, Vec<String>),
    /// A browser asks whether a page may send a request.
    Preflight(Arc<[String]>, Vec<http::Method>),
    Refusal(Response),
}

/// A request without its body.
struct Asked {
    method: Method,
    captured: Vec<String>,
    headers: HeaderMap,
    query: String,
    peer: Peer,
}

impl Mount {
    fn find(&self, path: &str, method: &http::Method) -> Result<Way, Rejection> {
        let known = known(method);
        if known == Some(Method::Options)
            && let Some(description) = self.face.describe()
        {
            return Ok(Way::Refusal(response(description, false)));
        }
        match self.table.find(known, path) {
            Found::Route(route, captured) => {
                Ok(Way::Route(route, known.unwrap_or(Method::Get), captured))
            }
            Found::Others(places) => {
                let routes = || {
                    places
                        .iter()
                        .filter_map(|place| self.face.routes().get(*place))
                };
                let mut methods: Vec<_> = routes().map(|route| other(route.method)).collect();
                if methods.contains(&http::Method::GET) && !methods.contains(&http::Method::HEAD) {
                    methods.push(http::Method::HEAD);
                }
                let open = routes().find(|route| !route.origins.is_empty());
                if let Some(open) = open.filter(|_| method == http::Method::OPTIONS) {
                    return Ok(Way::Preflight(Arc::clone(&open.origins), methods));
                }
                match self.face.refuse(405, recover::NOT_FOR_METHOD) {
                    Some(refusal) => {
                        let mut refusal = response(refusal, false);
                        recover::allow(&mut refusal, &methods);
                        Ok(Way::Refusal(refusal))
                    }
                    None => Err(warp::reject::custom(NotForMethod(methods))),
                }
            }
            Found::Nothing if *method == http::Method::OPTIONS && !self.open.is_empty() => {
                let all = [Method::Get, Method::Post, Method::Put, Method::Delete];
                Ok(Way::Preflight(
                    Arc::clone(&self.open),
                    all.map(other).into(),
                ))
            }
            Found::Nothing => match self.face.refuse(404, recover::NOT_FOUND) {
                Some(refusal) => Ok(Way::Refusal(response(refusal, false))),
                None => Err(warp::reject::not_found()),
            },
        }
    }

    async fn answer<S, B, E>(&self, place: usize, asked: Asked, pieces: S) -> Response
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Buf + Send + 'static,
    {
        let Some(route) = self.face.routes().get(place) else {
            return refusal(StatusCode::NOT_FOUND, recover::NOT_FOUND);
        };
        let origin = asked.headers.get(ORIGIN).cloned();
        let head = asked.method == Method::Head;
        let body = self.body(route, &asked.headers, pieces);
        let mut answer = if let Some(refusal) = self.objection(route, &asked) {
            refusal
        } else {
            let answer = self.face.answer(place, request(asked, body));
            // A panic is a bug in one request, and ends only that request.
            let answer = AssertUnwindSafe(answer).catch_unwind().await;
            answer.map_or_else(
                |_| {
                    log::error!("a request made its handler panic");
                    self.refuse(500, "internal error")
                },
                |answer| response(answer, head),
            )
        };
        share(&mut answer, &route.origins, origin.as_ref());
        answer
    }

    /// Returns a refusal that can be given before any of the body is read.
    fn objection(&self, route: &Route, asked: &Asked) -> Option<Response> {
        let headers = &asked.headers;
        if !route.is_for_any_page
            && listed(&route.origins, headers.get(ORIGIN)).is_none()
            && !self.shared.welcomes(asked.peer.tls, headers)
        {
            let detail = "web pages of this origin may not use this address; name it in \
                          [web] allowed_origins";
            return Some(self.refuse(403, detail));
        }
        let bearer = authorization(headers).is_some_and(|secret| secret.bearer().is_some());
        if route.needs_bearer && !bearer {
            let detail = "a token is needed here: Authorization: Bearer";
            let mut refusal = self.refuse(401, detail);
            let way = HeaderValue::from_static("Bearer");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, way);
            return Some(refusal);
        }
        let limit = route.takes.limit();
        if route.takes != Takes::Nothing && announced(headers).is_some_and(|bytes| bytes > limit) {
            let err = BodyError::TooLarge(limit);
            return Some(self.refuse(err.status(), &err.to_string()));
        }
        None
    }

    fn body<S, B, E>(&self, route: &Route, headers: &HeaderMap, pieces: S) -> Body
    where
        S: Stream<Item = Result<B, E>> + Send + 'static,
        B: Buf + Send + 'static,
    {
        if announced(headers).is_none_or(|bytes| bytes == 0)
            && !headers.contains_key(TRANSFER_ENCODING)
        {
            return Body::empty();
        }
        let takes = route.takes;
        let patience = self.shared.settings.frame_timeout;
        let pieces = pieces
            .map(|piece| match piece {
                Ok(mut piece) => Ok(piece.copy_to_bytes(piece.remaining())),
                Err(_) => Err(()),
            })
            .boxed();
        let held_back = headers.contains_key(EXPECT);
        let incoming = Incoming::new(pieces, takes, patience, held_back).boxed();
        let bound = announced(headers).unwrap_or_else(|| takes.limit());
        let shares = Shares::new(self.shared.limits.budget.clone(), patience);
        Body::new(incoming, bound, Arc::new(shares))
    }

    /// Returns a refusal in the words of the face, or else in the default words.
    fn refuse(&self, status: u16, detail: &str) -> Response {
        if let Some(refusal) = self.face.refuse(status, detail) {
            return response(refusal, false);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        refusal(status, detail)
    }
}

/// Returns the announced length of a body.
fn announced(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn authorization(headers: &HeaderMap) -> Option<Secret> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    Some(Secret::new(value.to_owned()))
}

fn request(asked: Asked, body: Body) -> Request {
    let Asked {
        method,
        captured,
        headers,
        query,
        peer,
    } = asked;
    let range = headers.get(RANGE).and_then(|value| value.to_str().ok());
    let plain = |name: &HeaderName| name != AUTHORIZATION && name != COOKIE;
    Request {
        method,
        captured,
        query,
        authorization: authorization(&headers),
        peer,
        range: range.and_then(web::Range::read),
        headers: headers
            .iter()
            .filter(|(name, _)| plain(name))
            .filter_map(|(name, value)| {
                let value = std::str::from_utf8(value.as_bytes()).ok()?;
                Some((name.as_str().to_owned(), value.to_owned()))
            })
            .collect::<Headers>(),
        body,
    }
}

const METHODS: [(http::Method, Method); 7] = [
    (http::Method::GET, Method::Get),
    (http::Method::HEAD, Method::Head),
    (http::Method::POST, Method::Post),
    (http::Method::PUT, Method::Put),
    (http::Method::PATCH, Method::Patch),
    (http::Method::DELETE, Method::Delete),
    (http::Method::OPTIONS, Method::Options),
];

fn known(method: &http::Method) -> Option<Method> {
    let found = METHODS.iter().find(|(theirs, _)| theirs == method);
    found.map(|(_, ours)| *ours)
}

fn other(method: Method) -> http::Method {
    let found = METHODS.iter().find(|(_, ours)| *ours == method);
    found.map_or(http::Method::GET, |(theirs, _)| theirs.clone())
}
