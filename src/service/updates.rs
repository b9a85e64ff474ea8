//! Catching up: the changes since a position or a time, as far as a user may see them.

mod page;

use std::sync::Arc;

use rustc_hash::FxHashSet;

use super::own_account::Configured;
use super::{Limits, Service, ServiceError, SignedIn, own_account};
use crate::model::{
    Around, Digits, File, Flow, FlowEvent, FlowSettings, Form, InvitedTo, Message, OwnAccount,
    Position, PublicId, ReadMark, Timestamp, User, UserId,
};
use crate::store::{Tx, View, about, blocks, gaps, log, members, unheard};
use page::Page;

/// Changed things, each once and in its present state.
#[derive(Debug, Default)]
pub struct Updates {
    /// Messages that were sent, edited or deleted, in the order of their last change.
    pub messages: Vec<Message>,
    /// The pinned messages of flows where they changed, last first.
    pub pinned: Vec<(PublicId, Vec<PublicId>)>,
    /// Flows whose settings the user has changed.
    pub settings: Vec<(PublicId, FlowSettings)>,
    /// Reactions and polls of messages of which nothing else changed.
    pub around: Vec<Around>,
    /// Flows that were created or changed, or whose members changed.
    pub flows: Vec<Flow>,
    /// Users who registered or changed their profile.
    pub users: Vec<User>,
    /// How far the user has read.
    pub read: Vec<ReadMark>,
    /// Flows that the user is no longer a member of.
    pub left: Vec<PublicId>,
    /// Flows with changes that only some protocols show.
    pub details: Vec<Flow>,
    /// Events in flows, in order.
    pub events: Vec<FlowEvent>,
    /// Flows that the user is no longer invited to.
    pub uninvited: Vec<PublicId>,
    /// Flows that the user was invited to.
    pub invited: Vec<InvitedTo>,
    /// The user's own account, if it changed.
    pub account: Option<OwnAccount>,
    /// The users whom the user blocks, if that changed.
    pub blocked: Option<Vec<PublicId>>,
    /// The result of the archive that the user requested, if it has become known; inner `None`: it cannot
    /// be made.
    pub archive: Option<Option<File>>,
    /// Whether the reader's position belongs to a database that was replaced by this one. Then the reader
    /// has to read everything again, and nothing else is included.
    pub reset: bool,
    /// The position up to which changes are included.
    pub position: Position,
    /// The same position with more precision, to continue from.
    pub cursor: Cursor,
    /// Whether there are no more changes.
    pub complete: bool,
    /// When the last of these changes was made.
    pub last_at: Option<Timestamp>,
    /// When the first later change was made that concerns the user.
    pub next_at: Option<Timestamp>,
}

impl Updates {
    /// Returns whether nothing changed that every protocol shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.flows.is_empty()
            && self.users.is_empty()
            && self.read.is_empty()
            && self.left.is_empty()
    }

    /// Returns whether nothing changed at all, including what only some protocols show.
    #[must_use]
    pub fn is_wholly_empty(&self) -> bool {
        self.is_empty()
            && self.details.is_empty()
            && self.around.is_empty()
            && self.pinned.is_empty()
            && self.settings.is_empty()
            && self.events.is_empty()
            && self.invited.is_empty()
            && self.uninvited.is_empty()
            && self.account.is_none()
            && self.blocked.is_none()
            && self.archive.is_none()
    }
}

/// Limits of a read of changes, and their form.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within {
    /// Only changes that were made before this time.
    pub before: Option<Timestamp>,
    /// A maximum number of messages that replaces the limit.
    pub max_messages: Option<usize>,
    /// The form: only plain form includes pictures, and all members of large flows.
    pub form: Form,
}

impl Service {
    /// Returns the changes after a position, within limits.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn updates_within(
        &self,
        user: &SignedIn,
        from: Cursor,
        within: Within,
    ) -> Result<Updates, ServiceError> {
        self.read_updates(user, from, within).await
    }

    /// Does the same as an independent future, which continues even if its caller is dropped.
    pub(super) fn read_updates(
        &self,
        user: &SignedIn,
        from: Cursor,
        within: Within,
    ) -> impl Future<Output = Result<Updates, ServiceError>> + Send + 'static + use<> {
        let id = user.user();
        let limits = self.limits();
        let store = self.store.clone();
        let configured = self.as_configured();
        async move {
            loop {
                let limits = Arc::clone(&limits);
                let read = store.read(move |view| {
                    let unheard = unheard::after(view, id, from.after)?;
                    if unheard.is_empty() {
                        read(view, id, from, (&limits, configured), within).map(Ok)
                    } else {
                        Ok(Err(unheard))
                    }
                });
                match read.await? {
                    Ok(updates) => return Ok(updates),
                    // Recorded before the reader passes them. After that, nothing is left to record,
                    // unless the user came back meanwhile and left again.
                    Err(unheard) => {
                        let note = move |tx: &Tx<'_>| Ok(unheard::note(tx, id, &unheard)?);
                        store.write::<_, ServiceError, _>(note).await?;
                    }
                }
            }
        }
    }

    /// Returns the time before which no more changes can be made.
    #[must_use]
    pub fn settled_until(&self) -> Timestamp {
        self.store.settled_until()
    }

    /// Returns the last position before a second, to follow from there.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn position_before(&self, second: i64) -> Result<Position, ServiceError> {
        self.store
            .read(move |view| Ok(log::before(view, Timestamp::from_seconds(second))?))
            .await
    }

    /// Returns whether a position belongs to a database that was replaced by this one.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn is_void(&self, position: Position) -> Result<bool, ServiceError> {
        self.store
            .read(move |view| Ok(gaps::is_void(view, position)?))
            .await
    }

    /// Returns the present state for a client that starts to follow; in rich form with the user's own
    /// account.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn standing(&self, user: &SignedIn, form: Form) -> Result<Standing, ServiceError> {
        let id = user.user();
        let hub = Arc::clone(&self.hub);
        let companions = Arc::clone(&self.companions);
        let as_of = companions.as_of();
        let configured = self.as_configured();
        self.store
            .read(move |view| {
                let (position, _) = log::last(view)?;
                let mut online = Vec::new();
                for flow in members::flows_of(view, id)? {
                    hub.add_online(&companions.members(view, flow, as_of)?, &mut online);
                }
                // Users who block the user are not shown.
                let blockers: FxHashSet<_> = blocks::blockers(view, id)?.into_iter().collect();
                online.retain(|(user, _)| *user != id && !blockers.contains(user));
                online.sort_unstable_by_key(|(user, _)| *user);
                online.dedup_by_key(|(user, _)| *user);
                let account = if form.is_rich() {
                    own_account::of(view, id, configured)?
                } else {
                    None
                };
                Ok(Standing {
                    position,
                    online: online.into_iter().map(|(_, uuid)| uuid).collect(),
                    account,
                })
            })
            .await
    }
}

/// Reads the changes after a position in one state of the database.
fn read(
    view: &View<'_>,
    user: UserId,
    from: Cursor,
    (limits, configured): (&Limits, Configured),
    within: Within,
) -> Result<Updates, ServiceError> {
    if within.form.is_rich() && gaps::is_void(view, from.after)? {
        let (position, _) = log::last(view)?;
        return Ok(Updates {
            reset: true,
            position,
            cursor: Cursor::after(position),
            complete: true,
            ..Updates::default()
        });
    }
    let mut page = Page::new(view, user, from, limits, within)?;
    page.fill()?;
    let mut updates = page.into_updates()?;
    if within.form.is_rich() {
        about::personal(view, &mut updates.messages, user)?;
    }
    if updates.account.is_some() {
        updates.account = own_account::of(view, user, configured)?;
    }
    Ok(updates)
}

/// The present state for a client that starts to follow.
#[derive(Debug)]
pub struct Standing {
    /// The end of the log.
    pub position: Position,
    /// The connected users who share a flow with the user: the ids that clients know.
    pub online: Vec<Digits>,
    /// The user's own account, in rich form.
    pub account: Option<OwnAccount>,
}

/// How far a reader has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to this position has been told.
    pub after: Position,
    /// Where reading stopped inside the next row, if that row stands for many changes.
    pub inside: Option<Inside>,
}

impl Cursor {
    /// Returns the cursor of a reader who has been told everything up to a position.
    #[must_use]
    pub fn after(after: Position) -> Self {
        Self {
            after,
            inside: None,
        }
    }
}

/// A place inside a row that records that the reader came back to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// The row.
    row: Position,
    /// The position in that flow up to which changes have been told.
    told: Position,
}
