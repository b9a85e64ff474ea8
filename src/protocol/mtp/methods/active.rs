//! `active`: reports whether a user is looking at the client, so that other devices need not ring.
//!
//! Source: MTP extensions of this server, `active`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    on: Option<bool>,
}

pub(super) fn read(data: Data<'_>) -> Result<bool, MtpError> {
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    meta.on
        .ok_or(MtpError::Missing("active needs data.meta.on"))
}

#[expect(clippy::unused_async, reason = "every method is awaited")]
pub(super) async fn handle(
    cx: &mut Context<'_>,
    _user: &SignedIn,
    on: bool,
) -> Result<Bytes, MtpError> {
    cx.require_rich()?;
    cx.state.listener.set_active(on);
    Ok(cx.done())
}
