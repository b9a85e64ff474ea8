//! Messages that are requested by a property: by their ids, or by their files.

use super::messages::visible;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Form, Message, PublicId};
use crate::store::messages::Load;
use crate::store::{View, about, flows, picked};

/// A list of messages.
#[derive(Debug)]
pub struct Several {
    /// The messages.
    pub messages: Vec<Message>,
    /// Whether some of the requested messages are missing.
    pub is_partial: bool,
}

impl Service {
    /// Returns messages by their ids, in the requested order.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if the caller may read none of them.
    pub async fn messages_by_id(
        &self,
        user: &SignedIn,
        ids: Vec<PublicId>,
        form: Form,
    ) -> Result<Several, ServiceError> {
        let user = user.user();
        let (budget, files) = (self.limits().answer_bytes, self.limits().files_bytes);
        self.store
            .read(move |view| {
                let mut known = Vec::with_capacity(ids.len());
                for id in &ids {
                    match visible(view, *id, user) {
                        Ok(handle) => known.push(handle.id),
                        Err(ServiceError::Refused(_)) => {}
                        Err(err) => return Err(err),
                    }
                }
                if known.is_empty() {
                    return Err(Refusal::NotFound(Thing::Message).into());
                }
                let is_missing = known.len() < ids.len();
                let loaded =
                    picked::several(view, known.into_iter(), Load::of(form, files), budget)?;
                let mut several = personal(view, loaded, form, user)?;
                several.is_partial |= is_missing;
                Ok(several)
            })
            .await
    }

    /// Returns messages of a flow that have files of some kinds (one bit for each), below a number,
    /// newest first.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn messages_with_files(
        &self,
        user: &SignedIn,
        flow: PublicId,
        (kinds, before): (i64, Option<i64>),
        form: Form,
    ) -> Result<Several, ServiceError> {
        let user = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let before = before.map_or(i64::MAX, |it| it.saturating_add(access.first_number));
                let mut ids =
                    picked::with_files(view, access.id, kinds, before, limits.messages + 1)?;
                let has_more = ids.len() > limits.messages;
                ids.truncate(limits.messages);
                let loaded = picked::several(
                    view,
                    ids.into_iter(),
                    Load::of(form, limits.files_bytes),
                    limits.answer_bytes,
                )?;
                let mut several = personal(view, loaded, form, user)?;
                several.is_partial |= has_more;
                Ok(several)
            })
            .await
    }
}

fn personal(
    view: &View<'_>,
    (mut messages, is_partial): (Vec<Message>, bool),
    form: Form,
    user: crate::model::UserId,
) -> Result<Several, ServiceError> {
    if form.is_rich() {
        about::personal(view, &mut messages, user)?;
    }
    Ok(Several {
        messages,
        is_partial,
    })
}
