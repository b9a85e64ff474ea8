//! `revoke_token`: revokes a token of a bot.
//!
//! Source: MTP extensions of this server, `revoke_token`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::Context;
use crate::model::SessionId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    id: Option<Int>,
}

pub(super) fn read(data: Data<'_>) -> Result<SessionId, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("revoke_token needs data.meta.id"))?;
    Ok(SessionId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: SessionId,
) -> Result<Bytes, MtpError> {
    cx.service.revoke_token(id, Some(user)).await?;
    Ok(cx.done())
}
