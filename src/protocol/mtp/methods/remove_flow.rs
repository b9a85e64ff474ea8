//! `remove_flow`: removes a flow for all members; for its owner and administrators.
//!
//! Source: MTP extensions of this server, `remove_flow`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{Data, Id};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    flow: Option<Id<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PublicId, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let flow = arguments.flow.as_ref().map(convert::id);
    flow.ok_or(MtpError::Missing("remove_flow needs data.meta.flow"))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: PublicId,
) -> Result<Bytes, MtpError> {
    cx.service.end_flow(user, flow).await?;
    Ok(cx.done())
}
