//! `list_flows`: lists the flows of this server, for administrators.
//!
//! Source: MTP extensions of this server, `list_flows`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::error::MtpError;
use super::super::request::{Data, Id};
use super::super::rows::Flow;
use super::super::{codes, convert};
use super::Context;
use crate::model::PublicId;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments<'a> {
    #[serde(borrow, default)]
    after: Option<Id<'a>>,
}

#[derive(Serialize)]
struct Meta<'a> {
    flows: Vec<Flow<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Option<PublicId>, MtpError> {
    let arguments: Arguments<'_> = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(arguments.after.as_ref().map(convert::id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    after: Option<PublicId>,
) -> Result<Bytes, MtpError> {
    let page = cx.service.list_flows(user, after).await?;
    let flows = page.rows.iter().map(Flow::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Meta { flows }))
}
