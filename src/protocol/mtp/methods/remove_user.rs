//! `remove_user`: empties a user's account, for administrators.
//!
//! Source: MTP extensions of this server, `remove_user`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{Data, Id};
use super::Context;
use crate::auth::Password;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    user: Option<Id<'a>>,
}

pub(super) struct Input {
    pub(super) user: PublicId,
    pub(super) password: Option<Password>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    named(data, "remove_user needs data.meta.user")
}

/// Returns the input of a method that names a user and requires the caller's own password.
pub(super) fn named(mut data: Data<'_>, missing: &'static str) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let user = arguments.user.as_ref().map(convert::id);
    Ok(Input {
        user: user.ok_or(MtpError::Missing(missing))?,
        password: convert::own_password(&mut data),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service
        .remove_account(user, input.user, input.password, cx.client)
        .await?;
    Ok(cx.done())
}
