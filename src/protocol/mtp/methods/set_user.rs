//! `set_user`: changes a user's account, for administrators.
//!
//! Source: MTP extensions of this server, `set_user`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int, Text, given};
use super::super::rows::{Account, Accounts};
use super::super::{codes, convert};
use super::Context;
use crate::auth::Password;
use crate::model::PublicId;
use crate::service::{AccountChange, SignedIn};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    user: Option<Id<'a>>,
    #[serde(default)]
    suspended: Option<bool>,
    #[serde(default)]
    admin: Option<bool>,
    /// Inner `None`: `null`, the quota that the server is configured with.
    #[serde(default, deserialize_with = "given")]
    quota: Option<Option<Int>>,
    #[serde(borrow, default)]
    username: Option<Text<'a>>,
}

pub(super) struct Input {
    user: PublicId,
    change: AccountChange,
    password: Option<Password>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let user = arguments.user.as_ref().map(convert::id);
    let change = AccountChange {
        suspended: arguments.suspended,
        admin: arguments.admin,
        quota: arguments.quota.map(|quota| quota.map(|Int(bytes)| bytes)),
        username: arguments.username.map(Text::into_owned),
    };
    let is_empty = change.suspended.is_none()
        && change.admin.is_none()
        && change.quota.is_none()
        && change.username.is_none();
    if is_empty {
        return Err(MtpError::Missing(
            "set_user needs one of data.meta.suspended, admin, quota and username",
        ));
    }
    if change.quota.flatten().is_some_and(|bytes| bytes < 0) {
        return Err(MtpError::Malformed(
            "data.meta.quota: expected 0 or a number of bytes".to_owned(),
        ));
    }
    Ok(Input {
        user: user.ok_or(MtpError::Missing("set_user needs data.meta.user"))?,
        change,
        password: convert::own_password(&mut data),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let changed = cx
        .service
        .set_user(user, input.user, input.change, input.password, cx.client)
        .await?;
    let users = vec![Account::from(&changed)];
    Ok(cx.reply_with(codes::OK, Accounts { users }))
}
