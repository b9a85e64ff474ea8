//! `revoke_hook`: revokes an incoming hook.
//!
//! Source: MTP extensions of this server, `revoke_hook`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::Context;
use crate::model::HookId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    id: Option<Int>,
}

pub(super) fn read(data: Data<'_>) -> Result<HookId, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("revoke_hook needs data.meta.id"))?;
    Ok(HookId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: HookId,
) -> Result<Bytes, MtpError> {
    cx.service.revoke_hook(id, Some(user)).await?;
    Ok(cx.done())
}
