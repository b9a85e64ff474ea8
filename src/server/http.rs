//! The routes of the HTTP side, and the headers that every answer carries.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use warp::http::{HeaderMap, Method, StatusCode};
use warp::path::FullPath;
use warp::reject::Rejection;
use warp::reply::Response;
use warp::{Filter, Reply as _};

use super::connection::Arrival;
use super::recover;

/// A future of the program around the transport.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Something that is looked up anew for each request.
pub type Source<T> = Arc<dyn Fn() -> Boxed<T> + Send + Sync>;

/// What the HTTP side shows.
#[derive(Clone)]
pub struct Site {
    /// What `/version` says.
    pub version: Version,
    /// Examines the program for `/health`.
    pub health: Source<Health>,
    /// Text for `/metrics` in Prometheus' format; 404 without.
    pub metrics: Option<Source<String>>,
    /// The web client's routes, or whatever else is to be shown to browsers.
    pub pages: Option<BoxedFilter<(Response,)>>,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// Which program this is and what it speaks.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// The program's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The protocol it speaks at `/ws`.
    pub protocol: Protocol,
    /// What it has beyond that protocol, by name.
    pub features: &'static [&'static str],
}

/// A version of a protocol.
#[derive(Debug, Clone, Serialize)]
pub struct Protocol {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Its revision.
    pub revision: &'static str,
}

/// What an examination of the program found.
#[derive(Debug, Clone)]
pub struct Health {
    /// Whether it can do its work.
    pub ok: bool,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Open connections, shown only on the machine itself.
    pub connections: usize,
    /// Users who are connected, shown only on the machine itself.
    pub users_online: usize,
    /// What was examined, shown only on the machine itself.
    pub checks: Checks,
}

/// The parts of an examination.
#[derive(Debug, Clone, Serialize)]
pub struct Checks {
    /// `ok`, or what is wrong with the database.
    pub database: String,
    /// The version of its schema, or what is wrong with it.
    pub schema: String,
    /// Free space where the database lies.
    pub disk_free_bytes: Option<u64>,
    /// When the last copy was made, or why there is none.
    pub backup: String,
    /// `ok`, or what is wrong with the clock.
    pub clock: String,
}

/// Returns all routes; `socket` answers at `/ws`.
pub(super) fn routes(site: Site, socket: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    let own = own(&site).or(socket).unify().boxed();
    let all = match site.pages {
        Some(pages) => own.or(pages).unify().boxed(),
        None => own,
    };
    all.recover(recover::recover).unify().boxed()
}

/// The routes that are always there.
fn own(site: &Site) -> BoxedFilter<(Response,)> {
    let site = site.clone();
    warp::path::full()
        .and(warp::method())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Arrival>())
        .and_then(move |path, method, headers, arrival| {
            let site = site.clone();
            async move { answer(&site, &path, &method, &headers, &arrival).await }
        })
        .boxed()
}

async fn answer(
    site: &Site,
    path: &FullPath,
    method: &Method,
    headers: &HeaderMap,
    arrival: &Arrival,
) -> Result<Response, Rejection> {
    let path = path.as_str();
    let known = matches!(path, "/health" | "/health/live" | "/version")
        || path == "/metrics" && site.metrics.is_some();
    if !known {
        return Err(warp::reject::not_found());
    }
    if method != Method::GET && method != Method::HEAD {
        return Ok(recover::method_not_allowed(&[Method::GET, Method::HEAD]));
    }
    // The body of an answer to HEAD is left out by hyper, which keeps its length.
    Ok(match path {
        "/health" => health(site, is_local(arrival, headers)).await,
        "/health/live" => recover::json(StatusCode::OK, &serde_json::json!({"status": "ok"})),
        "/version" => recover::json(StatusCode::OK, &serde_json::json!(site.version)),
        _ => metrics(site).await,
    })
}

async fn health(site: &Site, local: bool) -> Response {
    let health = (site.health)().await;
    let (status, word) = if health.ok {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "failing")
    };
    let mut value = serde_json::json!({"status": word});
    if local {
        value["version"] = site.version.version.into();
        value["uptime_seconds"] = health.uptime_seconds.into();
        value["connections"] = health.connections.into();
        value["users_online"] = health.users_online.into();
        value["checks"] = serde_json::json!(health.checks);
    }
    recover::json(status, &value)
}

async fn metrics(site: &Site) -> Response {
    let text = match &site.metrics {
        Some(source) => source().await,
        None => String::new(),
    };
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a peer's program calls itself. No more is kept than browsers say.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    const MAX_BYTES: usize = 512;
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    // A header that is read as text is ASCII, so that it can be cut anywhere.
    Some(text.get(..MAX_BYTES).unwrap_or(text).to_owned())
}

/// Tells whether a request comes from this machine itself, and not by way of a proxy on it.
fn is_local(arrival: &Arrival, headers: &HeaderMap) -> bool {
    let sender = arrival.proxies.sender(arrival.remote, headers);
    arrival.remote.is_loopback() && !sender.proxied
}

/// Adds to an answer what keeps browsers from doing more with it than was meant.
pub(super) fn protect(headers: &mut HeaderMap, tls: bool) {
    let mut default = |name: HeaderName, value: &'static str| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    default(X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(REFERRER_POLICY, "no-referrer");
    default(
        CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'",
    );
    if tls {
        // Half a year; only where this server itself speaks TLS, so that it can be kept.
        default(STRICT_TRANSPORT_SECURITY, "max-age=15768000");
    }
}

/// Who a conversation is with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its address, as far as trusted proxies tell.
    pub address: IpAddr,
    /// Whether the connection is encrypted here.
    pub tls: bool,
    /// What its program calls itself in `User-Agent`, the beginning of it.
    pub user_agent: Option<String>,
}
