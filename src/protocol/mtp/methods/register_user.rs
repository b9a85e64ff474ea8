//! `register_user`: creates an account and opens its first session.
//!
//! Source: MTP 1.0 revision 17, `register_user`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, List, Text};
use super::super::{codes, reply};
use super::{Context, authentication};
use crate::auth::Password;
use crate::service::Registration;

pub(super) struct Input {
    registration: Registration,
    label: Option<String>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let label = data.label().map_err(MtpError::Malformed)?;
    let user = data
        .user
        .take()
        .and_then(List::into_first)
        .unwrap_or_default();
    let login = user.login.filter(|login| !login.is_empty());
    let password = user.password.filter(|password| !password.is_empty());
    let registration = Registration {
        login: login
            .ok_or(MtpError::Missing("register_user needs user[0].login"))?
            .into_owned(),
        password: Password::new(
            password
                .ok_or(MtpError::Missing("register_user needs user[0].password"))?
                .into_owned(),
        ),
        username: user.username.map(Text::into_owned),
        email: user
            .email
            .map(Text::into_owned)
            .filter(|email| !email.is_empty()),
        is_bot: user.is_bot.unwrap_or(false),
        invitation: user
            .auth_id
            .map(Text::into_owned)
            .filter(|code| !code.is_empty()),
        is_plain: true,
    };
    Ok(Input {
        registration,
        label,
    })
}

pub(super) async fn handle(cx: &mut Context<'_>, mut input: Input) -> Result<Bytes, MtpError> {
    // Revision 17 takes a password as it is, and some of its clients send a hash.
    input.registration.is_plain = !cx.form.is_rich();
    let origin = Some(cx.state.listener.origin());
    let client = cx.client.called(input.label.as_deref());
    let opened = cx
        .service
        .register(input.registration, &client, origin)
        .await?;
    cx.state.opened = true;
    let user = authentication::opened(&opened);
    Ok(cx.reply(
        codes::CREATED,
        Some(reply::Data {
            user: Some(vec![user]),
            ..reply::Data::default()
        }),
    ))
}
