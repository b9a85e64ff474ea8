//! Sends events to rooms: messages, edits, reactions, redactions and custom events of clients.

use std::sync::Arc;

use super::draft::{RoomDraft, RoomPoll, earlier};
use super::polls::recount;
use super::power::require_event;
use super::readable;
use crate::model::{MessageId, PublicId, is_emoji};
use crate::service::around::is_told_now;
use crate::service::details::{DraftDetails, is_good_poll};
use crate::service::rights::{Action, may};
use crate::service::{Draft, Refusal, RoomRefusal, Service, ServiceError, SignedIn, Thing};
use crate::store::around::{self, Telling};
use crate::store::log::Kind;
use crate::store::room_events::{self, NewRoomEvent, REDACTION};
use crate::store::room_log::RoomEvent;
use crate::store::{flows, messages, reactions, room_log, room_parts, users};

/// The types of events that are messages for MTP.
const MESSAGES: [&str; 5] = [
    "m.room.message",
    "m.sticker",
    "m.room.encrypted",
    "org.matrix.msc3381.poll.start",
    "m.poll.start",
];

/// The event in a room that another event relates to.
struct Target {
    /// The message, if MTP has it too.
    message: Option<MessageId>,
    sender: String,
    kind: String,
    is_redacted: bool,
    /// For an annotation: its message and key.
    is_reaction: bool,
    /// Whether each of its parts is an event.
    has_parts: bool,
    /// The parts that are already redacted, with the redactions.
    gone: Vec<(Option<String>, PublicId)>,
}

/// Returns the part of a message that a redaction removes, and the id of the redaction.
fn gone(redaction: &RoomEvent) -> (Option<String>, PublicId) {
    let part = match &redaction.what {
        room_log::What::Stored(stored) => stored.key.clone(),
        room_log::What::Message(_) => None,
    };
    (part, redaction.uuid)
}

impl Service {
    /// Sends an event to a room. Returns its id; if the session has sent the same transaction id before,
    /// that of the first event.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of or an event that does not
    /// exist; the refusal of actions that the caller may not do there, and of values that are too large.
    pub async fn send_to_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        mut draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        self.require_in_room(user, room).await?;
        let (asked, again) = (*user, draft.clone());
        let known = self
            .store
            .read(move |view| earlier(view, &asked, room, &again))
            .await?;
        if let Some(known) = known {
            return Ok(known);
        }
        self.moods.act(user.user());
        let relation = draft.relation.clone();
        match (draft.kind.as_str(), relation) {
            (_, Some((target, how, _))) if how == "m.replace" => {
                self.send_edit(user, room, target, draft).await
            }
            ("m.reaction", Some((target, how, Some(key)))) if how == "m.annotation" => {
                self.send_reaction(user, room, (target, key), draft).await
            }
            _ if matches!(draft.poll, Some(RoomPoll::Response(_) | RoomPoll::End)) => {
                self.send_to_poll(user, room, draft).await
            }
            (kind, _) if MESSAGES.contains(&kind) => {
                let sent = self.sent_with(user, &mut draft).await?;
                let details = match draft.poll.take() {
                    Some(RoomPoll::Start(poll)) if is_good_poll(&poll, &self.limits()) => {
                        draft.text = None;
                        DraftDetails {
                            poll: Some(poll),
                            ..DraftDetails::default()
                        }
                    }
                    // A poll that is none here is its text.
                    _ => DraftDetails {
                        reply: self.answered(user, room, draft.reply).await?,
                        mentions: self.mentioned(&draft.mentions).await?,
                        calls_room: draft.calls_room,
                        ..DraftDetails::default()
                    },
                };
                let message = Draft {
                    text: draft.text.clone(),
                    sent,
                    details,
                    room: Some(Box::new(draft)),
                    ..Draft::default()
                };
                let posted = self.post_message(user, room, message, None, None).await?;
                Ok(posted.message.uuid)
            }
            _ => self.send_other(user, room, draft, None).await,
        }
    }

    /// Returns the users with some Matrix names, if there are any.
    async fn mentioned(&self, names: &[String]) -> Result<Option<Vec<PublicId>>, ServiceError> {
        if names.is_empty() {
            return Ok(None);
        }
        let names = names.to_vec();
        self.store
            .read(move |view| {
                let mut found = Vec::with_capacity(names.len());
                for name in names {
                    let user = crate::store::localparts::find(view, &name)?;
                    found.extend(user.filter(|it| !it.is_deleted).map(|it| it.uuid));
                }
                Ok::<_, ServiceError>(Some(found))
            })
            .await
    }

    /// Returns the message to answer, if it exists.
    async fn answered(
        &self,
        user: &SignedIn,
        room: PublicId,
        reply: Option<PublicId>,
    ) -> Result<Option<PublicId>, ServiceError> {
        let Some(reply) = reply else { return Ok(None) };
        let user = user.user();
        self.store
            .read(move |view| {
                let found = messages::handle(view, reply, user)?;
                Ok(found
                    .filter(|it| it.flow_uuid == room && !it.is_deleted)
                    .map(|_| reply))
            })
            .await
    }

    async fn target(
        &self,
        user: &SignedIn,
        room: PublicId,
        uuid: PublicId,
    ) -> Result<Target, ServiceError> {
        let asker = user.user();
        self.store
            .read(move |view| {
                let (room, _) = readable(view, room, asker)?;
                let missing = || ServiceError::from(Refusal::NotFound(Thing::Message));
                let (flow, event) = room_log::by_uuid(view, uuid)?.ok_or_else(missing)?;
                if flow != room.flow {
                    return Err(missing());
                }
                let is_reaction = event.kind() == "m.reaction";
                // A message may be about another too: the one that it answers, in a thread.
                let itself = messages::handle(view, uuid, asker)?;
                let message = match &itself {
                    Some(message) => Some(message.id),
                    None if is_reaction => room_events::message_of(view, uuid)?.map(|(id, _)| id),
                    None => None,
                };
                let (has_parts, taken) = match &itself {
                    Some(message) => (
                        matches!(event.what, room_log::What::Message(_))
                            || !room_parts::later(view, message.id)?.is_empty(),
                        room_log::gone_parts(view, uuid)?,
                    ),
                    None => (false, Vec::new()),
                };
                let is_there = has_parts && itself.is_some_and(|message| !message.is_deleted);
                Ok(Target {
                    message,
                    kind: event.kind().to_owned(),
                    is_redacted: event.redaction.is_some() && !is_there,
                    has_parts,
                    gone: taken.iter().map(gone).collect(),
                    sender: event.sender,
                    is_reaction,
                })
            })
            .await
    }

    /// Sends an edit: one by the author changes the message, one by another user is only stored.
    async fn send_edit(
        &self,
        user: &SignedIn,
        room: PublicId,
        uuid: PublicId,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        let target = self.target(user, room, uuid).await?;
        let (_, own) = self.device_of(user).await?;
        let is_message = target.message.is_some() && !target.is_reaction;
        if target.sender != own.localpart || !is_message || target.is_redacted {
            return self.send_other(user, room, draft, target.message).await;
        }
        let made = draft.uuid;
        let edit = Draft {
            text: draft.text.clone(),
            room: Some(Box::new(draft)),
            ..Draft::default()
        };
        self.edit_message(user, uuid, edit).await?;
        Ok(made)
    }

    /// Sends a reaction: an emoji as a reaction to a message is also one for MTP.
    async fn send_reaction(
        &self,
        user: &SignedIn,
        room: PublicId,
        (uuid, key): (PublicId, String),
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        let target = self.target(user, room, uuid).await?;
        let (who, emoji) = (user.user(), key.clone());
        let twice = self
            .store
            .read(move |view| {
                Ok::<_, ServiceError>(room_events::annotation(view, uuid, who, &emoji)?)
            })
            .await?;
        if twice.is_some() {
            return Err(Refusal::Room(RoomRefusal::SameReaction).into());
        }
        let made = draft.uuid;
        if target.message.is_some() && !target.is_reaction && is_emoji(&key) {
            self.react_as(user, uuid, (key, true), Some(draft)).await?;
            return Ok(made);
        }
        self.send_other(user, room, draft, target.message).await
    }

    /// Sends an event that is not a message for MTP.
    async fn send_other(
        &self,
        user: &SignedIn,
        room: PublicId,
        draft: RoomDraft,
        message: Option<MessageId>,
    ) -> Result<PublicId, ServiceError> {
        let user = *user;
        let limits = self.limits();
        let counts = Arc::clone(&self.counts);
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if let Some(known) = earlier(tx, &user, room, &draft)? {
                    return Ok(known);
                }
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                require_event(tx, &access, &draft.kind, false)?;
                counts.message(user.user(), user.session.is_bot, &limits)?;
                let new = NewRoomEvent {
                    message,
                    ..draft.event(&user)
                };
                Ok(room_events::add(tx, access.id, user.by(), new)?)
            })
            .await
    }

    /// Redacts an event. Returns the id of the redaction.
    ///
    /// # Errors
    /// Those of [`send_to_room`](Self::send_to_room); [`Refusal::NotRemover`].
    pub async fn redact(
        &self,
        user: &SignedIn,
        room: PublicId,
        (uuid, part): (PublicId, Option<usize>),
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        self.require_in_room(user, room).await?;
        let (asked, again) = (*user, draft.clone());
        let known = self
            .store
            .read(move |view| earlier(view, &asked, room, &again))
            .await?;
        if let Some(known) = known {
            return Ok(known);
        }
        let target = self.target(user, room, uuid).await?;
        let part = part.map_or_else(|| room_parts::TEXT.to_owned(), |part| part.to_string());
        let part = Some(part).filter(|_| target.has_parts);
        let gone = target
            .gone
            .iter()
            .find(|(gone, _)| part.is_some() && *gone == part);
        if let Some((_, redaction)) = gone {
            return Ok(*redaction);
        }
        let made = draft.uuid;
        match target.message {
            Some(_) if target.is_reaction => {
                if let Some((message, emoji)) = self.reaction(user, uuid).await? {
                    let change = (emoji, false);
                    self.react_as(user, message, change, Some(draft)).await?;
                    return Ok(made);
                }
            }
            Some(_) if !target.is_redacted && target.kind != "m.room.redaction" => {
                self.redact_message(user, uuid, Some(room), Some((draft, part)))
                    .await?;
                return Ok(made);
            }
            _ => {}
        }
        self.strike(user, room, uuid, target, draft).await
    }

    /// Returns the message and the emoji of a reaction of the caller, if MTP has it too.
    async fn reaction(
        &self,
        user: &SignedIn,
        uuid: PublicId,
    ) -> Result<Option<(PublicId, String)>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| Ok(reactions::of_event(view, uuid, user)?))
            .await
    }

    async fn strike(
        &self,
        user: &SignedIn,
        room: PublicId,
        uuid: PublicId,
        target: Target,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        let user = *user;
        let recently = Arc::clone(&self.recently);
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let own = crate::store::localparts::of(tx, user.user())?;
                let is_own = own.is_some_and(|own| own.localpart == target.sender);
                if !is_own && users::is_admin(tx, user.user())? != Some(true) {
                    may(&access, Action::Delete { is_own })?;
                }
                let new = NewRoomEvent {
                    relation: Some((uuid, REDACTION, None)),
                    ..draft.event(&user)
                };
                let made = room_events::add(tx, access.id, user.by(), new)?;
                let reacted = reactions::strike(tx, uuid)?.map(|it| (it, Kind::Reacted));
                let polled = recount(tx, uuid)?.map(|it| (it, Kind::Polled));
                if let Some((message, kind)) = reacted.or(polled) {
                    let telling = if is_told_now(&recently, message, user.origin) {
                        Telling::Now
                    } else {
                        Telling::Later
                    };
                    let place = (message, access.id);
                    around::announce(tx, place, kind, user.by(), telling)?;
                }
                Ok(made)
            })
            .await
    }
}
