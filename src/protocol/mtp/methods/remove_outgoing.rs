//! `remove_outgoing`: removes an outgoing hook of a flow.
//!
//! Source: MTP extensions of this server, `remove_outgoing`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::Context;
use crate::model::OutgoingId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    id: Option<Int>,
}

pub(super) fn read(data: Data<'_>) -> Result<OutgoingId, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("remove_outgoing needs data.meta.id"))?;
    Ok(OutgoingId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: OutgoingId,
) -> Result<Bytes, MtpError> {
    cx.service.remove_outgoing(id, Some(user)).await?;
    Ok(cx.done())
}
