//! `make_bot`: creates an account for a program, to which nobody can sign in.
//!
//! Source: MTP extensions of this server, `make_bot`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::wire::Id;
use super::Context;
use crate::service::SignedIn;

pub(super) struct Input {
    login: String,
    username: Option<String>,
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    login: Option<Text<'a>>,
    #[serde(borrow, default)]
    username: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    bot: Id,
    login: &'a str,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let login = arguments.login.map(Text::into_owned);
    Ok(Input {
        login: login.ok_or(MtpError::Missing("make_bot needs data.meta.login"))?,
        username: arguments.username.map(Text::into_owned),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let made = cx
        .service
        .make_bot(&input.login, input.username, Some(user));
    let bot = made.await?;
    let meta = Meta {
        bot: Id(bot.uuid),
        login: &bot.login,
    };
    Ok(cx.reply_with(codes::OK, meta))
}
