//! Filters that several faces share.

use std::convert::Infallible;

use warp::Filter;
use warp::http::HeaderMap;
use warp::http::header::USER_AGENT;
use warp::path::FullPath;
use warp::reject::Rejection;

/// Accepts only requests that read. For HEAD, hyper omits the body of the answer and keeps its length.
pub(super) fn reading() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

/// Accepts an address only as it is written: `path!` ignores a slash at the end.
pub(super) fn exactly() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::path::full()
        .and_then(async |path: FullPath| {
            if path.as_str().ends_with('/') {
                Err(warp::reject::not_found())
            } else {
                Ok(())
            }
        })
        .untuple_one()
}

/// Returns the query; empty if there is none.
pub(super) fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// Returns the beginning of a peer's `User-Agent`, as long as browsers' are.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    const MAX_BYTES: usize = 512;
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    // A header that is read as text is ASCII, so it can be cut anywhere.
    Some(text.get(..MAX_BYTES).unwrap_or(text).to_owned())
}
