//! The users who are connected now.

use rustc_hash::FxHashSet;

use super::Hub;
use crate::model::{Digits, UserId};

impl Hub {
    /// Returns which of these users are connected now.
    #[must_use]
    pub fn online(&self, users: &[UserId]) -> Vec<UserId> {
        let state = self.state();
        users
            .iter()
            .copied()
            .filter(|user| state.by_user.contains_key(user))
            .collect()
    }

    /// Returns whether a user is connected now.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.state().by_user.contains_key(&user)
    }

    /// Adds the users who are connected now to a list, with the ids that clients know.
    pub fn add_online(&self, users: &[UserId], list: &mut Vec<(UserId, Digits)>) {
        let state = self.state();
        let here = |user: &UserId| Some((*user, state.by_user.get(user)?.uuid));
        list.extend(users.iter().filter_map(here));
    }

    /// Returns all users who are connected now.
    #[must_use]
    pub fn users(&self) -> FxHashSet<UserId> {
        self.state().by_user.keys().copied().collect()
    }

    /// Returns the number of users who are connected now.
    #[must_use]
    pub fn online_count(&self) -> usize {
        self.state().by_user.len()
    }
}
