//! `invite`: makes an invitation code.
//!
//! Source: MTP extensions of this server, invite.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, reply};
use super::Context;
use crate::model::Timestamp;
use crate::service::SignedIn;

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
    let meta = reply::DataMeta {
        code: Some(new.code.as_str().to_owned()),
        expires: new.expires_at.map(Timestamp::seconds),
        ..reply::DataMeta::default()
    };
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            meta: Some(meta),
            ..reply::Data::default()
        }),
    ))
}
