//! When users were last online: recorded in memory at once, written once a minute.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Service, ServiceError};
use crate::hub::Hub;
use crate::model::{Timestamp, UserId};
use crate::store::seen;

/// How often the records are written.
const WRITTEN_EVERY: Duration = Duration::from_mins(1);

/// How often the time of users who stay online is written, so that a crash loses no more than this.
const RENEWED_EVERY: Duration = Duration::from_mins(5);

/// The records that are not written yet, and the last written ones of online users.
#[derive(Default)]
pub(super) struct Seen {
    noted: Mutex<FxHashMap<UserId, Timestamp>>,
    written: Mutex<FxHashMap<UserId, Timestamp>>,
}

impl Seen {
    /// Records the present time for a user, unless the user is online now.
    pub(super) fn note(&self, hub: &Hub, user: UserId) {
        if !hub.is_online(user) {
            self.noted().insert(user, minute());
        }
    }

    /// Returns when a user was last online, as far as memory knows.
    fn latest(&self, hub: &Hub, user: UserId) -> Option<Timestamp> {
        if hub.is_online(user) {
            return Some(minute());
        }
        self.noted().get(&user).copied()
    }

    fn noted(&self) -> MutexGuard<'_, FxHashMap<UserId, Timestamp>> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the records that are to be written now.
    fn take(&self, hub: &Hub) -> Vec<(UserId, Timestamp)> {
        let now = minute();
        let mut due: Vec<_> = self.noted().drain().collect();
        let here = hub.users();
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.retain(|user, _| here.contains(user));
        for user in here {
            let last = written.get(&user);
            if last.is_none_or(|last| last.after(RENEWED_EVERY) <= now) {
                written.insert(user, now);
                due.push((user, now));
            }
        }
        due
    }
}

/// Returns the beginning of the present minute: users are told no more precise time.
pub(super) fn minute() -> Timestamp {
    to_minute(Timestamp::now())
}

fn to_minute(time: Timestamp) -> Timestamp {
    Timestamp::from_seconds(time.seconds().div_euclid(60).saturating_mul(60))
}

/// Writes the records once a minute, until the service is gone.
pub(super) async fn keep(service: Weak<Service>) {
    loop {
        tokio::time::sleep(WRITTEN_EVERY).await;
        let Some(service) = service.upgrade() else {
            return;
        };
        service.write_seen().await;
    }
}

impl Service {
    /// Records that nobody is online any more, before the database is closed.
    pub async fn see_off(&self) {
        for user in self.hub.take_moved() {
            self.seen.note(&self.hub, user);
        }
        self.write_seen().await;
    }

    /// Writes the records in one commit. Records that cannot be written are tried again later.
    async fn write_seen(&self) {
        let due = self.seen.take(&self.hub);
        if due.is_empty() {
            return;
        }
        let seen = due.clone();
        let result: Result<(), ServiceError> =
            self.store.write(move |tx| Ok(seen::note(tx, &seen)?)).await;
        if let Err(err) = result {
            log::debug!("noting who was here failed: {err}");
            let mut noted = self.seen.noted();
            for (user, at) in due {
                noted.entry(user).or_insert(at);
            }
        }
    }

    /// Returns when users were last online, to the minute, as far as a user may know it.
    pub(super) async fn seen_by(
        &self,
        asker: UserId,
        users: Vec<UserId>,
    ) -> Result<Vec<(UserId, Timestamp)>, ServiceError> {
        let found: Vec<_> = self
            .store
            .read(move |view| {
                let mut found = Vec::new();
                for user in users {
                    if let Some(at) = seen::by(view, user, asker)? {
                        found.push((user, at));
                    }
                }
                Ok::<_, ServiceError>(found)
            })
            .await?;
        let latest = |(user, at): (UserId, Option<Timestamp>)| {
            let at = self.seen.latest(&self.hub, user).max(at)?;
            Some((user, to_minute(at)))
        };
        Ok(found.into_iter().filter_map(latest).collect())
    }
}
