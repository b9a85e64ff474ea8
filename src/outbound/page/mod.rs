//! What a page on the internet says about itself: title, description, site, and one picture.
//!
//! Anyone may have written the address, so requests go to public addresses only, on the usual ports, also
//! after each redirect. No cookie is kept or sent. Of what the page refers to, only its picture is fetched, by
//! the same rules and in the same time; it is handed on as it came.

mod charset;
mod tags;

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::{Answer, Client, OutboundError, Private, Request, Rules, Url};

pub use tags::Summary;

/// How many redirects are followed.
const REDIRECTS: u8 = 3;

/// How much of a page is read, in bytes.
pub const PAGE_BYTES: usize = 512 * 1024;

/// The largest picture, in bytes.
pub const PICTURE_BYTES: usize = 2 * 1024 * 1024;

/// How long all of it may take.
const TIME: Duration = Duration::from_secs(5);

/// The `User-Agent` of these requests.
const AGENT: &str = concat!("Morelia/", env!("CARGO_PKG_VERSION"), " preview");

/// What is accepted as a page, and as its picture.
const PAGES: &str = "text/html, application/xhtml+xml";
const PICTURES: &str = "image/jpeg, image/png, image/webp, image/gif";

/// What a page says about itself, and its picture.
#[derive(Debug, Clone)]
pub struct Page {
    /// What it says.
    pub summary: Summary,
    /// The whole content at the address of its picture, of whatever type; `None`: it has none that can be
    /// fetched.
    pub picture: Option<Bytes>,
}

/// Fetches what a page says about itself; `None` if it says nothing.
///
/// # Errors
/// The reason why there is no answer. Without a picture there still is one.
pub async fn fetch(client: &Client, url: &Url) -> Result<Option<Page>, OutboundError> {
    let host = url.host().to_owned();
    let end = Instant::now() + TIME;
    let reading = read(client, url.clone(), PAGES, PAGE_BYTES);
    let found = timeout_at(end, reading)
        .await
        .map_err(|_| OutboundError::TimedOut { host })??;
    let Some((answer, url)) = found else {
        return Ok(None);
    };
    let kind = answer.header("content-type").unwrap_or_default();
    let Some(summary) = page(kind, &answer.body) else {
        return Ok(None);
    };
    let picture = match summary.picture.as_deref().map(|target| url.join(target)) {
        Some(Ok(target)) => timeout_at(end, picture(client, target))
            .await
            .ok()
            .flatten(),
        _ => None,
    };
    Ok(Some(Page { summary, picture }))
}

/// Fetches a picture, unless it is too large.
async fn picture(client: &Client, url: Url) -> Option<Bytes> {
    match read(client, url, PICTURES, PICTURE_BYTES).await {
        Ok(found) => {
            let found = found.filter(|(answer, _)| !answer.is_cut);
            found.map(|(answer, _)| answer.body)
        }
        Err(err) => {
            log::debug!("no picture of a preview: {err}");
            None
        }
    }
}

/// Requests an address, and what it redirects to. Returns the answer and the address that it came from;
/// `None`: there is nothing.
async fn read(
    client: &Client,
    mut url: Url,
    accept: &str,
    body_bytes: usize,
) -> Result<Option<(Answer, Url)>, OutboundError> {
    let rules = Rules {
        private: Private::Refused,
        plain: true,
        redirects: 0,
        body_bytes,
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
            .header("accept", accept);
        let answer = client.send(request, rules).await?;
        match (answer.status, answer.header("location")) {
            (200, _) => return Ok(Some((answer, url))),
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
