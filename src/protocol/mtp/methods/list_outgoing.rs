//! `list_outgoing`: lists the outgoing hooks of a flow, for users who manage the flow.
//!
//! Source: MTP extensions of this server, `list_outgoing`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int};
use super::super::rows::Outgoing;
use super::super::{codes, convert};
use super::Context;
use crate::model::{OutgoingId, PublicId};
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    after: Option<OutgoingId>,
}

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    flow: Option<Id<'a>>,
    #[serde(default)]
    after: Option<Int>,
}

#[derive(Serialize)]
struct Meta<'a> {
    outgoing: Vec<Outgoing<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let flow = arguments.flow.as_ref().map(convert::id);
    Ok(Input {
        flow: flow.ok_or(MtpError::Missing("list_outgoing needs data.meta.flow"))?,
        after: arguments.after.map(|Int(id)| OutgoingId(id)),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let page = cx
        .service
        .list_outgoing(Some(input.flow), input.after, Some(user))
        .await?;
    let outgoing = page.rows.iter().map(Outgoing::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Meta { outgoing }))
}
