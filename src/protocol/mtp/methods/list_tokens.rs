//! `list_tokens`: lists the tokens of a bot, without their secrets.
//!
//! Source: MTP extensions of this server, `list_tokens`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id};
use super::super::rows::BotToken;
use super::super::{codes, convert};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    bot: Option<Id<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    tokens: Vec<BotToken<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PublicId, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let bot = arguments.bot.as_ref().map(convert::id);
    bot.ok_or(MtpError::Missing("list_tokens needs data.meta.bot"))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    bot: PublicId,
) -> Result<Bytes, MtpError> {
    let found = cx.service.list_tokens(bot, Some(user)).await?;
    let tokens = found.iter().map(BotToken::from).collect();
    Ok(cx.reply_with(codes::OK, Meta { tokens }))
}
