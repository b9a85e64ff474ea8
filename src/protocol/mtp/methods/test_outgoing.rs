//! `test_outgoing`: posts to the address of an outgoing hook at once, to see whether it works.
//!
//! Source: MTP extensions of this server, `test_outgoing`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::Context;
use crate::model::OutgoingId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    id: Option<Int>,
}

#[derive(Serialize)]
struct Meta<'a> {
    taken: bool,
    status: Option<u16>,
    detail: &'a str,
}

pub(super) fn read(data: Data<'_>) -> Result<OutgoingId, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("test_outgoing needs data.meta.id"))?;
    Ok(OutgoingId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: OutgoingId,
) -> Result<Bytes, MtpError> {
    let end = cx.service.test_outgoing(id, Some(user)).await?;
    let meta = Meta {
        taken: end.is_taken,
        status: end.status,
        detail: &end.detail,
    };
    Ok(cx.reply_with(codes::OK, meta))
}
