//! Link previews, if they are enabled.

use std::sync::Arc;

use bytes::Bytes;

use super::{AppError, outward};
use crate::config::Config;
use crate::model::{Preview, media_type};
use crate::outbound::{Url, page};
use crate::service::{Fetched, PREVIEWS_AT_A_TIME, PREVIEWS_KEPT_BYTES, Service};

/// The media types of pictures that are handed on; browsers draw them, and they contain no program.
const PICTURES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// The most memory that previews can take, in bytes: what is kept, and what is being fetched. Of a page
/// there are its bytes and its text, of a picture what has arrived and the buffer that grows with it.
pub(super) const WORST_BYTES: usize =
    PREVIEWS_KEPT_BYTES + PREVIEWS_AT_A_TIME * (2 * page::PAGE_BYTES + 2 * page::PICTURE_BYTES);

/// The largest answer that shows a picture, in bytes: it is sent as base64.
pub(super) const ANSWER_BYTES: usize = page::PICTURE_BYTES / 3 * 4 + 64 * 1024;

/// Gives the service a way to fetch pages.
///
/// # Errors
/// The file of certificate authorities cannot be read, or contains none.
pub(super) fn attach(config: &Config, service: &Arc<Service>) -> Result<(), AppError> {
    if !config.web.previews {
        return Ok(());
    }
    let client = outward::client(config)?;
    service.ask_pages(Box::new(move |url| {
        let client = client.clone();
        Box::pin(async move {
            let address: Url = url.parse().ok()?;
            match page::fetch(&client, &address).await {
                Ok(found) => found.map(|found| fetched(url, found)),
                Err(err) => {
                    log::debug!("no preview: {err}");
                    None
                }
            }
        })
    }));
    Ok(())
}

fn fetched(url: String, found: page::Page) -> Fetched {
    let is_picture = |bytes: &Bytes| {
        let found = media_type(bytes);
        found.is_some_and(|found| PICTURES.contains(&found))
    };
    let summary = found.summary;
    Fetched {
        preview: Preview {
            url,
            title: summary.title,
            text: summary.text,
            site: summary.site,
            thumbnail: None,
        },
        picture: found.picture.filter(is_picture),
    }
}
