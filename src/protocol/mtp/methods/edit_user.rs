//! `edit_user`: changes the caller's own profile and password.
//!
//! Source: MTP extensions of this server, `edit_user`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{self, Data, List, Object, Text, given};
use super::super::{codes, convert, file, reply, rich};
use super::Context;
use crate::auth::Password;
use crate::model::{AccountEdit, PushContent};
use crate::service::{ProfileChange, SignedIn};

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    old_password: Option<Text<'a>>,
    #[serde(default)]
    ask_first: Option<bool>,
    #[serde(default)]
    share_seen: Option<bool>,
    #[serde(default)]
    share_read: Option<bool>,
    #[serde(borrow, default)]
    push_content: Option<Text<'a>>,
    /// Outer `None`: not given. Inner `None`: `null`, no picture.
    #[serde(borrow, default, deserialize_with = "given")]
    avatar: Option<Option<Object<Uploaded<'a>>>>,
}

/// A file that the caller uploaded.
#[derive(Default, Deserialize)]
struct Uploaded<'a> {
    #[serde(borrow, default)]
    upload: Option<Text<'a>>,
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
    let account = AccountEdit {
        ask_first: meta.ask_first,
        share_seen: meta.share_seen,
        share_read: meta.share_read,
        push_content: meta.push_content.as_deref().map(push_content).transpose()?,
    };
    let mut avatar = user.avatar.map(convert::content);
    let mut avatar_upload = None;
    match meta.avatar {
        None => {}
        Some(_) if avatar.is_some() => {
            return Err(MtpError::Missing(
                "edit_user takes user[0].avatar or data.meta.avatar, not both",
            ));
        }
        // Empty content means no picture.
        Some(None) => avatar = Some(convert::content(request::Blob::Bytes(Vec::new()))),
        Some(Some(Object(uploaded))) => {
            const MISSING: MtpError = MtpError::Missing(
                "edit_user needs data.meta.avatar.upload, or null for data.meta.avatar",
            );
            avatar_upload = Some(file::named(&uploaded.upload.ok_or(MISSING)?));
        }
    }
    let change = ProfileChange {
        username: user.username.map(Text::into_owned),
        email: user.email.map(Text::into_owned),
        bio: user.bio.map(Text::into_owned),
        avatar,
        avatar_upload,
        keeps_name: false,
        keeps_sessions: false,
        password,
        account,
    };
    if change.is_empty() {
        return Err(MtpError::Missing(
            "edit_user needs one of username, email, bio, avatar and password",
        ));
    }
    Ok(change)
}

fn push_content(word: &str) -> Result<PushContent, MtpError> {
    PushContent::parse(word).ok_or_else(|| {
        MtpError::Malformed("data.meta.push_content: expected full, names or none".to_owned())
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    change: ProfileChange,
) -> Result<Bytes, MtpError> {
    let (profile, account) = cx
        .service
        .edit_profile(user, change, cx.client, cx.form)
        .await?;
    let user = Some(vec![convert::user(cx.form, &profile, true)]);
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            user,
            meta: rich::avatars(cx.form, [&profile]).map(|avatars| reply::DataMeta {
                avatars: Some(avatars),
                me: Some(rich::Me::from(&account)),
                ..reply::DataMeta::default()
            }),
            ..reply::Data::default()
        }),
    ))
}
