//! Votes in polls, and their end, as events of a room.

use std::sync::Arc;

use super::draft::{RoomDraft, RoomPoll, earlier};
use super::power::require_event;
use crate::model::{Level, MessageId, PublicId};
use crate::service::around::is_told_now;
use crate::service::messages::require_unblocked;
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::around::{self, Telling};
use crate::store::log::Kind;
use crate::store::messages::Handle;
use crate::store::room_events::{self, NewRoomEvent};
use crate::store::{Tx, flows, messages, polls, room_polls};

impl Service {
    /// Sends an event that votes in a poll or closes it. One that may not, or comes too late, is only stored.
    pub(super) async fn send_to_poll(
        &self,
        user: &SignedIn,
        room: PublicId,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let recently = Arc::clone(&self.recently);
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if let Some(known) = earlier(tx, &user, room, &draft)? {
                    return Ok(known);
                }
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let poll = draft
                    .relation
                    .as_ref()
                    .filter(|(_, how, _)| how == "m.reference")
                    .map(|(uuid, _, _)| messages::handle(tx, *uuid, user.user()))
                    .transpose()?
                    .flatten()
                    .filter(|it| it.flow == access.id && !it.is_deleted);
                let ballot = match &poll {
                    Some(poll) => polls::ballot(tx, poll.id)?,
                    None => None,
                };
                // Every reader may vote, also one who may not write.
                if ballot.is_none() {
                    require_event(tx, &access, &draft.kind, false)?;
                }
                counts.message(user.user(), user.session.is_bot, &limits)?;
                let is_open = ballot.is_some_and(|ballot| !ballot.is_closed);
                let changed = match (&poll, &draft.poll) {
                    (Some(poll), Some(part)) if is_open => take(tx, &user, poll, part, &draft)?,
                    _ => false,
                };
                let message = poll.map(|poll| poll.id);
                let new = NewRoomEvent {
                    message,
                    ..draft.event(&user)
                };
                let made = room_events::add(tx, access.id, user.by(), new)?;
                if let Some(message) = message.filter(|_| changed) {
                    let telling = if is_told_now(&recently, message, user.origin) {
                        Telling::NowAnd(user.user())
                    } else {
                        Telling::LaterBut(user.user())
                    };
                    let place = (message, access.id);
                    around::announce(tx, place, Kind::Polled, user.by(), telling)?;
                }
                Ok(made)
            })
            .await
    }
}

/// Counts a vote, or closes the poll. Returns whether that changes anything.
fn take(
    tx: &Tx<'_>,
    user: &SignedIn,
    poll: &Handle,
    part: &RoomPoll,
    draft: &RoomDraft,
) -> Result<bool, ServiceError> {
    let uuid = draft.relation.as_ref().map(|(uuid, _, _)| *uuid);
    match (part, uuid) {
        (RoomPoll::Response(chosen), Some(uuid)) => {
            require_unblocked(tx, poll.flow, user.user())?;
            let options = room_polls::selected(tx, poll.id, uuid, chosen)?;
            Ok(polls::vote(tx, poll.id, user.user(), &options)?)
        }
        (RoomPoll::End, _) => {
            let owns = poll.level.is_some_and(|level| level >= Level::OWNER);
            Ok((poll.author == user.user() || owns) && polls::close(tx, poll.id)?)
        }
        _ => Ok(false),
    }
}

/// Counts anew after a vote was redacted. Returns the message of the poll if that changes anything.
pub(super) fn recount(tx: &Tx<'_>, redacted: PublicId) -> Result<Option<MessageId>, ServiceError> {
    let Some(found) = room_polls::recount(tx, redacted)? else {
        return Ok(None);
    };
    let changed = polls::vote(tx, found.message, found.user, &found.options)?;
    Ok(changed.then_some(found.message))
}
