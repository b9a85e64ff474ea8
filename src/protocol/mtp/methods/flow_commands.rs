//! `flow_commands`: lists what users can type after "/" to the bots of a flow.
//!
//! Source: MTP extensions of this server, `flow_commands`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{self, Data};
use super::super::wire::Id;
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    flow: Option<request::Id<'a>>,
}

#[derive(Serialize)]
struct Command<'a> {
    name: &'a str,
    description: &'a str,
    bot: Id,
}

#[derive(Serialize)]
struct Meta<'a> {
    commands: Vec<Command<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<PublicId, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let flow = arguments.flow.as_ref().map(convert::id);
    flow.ok_or(MtpError::Missing("flow_commands needs data.meta.flow"))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    flow: PublicId,
) -> Result<Bytes, MtpError> {
    let found = cx.service.flow_commands(user, flow).await?;
    let commands = found.iter().map(|(bot, command)| Command {
        name: &command.name,
        description: &command.description,
        bot: Id(*bot),
    });
    let commands = commands.collect();
    Ok(cx.reply_with(codes::OK, Meta { commands }))
}
