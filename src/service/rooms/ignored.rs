//! The users whom a user ignores.

use crate::model::UserId;
use crate::service::ServiceError;
use crate::store::room_log::RoomEvent;
use crate::store::{View, room_account};

/// The ignored users, by row numbers and Matrix names.
pub(super) struct Ignored(Vec<(UserId, String)>);

impl Ignored {
    /// Returns the users whom a user ignores.
    pub(super) fn of(view: &View<'_>, user: UserId) -> Result<Self, ServiceError> {
        Ok(Self(room_account::ignored(view, user)?))
    }

    /// Returns whether a user is ignored.
    pub(super) fn has(&self, localpart: &str) -> bool {
        self.0.iter().any(|(_, name)| name == localpart)
    }

    /// Returns their row numbers.
    pub(super) fn ids(&self) -> Vec<UserId> {
        self.0.iter().map(|(id, _)| *id).collect()
    }

    /// Returns whether an event is hidden from the user. State never is: rooms would be wrong without it.
    pub(super) fn hides(&self, event: &RoomEvent) -> bool {
        event.state_key().is_none() && self.has(&event.sender)
    }
}
