//! `remove_bot`: removes a bot in the same way as a user's account.
//!
//! Source: MTP extensions of this server, `remove_bot`.

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
    bot: Option<Id<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PublicId, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let bot = arguments.bot.as_ref().map(convert::id);
    bot.ok_or(MtpError::Missing("remove_bot needs data.meta.bot"))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    bot: PublicId,
) -> Result<Bytes, MtpError> {
    cx.service.remove_bot(bot, Some(user)).await?;
    Ok(cx.done())
}
