//! Link previews, if they are enabled.

use std::sync::Arc;

use super::{AppError, outward};
use crate::config::Config;
use crate::model::Preview;
use crate::outbound::{Url, page};
use crate::service::Service;

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
            match page::summary(&client, &address).await {
                Ok(found) => found.map(|found| Preview {
                    url,
                    title: found.title,
                    text: found.text,
                    site: found.site,
                }),
                Err(err) => {
                    log::debug!("no preview: {err}");
                    None
                }
            }
        })
    }));
    Ok(())
}
