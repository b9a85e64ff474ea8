//! What people add to messages of others: reactions and votes. Whoever reads a flow may.
//!
//! When many do so at once, those who listen are told at most once a second of each message: of how
//! things stand then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::messages::{require_unblocked, visible};
use super::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{Around, By, Level, MessageId, Origin, PublicId, UserId, is_emoji};
use crate::store::around::{self, Telling};
use crate::store::log::Kind;
use crate::store::messages::Handle;
use crate::store::{Tx, View, polls, reactions};

/// Emoji with which one user may react to a message.
const MAX_OWN: i64 = 3;

/// Least time between two frames about what is around one message.
const APART: Duration = Duration::from_secs(1);

/// Messages that are told of in one write.
const AT_ONCE: i64 = 100;

/// Messages that are remembered before old ones are forgotten.
const REMEMBERED: usize = 256;

/// How long telling waits when the file cannot be written.
const RETRY: Duration = Duration::from_secs(5);

/// A message of which listeners were told a moment ago.
#[derive(Debug)]
struct Recent {
    told_at: Instant,
    /// Set when there is more to tell; where it came from, if from one connection only.
    waiting: Option<Option<Origin>>,
}

/// Which messages listeners were told of a moment ago.
#[derive(Debug, Default)]
pub(super) struct Recently {
    messages: Mutex<HashMap<MessageId, Recent>>,
    /// Woken when something begins to wait.
    wake: Notify,
}

impl Recently {
    fn messages(&self) -> MutexGuard<'_, HashMap<MessageId, Recent>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a change; tells whether listeners hear of it now.
    fn is_told_now(&self, message: MessageId, origin: Option<Origin>) -> bool {
        let now = Instant::now();
        let mut messages = self.messages();
        if messages.len() >= REMEMBERED {
            messages.retain(|_, it| it.waiting.is_some() || now < it.told_at + APART);
        }
        if let Some(recent) = messages.get_mut(&message)
            && now < recent.told_at + APART
        {
            let is_same = recent.waiting.is_none_or(|waiting| waiting == origin);
            let is_first = recent.waiting.is_none();
            recent.waiting = Some(origin.filter(|_| is_same));
            drop(messages);
            if is_first {
                self.wake.notify_one();
            }
            return false;
        }
        let recent = Recent {
            told_at: now,
            waiting: None,
        };
        messages.insert(message, recent);
        true
    }

    /// Those that have waited long enough, and when the next has.
    fn due(&self) -> (Vec<(MessageId, Option<Origin>)>, Option<Instant>) {
        let now = Instant::now();
        let mut messages = self.messages();
        let (mut due, mut next) = (Vec::new(), None);
        for (message, recent) in messages.iter_mut() {
            let Some(origin) = recent.waiting else {
                continue;
            };
            let at = recent.told_at + APART;
            if at <= now {
                recent.told_at = now;
                recent.waiting = None;
                due.push((*message, origin));
            } else {
                next = Some(next.map_or(at, |next: Instant| next.min(at)));
            }
        }
        (due, next)
    }
}

/// Tells of what has waited, until the service is gone.
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
            // What fails again is told when the server starts.
            let _ = service.tell_left_over().await;
            continue;
        }
        drop(service);
        match next {
            Some(at) => tokio::time::sleep_until(at.into()).await,
            None => recently.wake.notified().await,
        }
    }
}

impl Service {
    /// Adds a reaction of the caller's to a message, or takes it back; twice is fine. Returns how
    /// things stand then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a message that is deleted or in a flow that the caller is not in;
    /// [`Refusal::BadReaction`], [`Refusal::TooManyReactions`], [`Refusal::TooManyEmoji`],
    /// [`Refusal::Blocked`].
    pub async fn react(
        &self,
        user: &SignedIn,
        message: PublicId,
        emoji: String,
        on: bool,
    ) -> Result<Around, ServiceError> {
        let user = *user;
        let kinds = i64::try_from(self.limits().reactions).unwrap_or(i64::MAX);
        let recently = Arc::clone(&self.recently);
        self.store
            .write(move |tx| {
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
                if reactions::set(tx, handle.id, user.user(), &emoji, on)? {
                    let telling = if recently.is_told_now(handle.id, user.origin) {
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

    /// Votes in a poll: these options and no others. Returns how things stand then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is no poll in a flow that the caller is in;
    /// [`Refusal::BadVote`], [`Refusal::PollClosed`], [`Refusal::Blocked`].
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
                    let telling = if recently.is_told_now(handle.id, user.origin) {
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

    /// Ends a poll; twice is fine. Returns how things stand then.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for what is no poll in a flow that the caller is in;
    /// [`Refusal::NotPollOwner`] for who is neither its author nor the flow's owner.
    pub async fn close_poll(
        &self,
        user: &SignedIn,
        message: PublicId,
    ) -> Result<Around, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                let handle = present(tx, message, user.user())?;
                if polls::ballot(tx, handle.id)?.is_none() {
                    return Err(Refusal::NotFound(Thing::Message).into());
                }
                let owns = handle.level.is_some_and(|level| level >= Level::OWNER);
                if handle.author != user.user() && !owns {
                    return Err(Refusal::NotPollOwner.into());
                }
                if polls::close(tx, handle.id)? {
                    let place = (handle.id, handle.flow);
                    around::announce(tx, place, Kind::Polled, user.by(), Telling::Now)?;
                }
                seen_by(tx, handle.id, user.user())
            })
            .await
    }

    /// Tells those who listen of messages around which something changed.
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

    /// Tells what an earlier run of the server had not told when it ended.
    ///
    /// # Errors
    /// The file cannot be written.
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

/// A message that is not deleted, in a flow that a user is in; to others it does not exist.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_told_of_at_once_and_then_once_a_second() {
        let recently = Recently::default();
        let (one, other) = (MessageId(1), MessageId(2));
        assert!(recently.is_told_now(one, Some(Origin(1))));
        assert!(recently.is_told_now(other, Some(Origin(1))));
        assert!(!recently.is_told_now(one, Some(Origin(1))));
        let (due, next) = recently.due();
        assert!(due.is_empty() && next.is_some());
        recently.messages().get_mut(&one).unwrap().told_at -= APART;
        assert_eq!(recently.due().0, [(one, Some(Origin(1)))]);
        assert!(recently.due().0.is_empty(), "once");
        assert!(!recently.is_told_now(one, Some(Origin(1))));
        assert!(!recently.is_told_now(one, Some(Origin(2))));
        recently.messages().get_mut(&one).unwrap().told_at -= APART;
        assert_eq!(recently.due().0, [(one, None)], "of several connections");
    }
}
