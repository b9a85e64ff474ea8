//! A cache of the names of all users in the form in which they are compared, so that a search does not
//! read and fold all of them each time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::profiles::picture_bytes;
use super::{Service, ServiceError, SignedIn};
use crate::config::Directory as Policy;
use crate::model::{Form, Position, User, UserId, fits_name, fold};
use crate::store::{StoreError, View, members, users};

/// Maximum number of accounts for which [`Policy::Auto`] shows everybody.
const FEW: usize = 100;

/// Maximum number of characters of a text that are compared: more than any name has.
const MAX_CHARS: usize = 1000;

/// Names as last read; they are read again after a change of an account.
#[derive(Default)]
pub(super) struct Directory(Mutex<Option<(Position, Names)>>);

type Names = Arc<[Name]>;

struct Name {
    user: UserId,
    /// Login and username, folded, one line each; the username may be empty.
    folded: Box<str>,
}

/// A search for users.
pub(super) struct Wanted {
    /// The user who searches.
    pub(super) user: UserId,
    /// The typed text.
    pub(super) text: String,
    /// Who is shown without a text.
    pub(super) policy: Policy,
    /// Maximum number of users.
    pub(super) limit: usize,
    /// Maximum number of bytes of their pictures; the last one may exceed it.
    pub(super) budget_bytes: usize,
    /// The form of the frames for which they are read.
    pub(super) form: Form,
}

impl Directory {
    /// Returns users whose login or username has, for every word of a text, a word that begins with it:
    /// first those who share a flow with the user who searches, then the others, each group by username.
    /// In rich form without pictures.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) fn find(&self, view: &View<'_>, wanted: &Wanted) -> Result<Vec<User>, StoreError> {
        let names = self.names(view)?;
        let text = typed(&wanted.text);
        let mut matching: Vec<UserId> = names
            .iter()
            .filter(|name| name.fits(&text))
            .map(|name| name.user)
            .collect();
        let companions: HashSet<UserId> = if matching.is_empty() {
            HashSet::new()
        } else {
            members::companions(view, wanted.user)?
                .into_iter()
                .collect()
        };
        let is_oneself = |user: &UserId| *user == wanted.user;
        let is_near = |user: &UserId| companions.contains(user) && !is_oneself(user);
        let lists_all = match wanted.policy {
            Policy::All => true,
            Policy::Search => false,
            Policy::Auto => names.len() <= FEW,
        };
        if text.is_empty() && !lists_all {
            matching.retain(|user| is_near(user) || is_oneself(user));
        }
        // The sort is stable, so that both groups keep their order.
        matching.sort_by_key(|user| !is_near(user));
        let mut found = Vec::new();
        let mut left = wanted.budget_bytes;
        for user in matching {
            if found.len() >= wanted.limit || left == 0 {
                break;
            }
            if let Some(mut user) = users::by_id(view, user)? {
                if !wanted.form.is_rich() {
                    users::load_avatar(view, &mut user)?;
                }
                left = left.saturating_sub(picture_bytes(&user));
                found.push(user);
            }
        }
        Ok(found)
    }

    /// Returns the row numbers of the users whom a text matches, in the order of the accounts.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub(super) fn matching(&self, view: &View<'_>, text: &str) -> Result<Vec<UserId>, StoreError> {
        let names = self.names(view)?;
        let text = typed(text);
        let found = names.iter().filter(|name| name.fits(&text));
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
        let names: Names = users::names(view)?
            .into_iter()
            .map(|(user, login, username)| Name {
                user,
                folded: fold(&format!("{login}\n{}", username.unwrap_or_default())).into(),
            })
            .collect();
        *known() = Some((as_of, Arc::clone(&names)));
        Ok(names)
    }
}

impl Service {
    /// Returns profiles of users whose logins or names match a text; those who share a flow with the
    /// caller come first. Without a text, strangers are shown as far as the server is configured to. In
    /// plain form with pictures.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn find_users(
        &self,
        user: &SignedIn,
        text: String,
        form: Form,
    ) -> Result<Vec<User>, ServiceError> {
        let wanted = Wanted {
            user: user.user(),
            text,
            policy: self.settings.directory,
            limit: self.limits().users,
            budget_bytes: self.limits().answer_bytes,
            form,
        };
        let directory = Arc::clone(&self.directory);
        self.store
            .read(move |view| Ok(directory.find(view, &wanted)?))
            .await
    }
}

impl Name {
    /// Returns whether a folded text matches this user. A text without letters is compared as it is.
    fn fits(&self, text: &str) -> bool {
        fits_name(&self.folded, text)
            .unwrap_or_else(|| self.folded.lines().any(|name| name.starts_with(text)))
    }
}

/// Returns the text that a user typed, folded.
fn typed(text: &str) -> String {
    let text: String = text.trim().chars().take(MAX_CHARS).collect();
    fold(&text)
}
