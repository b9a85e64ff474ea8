//! `ping_pong`: reports that the server is there.

use bytes::Bytes;

use super::super::error::MtpError;
use super::super::request::Data;
use super::Context;
use crate::service::SignedIn;

#[expect(clippy::unnecessary_wraps, reason = "every method reads its input")]
pub(super) fn read(_data: Data<'_>) -> Result<(), MtpError> {
    Ok(())
}

#[expect(clippy::unused_async, reason = "every method is awaited")]
pub(super) async fn handle(
    cx: &mut Context<'_>,
    _user: &SignedIn,
    (): (),
) -> Result<Bytes, MtpError> {
    Ok(cx.done())
}
