//! What administrators may do from a client.
//!
//! What belongs here: the same actions as the operator's commands, for a user who is verified to be an
//! administrator inside the transaction. What does not: what all users may do with their own accounts.

mod audit;
mod flows;
mod invitations;
mod machine;
mod people;
mod registration;

pub(super) use audit::{note, of_flow};
pub(super) use people::{note_changes, note_removal, present};
pub(super) use registration::mode as registration_mode;

pub(super) use machine::Desk;
pub use machine::{BackupCopy, CheckRow, Machine, ProgramState, ServerStatus, Task, WriteArchive};
pub use people::AccountChange;

use super::{Refusal, ServiceError, SignedIn};
use crate::model::{Timestamp, UserId};
use crate::store::{View, sessions, user_admin, users};

/// Fails for a user who is not, or no longer, an administrator.
///
/// # Errors
/// [`Refusal::NotForBots`], [`Refusal::NoSession`], [`Refusal::NotAdministrator`].
pub(super) fn require_administrator(
    view: &View<'_>,
    user: &SignedIn,
    now: Timestamp,
) -> Result<(), ServiceError> {
    user.require_person()?;
    if !sessions::is_valid(view, user.session.id, now)? {
        return Err(Refusal::NoSession.into());
    }
    match users::is_admin(view, user.user())? {
        Some(true) => Ok(()),
        _ => Err(Refusal::NotAdministrator.into()),
    }
}

/// Fails if a user is the last administrator who can sign in.
///
/// # Errors
/// [`Refusal::LastAdministrator`].
fn require_another(view: &View<'_>, whom: UserId) -> Result<(), ServiceError> {
    let administers = users::is_admin(view, whom)? == Some(true);
    if administers && !user_admin::has_other_administrator(view, whom)? {
        return Err(Refusal::LastAdministrator.into());
    }
    Ok(())
}
