//! `end_session`: signs a device out.
//!
//! Source: MTP extensions of this server, `end_session`.

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
        .ok_or(MtpError::Missing("end_session needs data.meta.id"))?;
    Ok(SessionId(id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    id: SessionId,
) -> Result<Bytes, MtpError> {
    cx.service.end_session(user, id).await?;
    Ok(cx.done())
}
