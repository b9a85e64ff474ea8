//! Blocking people: who is kept from whom.
//!
//! Who is blocked cannot open a chat with the blocker or bring the blocker into a flow: the blocker is
//! unknown then. In a chat of the two neither writes. In flows that both are in both stay. All of this
//! holds for the bots of whoever is blocked too.

use std::sync::Arc;

use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Audience, Event, News, Presence, PublicId};
use crate::store::{blocks, members, users};

/// How many people one user may block.
const MAX_BLOCKED: usize = 1000;

impl Service {
    /// Blocks somebody, or lifts the block. Returns whom the caller blocks then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::BlocksSelf`]; [`Refusal::TooManyBlocked`].
    pub async fn block(
        &self,
        user: &SignedIn,
        other: PublicId,
        on: bool,
    ) -> Result<Vec<PublicId>, ServiceError> {
        let asking = *user;
        let (id, by) = (user.user(), user.by());
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let (list, told) = self
            .store
            .write(move |tx| {
                asking.require(tx)?;
                let other = users::id_of(tx, other)?.ok_or(Refusal::NotFound(Thing::User))?;
                if other == id {
                    return Err(ServiceError::from(Refusal::BlocksSelf));
                }
                if blocks::has(tx, id, other)? != on {
                    if on && blocks::count(tx, id)? >= MAX_BLOCKED {
                        return Err(Refusal::TooManyBlocked { limit: MAX_BLOCKED }.into());
                    }
                    // Each is written down for ever, as a message is.
                    counts.message(id, asking.session.is_bot, &limits)?;
                }
                let changed = blocks::set(tx, id, other, on, by)?;
                // Whether the other has been told when the user is here.
                let told = changed && members::share_flow(tx, id, other)?;
                Ok((blocks::of(tx, id)?, told.then_some(other)))
            })
            .await?;
        if let Some(other) = told
            && self.hub.is_online(id)
        {
            self.hub.publish(Event {
                position: None,
                origin: None,
                audience: Audience::Users([other].into()),
                news: News::Presence(
                    [Presence {
                        user: user.uuid(),
                        online: !on,
                        seen_at: None,
                    }]
                    .into(),
                ),
            });
        }
        Ok(list)
    }

    /// Whom the caller blocks, in the order of blocking.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn blocked(&self, user: &SignedIn) -> Result<Vec<PublicId>, ServiceError> {
        let id = user.user();
        self.store.read(move |view| Ok(blocks::of(view, id)?)).await
    }
}
