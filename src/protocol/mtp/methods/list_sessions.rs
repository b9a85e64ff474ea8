//! `list_sessions`: lists the devices that are signed in to the caller's account, and for
//! administrators also those of another user's account.
//!
//! Source: MTP extensions of this server, `list_sessions`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int};
use super::super::rows::{Session, Sessions};
use super::super::{codes, convert};
use super::Context;
use crate::model::{PublicId, SessionId};
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    user: Option<Id<'a>>,
    #[serde(default)]
    after: Option<Int>,
}

pub(super) struct Input {
    user: Option<PublicId>,
    after: Option<SessionId>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(Input {
        user: arguments.user.as_ref().map(convert::id),
        after: arguments.after.map(|Int(id)| SessionId(id)),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let page = cx.service.devices(user, input.user, input.after).await?;
    let current = Some(user.session().id);
    let rows = page.rows.iter();
    let meta = Sessions {
        sessions: rows.map(|info| Session::of(info, current)).collect(),
    };
    Ok(cx.reply_with(codes::of_page(&page), meta))
}
