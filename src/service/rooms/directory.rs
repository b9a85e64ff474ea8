//! Aliases of rooms, and the directory of published rooms.

use super::power::require_event;
use super::{RoomRefusal, readable};
use crate::model::PublicId;
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_names::{self, PublicRoom};
use crate::store::{flows, users};

/// Maximum number of aliases of a room.
const MOST_NAMES: usize = 100;

/// The type of the event that sets the main alias of a room, whose level is also required for other
/// changes of aliases.
const CANONICAL: &str = "m.room.canonical_alias";

impl Service {
    /// Gives an alias to a room that the caller is a member of.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`RoomRefusal::NameTaken`], [`RoomRefusal::TooMuchKept`].
    pub async fn name_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        alias: String,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if room_names::of_room(tx, access.id)?.len() >= MOST_NAMES {
                    return Err(Refusal::Room(RoomRefusal::TooMuchKept).into());
                }
                if room_names::name(tx, &alias, access.id, user.user())? {
                    Ok(())
                } else {
                    Err(Refusal::Room(RoomRefusal::NameTaken).into())
                }
            })
            .await
    }

    /// Removes an alias of a room: for its creator, for an administrator, and for users who may set the
    /// main alias.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an unknown alias; [`Refusal::NotOwner`].
    pub async fn unname_room(&self, user: &SignedIn, alias: String) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let missing = Refusal::NotFound(Thing::Message);
                let (_, room, maker) = room_names::named(tx, &alias)?.ok_or(missing)?;
                let is_own = maker == Some(user.user());
                if !is_own && users::is_admin(tx, user.user())? != Some(true) {
                    let access = flows::access(tx, room, user.user())?.ok_or(Refusal::NotOwner)?;
                    require_event(tx, &access, CANONICAL, true)?;
                }
                Ok(room_names::remove(tx, &alias)?)
            })
            .await
    }

    /// Returns the aliases of a room.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read.
    pub async fn names_of_room(
        &self,
        user: &SignedIn,
        room: PublicId,
    ) -> Result<Vec<String>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, _) = readable(view, room, user)?;
                Ok(room_names::of_room(view, room.flow)?)
            })
            .await
    }

    /// Adds a room to the directory, or removes it.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of; [`Refusal::NotOwner`].
    pub async fn publish_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        on: bool,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                require_event(tx, &access, CANONICAL, true)?;
                Ok(room_names::publish(tx, access.id, on)?)
            })
            .await
    }

    /// Returns whether a room is in the directory; `false` for a room that does not exist.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn is_room_published(&self, room: PublicId) -> Result<bool, ServiceError> {
        self.store
            .read(move |view| Ok(room_names::is_published(view, room)?.unwrap_or(false)))
            .await
    }

    /// Returns the rooms of the directory, the largest first.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn public_rooms(&self) -> Result<Vec<PublicRoom>, ServiceError> {
        self.store
            .read(|view| Ok(room_names::published(view)?))
            .await
    }

    /// Returns the Matrix names of users.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn localparts_of(
        &self,
        users: Vec<PublicId>,
    ) -> Result<Vec<crate::store::localparts::Named>, ServiceError> {
        self.store
            .read(move |view| {
                let mut found = Vec::with_capacity(users.len());
                for user in users {
                    let id = crate::store::users::id_of(view, user)?;
                    let named = id.map(|id| crate::store::localparts::of(view, id));
                    found.extend(named.transpose()?.flatten());
                }
                Ok(found)
            })
            .await
    }
}
