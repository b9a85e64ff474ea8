//! Read receipts: how far others have read.

use std::sync::{Arc, Weak};

use super::recently::Recently;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Audience, Event, FlowId, News, Origin, PublicId, UserId};
use crate::store::receipts::{self, Receipt};
use crate::store::{flows, marks, members, users};

/// Maximum number of members of a flow in which the others are told how far a member has read.
const SMALL: i64 = 50;

/// Read marks that moved a moment ago: user, flow, and connection.
pub(super) type Moved = Recently<(UserId, FlowId), Option<Origin>>;

/// Announces postponed read marks, until the service is gone.
pub(super) async fn keep(service: Weak<Service>) {
    let Some(moved) = service.upgrade().map(|it| Arc::clone(&it.read_marks)) else {
        return;
    };
    loop {
        let (due, next) = moved.due();
        let Some(service) = service.upgrade() else {
            return;
        };
        for ((user, flow), origin) in due {
            if let Err(err) = service.tell_read_mark(user, flow, origin).await {
                log::debug!("a read mark could not be told: {err}");
            }
        }
        drop(service);
        moved.wait(next).await;
    }
}

impl Service {
    /// Returns how far the others in a flow have read, if they share it with the caller.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn seen_flow(
        &self,
        user: &SignedIn,
        flow: PublicId,
    ) -> Result<Vec<Receipt>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                Ok(receipts::of_flow(view, access.id, user)?)
            })
            .await
    }

    /// Records that a user has read on, and tells the others, at once or in a moment.
    pub(super) async fn note_read_mark(&self, user: &SignedIn, flow: FlowId) {
        let key = (user.user(), flow);
        let same = |one: Option<Origin>, other| if one == other { one } else { None };
        if let Some(origin) = self.read_marks.note(key, user.origin, same)
            && let Err(err) = self.tell_read_mark(user.user(), flow, origin).await
        {
            log::debug!("a read mark could not be told: {err}");
        }
    }

    async fn tell_read_mark(
        &self,
        user: UserId,
        flow: FlowId,
        origin: Option<Origin>,
    ) -> Result<(), ServiceError> {
        let found = self
            .store
            .read(move |view| {
                if members::count(view, flow)? > SMALL {
                    return Ok(None);
                }
                let audience = receipts::audience(view, flow, user)?;
                let number = marks::read_number(view, flow, user)?;
                let named = flows::uuid(view, flow)?.zip(users::uuid(view, user)?);
                Ok::<_, ServiceError>(named.zip(number).map(|told| (told, audience)))
            })
            .await?;
        if let Some((((flow, user), number), audience)) = found
            && !audience.is_empty()
        {
            self.hub.publish(Event {
                position: None,
                origin,
                audience: Audience::Users(audience.into()),
                news: News::Seen { flow, user, number },
            });
        }
        Ok(())
    }
}
