//! `push_key`: returns the key by which push services know this server.
//!
//! Source: MTP extensions of this server, `push_key`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta {
    key: String,
}

#[expect(clippy::unnecessary_wraps, reason = "every method reads its input")]
pub(super) fn read(_data: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

#[expect(clippy::unused_async, reason = "every method is awaited")]
pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    cx.require_rich()?;
    let key = cx.service.push_key(user)?;
    Ok(cx.reply_with(codes::OK, Meta { key }))
}
