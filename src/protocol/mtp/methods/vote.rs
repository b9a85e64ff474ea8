//! `vote`: votes in a poll, changes the vote, or withdraws it.
//!
//! Source: MTP extensions of this server, `vote`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{Data, Int, List};
use super::{Context, react};
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    message: PublicId,
    options: Vec<i64>,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    options: Option<List<Int, 100>>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "vote needs message[0].uuid and data.meta.options";
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    let message = convert::message_uuid(&mut data, MISSING)?;
    let options = meta.options.ok_or(MtpError::Missing(MISSING))?;
    Ok(Input {
        message,
        options: options.iter().map(|option| option.0).collect(),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let around = cx.service.vote(user, input.message, input.options).await?;
    Ok(react::answer(cx, &around))
}
