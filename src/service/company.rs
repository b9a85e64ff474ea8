//! Bots among themselves: where nobody else writes, they end.

use std::time::Duration;

use super::{Payer, Refusal, ServiceError, SignedIn};
use crate::model::FlowId;
use crate::store::{Tx, outgoing};

/// Answers of bots in a row in a flow; then people have to say something.
pub(super) const ANSWERS_IN_A_ROW: i64 = 10;

/// When a bot tries again that is alone with others.
const ALONE: Duration = Duration::from_mins(1);

/// Fails for a bot that hears other bots in a flow where nobody else has written for a while: they might be
/// answering each other.
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
