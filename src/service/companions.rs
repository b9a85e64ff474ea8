//! A cache of who shares a flow with whom: all of them are told when a user goes online or offline, and a
//! user who comes online asks about all of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::model::{FlowId, UserId};
use crate::store::{StoreError, View, members};

/// Maximum number of members that are cached, over all flows: 2 MiB.
const MAX_REMEMBERED: usize = 256 * 1024;

/// The members of flows, as last read; changed flows are dropped from the cache.
#[derive(Default)]
pub(super) struct Companions(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// Increases whenever something is dropped: data that was read before may be outdated.
    age: u64,
    members: FxHashMap<FlowId, Arc<[UserId]>>,
    /// Number of members in all cached flows.
    count: usize,
}

/// The age of the cache when a read began; it must be taken before the read begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsOf(u64);

impl Companions {
    /// Returns the age of the cache; call it before a read that looks up members.
    pub(super) fn as_of(&self) -> AsOf {
        AsOf(self.remembered().age)
    }

    /// Returns the members of a flow.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) fn members(
        &self,
        view: &View<'_>,
        flow: FlowId,
        AsOf(age): AsOf,
    ) -> Result<Arc<[UserId]>, StoreError> {
        if let Some(known) = self.remembered().members.get(&flow) {
            return Ok(Arc::clone(known));
        }
        let found: Arc<[UserId]> = members::ids(view, flow)?.into();
        let mut remembered = self.remembered();
        if remembered.age == age {
            if remembered.count + found.len() > MAX_REMEMBERED {
                remembered.members.clear();
                remembered.count = 0;
            }
            if remembered
                .members
                .insert(flow, Arc::clone(&found))
                .is_none()
            {
                remembered.count += found.len();
            }
        }
        Ok(found)
    }

    /// Drops the members of flows that users joined or left.
    pub(super) fn forget(&self, flows: &[FlowId]) {
        let mut remembered = self.remembered();
        remembered.age += 1;
        for flow in flows {
            if let Some(known) = remembered.members.remove(flow) {
                remembered.count -= known.len();
            }
        }
    }

    /// Drops everything, because another process has written to the database.
    pub(super) fn forget_all(&self) {
        let mut remembered = self.remembered();
        remembered.age += 1;
        remembered.members.clear();
        remembered.count = 0;
    }

    fn remembered(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
