//! `user_info`: returns profiles of users by id.
//!
//! Source: MTP 1.0 revision 17, `user_info`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::{Refusal, SignedIn};

pub(super) fn read(data: Data<'_>) -> Result<Vec<PublicId>, MtpError> {
    let users = data.user.as_deref().unwrap_or_default();
    let asked: Vec<_> = users
        .iter()
        .skip(1)
        .map(|user| user.uuid.as_ref().map_or(PublicId::NOTHING, convert::id))
        .collect();
    if asked.is_empty() {
        return Err(MtpError::Missing(
            "user_info needs the users to tell about after the caller in user",
        ));
    }
    Ok(asked)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    asked: Vec<PublicId>,
) -> Result<Bytes, MtpError> {
    // The caller counts too. Source: MTP 1.0 revision 17, user_info.
    let limit = cx.service.limits().users;
    if asked.len() + 1 > limit {
        return Err(Refusal::TooManyUsers { limit }.into());
    }
    let found = cx.service.profiles(user, asked, cx.form).await?;
    let users = found
        .users
        .iter()
        .map(|found| convert::user(cx.form, found, found.uuid == user.uuid()));
    let seen = found.seen.iter();
    let seen = seen.map(|(user, at)| (reply::Id(*user), at.seconds()));
    let data = reply::Data {
        user: Some(users.collect()),
        meta: rich::avatars(cx.form, &found.users).map(|avatars| reply::DataMeta {
            avatars: Some(avatars),
            seen_at: Some(seen.collect()),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    Ok(cx.reply(
        if found.incomplete {
            codes::PARTIAL
        } else {
            codes::OK
        },
        Some(data),
    ))
}
