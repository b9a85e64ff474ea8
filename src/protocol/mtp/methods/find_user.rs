//! `find_user`: lists users whose login or name begins with a text, so that a chat can be started.
//!
//! Source: MTP extensions of this server, `find_user`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, Text};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::service::SignedIn;

pub(super) fn read(data: Data<'_>) -> Result<String, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    Ok(meta.query.map(Text::into_owned).unwrap_or_default())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    text: String,
) -> Result<Bytes, MtpError> {
    let found = cx.service.find_users(user, text, cx.form).await?;
    let users = found
        .iter()
        .map(|found| convert::user(cx.form, found, false));
    let data = reply::Data {
        user: Some(users.collect()),
        meta: rich::avatars(cx.form, &found).map(reply::DataMeta::of_avatars),
        ..reply::Data::default()
    };
    Ok(cx.reply(codes::OK, Some(data)))
}
