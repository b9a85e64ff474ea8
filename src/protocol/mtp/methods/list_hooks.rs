//! `list_hooks`: lists the incoming hooks of a flow, for users who manage the flow.
//!
//! Source: MTP extensions of this server, `list_hooks`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int};
use super::super::rows::Hook;
use super::super::{codes, convert};
use super::Context;
use crate::model::{HookId, PublicId};
use crate::service::SignedIn;

pub(super) struct Input {
    flow: PublicId,
    after: Option<HookId>,
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
    hooks: Vec<Hook<'a>>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let after = arguments.after.map(|Int(id)| HookId(id));
    let named = arguments.flow.as_ref().map(convert::id);
    let flow = match named {
        Some(flow) => flow,
        None => convert::flow_uuid(&mut data)?,
    };
    Ok(Input { flow, after })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let page = cx
        .service
        .list_hooks(Some(input.flow), input.after, Some(user))
        .await?;
    let hooks = page.rows.iter().map(Hook::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Meta { hooks }))
}
