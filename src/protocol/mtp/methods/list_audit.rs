//! `list_audit`: what administrators and the operator did, for administrators.
//!
//! Source: MTP extensions of this server, `list_audit`.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::{Data, Int};
use super::super::rows::Audit;
use super::Context;
use crate::service::SignedIn;

#[derive(Default, Deserialize)]
struct Arguments {
    #[serde(default)]
    after: Option<Int>,
}

#[derive(Serialize)]
struct Meta<'a> {
    audit: Vec<Audit<'a>>,
}

pub(super) fn read(data: Data<'_>) -> Result<Option<i64>, MtpError> {
    let arguments: Arguments = data.extensions_as().map_err(MtpError::Malformed)?;
    Ok(arguments.after.map(|Int(id)| id))
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    after: Option<i64>,
) -> Result<Bytes, MtpError> {
    let page = cx.service.list_audit(user, after).await?;
    let audit = page.rows.iter().map(Audit::from).collect();
    Ok(cx.reply_with(codes::of_page(&page), Meta { audit }))
}
