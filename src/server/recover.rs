//! Answers to requests that no route accepts, and the JSON form of every refusal.

use std::convert::Infallible;

use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use warp::http::{Method, StatusCode};
use warp::reject::{MethodNotAllowed, Reject, Rejection};
use warp::reply::Response;

/// Returns a JSON answer.
pub(super) fn json(status: StatusCode, value: &serde_json::Value) -> Response {
    let mut response = Response::new(value.to_string().into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Returns a refusal: the code, its name, and a sentence for people.
pub(super) fn refusal(status: StatusCode, detail: &str) -> Response {
    let name = status.canonical_reason().unwrap_or_default();
    json(
        status,
        &serde_json::json!({"error": {"code": status.as_u16(), "status": name, "detail": detail}}),
    )
}

/// The text for an address that does not exist.
pub(super) const NOT_FOUND: &str = "there is nothing at this address";

/// The text for an address that exists, but not for the method.
pub(super) const NOT_FOR_METHOD: &str = "this address does not take that method";

/// A face accepts this address with these methods only.
#[derive(Debug)]
pub(super) struct NotForMethod(pub(super) Vec<Method>);

impl Reject for NotForMethod {}

/// Answers a request that no route accepted.
pub(super) async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    Ok(if rejection.is_not_found() {
        refusal(StatusCode::NOT_FOUND, NOT_FOUND)
    } else if let Some(NotForMethod(allowed)) = rejection.find() {
        let mut allowed = allowed.clone();
        if rejection.find::<MethodNotAllowed>().is_some() {
            // Another face accepts it for reading.
            allowed.extend([Method::GET, Method::HEAD]);
        }
        method_not_allowed(&allowed)
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        method_not_allowed(&[Method::GET, Method::HEAD])
    } else {
        refusal(StatusCode::BAD_REQUEST, "the request is not valid")
    })
}

/// Answers a request whose address exists but not for its method.
pub(super) fn method_not_allowed(allowed: &[Method]) -> Response {
    let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, NOT_FOR_METHOD);
    allow(&mut response, allowed);
    response
}

/// Adds the methods that an address accepts.
pub(super) fn allow(response: &mut Response, allowed: &[Method]) {
    let allowed: Vec<_> = allowed.iter().map(Method::as_str).collect();
    if let Ok(allowed) = HeaderValue::from_str(&allowed.join(", ")) {
        response
            .headers_mut()
            .insert(warp::http::header::ALLOW, allowed);
    }
}
