//! Messages that are pinned in a flow.

use std::sync::Arc;

use super::messages::visible;
use super::rights::{Action, may};
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Form, Message, PublicId};
use crate::store::events::{self, Deed};
use crate::store::log::Kind;
use crate::store::messages::Load;
use crate::store::pins::{self, Pin};
use crate::store::{about, flow_edits, flows, picked};

/// The pinned messages of a flow.
#[derive(Debug)]
pub struct Pinned {
    /// The messages, last pinned first.
    pub messages: Vec<Message>,
    /// The user who pinned each message, and when.
    pub pins: Vec<Pin>,
    /// Whether some messages did not fit.
    pub is_cut: bool,
}

impl Service {
    /// Pins or unpins a message; doing it twice is no error. Returns the flow and its pinned messages
    /// afterwards, last first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a message that is deleted or in a flow that the caller is not a member
    /// of; [`Refusal::NotPinner`], [`Refusal::TooManyPins`].
    pub async fn pin(
        &self,
        user: &SignedIn,
        message: PublicId,
        on: bool,
    ) -> Result<(PublicId, Vec<PublicId>), ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let limit = limits.pins;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let handle = visible(tx, message, user.user())?;
                if handle.is_deleted {
                    return Err(Refusal::NotFound(Thing::Message).into());
                }
                let access = flows::access(tx, handle.flow_uuid, user.user())?
                    .ok_or(Refusal::NotFound(Thing::Message))?;
                may(&access, Action::Pin)?;
                if pins::has(tx, access.id, handle.id)? != on {
                    let count = usize::try_from(pins::count(tx, access.id)?).unwrap_or(usize::MAX);
                    if on && count >= limit {
                        return Err(Refusal::TooManyPins { limit }.into());
                    }
                    // Each change is shown in the conversation forever, as a message is.
                    counts.message(user.user(), user.session.is_bot, &limits)?;
                    pins::set(tx, access.id, handle.id, user.user(), on)?;
                    let kind = if on { Kind::Pinned } else { Kind::Unpinned };
                    let deed = Deed::Message(kind, handle.id, message);
                    let event = events::append(tx, access.id, deed, user.by())?;
                    flow_edits::tell(tx, access.id, vec![event], user.by())?;
                }
                let pins = pins::of_flow(tx, access.id)?;
                let list = pins.into_iter().map(|pin| pin.message).collect();
                Ok((handle.flow_uuid, list))
            })
            .await
    }

    /// Returns the pinned messages of a flow.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn pins(
        &self,
        user: &SignedIn,
        flow: PublicId,
        form: Form,
    ) -> Result<Pinned, ServiceError> {
        let user = user.user();
        let (budget, files) = (self.limits().answer_bytes, self.limits().files_bytes);
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let pins = pins::of_flow(view, access.id)?;
                let ids = pins.iter().map(|pin| pin.id);
                let (mut messages, is_cut) =
                    picked::several(view, ids, Load::of(form, files), budget)?;
                if form.is_rich() {
                    about::personal(view, &mut messages, user)?;
                }
                Ok(Pinned {
                    messages,
                    pins,
                    is_cut,
                })
            })
            .await
    }
}
