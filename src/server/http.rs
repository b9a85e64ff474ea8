//! The HTTP routes, including those that report the state of the server.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;
use warp::{Filter, Reply as _};

use super::challenge;
use super::connection::{Arrival, Shared};
use super::filters::{exactly, query, reading};
use super::recover;
use super::routes::{self, Face};
use super::trust;
use super::web::pages;

/// A boxed future of the program around the transport.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A value that is fetched for each request.
pub type Source<T> = Arc<dyn Fn() -> Boxed<T> + Send + Sync>;

/// The content of the HTTP routes.
#[derive(Clone)]
pub struct Site {
    /// The content of `/version`.
    pub version: Version,
    /// Identifies this process, so that a client can tell which process answers at an address.
    pub instance: String,
    /// Checks the program for `/health`.
    pub health: Source<Health>,
    /// The text of `/metrics` in Prometheus' format; 404 without.
    pub metrics: Option<Source<String>>,
    /// Other faces of the service. They take precedence over the web client.
    pub faces: Vec<Face>,
    /// Whether the web client is served; otherwise a page that explains what this is.
    pub client: bool,
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// The program and its protocol.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    /// The program's name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// The protocol at `/ws`.
    pub protocol: Protocol,
    /// The features beyond that protocol, by name.
    pub features: &'static [&'static str],
    /// The name that the owner gave to this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// How to reach its owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
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

/// The result of a check of the program.
#[derive(Debug, Clone)]
pub struct Health {
    /// Whether the server can do its work.
    pub ok: bool,
    /// Seconds since it started.
    pub uptime_seconds: u64,
    /// Open connections, shown only on the machine itself.
    pub connections: usize,
    /// Users who are connected, shown only on the machine itself.
    pub users_online: usize,
    /// The parts of the check, shown only on the machine itself.
    pub checks: Checks,
    /// The reloads of the configuration, shown only on the machine itself.
    pub configuration: Reloads,
    /// The certificate that new connections are shown, told only on the machine itself.
    pub certificate: Option<Served>,
    /// Problems that need attention today although the server works, shown only on the machine itself.
    pub attention: Vec<String>,
}

/// The certificate that is served, as far as it has to be told from others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Served {
    /// Its fingerprint.
    pub sha256: String,
    /// The last second at which it is good, since 1970.
    pub ends: i64,
    /// If it only stands in for a real one: since when, in seconds since 1970.
    #[serde(skip)]
    pub stands_in_since: Option<i64>,
}

/// How often the configuration was reloaded, and the result of the last time.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Reloads {
    /// The number of reloads.
    pub reloads: u64,
    /// The time of the last reload, in milliseconds since 1970.
    pub read_at: i64,
    /// The reason why it was not applied.
    pub error: Option<String>,
    /// Keys that have changed and need a restart.
    pub restart: Vec<String>,
}

/// The parts of a check.
#[derive(Debug, Clone, Serialize)]
pub struct Checks {
    /// `ok`, or what is wrong with the database.
    pub database: String,
    /// The version of its schema, or what is wrong with it.
    pub schema: String,
    /// `ok`, or how much of the full-text index has been rebuilt.
    pub search: String,
    /// The free space on the disk of the database.
    pub disk_free_bytes: Option<u64>,
    /// The time of the last backup, or why there is none.
    pub backup: String,
    /// `ok`, or what is wrong with the clock.
    pub clock: String,
    /// `ok`, or that the certificate in use expires soon.
    pub certificate: String,
}

/// Returns all routes, with a filter for each face; `socket` answers at `/ws`.
pub(super) fn routes(
    shared: &Arc<Shared>,
    site: Site,
    socket: BoxedFilter<(Response,)>,
) -> BoxedFilter<(Response,)> {
    let site = Arc::new(site);
    let known = health(&site)
        .or(live(&site))
        .unify()
        .or(version(&site))
        .unify();
    let settings = &shared.settings;
    // With a listener of their own, metrics are served only there.
    let known = match site.metrics.as_ref().filter(|_| settings.metrics.is_none()) {
        Some(source) => known.or(local_metrics(source)).unify().boxed(),
        None => known.boxed(),
    };
    let known = challenge::route(&settings.challenges)
        .or(trust::pages(&settings.trust))
        .unify()
        .or(known)
        .unify();
    let mut all = known.or(socket).unify().boxed();
    for face in &site.faces {
        all = all.or(routes::face(shared, face)).unify().boxed();
    }
    all.or(pages(site.client))
        .unify()
        .recover(recover::recover)
        .unify()
        .boxed()
}

/// `/health`: whether the server can do its work; on the machine itself also details.
fn health(site: &Arc<Site>) -> BoxedFilter<(Response,)> {
    let site = Arc::clone(site);
    warp::path!("health")
        .and(exactly())
        .and(reading())
        .and(warp::ext::get::<Arrival>())
        .and(warp::header::headers_cloned())
        .and(query())
        .then(move |arrival: Arrival, headers: HeaderMap, query: String| {
            let site = Arc::clone(&site);
            let is_strict = query.split('&').any(|word| word == "strict");
            async move { examine(&site, is_local(&arrival, &headers), is_strict).await }
        })
        .boxed()
}

/// `/health/live`: that the process answers.
fn live(site: &Site) -> BoxedFilter<(Response,)> {
    let value = serde_json::json!({"status": "ok", "instance": site.instance});
    warp::path!("health" / "live")
        .and(exactly())
        .and(reading())
        .map(move || recover::json(StatusCode::OK, &value))
        .boxed()
}

/// `/version`: the program and its protocol.
fn version(site: &Site) -> BoxedFilter<(Response,)> {
    let version = serde_json::json!(site.version);
    warp::path!("version")
        .and(exactly())
        .and(reading())
        .map(move || recover::json(StatusCode::OK, &version))
        .boxed()
}

/// Returns all routes of the metrics listener.
pub(super) fn numbers(site: &Site) -> BoxedFilter<(Response,)> {
    let nothing = warp::any().map(|| recover::refusal(StatusCode::NOT_FOUND, recover::NOT_FOUND));
    match &site.metrics {
        Some(source) => metrics(source).or(nothing).unify().boxed(),
        None => nothing.boxed(),
    }
}

/// `/metrics` for programs on this machine; for all others it does not exist.
fn local_metrics(source: &Source<String>) -> BoxedFilter<(Response,)> {
    warp::ext::get::<Arrival>()
        .and(warp::header::headers_cloned())
        .and_then(async |arrival: Arrival, headers: HeaderMap| {
            if is_local(&arrival, &headers) {
                Ok(())
            } else {
                Err(warp::reject::not_found())
            }
        })
        .untuple_one()
        .and(metrics(source))
        .boxed()
}

/// `/metrics`: numbers for monitoring.
fn metrics(source: &Source<String>) -> BoxedFilter<(Response,)> {
    let source = Arc::clone(source);
    warp::path!("metrics")
        .and(exactly())
        .and(reading())
        .then(move || {
            let text = source();
            async move { measured(text.await) }
        })
        .boxed()
}

async fn examine(site: &Site, local: bool, strict: bool) -> Response {
    let health = (site.health)().await;
    let (status, word) = if !health.ok {
        (StatusCode::SERVICE_UNAVAILABLE, "failing")
    } else if strict && !health.attention.is_empty() {
        (StatusCode::SERVICE_UNAVAILABLE, "attention")
    } else {
        (StatusCode::OK, "ok")
    };
    let mut value = serde_json::json!({"status": word});
    if local {
        value["version"] = site.version.version.into();
        value["instance"] = site.instance.as_str().into();
        value["uptime_seconds"] = health.uptime_seconds.into();
        // The one that asks is none that anybody wants to know of.
        value["connections"] = health.connections.saturating_sub(1).into();
        value["users_online"] = health.users_online.into();
        value["checks"] = serde_json::json!(health.checks);
        value["configuration"] = serde_json::json!(health.configuration);
        value["certificate"] = serde_json::json!(health.certificate);
        value["attention"] = serde_json::json!(health.attention);
    }
    recover::json(status, &value)
}

fn measured(text: String) -> Response {
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns whether a request comes from this machine itself, and not through a proxy on it.
fn is_local(arrival: &Arrival, headers: &HeaderMap) -> bool {
    let sender = arrival.proxies.sender(arrival.remote, headers);
    arrival.remote.is_loopback() && !sender.proxied
}
