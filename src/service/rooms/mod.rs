//! Rooms: flows in the form of Matrix.
//!
//! What belongs here: reading rooms as of a position, and what Matrix does to flows, with the same
//! functions and permissions as every other face. What does not: JSON, and the form of ids.

mod change;
mod devices;
mod directory;
mod draft;
mod ignored;
mod marks;
mod media;
mod people;
mod pinning;
mod polls;
mod power;
mod presence;
mod read;
mod refused;
mod relations;
mod renewal;
mod send;
mod sync;
mod unread;

pub use change::NewRoom;
pub use draft::{RoomDraft, RoomFile, RoomPoll};
pub use marks::ReadUpTo;
pub use people::{Device, Renamed};
pub use power::NewLevels;
pub(super) use presence::Moods;
pub use presence::{Mood, RoomPresence};
pub use read::{RoomPage, RoomQuery, RoomReading, Wanted};
pub use refused::RoomRefusal;
pub use renewal::Renewed;
pub use sync::{Beside, RoomNews, SyncQuery, Synced};
pub use unread::{Judge, Notified, Unread};

pub(super) use draft::earlier;
pub(super) use media::name_file;

use super::{Refusal, Service, ServiceError, Thing};
use crate::model::{Position, PublicId, UserId};
use crate::store::members::State;
use crate::store::room_log::RoomEvent;
use crate::store::rooms::{self, Room};
use crate::store::{View, properties, room_keeper};

/// Number of flows that are processed in one write when Matrix is switched on.
const AT_ONCE: usize = 50;

impl Service {
    /// Starts or stops keeping events of rooms, under a server name. Returns the name in effect: the one
    /// under which a user first signed in stays valid.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn settle_rooms(&self, name: Option<String>) -> Result<Option<String>, ServiceError> {
        let is_on = name.is_some();
        let was_on = self
            .store
            .read(|view| Ok::<_, ServiceError>(room_keeper::are_kept(view)?))
            .await?;
        if !is_on {
            if was_on {
                self.store
                    .write(|tx| Ok::<_, ServiceError>(room_keeper::switch(tx, false)?))
                    .await?;
            }
            return Ok(None);
        }
        if !was_on {
            self.store
                .write(|tx| Ok::<_, ServiceError>(room_keeper::switch(tx, true)?))
                .await?;
        }
        let flows = self
            .store
            .read(move |view| Ok::<_, ServiceError>(room_keeper::unsettled(view, !was_on)?))
            .await?;
        for flows in flows.chunks(AT_ONCE) {
            let flows = flows.to_vec();
            self.store
                .write(move |tx| {
                    for flow in flows {
                        room_keeper::settle(tx, flow)?;
                    }
                    Ok::<_, ServiceError>(())
                })
                .await?;
        }
        let frozen = self
            .store
            .read(|view| {
                Ok::<_, ServiceError>(properties::text(view, properties::MATRIX_SERVER_NAME)?)
            })
            .await?;
        Ok(frozen.or(name))
    }
}

/// Returns an event as seen by a user who may read up to a position: without later events and edits.
fn as_of(mut event: RoomEvent, until: Option<Position>) -> Option<RoomEvent> {
    let Some(until) = until else {
        return Some(event);
    };
    event.edit = event.edit.filter(|edit| edit.position <= until);
    (event.position <= until).then_some(event)
}

/// Returns a room that a user may read, and up to where; `None`: to its end. For other users it does not
/// exist.
fn readable(
    view: &View<'_>,
    room: PublicId,
    user: UserId,
) -> Result<(Room, Option<Position>), ServiceError> {
    let refused = || ServiceError::from(Refusal::NotFound(Thing::Flow));
    let room = rooms::find(view, room, user)?.ok_or_else(refused)?;
    match (room.state, room.until) {
        (State::Joined, _) => Ok((room, None)),
        (State::Left | State::Banned, Some(until)) if !room.is_forgotten => {
            // The event with which it ended follows next.
            Ok((room, Some(Position(until.0 + 1))))
        }
        _ => Err(refused()),
    }
}
