//! Unread events: how many of them notify, and which events have notified.

use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};

use super::ignored::Ignored;
use super::read::collect;
use super::relations::dress;
use crate::model::{Position, PublicId, UserId};
use crate::service::{Service, ServiceError, SignedIn};
use crate::store::members::State;
use crate::store::room_log::{self, RoomEvent, Way};
use crate::store::rooms::{self, Room};
use crate::store::{View, localparts, log, members, room_marks, room_relations};

/// Decides whether an event of a room notifies, and whether it is highlighted, based on the number of
/// members and the power levels.
pub type Judge =
    dyn Fn(&RoomEvent, PublicId, i64, Option<&RoomEvent>) -> (bool, bool) + Send + Sync;

/// Maximum number of events that are checked to count unread ones.
const MOST_UNREAD: usize = 1000;

/// Maximum number of looks at the logs of rooms for one page of notifications.
const MOST_LOOKS: usize = 200;

/// Number of positions that each look reads.
const STRIDE: usize = 16;

/// Numbers of unread events that notify, and of those that are highlighted.
#[derive(Debug, Clone, Default)]
pub struct Unread {
    /// The numbers of the whole room, or outside of threads if those are counted separately.
    pub count: (i64, i64),
    /// The numbers of the threads that have any, by their first events.
    pub threads: Vec<(PublicId, (i64, i64))>,
}

/// An event that has notified a user.
#[derive(Debug)]
pub struct Notified {
    /// The room.
    pub room: PublicId,
    /// The event.
    pub event: RoomEvent,
    /// Number of members of the room.
    pub members: i64,
    /// The power levels of the room.
    pub levels: Option<RoomEvent>,
    /// Whether the event has been read.
    pub is_read: bool,
}

/// The context in which events of a room are judged.
struct Bench<'a> {
    room: PublicId,
    members: i64,
    levels: Option<RoomEvent>,
    judge: &'a Judge,
}

impl<'a> Bench<'a> {
    fn of(
        view: &View<'_>,
        room: &Room,
        now: Position,
        judge: &'a Judge,
    ) -> Result<Self, ServiceError> {
        Ok(Self {
            room: room.uuid,
            members: members::count(view, room.flow)?,
            levels: room_log::one_state(view, room.flow, ("m.room.power_levels", ""), now)?,
            judge,
        })
    }

    fn judge(&self, event: &RoomEvent) -> (bool, bool) {
        (self.judge)(event, self.room, self.members, self.levels.as_ref())
    }

    fn count(&self, counted: &mut (i64, i64), event: &RoomEvent) {
        let (notifies, highlights) = self.judge(event);
        counted.0 += i64::from(notifies);
        counted.1 += i64::from(highlights);
    }
}

/// Returns how many unread events of others notify a user in a room, and how many are highlighted.
pub(super) fn unread(
    view: &View<'_>,
    room: &Room,
    user: UserId,
    (now, judge, ignored): (Position, &Judge, &Ignored),
    has_threads: bool,
) -> Result<Unread, ServiceError> {
    let mut all = Unread::default();
    let read = rooms::read_position(view, room, user)?;
    let of_threads = if has_threads {
        rooms::read_threads_position(view, room, user)?.min(read)
    } else {
        read
    };
    if room.last_message() <= of_threads.0 {
        return Ok(all);
    }
    let bench = Bench::of(view, room, now, judge)?;
    let own = localparts::of(view, user)?.map(|named| named.localpart);
    let is_others = |event: &RoomEvent| {
        Some(&event.sender) != own.as_ref()
            && event.redaction.is_none()
            && event.only.is_none()
            && !ignored.hides(event)
    };
    if room.last_message() > read.0 {
        let others =
            |event: &RoomEvent| is_others(event) && !(has_threads && event.thread().is_some());
        let found = collect(view, room, (read, now), Way::Back, MOST_UNREAD, &others)?.0;
        for event in &found {
            bench.count(&mut all.count, event);
        }
    }
    if !has_threads {
        return Ok(all);
    }
    let marks: HashMap<_, _> = room_marks::of_threads(view, room.flow, user)?
        .into_iter()
        .collect();
    let place = (room.flow, user);
    let range = (of_threads, now);
    let mut done = HashSet::new();
    let mut threads: BTreeMap<PublicId, (i64, i64)> = BTreeMap::new();
    for (uuid, position, thread, is_own) in
        room_relations::in_threads(view, place, range, MOST_UNREAD)?
    {
        let is_read = marks
            .get(&format!("${}", thread.hex()))
            .is_some_and(|read| position <= *read);
        // A user who writes in a thread has read everything before.
        if is_own || is_read {
            done.insert(thread);
        }
        if done.contains(&thread) {
            continue;
        }
        if let Some((_, event)) = room_log::by_uuid(view, uuid)?.filter(|(_, it)| is_others(it)) {
            bench.count(threads.entry(thread).or_default(), &event);
        }
    }
    all.threads = threads.into_iter().filter(|(_, it)| it.0 > 0).collect();
    Ok(all)
}

/// A room whose log is read backward from the newest event.
struct Log<'a> {
    room: Room,
    bench: Option<(Bench<'a>, Position)>,
    /// The events that were read, oldest first.
    events: Vec<RoomEvent>,
    /// Where to continue; `None`: everything has been read.
    until: Option<Position>,
}

impl Service {
    /// Returns the events that have notified the caller in all rooms, newest first, up to a position;
    /// `judge` decides whether an event notifies and is highlighted. Returns where to continue, too.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn notified(
        &self,
        user: &SignedIn,
        judge: Box<Judge>,
        (from, limit, only_highlights): (Option<Position>, usize, bool),
    ) -> Result<(Vec<Notified>, Option<Position>), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (now, _) = log::last(view)?;
                let from = from.map_or(now, |from| from.min(now));
                let ignored = Ignored::of(view, user)?;
                let own = localparts::of(view, user)?.map(|named| named.localpart);
                let mut logs = Vec::new();
                // The position up to which each log has events: that of the next event that was read, if
                // there is one.
                let mut next = BinaryHeap::new();
                for room in rooms::of_user(view, user)? {
                    let until = Position(room.last_message()).min(from);
                    if room.state == State::Joined && until.0 > 0 {
                        next.push((until, logs.len()));
                        logs.push(Log {
                            room,
                            bench: None,
                            events: Vec::new(),
                            until: Some(until),
                        });
                    }
                }
                let mut found: Vec<Notified> = Vec::new();
                let mut looks = 0;
                while let Some((place, at)) = next.pop() {
                    if found.len() >= limit || looks >= MOST_LOOKS {
                        return Ok((found, Some(place)));
                    }
                    let Some(log) = logs.get_mut(at) else { break };
                    let Some(event) = log.events.pop() else {
                        let Some(until) = log.until else { continue };
                        looks += 1;
                        let range = (Position(-1), until);
                        let look = room_log::look(view, &log.room, range, Way::Back, STRIDE)?;
                        log.until = look.next;
                        log.events = look.events;
                        log.events.reverse();
                        let last = log.events.last().map(|event| event.position);
                        next.extend(last.or(log.until).map(|place| (place, at)));
                        continue;
                    };
                    let following = log.events.last().map(|event| event.position);
                    next.extend(following.or(log.until).map(|place| (place, at)));
                    if Some(&event.sender) == own.as_ref()
                        || event.redaction.is_some()
                        || event.only.is_some()
                        || ignored.has(&event.sender)
                    {
                        continue;
                    }
                    if log.bench.is_none() {
                        // A user who joined counts as having read everything before.
                        let read = rooms::read_position(view, &log.room, user)?;
                        let read = read.max(log.room.since);
                        log.bench = Some((Bench::of(view, &log.room, now, &*judge)?, read));
                    }
                    let Some((bench, read)) = &log.bench else {
                        continue;
                    };
                    let (notifies, highlights) = bench.judge(&event);
                    if !notifies || only_highlights && !highlights {
                        continue;
                    }
                    let mut event = [event];
                    dress(view, (log.room.flow, user), (None, &ignored), &mut event)?;
                    let [event] = event;
                    found.push(Notified {
                        room: log.room.uuid,
                        is_read: event.position <= *read,
                        event,
                        members: bench.members,
                        levels: bench.levels.clone(),
                    });
                }
                Ok((found, None))
            })
            .await
    }
}
