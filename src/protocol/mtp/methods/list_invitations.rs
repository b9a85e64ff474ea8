//! `list_invitations`: lists the invitations that are still valid, for administrators.
//!
//! Source: MTP extensions of this server, `list_invitations`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::super::rows::Invitation;
use super::Context;
use crate::model::InvitationId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    after: Option<Int>,
}

#[derive(Serialize)]
struct Meta<'a> {
    invitations: Vec<Invitation<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Option<InvitationId>, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(arguments.after.map(|Int(id)| InvitationId(id)))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    after: Option<InvitationId>,
) -> Result<Bytes, MtpError> {
    let page = cx.service.list_invitations(user, after).await?;
    let invitations = page.rows.iter().map(Invitation::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Meta { invitations }))
}
