//! Relations between events, threads, and events by their ids.

use super::ignored::Ignored;
use super::{as_of, readable};
use crate::model::{FlowId, Position, PublicId, UserId};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_log::{self, RoomEvent};
use crate::store::room_relations::{self, Reader, Relations};
use crate::store::{View, flows, room_standing};

impl Service {
    /// Returns events that relate to another, and where to continue.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read, or an event that does not exist.
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
                let mut found = if wanted.is_deep {
                    room_relations::about_deeply(view, flow, &wanted, limit + 1)?
                } else {
                    room_relations::about(view, flow, &wanted, limit + 1)?
                };
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
                dress(view, (flow, user), (until, &ignored), &mut events)?;
                Ok((events, next))
            })
            .await
    }

    /// Returns the first events of the threads of a room, those with the newest events first, and where
    /// to continue.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read.
    pub async fn room_threads(
        &self,
        user: &SignedIn,
        room: PublicId,
        (from, limit): (Option<Position>, usize),
    ) -> Result<(Vec<RoomEvent>, Option<Position>), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, until) = readable(view, room, user)?;
                let ignored = Ignored::of(view, user)?;
                let reader = Reader::new(room.flow, user, until, ignored.ids());
                let threads = room_relations::threads(view, &reader, (from, limit))?;
                let last = threads.last().map(|(_, latest)| *latest);
                let next = last.filter(|_| threads.len() >= limit);
                let roots = threads.into_iter().map(|(root, _)| root);
                let mut roots = read(view, (room.flow, until), roots)?;
                dress(view, (room.flow, user), (until, &ignored), &mut roots)?;
                // If an ignored user started a thread that others continue, its first event is not shown.
                for root in roots.iter_mut().filter(|root| ignored.hides(root)) {
                    root.hide();
                }
                Ok((roots, next))
            })
            .await
    }

    /// Returns the events of messages that the caller has received, each with its room, except those of
    /// ignored users.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn events_of(
        &self,
        user: &SignedIn,
        messages: Vec<PublicId>,
    ) -> Result<Vec<(PublicId, RoomEvent)>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let ignored = Ignored::of(view, user)?;
                let mut all = Vec::with_capacity(messages.len());
                for uuid in messages {
                    let Some((flow, event)) = room_log::by_uuid(view, uuid)? else {
                        continue;
                    };
                    let Some(room) = flows::uuid(view, flow)? else {
                        continue;
                    };
                    let Ok((_, until)) = readable(view, room, user) else {
                        continue;
                    };
                    let event = as_of(event, until).filter(|event| !ignored.hides(event));
                    let mut event: Vec<_> = event.into_iter().collect();
                    dress(view, (flow, user), (until, &ignored), &mut event)?;
                    all.extend(event.into_iter().map(|event| (room, event)));
                }
                Ok(all)
            })
            .await
    }
}

/// Adds the data that is sent with events to a user who may read the room up to a position: the reader's
/// membership at the time, and a summary of related events.
pub(super) fn dress(
    view: &View<'_>,
    (flow, user): (FlowId, UserId),
    (until, ignored): (Option<Position>, &Ignored),
    events: &mut [RoomEvent],
) -> Result<(), ServiceError> {
    room_standing::add_memberships(view, (flow, user), events)?;
    let reader = Reader::new(flow, user, until, ignored.ids());
    for event in events.iter_mut().filter(|event| event.has_bundle()) {
        let mut bundle = room_relations::bundle(view, &reader, event.uuid)?;
        if let Some(thread) = bundle.as_mut().and_then(|it| it.thread.as_mut()) {
            let latest = std::slice::from_mut(&mut thread.latest);
            room_standing::add_memberships(view, (flow, user), latest)?;
        }
        event.bundle = bundle.map(Box::new);
    }
    Ok(())
}

/// Returns events of a room as of a position: an id from a client may belong to any room.
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
