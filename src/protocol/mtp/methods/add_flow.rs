//! `add_flow`: creates a flow.
//!
//! Source: MTP 1.0 revision 17, `add_flow`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{self, Data};
use super::super::{codes, convert};
use super::Context;
use crate::model::FlowKind;
use crate::service::{FlowDraft, SignedIn};

pub(super) enum Input {
    Flow {
        kind: FlowKind,
        draft: FlowDraft,
    },
    /// The caller's own flow of saved messages.
    Saved,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta {
    #[serde(default)]
    saved: Option<bool>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let meta: Meta = data.extensions_as().map_err(MtpError::Malformed)?;
    if meta.saved == Some(true) {
        return Ok(Input::Saved);
    }
    let flow = convert::first_flow(&mut data, "add_flow needs flow[0].type")?;
    let kind = flow
        .kind
        .as_deref()
        .ok_or(MtpError::Missing("add_flow needs flow[0].type"))?;
    let kind = FlowKind::parse(kind).ok_or(MtpError::Missing(
        "Wrong flow type: it is one of chat, channel and group",
    ))?;
    // A chat without another user is refused before any user is looked up; that the two users
    // differ is checked later.
    let users = flow.users.as_deref().map_or(0, <[_]>::len);
    if kind == FlowKind::Chat && users == 0 {
        return Err(MtpError::Missing("Must be two users only"));
    }
    Ok(Input::Flow {
        kind,
        draft: draft(flow),
    })
}

/// Returns what a request says about a flow.
pub(super) fn draft(flow: request::Flow<'_>) -> FlowDraft {
    FlowDraft {
        title: flow.title.map(request::Text::into_owned),
        info: flow.info.map(request::Text::into_owned),
        owner: flow.owner.as_ref().map(convert::id),
        users: flow
            .users
            .map(|users| users.iter().map(convert::id).collect()),
    }
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let flow = match input {
        Input::Saved => cx.service.saved_messages(user).await?,
        Input::Flow { kind, draft } => {
            let txn = cx.txn.take();
            cx.service.add_flow(user, kind, draft, txn).await?
        }
    };
    let answer = convert::one_flow(cx.form, &flow, user.uuid());
    Ok(cx.reply(codes::OK, Some(answer)))
}
