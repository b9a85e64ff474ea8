//! `make_backup`: makes a copy of the database, for administrators.
//!
//! Source: MTP extensions of this server, `make_backup`.

use bytes::Bytes;
use serde::Serialize;

use super::super::codes;
use super::super::error::MtpError;
use super::super::request::Data;
use super::super::rows::Backup;
use super::Context;
use crate::service::SignedIn;

#[derive(Serialize)]
struct Meta<'a> {
    backups: Vec<Backup<'a>>,
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
    let made = cx.service.make_backup(user).await?;
    let backups = vec![Backup::from(&made)];
    Ok(cx.reply_with(codes::OK, Meta { backups }))
}
