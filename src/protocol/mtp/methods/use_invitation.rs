//! `use_invitation`: adds the caller to the flow that an invitation is for.
//!
//! Source: MTP extensions of this server, `use_invitation`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::{codes, convert};
use super::Context;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    code: Option<Text<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<String, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let code = arguments
        .code
        .ok_or(MtpError::Missing("use_invitation needs data.meta.code"))?;
    Ok(code.into_owned())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    code: String,
) -> Result<Bytes, MtpError> {
    let flow = cx.service.use_invitation(user, &code, cx.client).await?;
    let answer = convert::one_flow(cx.form, &flow, user.uuid());
    Ok(cx.reply(codes::OK, Some(answer)))
}
