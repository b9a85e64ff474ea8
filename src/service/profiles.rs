//! Profiles: reading them, with their pictures if these are requested, and finding users.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Content, Event, Form, News, PublicId, Timestamp, User};
use crate::store::users;

/// The profiles that were requested.
#[derive(Debug)]
pub struct Found {
    /// Those that exist, in the requested order.
    pub users: Vec<User>,
    /// Whether some are missing.
    pub incomplete: bool,
    /// When they were last online, if the caller may know it; in rich form.
    pub seen: Vec<(PublicId, Timestamp)>,
}

impl Service {
    /// Returns profiles of users by id; in plain form with pictures.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if none exists; [`Refusal::TooManyUsers`].
    pub async fn profiles(
        &self,
        user: &SignedIn,
        ids: Vec<PublicId>,
        form: Form,
    ) -> Result<Found, ServiceError> {
        let limits = self.limits();
        let limit = limits.users;
        if ids.len() > limit {
            return Err(Refusal::TooManyUsers { limit }.into());
        }
        let asked = ids.len();
        let users = self
            .store
            .read(move |view| {
                let mut found = Vec::new();
                let mut left = limits.answer_bytes;
                for id in ids {
                    // A hundred pictures are more than an answer holds; the rest is missing in this one,
                    // and can be requested.
                    if left == 0 {
                        break;
                    }
                    if let Some(mut user) = users::by_uuid(view, id)? {
                        if !form.is_rich() {
                            users::load_avatar(view, &mut user)?;
                        }
                        left = left.saturating_sub(picture_bytes(&user));
                        found.push(user);
                    }
                }
                Ok::<_, ServiceError>(found)
            })
            .await?;
        if users.is_empty() {
            return Err(Refusal::NotFound(Thing::User).into());
        }
        let mut seen = Vec::new();
        if form.is_rich() {
            let uuids: HashMap<_, _> = users.iter().map(|user| (user.id, user.uuid)).collect();
            let ids = uuids.keys().copied().collect();
            let found = self.seen_by(user.user(), ids).await?.into_iter();
            seen.extend(found.filter_map(|(id, at)| Some((*uuids.get(&id)?, at))));
        }
        Ok(Found {
            incomplete: users.len() < asked,
            users,
            seen,
        })
    }

    /// Reads the avatar of a profile.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn with_avatar(&self, mut user: User) -> Result<User, ServiceError> {
        self.store
            .read(move |view| {
                users::load_avatar(view, &mut user)?;
                Ok(user)
            })
            .await
    }

    /// Loads the avatar of a changed profile before it is announced, if any client needs it with
    /// pictures. Returns whether it can be announced.
    pub(super) async fn load_avatar(&self, event: &mut Event) -> bool {
        let News::User(user) = &mut event.news else {
            return true;
        };
        if user.avatar.is_none() || !self.hub.is_heard_in(Form::Plain) {
            return true;
        }
        match self.with_avatar(User::clone(user)).await {
            Ok(whole) => {
                *user = Arc::new(whole);
                true
            }
            Err(err) => {
                log::warn!("reading an avatar failed: {err}");
                false
            }
        }
    }
}

/// Returns the size of a profile without its short texts.
pub(super) fn picture_bytes(user: &User) -> usize {
    user.avatar_content.as_ref().map_or(0, Content::size_bytes)
}
