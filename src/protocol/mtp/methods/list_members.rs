//! `list_members`: lists the members of a flow, one page at a time.
//!
//! Source: MTP extensions of this server, `list_members`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Id, Text};
use super::super::{codes, convert, reply, rich};
use super::Context;
use crate::model::PublicId;
use crate::service::{MemberQuery, MemberState, SignedIn};

pub(super) struct Input {
    flow: PublicId,
    query: MemberQuery,
}

/// The keys read from `data.meta`.
#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    after: Option<Id<'a>>,
    #[serde(borrow, default)]
    query: Option<Text<'a>>,
    #[serde(borrow, default)]
    state: Option<Text<'a>>,
}

pub(super) fn read(mut data: Data<'_>) -> Result<Input, MtpError> {
    let meta: Meta<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    let state = match meta.state.as_deref() {
        None | Some("joined") => MemberState::Joined,
        Some("invited") => MemberState::Invited,
        Some("banned") => MemberState::Banned,
        Some(_) => {
            let what = "data.meta.state: expected `invited` or `banned`";
            return Err(MtpError::Malformed(what.to_owned()));
        }
    };
    Ok(Input {
        flow: convert::flow_uuid(&mut data)?,
        query: MemberQuery {
            after: meta.after.as_ref().map(convert::id),
            text: meta.query.map(Text::into_owned),
            state,
        },
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let found = cx
        .service
        .list_members(user, input.flow, input.query, cx.form)
        .await?;
    let users = found.users.iter();
    let data = reply::Data {
        user: Some(
            users
                .map(|found| convert::user(cx.form, found, found.uuid == user.uuid()))
                .collect(),
        ),
        meta: rich::avatars(cx.form, &found.users).map(reply::DataMeta::of_avatars),
        ..reply::Data::default()
    };
    Ok(cx.reply(
        if found.incomplete {
            codes::PARTIAL
        } else {
            codes::OK
        },
        Some(data),
    ))
}
