//! Answers without encryption on a server that has TLS: a redirect to TLS, and nothing that could
//! carry a password.

use std::sync::Arc;

use warp::Filter as _;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use warp::http::{HeaderMap, Method, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::asked::host;
use super::connection::Shared;
use super::{challenge, recover, trust};

/// Returns the routes of connections that should be encrypted but are not.
pub(super) fn routes(shared: &Arc<Shared>) -> BoxedFilter<(Response,)> {
    let settings = &shared.settings;
    let shared = Arc::clone(shared);
    challenge::route(&settings.challenges)
        .or(trust::pages(&settings.trust))
        .unify()
        .or(warp::path::full()
            .and(warp::method())
            .and(warp::header::headers_cloned())
            .map(move |path: FullPath, method: Method, headers: HeaderMap| {
                lead(&shared, path.as_str(), &method, &headers)
            }))
        .unify()
        .boxed()
}

/// Redirects a browser to the page; programs get an error, so that they send nothing more without encryption.
fn lead(shared: &Shared, path: &str, method: &Method, headers: &HeaderMap) -> Response {
    let is_page = path == "/" || path.starts_with("/invite/");
    let target = is_page
        .then(|| secure(shared, headers))
        .flatten()
        .and_then(|base| HeaderValue::from_str(&format!("{base}{path}")).ok());
    match target {
        Some(target) if matches!(*method, Method::GET | Method::HEAD) => {
            let mut response = Response::new(String::new().into());
            *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
            let headers = response.headers_mut();
            headers.insert(LOCATION, target);
            // The redirect may change with the configuration.
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        _ => {
            let detail = "this server speaks https and wss only; use https:// in place of http://, \
                          and wss:// in place of ws://";
            recover::refusal(StatusCode::UPGRADE_REQUIRED, detail)
        }
    }
}

/// Returns the address of the page with encryption: the public one, or else the requested host.
fn secure(shared: &Shared, headers: &HeaderMap) -> Option<String> {
    let settings = &shared.settings;
    if let Some(url) = settings.public_url.as_deref()
        && url.starts_with("https://")
    {
        return Some(url.to_owned());
    }
    Some(settings.trust.secure(host(headers)?))
}
