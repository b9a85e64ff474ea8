//! Catching up: what changed since a position or a time, as far as one user may see it.

use std::collections::HashSet;

use super::{Limits, Service, ServiceError, SignedIn};
use crate::model::{Content, Flow, Message, Position, PublicId, Timestamp, User, UserId};
use crate::store::changes::{self, Change, Follower, Subject};
use crate::store::messages::Fitting;
use crate::store::{View, flows, members, messages, users};

/// Messages that an answer by time may hold in order to end where a second ends.
///
/// Source: MTP 1.0 revision 17, `get_update`.
const MAX_IN_A_SECOND: usize = 1000;

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

/// Where an answer by time stopped inside a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resume {
    /// The second; asked for again, it goes on.
    pub second: i64,
    /// What has been told of it.
    pub after: Position,
}

/// What changed since a time.
#[derive(Debug)]
pub struct UpdatesByTime {
    /// What changed.
    pub updates: Updates,
    /// The second to ask from next.
    pub next_second: i64,
    /// Set when that second is the one where this answer stopped.
    pub resume: Option<Resume>,
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
        let id = user.user();
        let limits = self.limits();
        self.store
            .read(move |view| {
                let mut page = Page::new(view, id, after)?;
                page.fill(&limits, limits.messages, None)?;
                page.into_updates()
            })
            .await
    }

    /// What changed at or after a second, up to where a second ends if that is possible.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn updates_since(
        &self,
        user: &SignedIn,
        second: i64,
        resume: Option<Resume>,
    ) -> Result<UpdatesByTime, ServiceError> {
        let id = user.user();
        let limits = self.limits();
        // Before the read, so that no change falls between what it shows and this time.
        let now = self.store.settled_until();
        self.store
            .read(move |view| {
                let after = match resume {
                    Some(resume) if resume.second == second => resume.after,
                    _ => changes::before(view, Timestamp::from_seconds(second))?,
                };
                let mut page = Page::new(view, id, after)?;
                page.fill(&limits, limits.messages, None)?;
                page.end_with_a_second(&limits, now)
            })
            .await
    }

    /// The last position before a second, to follow from there.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn position_before(&self, second: i64) -> Result<Position, ServiceError> {
        self.store
            .read(move |view| Ok(changes::before(view, Timestamp::from_seconds(second))?))
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
                let (position, _) = changes::last(view)?;
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
    /// Whether rows were taken off again, so that more is to come.
    is_cut: bool,
    messages: usize,
    others: usize,
    size_bytes: usize,
}

impl<'a, 'c> Page<'a, 'c> {
    fn new(view: &'a View<'c>, user: UserId, after: Position) -> Result<Self, ServiceError> {
        let follower = Follower::new(view, user, after)?;
        let rows = Vec::new();
        Ok(Self {
            view,
            user,
            follower,
            rows,
            is_cut: false,
            messages: 0,
            others: 0,
            size_bytes: 0,
        })
    }

    /// Takes changes until there are enough, or until the second given ends.
    fn fill(
        &mut self,
        limits: &Limits,
        max_messages: usize,
        only: Option<i64>,
    ) -> Result<(), ServiceError> {
        while let Some(change) = self.follower.peek()?.copied() {
            if only.is_some_and(|second| change.at.seconds() != second) {
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
            Subject::User(id) => users::by_id(view, id)?.map(|user| Item::User(Box::new(user))),
            Subject::Left(id) if members::is_member(view, id, self.user)? => None,
            Subject::Left(id) => flows::uuid(view, id)?.map(Item::Left),
            Subject::Read(id) => {
                let number = members::read_number(view, id, change.user.unwrap_or(self.user))?;
                flows::uuid(view, id)?
                    .zip(number)
                    .map(|(flow, number)| Item::Read(flow, number))
            }
        };
        Ok(Loaded::Item(item))
    }

    /// The second of the first change that is not taken.
    fn next_second(&mut self) -> Result<Option<i64>, ServiceError> {
        Ok(self.follower.peek()?.map(|change| change.at.seconds()))
    }

    /// Makes the answer end where a second ends, if that takes few enough messages.
    fn end_with_a_second(
        mut self,
        limits: &Limits,
        now: Timestamp,
    ) -> Result<UpdatesByTime, ServiceError> {
        let last = self.rows.last().map(|(change, ..)| change.at.seconds());
        let (Some(next), Some(last)) = (self.next_second()?, last) else {
            return self.finish(now.seconds(), None);
        };
        if next > last {
            return self.finish(next, None);
        }
        // The last second of this page goes on after it: leave it to the next answer,
        let whole = self
            .rows
            .partition_point(|(change, ..)| change.at.seconds() < last);
        if whole > 0 {
            self.cut(whole);
            return self.finish(last, None);
        }
        // or, if there is no other second in this page, take all of it,
        let fitting = self.rows.len();
        self.fill(limits, MAX_IN_A_SECOND, Some(last))?;
        match self.next_second()? {
            None => self.finish(now.seconds(), None),
            Some(next) if next > last => self.finish(next, None),
            Some(_) => {
                // or remember where this page ended.
                self.cut(fitting);
                let after = self
                    .rows
                    .last()
                    .map_or(Position(0), |(change, ..)| change.position);
                self.finish(
                    last,
                    Some(Resume {
                        second: last,
                        after,
                    }),
                )
            }
        }
    }

    fn cut(&mut self, length: usize) {
        self.rows.truncate(length);
        self.is_cut = true;
    }

    fn finish(
        self,
        next_second: i64,
        resume: Option<Resume>,
    ) -> Result<UpdatesByTime, ServiceError> {
        Ok(UpdatesByTime {
            updates: self.into_updates()?,
            next_second,
            resume,
        })
    }

    fn into_updates(mut self) -> Result<Updates, ServiceError> {
        let complete = !self.is_cut && self.follower.peek()?.is_none();
        let position = match self.rows.last() {
            Some((change, ..)) if !complete => change.position,
            _ => changes::last(self.view)?.0,
        };
        let mut updates = Updates {
            position,
            complete,
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
