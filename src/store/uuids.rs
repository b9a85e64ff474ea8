//! A cache of the public ids of users, which never change: most reads need them.

use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::model::{PublicId, UserId};

/// The maximum number of cached users: half a megabyte.
const MAX: usize = 8192;

/// The ids of users that have been read. Only committed ones belong here: if the creation of an account is
/// rolled back, another account gets its row number.
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
