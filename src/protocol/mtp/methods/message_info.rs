//! `message_info`: returns messages by their ids, for links and quotes.
//!
//! Source: MTP extensions of this server, `message_info`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::{Data, Id};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::{Several, SignedIn};

/// Messages in one request.
const MOST: usize = 100;

pub(super) fn read(data: Data<'_>) -> Result<Vec<PublicId>, MtpError> {
    const MISSING: MtpError = MtpError::Missing("message_info needs message[].uuid");
    let messages = data.message.as_deref().unwrap_or_default();
    let ids = messages.iter().map(|message| {
        let uuid: Option<&Id<'_>> = message.uuid.as_ref();
        uuid.map(convert::id).ok_or(MISSING)
    });
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    if ids.is_empty() {
        return Err(MISSING);
    }
    Ok(ids)
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    ids: Vec<PublicId>,
) -> Result<Bytes, MtpError> {
    if ids.len() > MOST {
        return Err(MtpError::BadRange(
            "message_info tells of at most 100 messages; ask for the others by themselves",
        ));
    }
    let several = cx.service.messages_by_id(user, ids, cx.form).await?;
    Ok(answer(cx, &several))
}

/// Returns the answer with the messages and their numbers.
pub(super) fn answer(cx: &Context<'_>, several: &Several) -> Bytes {
    let messages = several.messages.iter();
    let data = reply::Data {
        message: Some(
            messages
                .map(|message| convert::message(cx.form, message, cx.service))
                .collect(),
        ),
        meta: Some(reply::DataMeta {
            about: cx
                .form
                .is_rich()
                .then(|| rich::about(&several.messages))
                .flatten(),
            numbers: Some(convert::numbers(&several.messages)),
            ..reply::DataMeta::default()
        }),
        ..reply::Data::default()
    };
    let code = if several.is_partial {
        codes::PARTIAL
    } else {
        codes::OK
    };
    cx.reply(code, Some(data))
}
