//! Profiles: reading them, with their pictures where those are asked for, and finding people.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Content, Event, Form, News, PublicId, Timestamp, User};
use crate::store::users;

/// Profiles that were asked for.
#[derive(Debug)]
pub struct Found {
    /// Those that exist, in the order asked.
    pub users: Vec<User>,
    /// Whether some do not.
    pub incomplete: bool,
    /// When they were last here, where the one who asks may know it; in rich form.
    pub seen: Vec<(PublicId, Timestamp)>,
}

impl Service {
    /// Profiles of users by id; in plain form with pictures.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] when none exists; [`Refusal::TooManyUsers`].
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
                    // A hundred pictures are more than an answer holds; the rest is missing from
                    // this one, and can be asked for.
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
    /// The file cannot be read.
    pub async fn with_avatar(&self, mut user: User) -> Result<User, ServiceError> {
        self.store
            .read(move |view| {
                users::load_avatar(view, &mut user)?;
                Ok(user)
            })
            .await
    }

    /// Reads the avatar into a new profile that is to be told, if anybody hears it with pictures.
    /// Returns whether it can be told.
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

/// What a profile takes besides some short texts.
pub(super) fn picture_bytes(user: &User) -> usize {
    user.avatar_content.as_ref().map_or(0, Content::size_bytes)
}
