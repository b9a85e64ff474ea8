//! `authentication`, which older clients call `auth`: opens a session for a login and password.
//!
//! Source: MTP 1.0 revision 17, authentication.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, List};
use super::super::{codes, reply};
use super::Context;
use crate::auth::Password;
use crate::service::Opened;

pub(super) struct Input {
    login: String,
    password: Password,
    label: Option<String>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let label = data.label().map_err(MtpError::Malformed)?;
    let user = data
        .user
        .take()
        .and_then(List::into_first)
        .unwrap_or_default();
    Ok(Input {
        login: user
            .login
            .ok_or(MtpError::Missing("authentication needs user[0].login"))?
            .into_owned(),
        password: Password::new(
            user.password
                .ok_or(MtpError::Missing("authentication needs user[0].password"))?
                .into_owned(),
        ),
        label,
    })
}

pub(super) async fn handle(cx: &mut Context<'_>, input: Input) -> Result<Bytes, MtpError> {
    let client = cx.client.called(input.label.as_deref());
    let opened = cx
        .service
        .log_in(&input.login, input.password, &client)
        .await?;
    cx.state.opened = true;
    let user = self::opened(&opened);
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            user: Some(vec![user]),
            ..reply::Data::default()
        }),
    ))
}

/// Returns what a client needs from now on.
pub(super) fn opened(opened: &Opened) -> reply::User<'_> {
    reply::User {
        uuid: reply::Id(opened.uuid),
        auth_id: Some(opened.token.as_str()),
        token_ttl: Some(opened.ttl.as_secs()),
        ..reply::User::default()
    }
}
