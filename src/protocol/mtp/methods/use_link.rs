//! `use_link`: signs in with a code that another device shows.
//!
//! Source: MTP extensions of this server, `use_link`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::{Context, authentication};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    code: Option<Text<'a>>,
}

pub(super) struct Input {
    code: String,
    label: Option<String>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let code = arguments
        .code
        .ok_or(MtpError::Missing("use_link needs data.meta.code"))?;
    Ok(Input {
        code: code.into_owned(),
        label: data.label().map_err(MtpError::Malformed)?,
    })
}

pub(super) async fn handle(cx: &mut Context<'_>, input: Input) -> Result<Bytes, MtpError> {
    let client = cx.client.called(input.label.as_deref());
    let opened = cx.service.use_link(&input.code, &client).await?;
    cx.state.opened = true;
    Ok(cx.reply_user(authentication::opened(&opened)))
}
