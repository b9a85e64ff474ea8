//! `push_test`: notifies the caller's device at once, and returns what its push service answered.
//!
//! Source: MTP extensions of this server, `push_test`.

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
    cx.service.test_push(user).await?;
    Ok(cx.done())
}
