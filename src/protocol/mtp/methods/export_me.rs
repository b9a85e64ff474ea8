//! `export_me`: starts an archive of the caller's own data.
//!
//! Source: MTP extensions of this server, `export_me`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

/// The keys read from `data.meta`.
#[derive(Deserialize)]
struct Meta {
    /// Whether the archive includes the content of files.
    #[serde(default = "with_files")]
    files: bool,
}

impl Default for Meta {
    fn default() -> Self {
        Self {
            files: with_files(),
        }
    }
}

fn with_files() -> bool {
    true
}

pub(super) fn read(data: Data<'_>) -> Result<bool, MtpError> {
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(meta.files)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    has_files: bool,
) -> Result<Bytes, MtpError> {
    cx.service.want_archive(user, has_files).await?;
    Ok(cx.reply(codes::ACCEPTED, None))
}
