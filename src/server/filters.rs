//! Filters that several faces share.

use std::convert::Infallible;

use warp::Filter;
use warp::http::HeaderMap;
use warp::http::header::USER_AGENT;
use warp::path::FullPath;
use warp::reject::Rejection;

/// Lets requests through that only read. The body of an answer to HEAD is left out by hyper, which
/// keeps its length.
pub(super) fn reading() -> impl Filter<Extract = (), Error = Rejection> + Copy {
    warp::get().or(warp::head()).unify()
}

/// Lets an address through only as it is written: to `path!` a slash behind it is nothing.
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

/// What follows the question mark; empty without.
pub(super) fn query() -> impl Filter<Extract = (String,), Error = Infallible> + Copy {
    warp::query::raw().or(warp::any().map(String::new)).unify()
}

/// What a peer's program calls itself. No more is kept than browsers say.
pub(super) fn user_agent(headers: &HeaderMap) -> Option<String> {
    const MAX_BYTES: usize = 512;
    let text = headers.get(USER_AGENT)?.to_str().ok()?;
    // A header that is read as text is ASCII, so that it can be cut anywhere.
    Some(text.get(..MAX_BYTES).unwrap_or(text).to_owned())
}
