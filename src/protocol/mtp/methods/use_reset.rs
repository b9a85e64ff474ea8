//! `use_reset`: returns the user that a link for a new password is for, and sets the password with it.
//!
//! Source: MTP extensions of this server, `use_reset`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::{convert, reply};
use super::{Context, authentication};
use crate::auth::Password;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    code: Option<Text<'a>>,
}

pub(super) struct Input {
    code: String,
    password: Option<Password>,
    label: Option<String>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let label = data.label().map_err(MtpError::Malformed)?;
    let code = arguments
        .code
        .ok_or(MtpError::Missing("use_reset needs data.meta.code"))?;
    let password = convert::own_password(&mut data);
    Ok(Input {
        code: code.into_owned(),
        password,
        label,
    })
}

pub(super) async fn handle(cx: &mut Context<'_>, input: Input) -> Result<Bytes, MtpError> {
    let Some(password) = input.password else {
        let reset = cx.service.reset_of(&input.code, cx.client).await?;
        let user = reply::User {
            uuid: reply::Id(reset.uuid),
            login: Some(&reset.login),
            ..reply::User::default()
        };
        return Ok(cx.reply_user(user));
    };
    let client = cx.client.called(input.label.as_deref());
    let opened = cx.service.use_reset(&input.code, password, &client).await?;
    cx.state.opened = true;
    Ok(cx.reply_user(authentication::opened(&opened)))
}
