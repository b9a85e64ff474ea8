//! `make_token`: creates a token of a bot, which is shown once.
//!
//! Source: MTP extensions of this server, `make_token`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int, Text};
use super::super::{codes, convert};
use super::Context;
use crate::model::{Scopes, Timestamp};
use crate::service::{SignedIn, TokenOrder};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    bot: Option<Id<'a>>,
    #[serde(borrow, default)]
    label: Option<Text<'a>>,
    #[serde(borrow, default)]
    scopes: Option<Vec<Text<'a>>>,
    #[serde(default)]
    expires: Option<Int>,
}

#[derive(Serialize)]
struct Meta<'a> {
    id: String,
    token: &'a str,
}

pub(super) fn read(data: Data<'_>) -> Result<TokenOrder, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let bot = arguments.bot.as_ref().map(convert::id);
    let scopes = match &arguments.scopes {
        None => Scopes::ALL,
        Some(words) => Scopes::of_words(words.iter().map(|word| &**word)).ok_or_else(|| {
            let what = "data.meta.scopes: expected `read`, `write` or `manage`";
            MtpError::Malformed(what.to_owned())
        })?,
    };
    let expires = arguments.expires.filter(|Int(second)| *second != 0);
    Ok(TokenOrder {
        bot: bot.ok_or(MtpError::Missing("make_token needs data.meta.bot"))?,
        label: arguments.label.map(Text::into_owned),
        scopes,
        expires_at: expires.map(|Int(second)| Timestamp(second.saturating_mul(1000))),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    order: TokenOrder,
) -> Result<Bytes, MtpError> {
    let new = cx.service.make_token(order, Some(user)).await?;
    let meta = Meta {
        id: new.id.0.to_string(),
        token: new.token.as_str(),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
