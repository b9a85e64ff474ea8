//! `invite`: makes an invitation code.
//!
//! Source: MTP extensions of this server, invite.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::model::Timestamp;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    code: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
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
    let new = cx.service.invite(user).await?;
    let meta = Meta {
        code: new.code.as_str(),
        expires: new.expires_at.map(Timestamp::seconds),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
