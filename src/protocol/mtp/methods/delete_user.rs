//! `delete_user`: empties the caller's account.
//!
//! Source: MTP 1.0 revision 17, `delete_user`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, List};
use super::Context;
use crate::auth::Password;
use crate::service::SignedIn;

pub(super) struct Input {
    login: String,
    password: Password,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "delete_user needs user[0].login and user[0].password again";
    let user = data
        .user
        .take()
        .and_then(List::into_first)
        .unwrap_or_default();
    let (Some(login), Some(password)) = (user.login, user.password) else {
        return Err(MtpError::Missing(MISSING));
    };
    Ok(Input {
        login: login.into_owned(),
        password: Password::new(password.into_owned()),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service
        .delete_account(user, &input.login, input.password, cx.client)
        .await?;
    Ok(cx.done())
}
