//! `list_users`: lists the accounts of this server, for administrators.
//!
//! Source: MTP extensions of this server, `list_users`.

use bytes::Bytes;
use serde::Deserialize;

use super::super::error::MtpError;
use super::super::request::{Data, Id, Text};
use super::super::rows::{Account, Accounts};
use super::super::{codes, convert};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    query: Option<Text<'a>>,
    #[serde(borrow, default)]
    after: Option<Id<'a>>,
}

pub(super) struct Input {
    query: Option<String>,
    after: Option<PublicId>,
}

pub(super) fn read(data: Data<'_>) -> Result<Input, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(Input {
        query: arguments.query.map(Text::into_owned),
        after: arguments.after.as_ref().map(convert::id),
    })
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    input: Input,
) -> Result<Bytes, MtpError> {
    let page = cx
        .service
        .list_users(user, input.query, input.after)
        .await?;
    let users = page.rows.iter().map(Account::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Accounts { users }))
}
