//! `file_ticket`: creates a ticket with which a web page fetches files.
//!
//! Source: MTP extensions of this server, `file_ticket`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    ticket: &'a str,
    expires: i64,
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
    let new = cx.service.file_ticket(user).await?;
    let meta = Meta {
        ticket: &new.text,
        expires: new.expires_at.seconds(),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
