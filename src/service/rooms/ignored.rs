//! Of whom a user wants to read nothing.

use crate::model::UserId;
use crate::service::ServiceError;
use crate::store::room_log::RoomEvent;
use crate::store::{View, room_account};

/// Those of whom a user wants to read nothing, by their row numbers and names.
pub(super) struct Ignored(Vec<(UserId, String)>);

impl Ignored {
    /// Those of a user.
    pub(super) fn of(view: &View<'_>, user: UserId) -> Result<Self, ServiceError> {
        Ok(Self(room_account::ignored(view, user)?))
    }

    /// Tells whether nothing comes from somebody.
    pub(super) fn has(&self, localpart: &str) -> bool {
        self.0.iter().any(|(_, name)| name == localpart)
    }

    /// Their row numbers.
    pub(super) fn ids(&self) -> Vec<UserId> {
        self.0.iter().map(|(id, _)| *id).collect()
    }

    /// Tells whether an event is kept from the user. State never is: rooms would be wrong without it.
    pub(super) fn hides(&self, event: &RoomEvent) -> bool {
        event.state_key().is_none() && self.has(&event.sender)
    }
}
