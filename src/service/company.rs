//! Limits for bots that answer each other: if nobody else writes, they are stopped.

use std::time::Duration;

use super::{Payer, Refusal, ServiceError, SignedIn};
use crate::model::FlowId;
use crate::store::{Tx, outgoing};

/// Maximum number of consecutive answers of bots in a flow; then a person has to write something.
pub(super) const ANSWERS_IN_A_ROW: i64 = 10;

/// When a bot may try again that writes only with other bots.
const ALONE: Duration = Duration::from_mins(1);

/// Fails for a bot that receives messages of other bots in a flow where nobody else has written for a
/// while: they might be answering each other.
///
/// # Errors
/// [`Refusal::TooManyRequests`].
pub(super) fn require_company(
    tx: &Tx<'_>,
    flow: FlowId,
    user: &SignedIn,
) -> Result<(), ServiceError> {
    let is_bot = user.session.is_bot;
    if is_bot && outgoing::talks_with_bots(tx, flow, user.user(), ANSWERS_IN_A_ROW)? {
        let (payer, wait) = (Payer::Account, ALONE);
        return Err(Refusal::TooManyRequests { payer, wait }.into());
    }
    Ok(())
}
