//! `pin_message`: pins a message in its flow, or unpins it.
//!
//! Source: MTP extensions of this server, `pin_message`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    message: PublicId,
    on: bool,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    on: Option<bool>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "pin_message needs message[0].uuid and data.meta.on";
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(Input {
        message: convert::message_uuid(&mut data, MISSING)?,
        on: meta.on.ok_or(MtpError::Missing(MISSING))?,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let (flow, pins) = cx.service.pin(user, input.message, input.on).await?;
    let meta = reply::DataMeta {
        pinned: Some(convert::pinned([&(flow, pins)])),
        ..reply::DataMeta::default()
    };
    let data = reply::Data {
        meta: Some(meta),
        ..reply::Data::default()
    };
    Ok(cx.reply(codes::OK, Some(data)))
}
