//! `logout`: ends this session, or all of the caller's.
//!
//! Source: MTP extensions of this server, logout.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Meta {
    all: Option<bool>,
}

pub(super) fn read(data: Data<'_>) -> Result<bool, MtpError> {
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(meta.all.unwrap_or(false))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    all: bool,
) -> Result<Bytes, MtpError> {
    cx.service.log_out(user, all).await?;
    cx.state.opened = false;
    Ok(cx.done())
}
