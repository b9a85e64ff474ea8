//! The names of all users in the form in which they are compared, so that who looks for somebody does
//! not have them all read and folded anew each time.

use std::sync::{Arc, Mutex, PoisonError};

use super::profiles::picture_bytes;
use crate::model::{Form, Login, Position, User, UserId};
use crate::store::{StoreError, View, users};

/// Names as they were when they were read last; read again once an account has changed.
#[derive(Default)]
pub(super) struct Directory(Mutex<Option<(Position, Names)>>);

type Names = Arc<[Name]>;

struct Name {
    user: UserId,
    /// Login and username, folded; the username may be empty.
    folded: [Box<str>; 2],
}

impl Name {
    /// Whether the login, or any word of the username, begins with a folded text.
    fn matches(&self, wanted: &str) -> bool {
        self.folded.iter().any(|name| {
            name.starts_with(wanted) || name.split_whitespace().any(|word| word.starts_with(wanted))
        })
    }
}

impl Directory {
    /// Users whose login, or any word of whose username, begins with a text; by username, up to a
    /// number and a size of pictures, of which the last may go beyond. In rich form without pictures.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn find(
        &self,
        view: &View<'_>,
        text: &str,
        limit: usize,
        budget_bytes: usize,
        form: Form,
    ) -> Result<Vec<User>, StoreError> {
        let wanted = Login::key_of(text.trim());
        let mut found = Vec::new();
        let mut left = budget_bytes;
        for name in self.names(view)?.iter() {
            if found.len() >= limit || left == 0 {
                break;
            }
            if name.matches(&wanted)
                && let Some(mut user) = users::by_id(view, name.user)?
            {
                if !form.is_rich() {
                    users::load_avatar(view, &mut user)?;
                }
                left = left.saturating_sub(picture_bytes(&user));
                found.push(user);
            }
        }
        Ok(found)
    }

    /// The row numbers of the users whose login, or any word of whose username, begins with a text, in
    /// the order of the accounts.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(super) fn matching(&self, view: &View<'_>, text: &str) -> Result<Vec<UserId>, StoreError> {
        let wanted = Login::key_of(text.trim());
        let names = self.names(view)?;
        let found = names.iter().filter(|name| name.matches(&wanted));
        let mut found: Vec<_> = found.map(|name| name.user).collect();
        found.sort_unstable();
        Ok(found)
    }

    fn names(&self, view: &View<'_>) -> Result<Names, StoreError> {
        let as_of = users::last_change(view)?;
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((position, names)) = known().as_ref()
            && *position == as_of
        {
            return Ok(Arc::clone(names));
        }
        let folded = |text: &str| Login::key_of(text).into_boxed_str();
        let names: Names = users::names(view)?
            .into_iter()
            .map(|(user, login, username)| Name {
                user,
                folded: [folded(&login), folded(username.as_deref().unwrap_or(""))],
            })
            .collect();
        *known() = Some((as_of, Arc::clone(&names)));
        Ok(names)
    }
}
