//! Pins messages as Matrix does it: all at once, as state of the room.

use std::sync::Arc;

use super::draft::RoomDraft;
use super::power::require_event;
use crate::model::PublicId;
use crate::service::rights::{Action, may};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::events::{self, Deed};
use crate::store::log::Kind;
use crate::store::{flow_edits, flows, messages, pins, room_events, room_pins};

impl Service {
    /// Pins exactly these messages of a room; ids of other events are stored and pin nothing. Returns the
    /// id of the event; that of the present one if nothing changes.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of; [`Refusal::NotPinner`],
    /// [`Refusal::TooManyPins`].
    pub async fn set_room_pins(
        &self,
        user: &SignedIn,
        room: PublicId,
        wanted: Vec<PublicId>,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        self.require_in_room(user, room).await?;
        let caller = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write(move |tx| {
                caller.require(tx)?;
                let access = flows::access(tx, room, caller.user())?
                    .ok_or(Refusal::NotFound(Thing::Flow))?;
                if may(&access, Action::Pin).is_err() {
                    require_event(tx, &access, room_pins::PINNED, true)
                        .map_err(|_| Refusal::NotPinner)?;
                }
                let mut named = Vec::new();
                for uuid in wanted {
                    let found = messages::handle(tx, uuid, caller.user())?;
                    let found = found.filter(|it| it.flow == access.id && !it.is_deleted);
                    if let Some(message) = found
                        && !named.iter().any(|(id, _)| *id == message.id)
                    {
                        named.push((message.id, uuid));
                    }
                }
                if named.len() > limits.pins {
                    let limit = limits.pins;
                    return Err(Refusal::TooManyPins { limit }.into());
                }
                let present = pins::of_flow(tx, access.id)?;
                let present: Vec<_> = present.iter().map(|it| (it.id, it.message)).collect();
                let gone = present.iter().filter(|it| !named.contains(it));
                let new = named.iter().filter(|it| !present.contains(it));
                let changed = gone.map(|it| (it, false)).chain(new.map(|it| (it, true)));
                let mut deeds = Vec::new();
                for ((id, uuid), on) in changed {
                    counts.message(caller.user(), caller.session.is_bot, &limits)?;
                    pins::set(tx, access.id, *id, caller.user(), on)?;
                    let kind = if on { Kind::Pinned } else { Kind::Unpinned };
                    deeds.push(Deed::Message(kind, *id, *uuid));
                }
                // The state is what the client says; what is logged for MTP then adds nothing to it.
                let place = (room_pins::PINNED, "");
                if !room_events::is_state(tx, access.id, place, &draft.content)? {
                    if deeds.is_empty() {
                        counts.message(caller.user(), caller.session.is_bot, &limits)?;
                    }
                    room_events::set_state(tx, access.id, caller.by(), place, draft.content)?;
                }
                let mut happened = Vec::with_capacity(deeds.len());
                for deed in deeds {
                    happened.push(events::append(tx, access.id, deed, caller.by())?);
                }
                if !happened.is_empty() {
                    flow_edits::tell(tx, access.id, happened, caller.by())?;
                }
                Ok::<_, ServiceError>(())
            })
            .await?;
        let kind = room_pins::PINNED.to_owned();
        self.present(user, room, kind, String::new()).await
    }
}
