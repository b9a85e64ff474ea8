//! `block_user`: blocks a user, or lifts the block.
//!
//! Source: MTP extensions of this server, `block_user`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::{Context, blocked};
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    user: PublicId,
    on: bool,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    on: Option<bool>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: MtpError = MtpError::Missing("block_user needs user[1].uuid and data.meta.on");
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    let user = data.user.as_deref().and_then(|users| users.get(1));
    let user = user.and_then(|user| user.uuid.as_ref()).map(convert::id);
    Ok(Input {
        user: user.ok_or(MISSING)?,
        on: meta.on.ok_or(MISSING)?,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let list = cx.service.block(user, input.user, input.on).await?;
    Ok(blocked::answer(cx, list))
}
