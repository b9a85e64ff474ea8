//! `edit_flow`: changes the words, the owner or the members of a flow.
//!
//! Source: MTP extensions of this server, `edit_flow`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::super::{codes, convert, reply};
use super::{Context, add_flow};
use crate::model::PublicId;
use crate::service::{FlowDraft, SignedIn};

pub(super) struct Input {
    flow: PublicId,
    change: FlowDraft,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    const MISSING: MtpError = MtpError::Missing("edit_flow needs flow[0].uuid");
    let flow = convert::first_flow(&mut data, "edit_flow needs flow[0].uuid")?;
    let uuid = flow.uuid.as_ref().map(convert::id).ok_or(MISSING)?;
    let change = add_flow::draft(flow);
    let empty = change.title.is_none()
        && change.info.is_none()
        && change.owner.is_none()
        && change.users.is_none();
    if empty {
        return Err(MtpError::Missing(
            "edit_flow needs one of flow[0].title, info, owner and users",
        ));
    }
    Ok(Input { flow: uuid, change })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let flow = cx.service.edit_flow(user, input.flow, input.change).await?;
    let flow = Some(vec![convert::flow(&flow)]);
    Ok(cx.reply(
        codes::OK,
        Some(reply::Data {
            flow,
            ..reply::Data::default()
        }),
    ))
}
