//! `revoke_invitation`: revokes an invitation, for administrators.
//!
//! Source: MTP extensions of this server, `revoke_invitation`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::Context;
use crate::model::InvitationId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    id: Option<Int>,
}

pub(super) fn read(data: Data<'_>) -> Result<InvitationId, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    let Int(id) = arguments
        .id
        .ok_or(MtpError::Missing("revoke_invitation needs data.meta.id"))?;
    Ok(InvitationId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: InvitationId,
) -> Result<Bytes, MtpError> {
    cx.service.end_invitation(user, id).await?;
    Ok(cx.done())
}
