//! `edit_user`: changes one's own profile and password.
//!
//! Source: MTP extensions of this server, `edit_user`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, List, Text};
use super::super::{codes, convert, reply};
use super::Context;
use crate::auth::Password;
use crate::service::{ProfileChange, SignedIn};

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    old_password: Option<Text<'a>>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<ProfileChange, MtpError> {
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let user = data
        .user
        .take()
        .and_then(List::into_first)
        .unwrap_or_default();
    let password = match (user.password, meta.old_password) {
        (None, _) => None,
        (Some(new), _) if new.is_empty() => {
            return Err(MtpError::Missing("the new password is empty"));
        }
        (Some(new), Some(old)) => Some((
            Password::new(old.into_owned()),
            Password::new(new.into_owned()),
        )),
        (Some(_), None) => {
            return Err(MtpError::Missing(
                "a new password needs the old one in data.meta.old_password",
            ));
        }
    };
    let change = ProfileChange {
        username: user.username.map(Text::into_owned),
        email: user.email.map(Text::into_owned),
        bio: user.bio.map(Text::into_owned),
        avatar: user.avatar.map(convert::content),
        password,
    };
    let empty = change.username.is_none()
        && change.email.is_none()
        && change.bio.is_none()
        && change.avatar.is_none()
        && change.password.is_none();
    if empty {
        return Err(MtpError::Missing(
            "edit_user needs one of username, email, bio, avatar and password",
        ));
    }
    Ok(change)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    change: ProfileChange,
) -> Result<Bytes, MtpError> {
    let profile = cx.service.edit_profile(user, change, cx.client).await?;
    let user = Some(vec![convert::user(cx.form, &profile, true)]);
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            user,
            ..reply::Data::default()
        }),
    ))
}
