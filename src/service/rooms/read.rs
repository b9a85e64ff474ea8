//! Reads rooms: pages of events, single events, state.

use super::ignored::Ignored;
use super::relations::dress;
use super::{as_of, readable};
use crate::model::{Position, PublicId};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_log::{self, RoomEvent, Way};
use crate::store::rooms;
use crate::store::{View, members};
use crate::store::{gaps, log};

/// Number of positions that one look at the log reads.
const STRIDE: usize = 64;

/// Maximum number of looks at the log for one page: events that a filter excludes are skipped, but not
/// without limit.
const MOST_LOOKS: usize = 32;

/// A filter for the events of a page.
pub type Wanted = dyn Fn(&RoomEvent) -> bool + Send + Sync;

/// A request for a page of the events of a room.
pub struct RoomQuery {
    /// The direction.
    pub way: Way,
    /// The start: backward from this position, or forward after it. `None`: from the end, or from the
    /// beginning.
    pub from: Option<Position>,
    /// The end, excluded.
    pub to: Option<Position>,
    /// Maximum number of events; the parts of a message stay together.
    pub limit: usize,
    /// The filter.
    pub wanted: Box<Wanted>,
}

/// A page of events.
#[derive(Debug)]
pub struct RoomPage {
    /// The events, in the requested order.
    pub events: Vec<RoomEvent>,
    /// The start of the page.
    pub start: Position,
    /// Where the next page begins; `None`: nothing follows.
    pub end: Option<Position>,
}

/// A request for data of a room.
#[derive(Debug, Clone)]
pub enum RoomReading {
    /// All state, or the state at a position.
    State(Option<Position>),
    /// One piece of state.
    OneState(String, String),
    /// One event.
    Event(PublicId),
}

/// Collects matching events, in whole positions, up to a number. Returns where to continue, too.
pub(super) fn collect(
    view: &View<'_>,
    room: &rooms::Room,
    (mut after, mut until): (Position, Position),
    way: Way,
    limit: usize,
    wanted: &(dyn Fn(&RoomEvent) -> bool + Send + Sync),
) -> Result<(Vec<RoomEvent>, Option<Position>), ServiceError> {
    let mut found: Vec<RoomEvent> = Vec::new();
    for _ in 0..MOST_LOOKS {
        let look = room_log::look(view, room, (after, until), way, STRIDE)?;
        for event in look.events {
            let same = found.last().is_some_and(|it| it.position == event.position);
            if found.len() >= limit && !same {
                let last = found.last().map_or(event.position, |it| it.position);
                let next = match way {
                    Way::Back => Position(last.0 - 1),
                    Way::Forward => last,
                };
                return Ok((found, Some(next)));
            }
            if wanted(&event) {
                found.push(event);
            }
        }
        match (look.next, way) {
            (None, _) => return Ok((found, None)),
            (Some(next), Way::Back) => until = next,
            (Some(next), Way::Forward) => after = next,
        }
    }
    let next = match way {
        Way::Back => until,
        Way::Forward => after,
    };
    Ok((found, Some(next)))
}

impl Service {
    /// Returns a page of the events of a room.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read.
    pub async fn room_page(
        &self,
        user: &SignedIn,
        room: PublicId,
        query: RoomQuery,
    ) -> Result<RoomPage, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, readable) = readable(view, room, user)?;
                let (now, _) = log::last(view)?;
                let end = readable.map_or(now, |end| end.min(now));
                let (range, start) = match query.way {
                    Way::Back => {
                        let from = query.from.map_or(end, |from| from.min(end));
                        ((query.to.unwrap_or(Position(-1)), from), from)
                    }
                    Way::Forward => {
                        let from = query.from.unwrap_or(Position(-1));
                        let to = query.to.map_or(end, |to| to.min(end));
                        ((from, to), from)
                    }
                };
                let ignored = Ignored::of(view, user)?;
                let wanted = |event: &RoomEvent| !ignored.hides(event) && (query.wanted)(event);
                let (events, end) = collect(view, &room, range, query.way, query.limit, &wanted)?;
                let events = events.into_iter().filter_map(|it| as_of(it, readable));
                let mut events: Vec<_> = events.collect();
                dress(view, (room.flow, user), (readable, &ignored), &mut events)?;
                Ok(RoomPage {
                    events,
                    start: start.max(Position(0)),
                    end: end.map(|end| end.max(Position(0))),
                })
            })
            .await
    }

    /// Reads data of a room; empty if it does not exist.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller may not read.
    pub async fn read_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        what: RoomReading,
    ) -> Result<Vec<RoomEvent>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (room, readable) = readable(view, room, user)?;
                let end = readable.unwrap_or(Position(i64::MAX));
                match what {
                    RoomReading::State(at) => {
                        let at = at.map_or(end, |at| at.min(end));
                        Ok(room_log::state(view, room.flow, (Position(-1), at))?)
                    }
                    RoomReading::OneState(kind, key) => {
                        let found = room_log::one_state(view, room.flow, (&kind, &key), end)?;
                        Ok(found.into_iter().collect())
                    }
                    RoomReading::Event(uuid) => {
                        let found = room_log::by_uuid(view, uuid)?;
                        let ignored = Ignored::of(view, user)?;
                        let Some((_, whole)) = found.filter(|(flow, _)| *flow == room.flow) else {
                            return Ok(Vec::new());
                        };
                        let all = [whole].into_iter().chain(room_log::later(view, uuid)?);
                        let found = all
                            .filter_map(|event| as_of(event, readable))
                            .filter(|event| !ignored.hides(event));
                        let mut found: Vec<_> = found.collect();
                        dress(view, (room.flow, user), (readable, &ignored), &mut found)?;
                        Ok(found)
                    }
                }
            })
            .await
    }

    /// Returns the rooms that the caller is a member of.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn joined_rooms(&self, user: &SignedIn) -> Result<Vec<PublicId>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let rooms = rooms::of_user(view, user)?;
                let joined = rooms
                    .into_iter()
                    .filter(|room| room.state == members::State::Joined);
                Ok(joined.map(|room| room.uuid).collect())
            })
            .await
    }

    /// Returns the end of the log, for tokens.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn gave_place(&self, at: Position) -> Result<Option<bool>, ServiceError> {
        self.store
            .read(move |view| {
                let (end, _) = log::last(view)?;
                let is_own = !gaps::is_void(view, at)?;
                Ok((at <= end).then_some(is_own))
            })
            .await
    }

    /// Fails for a room that the caller may not read.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn require_readable(
        &self,
        user: &SignedIn,
        room: PublicId,
    ) -> Result<(), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| readable(view, room, user).map(drop))
            .await
    }

    /// Fails for a room that the caller is not a member of.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn require_in_room(
        &self,
        user: &SignedIn,
        room: PublicId,
    ) -> Result<(), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let found = rooms::find(view, room, user)?;
                match found.filter(|room| room.state == members::State::Joined) {
                    Some(_) => Ok(()),
                    None => Err(Refusal::NotFound(Thing::Flow).into()),
                }
            })
            .await
    }
}
