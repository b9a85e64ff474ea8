//! Catching up: what changed since a position or a time, as far as one user may see it.

use std::collections::HashSet;

use super::{Limits, Service, ServiceError, SignedIn};
use crate::model::{Content, Flow, Message, Position, PublicId, Timestamp, User, UserId};
use crate::store::follower::Follower;
use crate::store::log::{self, Change, Subject};
use crate::store::messages::Fitting;
use crate::store::{View, flows, members, messages, users};

/// Flows, profiles and marks in an answer at most.
const MAX_OTHERS: usize = 1000;

/// What changed, each thing once, in its present state.
#[derive(Debug, Default)]
pub struct Updates {
    /// Messages that were sent, edited or deleted, in the order of their last change.
    pub messages: Vec<Message>,
    /// Flows that were made or changed, or whose members did.
    pub flows: Vec<Flow>,
    /// Users who registered or changed their profile.
    pub users: Vec<User>,
    /// How far the user has read.
    pub read: Vec<(PublicId, i64)>,
    /// Flows that the user is no longer in.
    pub left: Vec<PublicId>,
    /// Everything up to here has been told.
    pub position: Position,
    /// Whether that is all there is.
    pub complete: bool,
    /// When the last of these changes was made.
    pub last_at: Option<Timestamp>,
    /// When the first change after these was made, of those that concern the user.
    pub next_at: Option<Timestamp>,
}

impl Updates {
    /// Tells whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
            && self.flows.is_empty()
            && self.users.is_empty()
            && self.read.is_empty()
            && self.left.is_empty()
    }
}

/// How far to look for changes.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within {
    /// Only at changes that were made before this time.
    pub before: Option<Timestamp>,
    /// At so many messages instead of the limit.
    pub max_messages: Option<usize>,
}

impl Service {
    /// What changed after a position.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn updates_after(
        &self,
        user: &SignedIn,
        after: Position,
    ) -> Result<Updates, ServiceError> {
        self.updates_within(user, after, Within::default()).await
    }

    /// What changed after a position and before a time.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn updates_within(
        &self,
        user: &SignedIn,
        after: Position,
        within: Within,
    ) -> Result<Updates, ServiceError> {
        let id = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let mut page = Page::new(view, id, after)?;
                page.fill(&limits, within)?;
                page.into_updates()
            })
            .await
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

    /// The end of the log, and who of those that share a flow with the user is connected now.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn standing(
        &self,
        user: &SignedIn,
    ) -> Result<(Position, Vec<PublicId>), ServiceError> {
        let id = user.user();
        let hub = std::sync::Arc::clone(&self.hub);
        self.store
            .read(move |view| {
                let (position, _) = log::last(view)?;
                let mut companions = members::companions(view, id)?;
                companions.retain(|companion| *companion != id);
                let mut online = Vec::new();
                for companion in hub.online(&companions) {
                    online.extend(users::by_id(view, companion)?.map(|user| user.uuid));
                }
                Ok((position, online))
            })
            .await
    }
}

/// A thing that changed, in its present state.
enum Item {
    Message(Box<Message>),
    Flow(Flow),
    User(Box<User>),
    Read(PublicId, i64),
    Left(PublicId),
}

impl Item {
    /// Bytes that it takes in an answer, roughly.
    fn size_bytes(&self) -> usize {
        /// Keys, ids and times of one object.
        const AROUND: usize = 256;
        match self {
            Self::Message(message) => message.size_bytes(),
            Self::Flow(flow) => AROUND + flow.members.len() * 44,
            Self::User(user) => AROUND + user.avatar.as_ref().map_or(0, Content::size_bytes),
            Self::Read(..) | Self::Left(_) => AROUND,
        }
    }
}

/// What became of looking for what a change is about.
enum Loaded {
    /// It, if it is still there.
    Item(Option<Item>),
    /// It has files that do not fit, which were not even read.
    TooLarge,
}

/// Changes as they are gathered for one answer.
struct Page<'a, 'c> {
    view: &'a View<'c>,
    user: UserId,
    follower: Follower<'a, 'c>,
    /// In order; what changed repeatedly is in it repeatedly.
    rows: Vec<(Change, Subject, Option<Item>)>,
    messages: usize,
    others: usize,
    size_bytes: usize,
}

impl<'a, 'c> Page<'a, 'c> {
    fn new(view: &'a View<'c>, user: UserId, after: Position) -> Result<Self, ServiceError> {
        let follower = Follower::new(view, user, &members::followed(view, user)?, after)?;
        let rows = Vec::new();
        Ok(Self {
            view,
            user,
            follower,
            rows,
            messages: 0,
            others: 0,
            size_bytes: 0,
        })
    }

    /// Takes changes until there are enough, or until the time given.
    fn fill(&mut self, limits: &Limits, within: Within) -> Result<(), ServiceError> {
        let max_messages = within.max_messages.unwrap_or(limits.messages);
        while let Some(change) = self.follower.peek()?.copied() {
            if within.before.is_some_and(|before| change.at >= before) {
                break;
            }
            if let Some(subject) = change.subject() {
                let full = match subject {
                    Subject::Message(_) => self.messages >= max_messages.max(1),
                    _ => self.others >= MAX_OTHERS,
                };
                if full || !self.take(change, subject, limits.answer_bytes)? {
                    break;
                }
            }
            self.follower.advance();
        }
        Ok(())
    }

    /// Adds what a change is about; `false`: it no longer fits. The first always does.
    fn take(
        &mut self,
        change: Change,
        subject: Subject,
        budget_bytes: usize,
    ) -> Result<bool, ServiceError> {
        let left = budget_bytes.saturating_sub(self.size_bytes);
        // The first is read whatever its size.
        let room = if self.rows.is_empty() {
            usize::MAX
        } else {
            left
        };
        let Loaded::Item(item) = self.load(change, subject, room)? else {
            return Ok(false);
        };
        let size = item.as_ref().map_or(0, Item::size_bytes);
        if size > left && !self.rows.is_empty() {
            return Ok(false);
        }
        match item {
            Some(Item::Message(_)) => self.messages += 1,
            Some(_) => self.others += 1,
            None => {}
        }
        self.size_bytes += size;
        self.rows.push((change, subject, item));
        Ok(true)
    }

    fn load(
        &self,
        change: Change,
        subject: Subject,
        room_bytes: usize,
    ) -> Result<Loaded, ServiceError> {
        let view = self.view;
        let item = match subject {
            Subject::Message(id) => match messages::by_id_within(view, id, room_bytes)? {
                Some(Fitting::Whole(message)) => Some(Item::Message(Box::new(message))),
                Some(Fitting::TooLarge) => return Ok(Loaded::TooLarge),
                None => None,
            },
            Subject::Flow(id) => flows::by_id(view, id)?.map(Item::Flow),
            Subject::FlowDetail(_)
            | Subject::Around(_)
            | Subject::Settings(_)
            | Subject::Account
            | Subject::Blocked
            | Subject::Invitation(_)
            | Subject::Back(..) => None,
            Subject::User(id) => users::by_id(view, id)?.map(|user| Item::User(Box::new(user))),
            Subject::Gone(id) if members::is_member(view, id, self.user)? => None,
            Subject::Gone(id) => flows::uuid(view, id)?.map(Item::Left),
            Subject::Read(id) => {
                let number = members::read_number(view, id, change.user.unwrap_or(self.user))?;
                flows::uuid(view, id)?
                    .zip(number)
                    .map(|(flow, number)| Item::Read(flow, number))
            }
        };
        Ok(Loaded::Item(item))
    }

    fn into_updates(mut self) -> Result<Updates, ServiceError> {
        let next_at = self.follower.peek()?.map(|change| change.at);
        let complete = next_at.is_none();
        let position = match self.rows.last() {
            Some((change, ..)) if !complete => change.position,
            _ => log::last(self.view)?.0,
        };
        let mut updates = Updates {
            position,
            complete,
            last_at: self.rows.last().map(|(change, ..)| change.at),
            next_at,
            ..Updates::default()
        };
        // What changed repeatedly is told once, where it changed last.
        let mut seen = HashSet::new();
        self.rows.reverse();
        self.rows.retain(|(_, subject, _)| seen.insert(*subject));
        for (_, _, item) in self.rows.into_iter().rev() {
            match item {
                Some(Item::Message(message)) => updates.messages.push(*message),
                Some(Item::Flow(flow)) => updates.flows.push(flow),
                Some(Item::User(user)) => updates.users.push(*user),
                Some(Item::Read(flow, number)) => updates.read.push((flow, number)),
                Some(Item::Left(flow)) => updates.left.push(flow),
                None => {}
            }
        }
        Ok(updates)
    }
}
