//! `typing`: tells the others in a flow that the caller is writing.
//!
//! Source: MTP extensions of this server, typing.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::model::PublicId;
use crate::service::{Refusal, SignedIn, Thing};

pub(super) fn read(mut data: Data<'_>) -> Result<Option<PublicId>, MtpError> {
    convert::flow_uuid(&mut data)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: Option<PublicId>,
) -> Result<Bytes, MtpError> {
    cx.service
        .typing(user, flow.ok_or(Refusal::NotFound(Thing::Flow))?)
        .await?;
    Ok(cx.done())
}
