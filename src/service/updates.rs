//! Catching up: what changed since a position or a time, as far as one user may see it.

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

/// What changed, each thing once, in its present state.
#[derive(Debug, Default)]
pub struct Updates {
    /// Messages that were sent, edited or deleted, in the order of their last change.
    pub messages: Vec<Message>,
    /// What is pinned in flows where that changed, the last first.
    pub pinned: Vec<(PublicId, Vec<PublicId>)>,
    /// Flows that the user has set up.
    pub settings: Vec<(PublicId, FlowSettings)>,
    /// How things stand around messages of which only that changed.
    pub around: Vec<Around>,
    /// Flows that were made or changed, or whose members did.
    pub flows: Vec<Flow>,
    /// Users who registered or changed their profile.
    pub users: Vec<User>,
    /// How far the user has read.
    pub read: Vec<ReadMark>,
    /// Flows that the user is no longer in.
    pub left: Vec<PublicId>,
    /// Flows of which something changed that only some protocols show.
    pub details: Vec<Flow>,
    /// What happened in flows, in order.
    pub events: Vec<FlowEvent>,
    /// Flows that the user is no longer invited to.
    pub uninvited: Vec<PublicId>,
    /// Flows that the user was invited to.
    pub invited: Vec<InvitedTo>,
    /// The user's own account, if it changed.
    pub account: Option<OwnAccount>,
    /// Whom the user blocks, if that changed.
    pub blocked: Option<Vec<PublicId>>,
    /// What became of the archive that the user wanted, if that is known since; within, `None`: it
    /// cannot be had.
    pub archive: Option<Option<File>>,
    /// Whether the reader was told everything up to its position by a file that this one replaced,
    /// and has to read everything anew; then nothing else is told.
    pub reset: bool,
    /// Everything up to here has been told.
    pub position: Position,
    /// The same, more precisely, to go on from.
    pub cursor: Cursor,
    /// Whether that is all there is.
    pub complete: bool,
    /// When the last of these changes was made.
    pub last_at: Option<Timestamp>,
    /// When the first change after these was made, of those that concern the user.
    pub next_at: Option<Timestamp>,
}

impl Updates {
    /// Tells whether nothing changed that every protocol shows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.flows.is_empty()
            && self.users.is_empty()
            && self.read.is_empty()
            && self.left.is_empty()
    }

    /// Tells whether nothing changed, also of what only some protocols show.
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

/// How far to look for changes, and what of them is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within {
    /// Only at changes that were made before this time.
    pub before: Option<Timestamp>,
    /// At so many messages instead of the limit.
    pub max_messages: Option<usize>,
    /// In which form they are told: with pictures, and with all members of large flows, only in plain.
    pub form: Form,
}

impl Service {
    /// What changed after a position, within bounds.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn updates_within(
        &self,
        user: &SignedIn,
        from: Cursor,
        within: Within,
    ) -> Result<Updates, ServiceError> {
        self.read_updates(user, from, within).await
    }

    /// The same as a future of its own, which goes on whatever becomes of who waits for it.
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
                    // Said before the reader passes them over. Nothing is left to say then, unless the
                    // user came back meanwhile and left again.
                    Err(unheard) => {
                        let note = move |tx: &Tx<'_>| Ok(unheard::note(tx, id, &unheard)?);
                        store.write::<_, ServiceError, _>(note).await?;
                    }
                }
            }
        }
    }

    /// The time until which no change can be made any more.
    #[must_use]
    pub fn settled_until(&self) -> Timestamp {
        self.store.settled_until()
    }

    /// The last position before a second, to follow from there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn position_before(&self, second: i64) -> Result<Position, ServiceError> {
        self.store
            .read(move |view| Ok(log::before(view, Timestamp::from_seconds(second))?))
            .await
    }

    /// Tells whether whoever was told everything up to a position was told so by a file that this one
    /// replaced.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn is_void(&self, position: Position) -> Result<bool, ServiceError> {
        self.store
            .read(move |view| Ok(gaps::is_void(view, position)?))
            .await
    }

    /// How things stand for who begins to follow; in rich form with the user's own account.
    ///
    /// # Errors
    /// The file cannot be read.
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
                // Who blocks the user is not seen.
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

/// What changed after a position, as one state of the file has it.
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

/// How things stand for who begins to follow.
#[derive(Debug)]
pub struct Standing {
    /// The end of the log.
    pub position: Position,
    /// Who of those that share a flow with the user is connected: the ids that clients know.
    pub online: Vec<Digits>,
    /// The user's own account, in rich form.
    pub account: Option<OwnAccount>,
}

/// How far a reader has been told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here.
    pub after: Position,
    /// Where reading stopped inside the row that comes next, which stands for many.
    pub inside: Option<Inside>,
}

impl Cursor {
    /// The cursor of who has been told everything up to a position.
    #[must_use]
    pub fn after(after: Position) -> Self {
        Self {
            after,
            inside: None,
        }
    }
}

/// A place inside a row that says that the reader came back to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inside {
    /// The row.
    row: Position,
    /// What has been told of what happened in that flow.
    told: Position,
}
