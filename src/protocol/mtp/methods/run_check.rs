//! `run_check`: checks everything that an operator can get wrong, for administrators.
//!
//! Source: MTP extensions of this server, `run_check`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::super::rows::Check;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    rows: Vec<Check<'a>>,
}

#[expect(clippy::unnecessary_wraps, reason = "every method reads its input")]
pub(super) fn read(_data: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    let found = cx.service.run_check(user).await?;
    let rows = found.iter().enumerate().map(Check::from).collect();
    Ok(cx.reply_with(codes::OK, Meta { rows }))
}
