//! `typing`: tells the other members of a flow that the caller is typing.
//!
//! Source: MTP extensions of this server, typing.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) fn read(mut data: Data<'_>) -> Result<PublicId, MtpError> {
    convert::flow_uuid(&mut data)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: PublicId,
) -> Result<Bytes, MtpError> {
    cx.service.typing(user, flow).await?;
    Ok(cx.done())
}
