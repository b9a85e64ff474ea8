//! Who shares a flow with whom, kept in memory: who comes and goes is told to all of them, and asked
//! for by everybody who comes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustc_hash::FxHashMap;

use crate::model::{FlowId, UserId};
use crate::store::{StoreError, View, members};

/// Members that are remembered at most, over all flows: 2 MiB.
const MAX_REMEMBERED: usize = 256 * 1024;

/// The members of flows, as they were when they were read; what has changed is forgotten.
#[derive(Default)]
pub(super) struct Companions(Mutex<Remembered>);

#[derive(Default)]
struct Remembered {
    /// Grows whenever something is forgotten: what was read before that may be old.
    age: u64,
    members: FxHashMap<FlowId, Arc<[UserId]>>,
    /// How many members there are in all of them.
    count: usize,
}

/// What was remembered when a read began; to be taken before the read is.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsOf(u64);

impl Companions {
    /// To be called before a read begins that looks members up.
    pub(super) fn as_of(&self) -> AsOf {
        AsOf(self.remembered().age)
    }

    /// The members of a flow.
    ///
    /// # Errors
    /// The file cannot be read.
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

    /// Forgets the members of flows into which somebody came or from which somebody went.
    pub(super) fn forget(&self, flows: &[FlowId]) {
        let mut remembered = self.remembered();
        remembered.age += 1;
        for flow in flows {
            if let Some(known) = remembered.members.remove(flow) {
                remembered.count -= known.len();
            }
        }
    }

    /// Forgets everything, since another process has written to the file.
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
