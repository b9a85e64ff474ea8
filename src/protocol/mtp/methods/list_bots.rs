//! `list_bots`: lists the caller's bots, or all bots for administrators.
//!
//! Source: MTP extensions of this server, `list_bots`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::super::rows::Bot;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    bots: Vec<Bot<'a>>,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "every method reads its request in the same way"
)]
pub(super) fn read(_: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    let found = cx.service.list_bots(Some(user)).await?;
    let bots = found.iter().map(Bot::from).collect();
    Ok(cx.reply_with(codes::OK, Meta { bots }))
}
