//! `react`: adds a reaction to a message, or removes it.
//!
//! Source: MTP extensions of this server, `react`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::{codes, convert, reply};
use super::Context;
use crate::model::{Around, PublicId};
use crate::service::SignedIn;

pub(super) struct Input {
    message: PublicId,
    emoji: String,
    on: bool,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    reaction: Option<Text<'a>>,
    #[serde(default)]
    on: Option<bool>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "react needs message[0].uuid, data.meta.reaction and data.meta.on";
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let message = convert::message_uuid(&mut data, MISSING)?;
    let emoji = meta.reaction.ok_or(MtpError::Missing(MISSING))?;
    Ok(Input {
        message,
        emoji: emoji.into_owned(),
        on: meta.on.ok_or(MtpError::Missing(MISSING))?,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let around = cx
        .service
        .react(user, input.message, input.emoji, input.on)
        .await?;
    Ok(answer(cx, &around))
}

/// Returns the answer with the reactions to a message and its poll.
pub(super) fn answer(cx: &Context<'_>, around: &Around) -> Bytes {
    let meta = convert::around([around]);
    let data = reply::Data {
        meta: Some(meta),
        ..reply::Data::default()
    };
    cx.reply(codes::OK, Some(data))
}
