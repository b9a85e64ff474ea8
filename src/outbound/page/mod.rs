//! What a page on the internet says about itself: title, description, and site.
//!
//! Anyone may have written the address, so requests go to public addresses only, on the usual ports, also
//! after each redirect. No cookie is kept or sent, and nothing that the page refers to is fetched.

mod charset;
mod tags;

use std::time::Duration;

use super::{Client, OutboundError, Private, Request, Rules, Url};

pub use tags::Summary;

/// How many redirects are followed.
const REDIRECTS: u8 = 3;

/// How much of a page is read, in bytes.
const PAGE_BYTES: usize = 512 * 1024;

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(5);

/// The `User-Agent` of these requests.
const AGENT: &str = concat!("Morelia/", env!("CARGO_PKG_VERSION"), " preview");

/// Fetches what a page says about itself; `None` if it says nothing.
///
/// # Errors
/// The reason why there is no answer.
pub async fn summary(client: &Client, url: &Url) -> Result<Option<Summary>, OutboundError> {
    let host = url.host().to_owned();
    tokio::time::timeout(TIME, read(client, url.clone()))
        .await
        .map_err(|_| OutboundError::TimedOut { host })?
}

async fn read(client: &Client, mut url: Url) -> Result<Option<Summary>, OutboundError> {
    let rules = Rules {
        private: Private::Refused,
        plain: true,
        redirects: 0,
        body_bytes: PAGE_BYTES,
        time: TIME,
        reuse: false,
    };
    // Followed here, since each address has to use a port of the web.
    for _ in 0..=REDIRECTS {
        if ![80, 443].contains(&url.port()) {
            return Err(OutboundError::BadUrl("its port is not one of the web"));
        }
        let request = Request::get(url.clone())
            .header("user-agent", AGENT)
            .header("accept", "text/html, application/xhtml+xml");
        let answer = client.send(request, rules).await?;
        match (answer.status, answer.header("location")) {
            (200, _) => {
                let kind = answer.header("content-type").unwrap_or_default();
                return Ok(page(kind, &answer.body));
            }
            (301 | 302 | 303 | 307 | 308, Some(target)) => url = url.join(target)?,
            _ => return Ok(None),
        }
    }
    Ok(None)
}

/// Returns what a body of a media type says about itself.
fn page(kind: &str, body: &[u8]) -> Option<Summary> {
    let kind = kind.to_ascii_lowercase();
    let is_page = ["text/html", "application/xhtml+xml"]
        .iter()
        .any(|known| kind.starts_with(known));
    is_page
        .then(|| charset::decoded(&kind, body))
        .and_then(|text| tags::summary(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_say_something() {
        let html = "<title>Дом</title>";
        let title = |kind: &str, body: &[u8]| page(kind, body).map(|summary| summary.title);
        assert_eq!(
            title("text/html; charset=UTF-8", html.as_bytes()).as_deref(),
            Some("Дом")
        );
        assert_eq!(title("image/svg+xml", html.as_bytes()), None);
        assert_eq!(title("", html.as_bytes()), None);
        assert_eq!(
            title(
                "Text/HTML; charset=windows-1251",
                b"<title>\xc4\xee\xec</title>"
            )
            .as_deref(),
            Some("Дом")
        );
        assert_eq!(
            title(
                "text/html",
                b"<meta charset=\"windows-1251\"><title>\xc4\xee\xec</title>"
            )
            .as_deref(),
            Some("Дом")
        );
        assert_eq!(
            title("text/html; charset=iso-8859-1", b"<title>caf\xe9</title>").as_deref(),
            Some("café")
        );
        assert_eq!(
            title("text/html", b"<title>a\xffb</title>").as_deref(),
            Some("ab")
        );
    }
}
