//! Events that are about others, threads, and events by their ids.

use super::ignored::Ignored;
use super::{as_of, readable};
use crate::model::{FlowId, Position, PublicId};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_log::{self, RoomEvent};
use crate::store::room_relations::{self, Relations, Thread};
use crate::store::{View, flows, room_standing};

impl Service {
    /// Events about another. Returns where to go on, too.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read, or an event that is not there.
    pub async fn related(
        &self,
        user: &SignedIn,
        room: PublicId,
        wanted: Relations,
        limit: usize,
    ) -> Result<(Vec<RoomEvent>, Option<Position>), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, until) = readable(view, room, user)?;
                let missing = || ServiceError::from(Refusal::NotFound(Thing::Message));
                let (flow, _) = room_log::by_uuid(view, wanted.target)?.ok_or_else(missing)?;
                if flow != room.flow {
                    return Err(missing());
                }
                let mut found = room_relations::about(view, flow, &wanted, limit + 1)?;
                let has_more = found.len() > limit;
                found.truncate(limit);
                let next = found
                    .last()
                    .map(|(position, _)| *position)
                    .filter(|_| has_more);
                found.retain(|(position, _)| until.is_none_or(|until| *position <= until));
                let ids = found.into_iter().map(|(_, uuid)| uuid);
                let ignored = Ignored::of(view, user)?;
                let mut events = read(view, (flow, until), ids)?;
                events.retain(|event| !ignored.hides(event));
                room_standing::add_memberships(view, (flow, user), &mut events)?;
                Ok((events, next))
            })
            .await
    }

    /// The threads of a room, those with the newest events first: the first event and the newest of each.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read.
    pub async fn room_threads(
        &self,
        user: &SignedIn,
        room: PublicId,
        (from, limit): (Option<Position>, usize),
    ) -> Result<Vec<(Thread, RoomEvent, RoomEvent)>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, until) = readable(view, room, user)?;
                let mut all = Vec::new();
                let asked = (from, until, limit);
                for thread in room_relations::threads(view, room.flow, user, asked)? {
                    let both = [thread.root, thread.latest.0].into_iter();
                    let both = read(view, (room.flow, until), both)?;
                    if let Ok([root, latest]) = <[RoomEvent; 2]>::try_from(both) {
                        all.push((thread, root, latest));
                    }
                }
                Ok(all)
            })
            .await
    }

    /// Events of messages that the caller has been given, each with its room.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn events_of(
        &self,
        messages: Vec<PublicId>,
    ) -> Result<Vec<(PublicId, RoomEvent)>, ServiceError> {
        self.store
            .read(move |view| {
                let mut all = Vec::with_capacity(messages.len());
                for uuid in messages {
                    if let Some((flow, event)) = room_log::by_uuid(view, uuid)?
                        && let Some(room) = flows::uuid(view, flow)?
                    {
                        all.push((room, event));
                    }
                }
                Ok(all)
            })
            .await
    }
}

/// Events of a room as of a position: an id that a client has named may be that of any room.
fn read(
    view: &View<'_>,
    (flow, until): (FlowId, Option<Position>),
    ids: impl Iterator<Item = PublicId>,
) -> Result<Vec<RoomEvent>, ServiceError> {
    let mut all = Vec::new();
    for uuid in ids {
        let found = room_log::by_uuid(view, uuid)?.filter(|(found, _)| *found == flow);
        all.extend(found.and_then(|(_, event)| as_of(event, until)));
    }
    Ok(all)
}
