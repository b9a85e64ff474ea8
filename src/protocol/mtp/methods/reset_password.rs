//! `reset_password`: creates a link with which a user sets a new password, for administrators.
//!
//! Source: MTP extensions of this server, `reset_password`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use super::remove_user::{Input, named};
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    link: &'a str,
    expires: i64,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    named(data, "reset_password needs data.meta.user")
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let new = cx
        .service
        .reset_password(user, input.user, input.password, cx.client)
        .await?;
    let meta = Meta {
        link: &new.link,
        expires: new.expires_at.seconds(),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
