//! `read_flow`: records how far the caller has read.
//!
//! Source: MTP extensions of this server, `read_flow`.

use bytes::Bytes;

use super::super::convert;
use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    number: i64,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: &str = "read_flow needs flow[0].uuid and flow[0].message_end";
    let flow = convert::first_flow(&mut data, MISSING)?;
    let uuid = flow
        .uuid
        .as_ref()
        .map(convert::id)
        .ok_or(MtpError::Missing(MISSING))?;
    let number = flow.message_end.ok_or(MtpError::Missing(MISSING))?.0;
    Ok(Input { flow: uuid, number })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    cx.service.mark_read(user, input.flow, input.number).await?;
    Ok(cx.done())
}
