//! What users add to messages of others: reactions and votes. Every reader of a flow may do so.
//!
//! If many users do so at once, clients are told at most once a second about each message: of the state
//! at that time.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::messages::{require_unblocked, visible};
use super::recently::Recently;
use super::rooms::RoomDraft;
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Around, By, Level, MessageId, Origin, PublicId, UserId, is_emoji};
use crate::store::around::{self, Telling};
use crate::store::log::Kind;
use crate::store::messages::Handle;
use crate::store::{Tx, View, polls, reactions, room_polls};

/// Maximum number of emoji with which one user may react to a message.
const MAX_OWN: i64 = 3;

/// Number of messages that are announced in one write.
const AT_ONCE: i64 = 100;

/// How long to wait if the database cannot be written.
const RETRY: Duration = Duration::from_secs(5);

/// Messages whose reactions or votes changed a moment ago, with the connection that changed them, if it
/// was one.
pub(super) type Recent = Recently<MessageId, Option<Origin>>;

/// Records a change of reactions or votes; returns whether clients are told now.
pub(super) fn is_told_now(recent: &Recent, message: MessageId, origin: Option<Origin>) -> bool {
    let same = |one: Option<Origin>, other| if one == other { one } else { None };
    recent.note(message, origin, same).is_some()
}

/// Announces the postponed changes, until the service is gone.
pub(super) async fn keep(service: Weak<Service>) {
    let Some(recently) = service.upgrade().map(|it| Arc::clone(&it.recently)) else {
        return;
    };
    loop {
        let (due, next) = recently.due();
        let Some(service) = service.upgrade() else {
            return;
        };
        if !due.is_empty()
            && let Err(err) = service.tell_around(due).await
        {
            log::debug!("reactions could not be told: {err}");
            tokio::time::sleep(RETRY).await;
            // Changes that fail again are announced when the server starts.
            let _ = service.tell_left_over().await;
            continue;
        }
        drop(service);
        recently.wait(next).await;
    }
}

impl Service {
    /// Adds a reaction of the caller to a message, or removes it; doing it twice is no error. Returns the
    /// state afterwards.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a message that is deleted or in a flow that the caller is not a member
    /// of; [`Refusal::BadReaction`], [`Refusal::TooManyReactions`], [`Refusal::TooManyEmoji`],
    /// [`Refusal::Blocked`].
    pub async fn react(
        &self,
        user: &SignedIn,
        message: PublicId,
        emoji: String,
        on: bool,
    ) -> Result<Around, ServiceError> {
        self.react_as(user, message, (emoji, on), None).await
    }

    /// Does the same, with the data that Matrix adds.
    pub(super) async fn react_as(
        &self,
        user: &SignedIn,
        message: PublicId,
        (emoji, on): (String, bool),
        room: Option<RoomDraft>,
    ) -> Result<Around, ServiceError> {
        let user = *user;
        let kinds = i64::try_from(self.limits().reactions).unwrap_or(i64::MAX);
        let recently = Arc::clone(&self.recently);
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let handle = present(tx, message, user.user())?;
                if on {
                    if !is_emoji(&emoji) {
                        return Err(Refusal::BadReaction.into());
                    }
                    require_unblocked(tx, handle.flow, user.user())?;
                    let counts = reactions::count(tx, handle.id, user.user(), &emoji)?;
                    if !counts.has_own && counts.own >= MAX_OWN {
                        return Err(Refusal::TooManyReactions { limit: MAX_OWN }.into());
                    }
                    if !counts.has_kind && counts.kinds >= kinds {
                        return Err(Refusal::TooManyEmoji { limit: kinds }.into());
                    }
                }
                if let Some(room) = room {
                    tx.say(room.said(&user));
                }
                if reactions::set(tx, handle.id, user.user(), &emoji, on)? {
                    let telling = if is_told_now(&recently, handle.id, user.origin) {
                        Telling::Now
                    } else {
                        Telling::Later
                    };
                    let place = (handle.id, handle.flow);
                    around::announce(tx, place, Kind::Reacted, user.by(), telling)?;
                }
                seen_by(tx, handle.id, user.user())
            })
            .await
    }

    /// Votes in a poll for exactly these options. Returns the state afterwards.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such poll in a flow of the caller; [`Refusal::BadVote`],
    /// [`Refusal::PollClosed`], [`Refusal::Blocked`].
    pub async fn vote(
        &self,
        user: &SignedIn,
        message: PublicId,
        mut options: Vec<i64>,
    ) -> Result<Around, ServiceError> {
        let user = *user;
        options.sort_unstable();
        options.dedup();
        let recently = Arc::clone(&self.recently);
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let handle = present(tx, message, user.user())?;
                let ballot = polls::ballot(tx, handle.id)?;
                let ballot = ballot.ok_or(Refusal::NotFound(Thing::Message))?;
                let is_one = |option: &i64| (0..ballot.options).contains(option);
                let is_few = ballot.is_multiple || options.len() <= 1;
                if !is_few || !options.iter().all(is_one) {
                    return Err(Refusal::BadVote.into());
                }
                if ballot.is_closed {
                    return Err(Refusal::PollClosed.into());
                }
                require_unblocked(tx, handle.flow, user.user())?;
                if polls::vote(tx, handle.id, user.user(), &options)? {
                    room_polls::voted(tx, handle.id, user.user(), &options)?;
                    let telling = if is_told_now(&recently, handle.id, user.origin) {
                        Telling::NowAnd(user.user())
                    } else {
                        Telling::LaterBut(user.user())
                    };
                    let place = (handle.id, handle.flow);
                    around::announce(tx, place, Kind::Polled, user.by(), telling)?;
                }
                seen_by(tx, handle.id, user.user())
            })
            .await
    }

    /// Closes a poll; doing it twice is no error. Returns the state afterwards.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if there is no such poll in a flow of the caller; [`Refusal::NotPollOwner`]
    /// for a user who is neither its author nor the flow's owner.
    pub async fn close_poll(
        &self,
        user: &SignedIn,
        message: PublicId,
    ) -> Result<Around, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let handle = present(tx, message, user.user())?;
                if polls::ballot(tx, handle.id)?.is_none() {
                    return Err(Refusal::NotFound(Thing::Message).into());
                }
                let owns = handle.level.is_some_and(|level| level >= Level::OWNER);
                if handle.author != user.user() && !owns {
                    return Err(Refusal::NotPollOwner.into());
                }
                if polls::close(tx, handle.id)? {
                    room_polls::ended(tx, handle.id, user.user())?;
                    let place = (handle.id, handle.flow);
                    around::announce(tx, place, Kind::Polled, user.by(), Telling::Now)?;
                }
                seen_by(tx, handle.id, user.user())
            })
            .await
    }

    /// Tells clients of messages whose reactions or votes changed.
    async fn tell_around(&self, due: Vec<(MessageId, Option<Origin>)>) -> Result<(), ServiceError> {
        self.store
            .write(move |tx| {
                for (message, origin) in &due {
                    let by = By {
                        user: None,
                        origin: *origin,
                    };
                    around::tell(tx, *message, by)?;
                }
                Ok(())
            })
            .await
    }

    /// Announces the changes that an earlier run of the server did not announce before it ended.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn tell_left_over(&self) -> Result<(), ServiceError> {
        loop {
            let left = self
                .store
                .read(|view| Ok::<_, ServiceError>(around::untold(view, AT_ONCE)?))
                .await?;
            if left.is_empty() {
                return Ok(());
            }
            let due = left.into_iter().map(|message| (message, None)).collect();
            self.tell_around(due).await?;
        }
    }
}

/// Returns a message that is not deleted, in a flow that a user is a member of; for other users it does
/// not exist.
fn present(view: &View<'_>, message: PublicId, user: UserId) -> Result<Handle, ServiceError> {
    let handle = visible(view, message, user)?;
    if handle.is_deleted {
        return Err(Refusal::NotFound(Thing::Message).into());
    }
    Ok(handle)
}

fn seen_by(tx: &Tx<'_>, message: MessageId, user: UserId) -> Result<Around, ServiceError> {
    let state = around::state(tx, message, Some(user))?;
    Ok(state.ok_or(Refusal::NotFound(Thing::Message))?)
}
