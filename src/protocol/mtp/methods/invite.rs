//! `invite`: creates an invitation code.
//!
//! Source: MTP extensions of this server, invite.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id, Int, Text};
use super::super::{codes, convert};
use super::Context;
use crate::model::Timestamp;
use crate::service::{Ends, Invite, SignedIn};

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(default)]
    uses: Option<Int>,
    #[serde(default)]
    expires: Option<Int>,
    #[serde(borrow, default)]
    flow: Option<Id<'a>>,
    #[serde(borrow, default)]
    note: Option<Text<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    code: &'a str,
    /// 0: never.
    expires: i64,
}

pub(super) fn read(data: Data<'_>) -> Result<Invite, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let usual = Invite::default();
    Ok(Invite {
        uses: arguments.uses.map_or(usual.uses, |Int(uses)| uses),
        ends: arguments
            .expires
            .map_or(usual.ends, |Int(second)| match second {
                0 => Ends::Never,
                second => Ends::At(Timestamp(second.saturating_mul(1000))),
            }),
        flow: arguments.flow.as_ref().map(convert::id),
        note: arguments.note.map(Text::into_owned),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    invite: Invite,
) -> Result<Bytes, MtpError> {
    let new = cx.service.make_invitation(invite, Some(user)).await?;
    let meta = Meta {
        code: new.code.as_str(),
        expires: new.expires_at.map_or(0, Timestamp::seconds),
    };
    Ok(cx.reply_with(codes::OK, meta))
}
