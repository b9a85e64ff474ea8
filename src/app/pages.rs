//! Asking pages what they say of themselves, where that is switched on.

use std::sync::Arc;

use super::{AppError, outward};
use crate::config::Config;
use crate::model::Preview;
use crate::outbound::{Url, page};
use crate::service::Service;

/// Tells the service how pages are asked.
///
/// # Errors
/// The file of authorities cannot be read, or holds none.
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
