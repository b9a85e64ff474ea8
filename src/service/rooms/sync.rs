//! What is new in the rooms of a user, as of one position.

use super::read::{Wanted, collect};
use crate::model::{Position, PublicId};
use crate::service::{Service, ServiceError, SignedIn};
use crate::store::members::State;
use crate::store::room_log::{self, RoomEvent, Way};
use crate::store::rooms::{self, Room};
use crate::store::{View, localparts, log};

/// What there is to tell of one room.
#[derive(Debug)]
pub struct RoomNews {
    /// The room, and how the user stands to it.
    pub room: Room,
    /// Events in their order.
    pub timeline: Vec<RoomEvent>,
    /// Whether earlier ones are left out.
    pub is_limited: bool,
    /// Before the first of them.
    pub before: Position,
    /// State that is not in the timeline.
    pub state: Vec<RoomEvent>,
    /// How many are there and invited, and some of them.
    pub summary: Option<(i64, i64, Vec<String>)>,
    /// Messages that are not read, and those of them that mention the user.
    pub unread: (i64, i64),
    /// Whether the user did not know the room before.
    pub is_new: bool,
}

/// What is new, as of a position.
#[derive(Debug)]
pub struct Synced {
    /// Everything up to here is in it.
    pub position: Position,
    /// Rooms with something to tell.
    pub rooms: Vec<RoomNews>,
    /// With whom the user has a chat, and in which room; `None`: as before.
    pub chats: Option<Vec<(String, PublicId)>>,
    /// The user's name.
    pub localpart: String,
}

/// What is asked for.
pub struct SyncQuery {
    /// What the client knows; `None`: nothing.
    pub since: Option<Position>,
    /// Events of each room at most.
    pub limit: usize,
    /// Whether all state is told of again.
    pub full_state: bool,
    /// Whether rooms that were left are told of at first.
    pub include_left: bool,
    /// Which rooms.
    pub rooms: Box<dyn Fn(PublicId) -> bool + Send + Sync>,
    /// Which events.
    pub wanted: Box<Wanted>,
}

impl Service {
    /// What is new in the rooms of the caller.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn sync_rooms(
        &self,
        user: &SignedIn,
        query: std::sync::Arc<SyncQuery>,
    ) -> Result<Synced, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (position, _) = log::last(view)?;
                let mut news = Vec::new();
                let mut has_new = query.since.is_none();
                for room in rooms::of_user(view, user)? {
                    if room.is_forgotten || !(query.rooms)(room.uuid) {
                        continue;
                    }
                    let is_new = query.since.is_none_or(|since| room.since >= since);
                    let Some(found) = of_room(view, room, is_new, position, &query)? else {
                        continue;
                    };
                    has_new |= found.is_new;
                    news.push(found);
                }
                for room in news.iter_mut().filter(|it| it.room.state == State::Joined) {
                    room.unread = rooms::unread(view, &room.room, user)?;
                    room.summary = Some(rooms::summary(view, room.room.flow, user)?);
                }
                let chats = has_new.then(|| rooms::chats(view, user)).transpose()?;
                let named = localparts::of(view, user)?;
                Ok(Synced {
                    position,
                    rooms: news,
                    chats,
                    localpart: named.map(|named| named.localpart).unwrap_or_default(),
                })
            })
            .await
    }
}

fn of_room(
    view: &View<'_>,
    room: Room,
    is_new: bool,
    now: Position,
    query: &SyncQuery,
) -> Result<Option<RoomNews>, ServiceError> {
    let empty = |room: Room| RoomNews {
        room,
        timeline: Vec::new(),
        is_limited: false,
        before: now,
        state: Vec::new(),
        summary: None,
        unread: (0, 0),
        is_new,
    };
    match room.state {
        State::Invited => {
            if !is_new {
                return Ok(None);
            }
            let state = room_log::state(view, room.flow, (Position(-1), now))?;
            return Ok(Some(RoomNews {
                state,
                ..empty(room)
            }));
        }
        State::Left | State::Banned => {
            let wanted = query.since.is_some() && is_new
                || query.since.is_none() && query.include_left && room.until.is_some();
            if !wanted {
                return Ok(None);
            }
        }
        State::Joined => {
            let is_quiet = match query.since {
                Some(since) => !is_new && !rooms::has_news(view, &room, since)?,
                None => false,
            };
            if is_quiet && !query.full_state {
                return Ok(None);
            }
        }
    }
    let is_joined = room.state == State::Joined;
    // Of who left nothing is told but up to how that was.
    let end = if is_joined {
        now
    } else {
        Position(room.since.0 + 1).min(now)
    };
    // Who comes learns the room as if it were the first time.
    let known = match query.since {
        Some(since) if !(is_new && is_joined) => since.min(end),
        _ => Position(-1),
    };
    // Who only declined has never seen what is in there.
    let known = if !is_joined && room.until.is_none() {
        Position(end.0 - 1)
    } else {
        known
    };
    let (mut timeline, rest) = collect(
        view,
        &room,
        (known, end),
        Way::Back,
        query.limit,
        &*query.wanted,
    )?;
    timeline.reverse();
    let first = timeline
        .first()
        .map_or(end, |event| Position(event.position.0 - 1));
    let is_limited = rest.is_some();
    let from = if query.full_state {
        Position(-1)
    } else {
        known
    };
    let state = if is_limited || known.0 < 0 || query.full_state {
        room_log::state(view, room.flow, (from, first))?
    } else {
        Vec::new()
    };
    let is_nothing = timeline.is_empty() && state.is_empty() && !is_new && !query.full_state;
    if is_nothing && query.since.is_some() {
        return Ok(None);
    }
    Ok(Some(RoomNews {
        timeline,
        is_limited,
        before: first.max(Position(0)),
        state,
        ..empty(room)
    }))
}
