//! `push_unsubscribe`: turns off notifications for the caller's device.
//!
//! Source: MTP extensions of this server, `push_unsubscribe`.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[expect(clippy::unnecessary_wraps, reason = "every method reads its input")]
pub(super) fn read(_data: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

pub(super) async fn handle(
    cx: &mut Context<'_>,
    user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    cx.require_rich()?;
    cx.service.unsubscribe_push(user).await?;
    Ok(cx.done())
}
