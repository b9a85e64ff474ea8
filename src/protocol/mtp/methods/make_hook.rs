//! `make_hook`: creates an incoming hook, an address at which programs post into a flow.
//!
//! Source: MTP extensions of this server, `make_hook`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Text};
use super::super::{codes, convert};
use super::{Context, edit_hook};
use crate::service::{HookOrder, SignedIn};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    flow: Option<Id<'a>>,
    #[serde(borrow, default)]
    name: Option<Text<'a>>,
    #[serde(borrow, default)]
    bot: Option<Id<'a>>,
    #[serde(borrow, default)]
    picture: Option<edit_hook::Picture<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    id: String,
    name: &'a str,
    secret: &'a str,
    url: &'a str,
}

pub(super) fn read(mut data: Data<'_>) -> Result<HookOrder, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let named = arguments.flow.as_ref().map(convert::id);
    let bot = arguments.bot.as_ref().map(convert::id);
    let name = arguments.name.map(Text::into_owned);
    let missing = MtpError::Missing("make_hook needs data.meta.flow and data.meta.name");
    let flow = match named {
        Some(flow) => flow,
        None => convert::flow_uuid(&mut data)
            .map_err(|_| MtpError::Missing("make_hook needs data.meta.flow and data.meta.name"))?,
    };
    Ok(HookOrder {
        flow,
        name: name.ok_or(missing)?,
        bot,
        picture: arguments.picture.map(Into::into),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    order: HookOrder,
) -> Result<Bytes, MtpError> {
    let new = cx.service.make_hook(order, Some(user)).await?;
    let meta = Meta {
        id: new.id.0.to_string(),
        name: &new.name,
        secret: new.secret.as_str(),
        url: &new.url,
    };
    Ok(cx.reply_with(codes::OK, meta))
}
