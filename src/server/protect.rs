//! Headers that every answer has.

use warp::http::HeaderMap;
use warp::http::header::{
    CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};

/// Adds the headers that keep browsers from doing more with an answer than intended.
pub(super) fn protect(headers: &mut HeaderMap, strict: bool) {
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
    if strict {
        // Half a year; only if this server itself speaks TLS, so that the promise can be kept.
        default(STRICT_TRANSPORT_SECURITY, "max-age=15768000");
    }
}
