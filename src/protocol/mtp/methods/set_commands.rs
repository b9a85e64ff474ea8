//! `set_commands`: sets what users can type after "/" to a bot.
//!
//! Source: MTP extensions of this server, `set_commands`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{Data, Id, Text};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    bot: Option<PublicId>,
    commands: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Command<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    description: Text<'a>,
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    bot: Option<Id<'a>>,
    #[serde(borrow, default)]
    commands: Option<Vec<Command<'a>>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let bot = arguments.bot.as_ref().map(convert::id);
    let commands = arguments
        .commands
        .ok_or(MtpError::Missing("set_commands needs data.meta.commands"))?;
    let owned = |it: Command<'_>| (it.name.into_owned(), it.description.into_owned());
    Ok(Input {
        bot,
        commands: commands.into_iter().map(owned).collect(),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let Input { bot, commands } = input;
    cx.service.set_commands(user, bot, commands).await?;
    Ok(cx.done())
}
