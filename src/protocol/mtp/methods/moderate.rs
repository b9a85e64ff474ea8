//! `moderate`: deletes a message in any flow, for administrators.
//!
//! Source: MTP extensions of this server, `moderate`.

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
    message: Option<Id<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PublicId, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let message = arguments.message.as_ref().map(convert::id);
    message.ok_or(MtpError::Missing("this method needs data.meta.message"))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    message: PublicId,
) -> Result<Bytes, MtpError> {
    cx.service.moderate(user, message).await?;
    Ok(cx.done())
}
