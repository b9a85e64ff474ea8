//! `close_poll`: ends a poll.
//!
//! Source: MTP extensions of this server, `close_poll`.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::{Context, react};
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) fn read(mut data: Data<'_>) -> Result<PublicId, MtpError> {
    convert::message_uuid(&mut data, "close_poll needs message[0].uuid")
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    message: PublicId,
) -> Result<Bytes, MtpError> {
    let around = cx.service.close_poll(user, message).await?;
    Ok(react::answer(cx, &around))
}
