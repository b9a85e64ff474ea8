//! `server_status`: returns the state of the server, for administrators.
//!
//! Source: MTP extensions of this server, `server_status`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::super::rows::Status;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta {
    status: Status,
}

#[expect(clippy::unnecessary_wraps, reason = "every method reads its input")]
pub(super) fn read(_data: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    let status = cx.service.server_status(user).await?;
    let status = Status::from(&status);
    Ok(cx.reply_with(codes::OK, Meta { status }))
}
