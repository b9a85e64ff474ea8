//! `edited_message`: changes the text or the files of the caller's own message.
//!
//! Source: MTP 1.0 revision 17, `edited_message`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{convert, draft, file};
use super::Context;
use crate::model::PublicId;
use crate::service::{Draft, SignedIn};

pub(super) struct Input {
    message: PublicId,
    draft: Draft,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "edited_message needs message[0].uuid and text or a file";
    let sent = file::sent(&data)?;
    let details = draft::details(&data)?;
    if details.reply.is_some() || details.forward.is_some() || details.poll.is_some() {
        return Err(MtpError::Missing(
            "what a message answers, forwards or asks cannot be edited",
        ));
    }
    let message = convert::first_message(&mut data, MISSING)?;
    let uuid = message
        .uuid
        .as_ref()
        .map(convert::id)
        .ok_or(MtpError::Missing(MISSING))?;
    let mut draft = convert::draft(message);
    draft.details = details;
    draft.sent = sent;
    if draft.sent.is_some() && !draft.files.is_empty() {
        return Err(MtpError::Missing(file::TWO_WAYS));
    }
    let is_empty = draft.text.is_none() && draft.files.is_empty() && draft.sent.is_none();
    if is_empty && draft.details.is_empty() {
        return Err(MtpError::Missing(MISSING));
    }
    Ok(Input {
        message: uuid,
        draft,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service
        .edit_message(user, input.message, input.draft)
        .await?;
    Ok(cx.done())
}
