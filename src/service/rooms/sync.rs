//! Changes in the rooms of a user, as of one position.

use std::time::Instant;

use super::as_of;
use super::ignored::Ignored;
use super::presence::RoomPresence;
use super::read::{Wanted, collect};
use super::relations::dress;
use super::unread::{Judge, Unread, unread};
use crate::model::{Position, PublicId, UserId};
use crate::service::{Service, ServiceError, SignedIn};
use crate::store::members::State;
use crate::store::room_account::{self, AccountData, NO_ROOM};
use crate::store::room_log::{self, RoomEvent, Way};
use crate::store::room_marks::{self, RoomReceipt};
use crate::store::rooms::{self, Room};
use crate::store::{View, blocks, localparts, log, members, seen};

/// The type of account data that lists direct chats.
const DIRECT: &str = "m.direct";

/// The changes of one room.
#[derive(Debug)]
pub struct RoomNews {
    /// The room, with the user's membership.
    pub room: Room,
    /// Events in their order.
    pub timeline: Vec<RoomEvent>,
    /// Whether earlier events are left out.
    pub is_limited: bool,
    /// The position before the first event.
    pub before: Position,
    /// State that is not in the timeline.
    pub state: Vec<RoomEvent>,
    /// The numbers of joined and invited users, and the names of some of them.
    pub summary: Option<(i64, i64, Vec<String>)>,
    /// The unread events.
    pub unread: Unread,
    /// Whether the room is new to the user.
    pub is_new: bool,
    /// Receipts that have changed.
    pub receipts: Vec<RoomReceipt>,
    /// Account data of the room that has changed.
    pub account_data: Vec<AccountData>,
    /// Typing users, if they have changed.
    pub writers: Option<Vec<String>>,
}

/// All changes, as of a position.
#[derive(Debug)]
pub struct Synced {
    /// The position up to which changes are included.
    pub position: Position,
    /// Rooms with changes.
    pub rooms: Vec<RoomNews>,
    /// The users with whom there are chats, and the rooms; `None`: unchanged.
    pub chats: Option<Vec<(String, PublicId)>>,
    /// The Matrix name of the user.
    pub localpart: String,
    /// Global account data that has changed.
    pub account_data: Vec<AccountData>,
    /// The account data that lists direct chats, if it or the chats have changed.
    pub direct: Option<String>,
    /// Presence that has changed.
    pub presence: Vec<RoomPresence>,
    /// The number of the last change of typing and presence.
    pub count: u64,
    /// When typing or presence changes by itself.
    pub next: Option<Instant>,
}

impl Synced {
    /// Returns whether there are no changes.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.rooms.is_empty() && self.account_data.is_empty() && self.presence.is_empty()
    }
}

/// What is told beside events of rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// Who writes, how far people have read.
    Passing,
    /// What the user keeps of a room.
    OfRoom,
    /// What the user keeps of no room.
    OfUser,
}

/// Tells which of that is wanted, by its type.
type Passes = dyn Fn(Beside, &str) -> bool + Send + Sync;

/// A request for changes.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own that a client sets"
)]
pub struct SyncQuery {
    /// The last change of typing and presence that the client knows.
    pub count: Option<u64>,
    /// Whether to include presence.
    pub has_presence: bool,
    /// The position that the client knows; `None`: the client is new.
    pub since: Option<Position>,
    /// Maximum number of events per room.
    pub limit: usize,
    /// Whether to send all state again.
    pub full_state: bool,
    /// Whether to count unread events of threads separately.
    pub has_threads: bool,
    /// Whether to include rooms that were left in the first answer.
    pub include_left: bool,
    /// Whether the state of rooms is told as it is in the end, not before the events that are told.
    pub is_after: bool,
    /// Which of what is told beside events, by its type.
    pub beside: Box<Passes>,
    /// The filter for rooms.
    pub rooms: Box<dyn Fn(PublicId) -> bool + Send + Sync>,
    /// The filter for events.
    pub wanted: Box<Wanted>,
    /// Decides whether an event of a room notifies and is highlighted, based on the number of members and
    /// the power levels.
    pub judge: Box<Judge>,
}

impl Service {
    /// Returns the changes in the rooms of the caller.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn sync_rooms(
        &self,
        user: &SignedIn,
        query: std::sync::Arc<SyncQuery>,
    ) -> Result<Synced, ServiceError> {
        let user = user.user();
        let reading = std::sync::Arc::clone(&query);
        let mut synced = self
            .store
            .read(move |view| {
                let query = reading;
                let (position, _) = log::last(view)?;
                let ignored = Ignored::of(view, user)?;
                let named = localparts::of(view, user)?;
                let localpart = named.map(|named| named.localpart).unwrap_or_default();
                let mut news = Vec::new();
                let mut joined = Vec::new();
                let mut has_new = query.since.is_none();
                for room in rooms::of_user(view, user)? {
                    if room.is_forgotten || !(query.rooms)(room.uuid) {
                        continue;
                    }
                    let is_new = query.since.is_none_or(|since| room.since >= since);
                    let mut marks = marks(view, &room, user, (is_new, position), &query)?;
                    marks.0.retain(|receipt| !ignored.has(&receipt.localpart));
                    if !(query.beside)(Beside::Passing, "m.receipt") {
                        marks.0.clear();
                    }
                    marks
                        .1
                        .retain(|(kind, _)| (query.beside)(Beside::OfRoom, kind));
                    if room.state == State::Joined {
                        joined.push(room.clone());
                    }
                    let has_marks = !marks.0.is_empty() || !marks.1.is_empty();
                    let found = of_room(
                        view,
                        room,
                        (is_new, has_marks),
                        position,
                        (&query, &ignored, user),
                    )?;
                    let Some(mut found) = found.filter(|it| !is_hidden(it, &localpart, &ignored))
                    else {
                        continue;
                    };
                    has_new |= found.is_new;
                    (found.receipts, found.account_data) = marks;
                    news.push(found);
                }
                for room in news.iter_mut().filter(|it| it.room.state == State::Joined) {
                    room.unread = unread(
                        view,
                        &room.room,
                        user,
                        (position, &*query.judge, &ignored),
                        query.has_threads,
                    )?;
                    room.summary = Some(rooms::summary(view, room.room.flow, user)?);
                }
                let chats = rooms::chats(view, user)?;
                let after = query.since.unwrap_or(Position(-1));
                let mut account_data = room_account::since(view, user, NO_ROOM, after)?;
                let has_new = has_new || account_data.iter().any(|(kind, _)| kind == DIRECT);
                account_data.retain(|(kind, _)| (query.beside)(Beside::OfUser, kind));
                let direct = room_account::get(view, user, NO_ROOM, DIRECT)?;
                let mut people = members::companions(view, user)?;
                let blockers = blocks::blockers(view, user)?;
                people.retain(|it| *it != user && !blockers.contains(it));
                let synced = Synced {
                    position,
                    rooms: news,
                    chats: has_new.then_some(chats),
                    localpart,
                    account_data,
                    direct,
                    presence: Vec::new(),
                    count: 0,
                    next: None,
                };
                Ok::<_, ServiceError>((synced, joined, people, ignored))
            })
            .await?;
        let (joined, people, ignored) = (synced.1, synced.2, synced.3);
        let people = (user, joined, people);
        self.add_moods(&mut synced.0, people, (&query, &ignored))
            .await?;
        Ok(synced.0)
    }

    /// Adds typing users and presence.
    async fn add_moods(
        &self,
        synced: &mut Synced,
        (reader, joined, people): (UserId, Vec<Room>, Vec<UserId>),
        (query, ignored): (&std::sync::Arc<SyncQuery>, &Ignored),
    ) -> Result<(), ServiceError> {
        let flows: Vec<_> = if (query.beside)(Beside::Passing, "m.typing") {
            joined.iter().map(|room| room.flow).collect()
        } else {
            Vec::new()
        };
        let people = if query.has_presence {
            people
        } else {
            Vec::new()
        };
        let seen = self.moods.since(query.count, &flows, &people);
        (synced.count, synced.next) = (seen.count, seen.next);
        if seen.writers.is_empty() && seen.people.is_empty() {
            return Ok(());
        }
        let named = self
            .store
            .read(move |view| {
                let name = |user| -> Result<String, ServiceError> {
                    let found = localparts::of(view, user)?;
                    Ok(found.map(|it| it.localpart).unwrap_or_default())
                };
                let mut writers = Vec::new();
                for (flow, users) in seen.writers {
                    let names = users.into_iter().map(name).collect::<Result<Vec<_>, _>>()?;
                    writers.push((flow, names));
                }
                let hiding = seen::hiding(view)?;
                let hides = |user: &UserId| hiding.contains(user);
                let mut presence = Vec::new();
                for (user, mood, status, ago) in seen.people {
                    presence.push(RoomPresence {
                        localpart: name(user)?,
                        mood,
                        status,
                        ago: (!hides(&user) && !hides(&reader)).then_some(ago),
                    });
                }
                Ok::<_, ServiceError>((writers, presence))
            })
            .await?;
        let (writers, presence) = named;
        synced.presence = presence;
        for (flow, mut names) in writers {
            let was_empty = names.is_empty();
            names.retain(|name| !ignored.has(name));
            // It makes no difference that an ignored user starts to type.
            if names.is_empty() && !was_empty {
                continue;
            }
            if let Some(room) = synced.rooms.iter_mut().find(|it| it.room.flow == flow) {
                room.writers = Some(names);
            } else if let Some(room) = joined.iter().find(|it| it.flow == flow) {
                let mut room = quiet(room.clone(), synced.position);
                room.writers = Some(names);
                room.unread = self.unread_of(room.room.clone(), synced, query).await?;
                synced.rooms.push(room);
            }
        }
        Ok(())
    }

    async fn unread_of(
        &self,
        room: Room,
        synced: &Synced,
        query: &std::sync::Arc<SyncQuery>,
    ) -> Result<Unread, ServiceError> {
        let (localpart, position) = (synced.localpart.clone(), synced.position);
        let query = std::sync::Arc::clone(query);
        self.store
            .read(move |view| match localparts::find(view, &localpart)? {
                Some(named) => {
                    let ignored = Ignored::of(view, named.user)?;
                    unread(
                        view,
                        &room,
                        named.user,
                        (position, &*query.judge, &ignored),
                        query.has_threads,
                    )
                }
                None => Ok(Unread::default()),
            })
            .await
    }
}

/// Returns changed receipts and account data of a room.
fn marks(
    view: &View<'_>,
    room: &Room,
    user: UserId,
    (is_new, now): (bool, Position),
    query: &SyncQuery,
) -> Result<(Vec<RoomReceipt>, Vec<AccountData>), ServiceError> {
    if room.state != State::Joined {
        return Ok((Vec::new(), Vec::new()));
    }
    let after = match query.since {
        Some(since) if !is_new => since,
        _ => Position(-1),
    };
    let receipts = room_marks::since(view, room.flow, user, (after, now))?;
    let kept = room_account::since(view, user, room.flow, after)?;
    Ok((receipts, kept))
}

/// Returns the news of a room without any changes.
fn quiet(room: Room, now: Position) -> RoomNews {
    RoomNews {
        room,
        timeline: Vec::new(),
        is_limited: false,
        before: now,
        state: Vec::new(),
        summary: None,
        unread: Unread::default(),
        is_new: false,
        receipts: Vec::new(),
        account_data: Vec::new(),
        writers: None,
    }
}

/// Returns whether this is an invitation by an ignored user.
fn is_hidden(news: &RoomNews, own: &str, ignored: &Ignored) -> bool {
    let is_own = |event: &&RoomEvent| {
        let key = event.state_key().and_then(|key| key.strip_prefix('@'));
        event.kind() == "m.room.member" && key == Some(own)
    };
    let invitation = news.state.iter().find(is_own);
    news.room.state == State::Invited && invitation.is_some_and(|it| ignored.has(&it.sender))
}

fn of_room(
    view: &View<'_>,
    room: Room,
    (is_new, has_marks): (bool, bool),
    now: Position,
    (query, ignored, user): (&SyncQuery, &Ignored, UserId),
) -> Result<Option<RoomNews>, ServiceError> {
    let empty = |room: Room| RoomNews {
        is_new,
        ..quiet(room, now)
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
            if is_quiet && !query.full_state && !has_marks {
                return Ok(None);
            }
        }
    }
    let is_joined = room.state == State::Joined;
    // A user who has left is told nothing after the event of leaving.
    let end = if is_joined {
        now
    } else {
        Position(room.since.0 + 1).min(now)
    };
    // A user who joins gets the room as if it were the first time.
    let known = match query.since {
        Some(since) if !(is_new && is_joined) => since.min(end),
        _ => Position(-1),
    };
    // A user who only declined an invitation has never seen the content.
    let known = if !is_joined && room.until.is_none() {
        Position(end.0 - 1)
    } else {
        known
    };
    let wanted = |event: &RoomEvent| !ignored.hides(event) && (query.wanted)(event);
    let (mut timeline, rest) = collect(view, &room, (known, end), Way::Back, query.limit, &wanted)?;
    timeline.reverse();
    let readable = (!is_joined).then_some(end);
    let mut timeline: Vec<_> = timeline
        .into_iter()
        .filter_map(|it| as_of(it, readable))
        .collect();
    dress(view, (room.flow, user), (Some(end), ignored), &mut timeline)?;
    let first = timeline
        .first()
        .map_or(end, |event| Position(event.position.0 - 1));
    let is_limited = rest.is_some();
    let from = if query.full_state {
        Position(-1)
    } else {
        known
    };
    let state = if query.is_after {
        room_log::state(view, room.flow, (from, end))?
    } else if is_limited || known.0 < 0 || query.full_state {
        room_log::state(view, room.flow, (from, first))?
    } else {
        Vec::new()
    };
    let is_nothing =
        timeline.is_empty() && state.is_empty() && !is_new && !query.full_state && !has_marks;
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
