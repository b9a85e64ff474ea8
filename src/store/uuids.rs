//! Public ids of users, which never change, kept in memory: most of what is read names users.

use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::model::{PublicId, UserId};

/// Users who are remembered at most: half a megabyte.
const MAX: usize = 8192;

/// The ids of users that have been read. Only what is committed belongs here: the row of an account
/// whose making is undone is given to another.
#[derive(Default)]
pub(super) struct Uuids {
    known: RwLock<FxHashMap<UserId, PublicId>>,
}

impl Uuids {
    pub(super) fn get(&self, user: UserId) -> Option<PublicId> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&user).copied()
    }

    pub(super) fn put(&self, user: UserId, uuid: PublicId) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MAX {
            known.clear();
        }
        known.insert(user, uuid);
    }
}
