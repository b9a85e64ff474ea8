//! Typing and presence in Matrix. They are only kept in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::model::{Audience, Event, FlowId, News, PublicId, UserId};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::{blocks, flows, localparts, members, seen};

/// How long a user stays online after the last request.
const AWAY: Duration = Duration::from_secs(30);

/// How long a user who is online but does nothing counts as active.
const IDLE: Duration = Duration::from_mins(5);

/// The longest time that a user is shown as typing.
const MOST_TYPING: Duration = Duration::from_secs(30);

/// Minimum time between two notifications of others about one user's presence.
const LEAST_BETWEEN: Duration = Duration::from_secs(5);

/// Number of users that are remembered before offline ones are dropped.
const MOST_MOODS: usize = 100_000;

/// A user's own presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Online.
    Online,
    /// Online, but busy with something else.
    Unavailable,
    /// Offline.
    Offline,
}

/// The presence of a user.
#[derive(Debug, Clone)]
pub struct RoomPresence {
    /// The user's Matrix name, without the server.
    pub localpart: String,
    /// The state.
    pub mood: Mood,
    /// The user's status message.
    pub status: Option<String>,
    /// The time since the user was last active.
    pub ago: Option<Duration>,
}

#[derive(Debug)]
struct Person {
    said: Mood,
    status: Option<String>,
    /// When the user last made a request.
    seen: Instant,
    /// When the user was last active.
    active: Instant,
    /// The state that others were told.
    told: Mood,
    /// The number of the last change.
    changed: u64,
    /// When others were last notified of a change.
    hinted: Option<Instant>,
}

impl Person {
    fn mood(&self, now: Instant) -> Mood {
        if now.saturating_duration_since(self.seen) >= AWAY {
            return Mood::Offline;
        }
        match self.said {
            Mood::Online if now.duration_since(self.active) >= IDLE => Mood::Unavailable,
            said => said,
        }
    }
}

#[derive(Debug, Default)]
struct Writers {
    until: HashMap<UserId, Instant>,
    changed: u64,
}

/// Typing users and presence. Each change has a number; those of an earlier run of the server are smaller.
#[derive(Debug)]
pub(in crate::service) struct Moods(Mutex<State>);

#[derive(Debug)]
struct State {
    count: u64,
    writers: HashMap<FlowId, Writers>,
    people: HashMap<UserId, Person>,
}

impl Default for Moods {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let count = now.map_or(1, |it| u64::try_from(it.as_millis()).unwrap_or(1));
        Self(Mutex::new(State {
            count,
            writers: HashMap::new(),
            people: HashMap::new(),
        }))
    }
}

/// Typing users of rooms that have changed, and presence of users that has changed.
#[derive(Debug, Default)]
pub(in crate::service) struct Seen {
    pub(in crate::service) writers: HashMap<FlowId, Vec<UserId>>,
    pub(in crate::service) people: Vec<(UserId, Mood, Option<String>, Duration)>,
    pub(in crate::service) count: u64,
    /// When some of it changes by itself.
    pub(in crate::service) next: Option<Instant>,
}

impl Moods {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records who is typing, and for how long; `None`: no longer. Returns whether that is new.
    fn note(&self, flow: FlowId, user: UserId, wait: Option<Duration>) -> bool {
        let mut state = self.state();
        let count = state.count + 1;
        let writers = state.writers.entry(flow).or_default();
        let until = wait.map(|wait| Instant::now() + wait.min(MOST_TYPING));
        let is_new = match until {
            Some(until) => writers.until.insert(user, until).is_none(),
            None => writers.until.remove(&user).is_some(),
        };
        if is_new {
            writers.changed = count;
            state.count = count;
        }
        is_new
    }

    /// Records a request of a user. Returns whether others are to be notified; a change soon after the
    /// last notification is only sent with their next request.
    fn come(
        &self,
        user: UserId,
        mood: Mood,
        status: Option<Option<String>>,
        (acts, stays): (bool, Duration),
    ) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let count = state.count + 1;
        if state.people.len() >= MOST_MOODS {
            state
                .people
                .retain(|_, person| person.mood(now) != Mood::Offline);
        }
        let person = state.people.entry(user).or_insert(Person {
            said: mood,
            status: None,
            seen: now,
            active: now,
            told: Mood::Offline,
            changed: 0,
            hinted: None,
        });
        let before = (person.told, person.status.clone());
        person.said = mood;
        person.seen = person.seen.max(now + stays);
        if acts {
            person.active = now;
        }
        if let Some(status) = status {
            person.status = status;
        }
        person.told = person.mood(now);
        let is_new = before != (person.told, person.status.clone());
        if !is_new {
            return false;
        }
        person.changed = count;
        let last = person.hinted;
        let is_due = last.is_none_or(|last| now.duration_since(last) >= LEAST_BETWEEN);
        if is_due {
            person.hinted = Some(now);
        }
        state.count = count;
        is_due
    }

    /// Returns the changes since a number, for these rooms and users. Without a number, or with one of an
    /// earlier run of the server, everything is returned.
    pub(in crate::service) fn since(
        &self,
        after: Option<u64>,
        flows: &[FlowId],
        people: &[UserId],
    ) -> Seen {
        let now = Instant::now();
        let mut guard = self.state();
        let state = &mut *guard;
        let mut seen = Seen::default();
        let mut soon = |at: Instant| {
            seen.next = Some(seen.next.map_or(at, |next| next.min(at)));
        };
        for flow in flows {
            let Some(writers) = state.writers.get_mut(flow) else {
                continue;
            };
            let before = writers.until.len();
            writers.until.retain(|_, until| *until > now);
            if writers.until.len() != before {
                state.count += 1;
                writers.changed = state.count;
            }
            for until in writers.until.values() {
                soon(*until);
            }
            let is_due = match after {
                Some(after) => writers.changed > after,
                None => !writers.until.is_empty(),
            };
            if is_due {
                let mut all: Vec<_> = writers.until.keys().copied().collect();
                all.sort_unstable();
                seen.writers.insert(*flow, all);
            }
        }
        for user in people {
            let Some(person) = state.people.get_mut(user) else {
                continue;
            };
            let mood = person.mood(now);
            if mood != person.told {
                state.count += 1;
                person.told = mood;
                person.changed = state.count;
            }
            if mood != Mood::Offline {
                soon(person.seen + AWAY);
            }
            if mood == Mood::Online {
                soon(person.active + IDLE);
            }
            let is_due = match after {
                Some(after) => person.changed > after,
                None => mood != Mood::Offline,
            };
            if is_due {
                let ago = now.duration_since(person.active);
                seen.people.push((*user, mood, person.status.clone(), ago));
            }
        }
        seen.count = state.count;
        seen
    }

    /// Records that a user is active.
    pub(in crate::service) fn act(&self, user: UserId) {
        if let Some(person) = self.state().people.get_mut(&user) {
            person.active = Instant::now();
        }
    }

    fn of(&self, user: UserId) -> Option<(Mood, Option<String>, Duration)> {
        let now = Instant::now();
        let state = self.state();
        let person = state.people.get(&user)?;
        let ago = now.duration_since(person.active);
        Some((person.mood(now), person.status.clone(), ago))
    }
}

impl Service {
    /// Records that the caller is typing in a room for some time, or no longer.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of; [`Refusal::NotWriter`].
    pub async fn type_in_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        wait: Option<Duration>,
    ) -> Result<(), ServiceError> {
        self.require_in_room(user, room).await?;
        let asker = user.user();
        let (flow, members) = self
            .store
            .read(move |view| {
                let access =
                    flows::access(view, room, asker)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let members = members::ids(view, access.id)?;
                Ok::<_, ServiceError>((access.id, members))
            })
            .await?;
        if wait.is_some() {
            self.typing(user, room).await?;
        }
        if self.moods.note(flow, asker, wait) {
            self.hint(flow, members);
        }
        Ok(())
    }

    /// Records that a user is typing with another protocol.
    pub(in crate::service) fn note_typing(&self, flow: FlowId, user: UserId) {
        const SHOWN: Duration = Duration::from_secs(5);
        self.moods.note(flow, user, Some(SHOWN));
    }

    /// Wakes the clients that follow a room by Matrix.
    fn hint(&self, flow: FlowId, users: Vec<UserId>) {
        self.hub.publish(Event {
            position: None,
            origin: None,
            audience: Audience::Users(users.into()),
            news: News::Room(flow),
        });
    }

    /// Records the presence of the caller, which stays for a minimum time.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn be_there(
        &self,
        user: &SignedIn,
        mood: Mood,
        status: Option<Option<String>>,
        stays: Duration,
    ) -> Result<(), ServiceError> {
        let who = user.user();
        let acts = status.is_some();
        if self.moods.come(who, mood, status, (acts, stays)) {
            let companions = self
                .store
                .read(move |view| Ok::<_, ServiceError>(members::companions(view, who)?))
                .await?;
            self.hint(FlowId(0), companions);
        }
        Ok(())
    }

    /// Returns the presence of a user who shares a room with the caller.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for any other user.
    pub async fn room_presence(
        &self,
        user: &SignedIn,
        localpart: String,
    ) -> Result<RoomPresence, ServiceError> {
        let asker = user.user();
        let found = self
            .store
            .read(move |view| {
                let found = localparts::find(view, &localpart)?;
                let found = found.ok_or(Refusal::NotFound(Thing::User))?;
                let is_own = found.user == asker;
                let knows = is_own
                    || members::companions(view, asker)?.contains(&found.user)
                        && !blocks::has(view, found.user, asker)?;
                if !knows {
                    return Err(Refusal::NotFound(Thing::User).into());
                }
                let hiding = seen::hiding(view)?;
                let hides = hiding.contains(&found.user) || hiding.contains(&asker);
                Ok::<_, ServiceError>((found, hides && !is_own))
            })
            .await?;
        let (found, hides) = found;
        let known = self.moods.of(found.user);
        let (mood, status, ago) = match known {
            Some((mood, status, ago)) => (mood, status, (!hides).then_some(ago)),
            None => (Mood::Offline, None, None),
        };
        Ok(RoomPresence {
            localpart: found.localpart,
            mood,
            status,
            ago,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_is_told_once_and_again_when_it_ends() {
        let moods = Moods::default();
        let (flow, anna) = (FlowId(1), UserId(1));
        let start = moods.since(None, &[flow], &[]);
        assert!(start.writers.is_empty());
        assert!(moods.note(flow, anna, Some(Duration::from_secs(20))));
        assert!(!moods.note(flow, anna, Some(Duration::from_secs(20))));
        let told = moods.since(Some(start.count), &[flow], &[]);
        assert_eq!(told.writers[&flow], [anna]);
        assert!(
            moods
                .since(Some(told.count), &[flow], &[])
                .writers
                .is_empty()
        );
        assert!(
            moods
                .since(Some(told.count), &[FlowId(2)], &[])
                .writers
                .is_empty()
        );
        assert!(moods.note(flow, anna, None));
        let told = moods.since(Some(told.count), &[flow], &[]);
        assert!(told.writers[&flow].is_empty());
        moods.note(flow, anna, Some(Duration::ZERO));
        let told = moods.since(Some(told.count), &[flow], &[]);
        assert!(told.writers[&flow].is_empty());
    }

    #[test]
    fn who_comes_is_told_and_a_client_that_knows_nothing_hears_of_all() {
        let moods = Moods::default();
        let anna = UserId(1);
        assert!(moods.come(anna, Mood::Online, None, (true, Duration::ZERO)));
        assert!(!moods.come(anna, Mood::Online, None, (false, Duration::ZERO)));
        let told = moods.since(None, &[], &[anna]);
        assert_eq!(told.people[0].1, Mood::Online);
        let again = moods.since(Some(told.count), &[], &[anna]);
        assert!(again.people.is_empty() && again.next.is_some());
        // The change is sent, but wakes nobody so soon.
        assert!(!moods.come(
            anna,
            Mood::Online,
            Some(Some("here".to_owned())),
            (true, Duration::ZERO)
        ));
        assert_eq!(moods.since(Some(told.count), &[], &[anna]).people.len(), 1);
        assert!(moods.since(None, &[], &[UserId(2)]).people.is_empty());
    }
}
