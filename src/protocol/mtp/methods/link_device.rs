//! `link_device`: creates a code with which another device signs in as the caller.
//!
//! Source: MTP extensions of this server, `link_device`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    code: &'a str,
    expires: i64,
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
    let new = cx.service.link_device(user)?;
    let meta = Meta {
        code: new.code.as_str(),
        expires: new.expires_at.seconds(),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
