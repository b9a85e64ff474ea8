//! `make_outgoing`: creates an outgoing hook, which posts the events of a flow to an address.
//!
//! Source: MTP extensions of this server, `make_outgoing`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Text};
use super::super::{codes, convert};
use super::Context;
use crate::model::Topics;
use crate::service::{OutgoingOrder, SignedIn};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    flow: Option<Id<'a>>,
    #[serde(borrow, default)]
    url: Option<Text<'a>>,
    #[serde(borrow, default)]
    events: Option<Vec<Text<'a>>>,
    #[serde(borrow, default)]
    trigger: Option<Text<'a>>,
    #[serde(default)]
    bots: bool,
    #[serde(borrow, default)]
    bot: Option<Id<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    id: String,
    secret: &'a str,
}

pub(super) fn read(data: Data<'_>) -> Result<OutgoingOrder, MtpError> {
    const MISSING: MtpError =
        MtpError::Missing("make_outgoing needs data.meta.flow and data.meta.url");
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let topics = match &arguments.events {
        None => Topics::default(),
        Some(words) => Topics::of_words(words.iter().map(|word| &**word)).ok_or_else(|| {
            let what =
                "data.meta.events: expected `message`, `edit`, `delete`, `join` or `reaction`";
            MtpError::Malformed(what.to_owned())
        })?,
    };
    Ok(OutgoingOrder {
        flow: arguments.flow.as_ref().map(convert::id).ok_or(MISSING)?,
        bot: arguments.bot.as_ref().map(convert::id),
        url: arguments.url.map(Text::into_owned).ok_or(MISSING)?,
        topics,
        has_bots: arguments.bots,
        trigger: arguments.trigger.map(Text::into_owned),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    order: OutgoingOrder,
) -> Result<Bytes, MtpError> {
    let new = cx.service.make_outgoing(order, Some(user)).await?;
    let meta = Meta {
        id: new.id.0.to_string(),
        secret: &new.secret.shown(),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
