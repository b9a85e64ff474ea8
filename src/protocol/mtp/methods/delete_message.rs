//! `delete_message`: overwrites a message with a note that it was deleted.
//!
//! Source: MTP 1.0 revision 17, `delete_message`.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::{Data, List};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    message: PublicId,
    flow: Option<PublicId>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "delete_message needs message[0].uuid";
    let message = convert::first_message(&mut data, MISSING)?;
    let uuid = message
        .uuid
        .as_ref()
        .map(convert::id)
        .ok_or(MtpError::Missing(MISSING))?;
    let flow = data
        .flow
        .take()
        .and_then(List::into_first)
        .and_then(|flow| flow.uuid);
    Ok(Input {
        message: uuid,
        flow: flow.as_ref().map(convert::id),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service
        .delete_message(user, input.message, input.flow)
        .await?;
    Ok(cx.done())
}
