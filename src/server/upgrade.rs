//! The handshake of a WebSocket (RFC 6455 section 4.2): which requests are accepted, and the answer.

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use warp::http::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::recover::refusal;

/// Checks a request for a WebSocket and returns the answer that switches protocols. `is_welcome`
/// says whether the page that sends the request may open one.
///
/// # Errors
/// The answer that refuses it.
pub(super) fn handshake(headers: &HeaderMap, is_welcome: bool) -> Result<Response, Box<Response>> {
    let missing = match (
        has_token(headers, &UPGRADE, "websocket"),
        has_token(headers, &CONNECTION, "upgrade"),
    ) {
        (true, true) => None,
        (false, true) => Some("the header Upgrade is missing"),
        (true, false) => Some("the header Connection is missing"),
        (false, false) => Some("the headers Upgrade and Connection are missing"),
    };
    if let Some(missing) = missing {
        return Err(Box::new(upgrade_required(&format!(
            "{missing}: this address takes WebSocket connections only; if a proxy stands in between, let \
             it pass on the headers Upgrade and Connection",
        ))));
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .is_none_or(|version| version.as_bytes() != b"13")
    {
        return Err(Box::new(upgrade_required(
            "the WebSocket version must be 13",
        )));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .map(HeaderValue::as_bytes)
        .filter(|key| is_key(key));
    let Some(key) = key else {
        let detail = "Sec-WebSocket-Key must be 16 bytes in base64";
        return Err(Box::new(refusal(StatusCode::BAD_REQUEST, detail)));
    };
    if !is_welcome {
        let detail = "web pages of this origin may not connect; name it in [web] allowed_origins";
        return Err(Box::new(refusal(StatusCode::FORBIDDEN, detail)));
    }
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key)) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    Ok(response)
}

fn upgrade_required(detail: &str) -> Response {
    let mut response = refusal(StatusCode::UPGRADE_REQUIRED, detail);
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    response
}

fn has_token(headers: &HeaderMap, name: &HeaderName, token: &str) -> bool {
    let values = headers
        .get_all(name)
        .into_iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .any(|part| part.trim().eq_ignore_ascii_case(token))
}

/// Returns whether a key is valid: sixteen bytes in base64 are 22 characters and two of padding.
fn is_key(key: &[u8]) -> bool {
    let signs = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    key.len() == 24 && key.ends_with(b"==") && key[..22].iter().all(signs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(changes: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let usual = [
            ("host", "chat.example:8000"),
            ("connection", "keep-alive, Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        for (name, value) in usual.iter().chain(changes) {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    fn status(changes: &[(&str, &str)], is_welcome: bool) -> u16 {
        match handshake(&headers(changes), is_welcome) {
            Ok(response) => response.status().as_u16(),
            Err(response) => response.status().as_u16(),
        }
    }

    #[test]
    fn accept_key_is_the_one_of_the_standard() {
        let response = handshake(&headers(&[]), true).unwrap();
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn wrong_headers_are_refused() {
        let cases: [(&[(&str, &str)], u16); 5] = [
            (&[], 101),
            (&[("upgrade", "h2c")], 426),
            (&[("connection", "close")], 426),
            (&[("sec-websocket-version", "8")], 426),
            (&[("sec-websocket-key", "short")], 400),
        ];
        for (changes, expected) in cases {
            assert_eq!(status(changes, true), expected, "{changes:?}");
        }
        assert_eq!(status(&[], false), 403);
        let refused = handshake(&headers(&[("sec-websocket-version", "8")]), true);
        assert_eq!(
            refused.unwrap_err().headers()["sec-websocket-version"],
            "13"
        );
    }
}
