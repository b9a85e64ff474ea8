//! Finds the secret of a hook if it is not in the path.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::protocol::web::{Request, Secret};

/// Returns the secret that is sent beside the address: as a bearer token, as a password, in the
/// parameter `auth` that holds such a header, or in the ways of Gotify.
pub(super) fn beside(request: &Request) -> Option<String> {
    let header = request.authorization.as_ref().and_then(of_header);
    header
        .or_else(|| {
            let parameter = request.parameter("auth")?;
            let text = URL_SAFE_NO_PAD
                .decode(parameter.trim_end_matches('='))
                .ok()?;
            of_header(&Secret::new(String::from_utf8(text).ok()?))
        })
        .or_else(|| request.headers.get("x-gotify-key").map(str::to_owned))
        .or_else(|| request.parameter("token"))
        .filter(|secret| !secret.is_empty())
}

fn of_header(header: &Secret) -> Option<String> {
    if let Some(token) = header.bearer() {
        return Some(token.to_owned());
    }
    let (scheme, text) = header.as_str().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()?;
    let (_, password) = text.split_once(':')?;
    Some(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_hold_tokens_and_passwords() {
        let read = |text: &str| of_header(&Secret::new(text.to_owned()));
        assert_eq!(read("Bearer tk_a").as_deref(), Some("tk_a"));
        let basic = format!("Basic {}", STANDARD.encode("anybody:tk_b"));
        assert_eq!(read(&basic).as_deref(), Some("tk_b"));
        for text in ["", "Basic", "Basic !", "Digest a", "Basic dGs="] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
