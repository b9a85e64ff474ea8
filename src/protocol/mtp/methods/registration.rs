//! `registration`: returns and sets who may register, for administrators.
//!
//! Source: MTP extensions of this server, registration.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::Context;
use crate::config::{Registration, Word};
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    mode: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Meta {
    mode: &'static str,
}

pub(super) fn read(data: Data<'_>) -> Result<Option<Registration>, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let Some(mode) = arguments.mode else {
        return Ok(None);
    };
    let mut known = Registration::WORDS.iter();
    let found = known.find(|(word, _)| *word == &*mode);
    let found = found.map(|(_, mode)| *mode).ok_or(MtpError::Missing(
        "the mode is open, invite or closed, in data.meta.mode",
    ))?;
    Ok(Some(found))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    wanted: Option<Registration>,
) -> Result<Bytes, MtpError> {
    let mode = cx.service.registration_for(user, wanted).await?;
    Ok(cx.reply_with(codes::OK, Meta { mode: mode.word() }))
}
