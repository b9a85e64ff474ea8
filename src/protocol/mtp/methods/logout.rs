//! `logout`: ends this session, or all of the caller's.
//!
//! Source: MTP extensions of this server, logout.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

pub(super) fn read(data: Data<'_>) -> Result<bool, MtpError> {
    Ok(data
        .extensions()
        .map_err(MtpError::Malformed)?
        .all
        .unwrap_or(false))
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
