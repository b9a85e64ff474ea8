//! `join_flow`: adds the caller to a flow to which the caller is invited.
//!
//! Source: MTP extensions of this server, `join_flow`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert};
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
    let flow = cx.service.join_flow(user, flow).await?;
    let answer = convert::one_flow(cx.form, &flow, user.uuid());
    Ok(cx.reply(codes::OK, Some(answer)))
}
