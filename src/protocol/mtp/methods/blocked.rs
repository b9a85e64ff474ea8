//! `blocked`: lists the users whom the caller blocks.
//!
//! Source: MTP extensions of this server, `blocked`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, reply};
use super::Context;
use crate::model::PublicId;
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
    let list = cx.service.blocked(user).await?;
    Ok(answer(cx, list))
}

/// Returns the answer with the list.
pub(super) fn answer(cx: &Context<'_>, list: Vec<PublicId>) -> Bytes {
    let meta = reply::DataMeta {
        blocked: Some(list.into_iter().map(reply::Id).collect()),
        ..reply::DataMeta::default()
    };
    let data = reply::Data {
        meta: Some(meta),
        ..reply::Data::default()
    };
    cx.reply(codes::OK, Some(data))
}
