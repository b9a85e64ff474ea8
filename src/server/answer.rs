//! Converts answers of faces into warp's, and says which web pages may read them.

use bytes::Bytes;
use warp::Reply as _;
use warp::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_MAX_AGE, CONTENT_LENGTH, HeaderName, HeaderValue, ORIGIN, VARY,
};
use warp::http::{self, HeaderMap, StatusCode};
use warp::reply::Response;

use super::body::Outgoing;
use crate::protocol::web::{self, Content};

/// Converts an answer into warp's. The length is always set if it is known: nothing else sets it
/// for a stream, and for HEAD it is all that is said about the content.
pub(super) fn response(answer: web::Response, head: bool) -> Response {
    let web::Response {
        status,
        headers,
        content,
    } = answer;
    let (mut response, length) = match content {
        Content::Bytes(bytes) => {
            let length = bytes.len() as u64;
            let sent = if head { Bytes::new() } else { bytes };
            (Response::new(sent.into()), Some(length))
        }
        Content::Stream { length, .. } if head => (Response::default(), length),
        Content::Stream { length, pieces } => {
            let response = warp::reply::stream(Outgoing::new(pieces)).into_response();
            (response, length)
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or_else(|_| {
        log::error!("an answer has the impossible status {status}");
        StatusCode::INTERNAL_SERVER_ERROR
    });
    *response.status_mut() = status;
    let map = response.headers_mut();
    for (name, value) in headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => {
                map.append(name, value);
            }
            _ => log::error!("the header {name} of an answer cannot be sent"),
        }
    }
    let without = status == StatusCode::NO_CONTENT || status == StatusCode::NOT_MODIFIED;
    if let Some(length) = length.filter(|_| !without) {
        map.insert(CONTENT_LENGTH, length.into());
    }
    response
}

/// Returns the origin, or `*`, if a route is open to the page that sends the request.
pub(super) fn listed(origins: &[String], origin: Option<&HeaderValue>) -> Option<HeaderValue> {
    let origin = origin?;
    let allowed = |allowed: &String| {
        allowed == "*" || allowed.as_bytes().eq_ignore_ascii_case(origin.as_bytes())
    };
    let allowed = origins.iter().find(|it| allowed(it))?;
    Some(if allowed == "*" {
        HeaderValue::from_static("*")
    } else {
        origin.clone()
    })
}

/// Lets a page read an answer that its route is open to.
pub(super) fn share(response: &mut Response, origins: &[String], origin: Option<&HeaderValue>) {
    if origins.is_empty() {
        return;
    }
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = listed(origins, origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
}

/// Returns the answer that tells a browser which requests a page may make.
pub(super) fn preflight(
    origins: &[String],
    methods: &[http::Method],
    headers: &HeaderMap,
) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    share(&mut response, origins, headers.get(ORIGIN));
    let methods: Vec<_> = methods.iter().map(http::Method::as_str).collect();
    let map = response.headers_mut();
    if let Ok(methods) = HeaderValue::from_str(&methods.join(", ")) {
        map.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
    }
    let wanted =
        HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, X-Requested-With");
    map.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    map.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}
