//! `list_files`: lists the messages of a flow that have files of some kinds, newest first.
//!
//! Source: MTP extensions of this server, `list_files`.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::{Context, find_message, message_info};
use crate::model::PublicId;
use crate::model::about::bits;
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    kinds: i64,
    before: Option<i64>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let meta = data.extensions().map_err(MtpError::Malformed)?;
    let kinds = meta.kinds.as_deref().map(find_message::kinds).transpose()?;
    let before = meta.before.flatten().map(|before| before.0);
    Ok(Input {
        flow: convert::flow_uuid(&mut data)?,
        kinds: kinds.filter(|bits| *bits != 0).unwrap_or(bits::FILES),
        before,
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let wanted = (input.kinds, input.before);
    let several = cx
        .service
        .messages_with_files(user, input.flow, wanted, cx.form)
        .await?;
    Ok(message_info::answer(cx, &several))
}
