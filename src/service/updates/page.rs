//! One page of changes: rows of the log, each with its subject.

use std::collections::{BTreeSet, HashSet};

use super::{Cursor, Inside, Updates, Within};
use crate::model::{
    Around, Content, File, Flow, FlowEvent, FlowId, FlowSettings, Form, InvitedTo, Message,
    OwnAccount, Position, PublicId, ReadMark, Timestamp, User, UserId,
};
use crate::service::{Limits, ServiceError};
use crate::store::follower::Follower;
use crate::store::log::{self, Change, Subject};
use crate::store::members::State;
use crate::store::messages::{Fitting, Load, Sent};
use crate::store::{
    View, accounts, archives, around, blocks, events, flows, marks, members, messages, pins,
    settings, users,
};

/// Maximum number of flows, profiles and marks in an answer.
const MAX_OTHERS: usize = 1000;

/// Maximum number of changes that are processed for one answer.
const MAX_PASSED: usize = 1000;

/// A changed thing, in its present state.
enum Item {
    Message(Box<Message>),
    Around(Box<Around>),
    Settings(PublicId, FlowSettings),
    Flow(Box<Flow>),
    FlowDetail(Box<Flow>),
    User(Box<User>),
    Read(ReadMark),
    Left(PublicId),
    Account(Box<OwnAccount>),
    Blocked(Vec<PublicId>),
    Archive(Option<Box<File>>),
    Invited(InvitedTo),
    Uninvited(PublicId),
}

impl Item {
    /// Returns the approximate number of bytes that it takes in an answer.
    fn size_bytes(&self) -> usize {
        /// Bytes of the keys, ids and times of one object.
        const AROUND: usize = 256;
        match self {
            Self::Message(message) => message.size_bytes(),
            Self::Around(around) => around.size_bytes(),
            Self::Flow(flow) => AROUND + flow.members.len() * 44,
            Self::User(user) => {
                AROUND + user.avatar_content.as_ref().map_or(0, Content::size_bytes)
            }
            Self::FlowDetail(_)
            | Self::Read(_)
            | Self::Left(_)
            | Self::Settings(..)
            | Self::Account(_)
            | Self::Blocked(_)
            | Self::Archive(_)
            | Self::Invited(_)
            | Self::Uninvited(_) => AROUND,
        }
    }
}

/// The result of loading the subject of a change.
enum Loaded {
    /// The subject, if it still exists.
    Item(Option<Item>),
    /// Its files do not fit, and were not read.
    TooLarge,
}

/// A change with its subject.
struct Row {
    change: Change,
    subject: Subject,
    item: Option<Item>,
    event: Option<FlowEvent>,
    inside: Option<Inside>,
}

/// The changes that are collected for one answer.
pub(super) struct Page<'a, 'c> {
    view: &'a View<'c>,
    user: UserId,
    from: Cursor,
    follower: Follower<'a, 'c>,
    /// The rows in order; a thing that changed repeatedly appears repeatedly.
    rows: Vec<Row>,
    messages: usize,
    others: usize,
    /// Number of changes that were processed.
    passed: usize,
    size_bytes: usize,
    limits: &'a Limits,
    within: Within,
}

impl<'a, 'c> Page<'a, 'c> {
    pub(super) fn new(
        view: &'a View<'c>,
        user: UserId,
        from: Cursor,
        limits: &'a Limits,
        within: Within,
    ) -> Result<Self, ServiceError> {
        let followed = members::followed(view, user, from.after)?;
        Ok(Self {
            view,
            user,
            from,
            follower: Follower::new(view, user, &followed, from.after)?,
            rows: Vec::new(),
            messages: 0,
            others: 0,
            passed: 0,
            size_bytes: 0,
            limits,
            within,
        })
    }

    /// Adds changes until there are enough, or up to the given time.
    pub(super) fn fill(&mut self) -> Result<(), ServiceError> {
        while let Some(change) = self.follower.peek().copied() {
            if self.within.before.is_some_and(|before| change.at >= before) {
                break;
            }
            match change.subject() {
                None => {}
                Some(Subject::Back(flow, since)) => {
                    if !self.catch_up(change, flow, since)? {
                        break;
                    }
                    self.rows.push(Row {
                        change,
                        subject: Subject::Back(flow, since),
                        item: None,
                        event: None,
                        inside: None,
                    });
                }
                Some(subject) => {
                    let sent = self.follower.take_sent();
                    if !self.take(change, sent, change, subject, None)? {
                        break;
                    }
                }
            }
            let wanted = self.wanted();
            self.follower.advance(wanted)?;
        }
        Ok(())
    }

    /// Returns the maximum number of messages.
    fn max_messages(&self) -> usize {
        let max = self.within.max_messages.unwrap_or(self.limits.messages);
        max.max(1)
    }

    /// Returns how many more messages fit; beyond these, nothing needs to be read.
    fn wanted(&self) -> usize {
        self.max_messages().saturating_sub(self.messages)
    }

    /// Adds the changes of a flow while the reader was not a member; `false`: not all of them fit.
    fn catch_up(
        &mut self,
        back: Change,
        flow: FlowId,
        since: Position,
    ) -> Result<bool, ServiceError> {
        let start = match self.from.inside {
            Some(inside) if inside.row == back.position => inside.told,
            _ => since,
        };
        let flows = members::followed(self.view, self.user, start)?;
        let Some(flow) = flows.iter().find(|it| it.place.flow == flow) else {
            return Ok(true);
        };
        let mut follower = Follower::of_flow(self.view, flow, start)?;
        while let Some(change) = follower.peek().copied() {
            if change.position >= back.position {
                break;
            }
            if let Some(subject) = change.subject() {
                let inside = Inside {
                    row: back.position,
                    told: change.position,
                };
                // At the position before the row that contains it.
                let place = Change {
                    position: Position(back.position.0 - 1),
                    at: back.at,
                    ..change
                };
                let sent = follower.take_sent();
                if !self.take(change, sent, place, subject, Some(inside))? {
                    return Ok(false);
                }
            }
            follower.advance(self.wanted())?;
        }
        Ok(true)
    }

    /// Adds the subject of a change, at a place; `false`: it does not fit any more. The first one always
    /// fits.
    fn take(
        &mut self,
        change: Change,
        sent: Option<Sent>,
        place: Change,
        subject: Subject,
        inside: Option<Inside>,
    ) -> Result<bool, ServiceError> {
        let full = match subject {
            Subject::Message(_) => self.messages >= self.max_messages(),
            _ => self.others >= MAX_OTHERS,
        };
        if full || self.passed >= MAX_PASSED && self.within.max_messages.is_none() {
            return Ok(false);
        }
        let left = self.limits.answer_bytes.saturating_sub(self.size_bytes);
        // The first subject is read whatever its size.
        let room = if self.rows.is_empty() {
            usize::MAX
        } else {
            left
        };
        let Loaded::Item(item) = self.load(change, sent, subject, room)? else {
            return Ok(false);
        };
        let size = item.as_ref().map_or(0, Item::size_bytes);
        if size > left && !self.rows.is_empty() {
            return Ok(false);
        }
        let event = match change.kind {
            Some(kind) if kind.is_event() => events::at(self.view, change.position)?,
            _ => None,
        };
        match item {
            Some(Item::Message(_)) => self.messages += 1,
            Some(_) => self.others += 1,
            None => {}
        }
        self.passed += 1;
        self.size_bytes += size;
        self.rows.push(Row {
            change: place,
            subject,
            item,
            event,
            inside,
        });
        Ok(true)
    }

    fn flow(&self, id: FlowId) -> Result<Option<Flow>, ServiceError> {
        Ok(match self.within.form {
            Form::Plain => flows::by_id(self.view, id)?,
            Form::Rich => flows::brief(self.view, id, self.user)?,
        })
    }

    /// Takes the item that was loaded for the same subject before, because it is still the present state.
    fn earlier(&mut self, subject: Subject) -> Option<Item> {
        let row = self
            .rows
            .iter_mut()
            .rev()
            .find(|row| row.subject == subject && row.item.is_some())?;
        let item = row.item.take()?;
        self.others -= 1;
        self.size_bytes -= item.size_bytes();
        Some(item)
    }

    fn load(
        &mut self,
        change: Change,
        sent: Option<Sent>,
        subject: Subject,
        room_bytes: usize,
    ) -> Result<Loaded, ServiceError> {
        let view = self.view;
        let item = match subject {
            Subject::Message(id) => {
                let load = Load::of(self.within.form, self.limits.files_bytes);
                let found = match sent {
                    Some(sent) => Some(sent.fit(view, load, room_bytes)?),
                    None => messages::by_id_within(view, id, change.position, load, room_bytes)?,
                };
                match found {
                    Some(Fitting::Whole(message)) => Some(Item::Message(Box::new(message))),
                    Some(Fitting::TooLarge) => return Ok(Loaded::TooLarge),
                    Some(Fitting::Superseded) | None => None,
                }
            }
            Subject::Flow(id) => match self.earlier(subject) {
                Some(item) => Some(item),
                None => self.flow(id)?.map(|flow| Item::Flow(Box::new(flow))),
            },
            Subject::FlowDetail(id) => match self.earlier(subject) {
                Some(item) => Some(item),
                None => self.flow(id)?.map(|flow| Item::FlowDetail(Box::new(flow))),
            },
            Subject::User(id) if users::is_superseded(view, id, change.position)? => None,
            Subject::User(id) => match users::by_id(view, id)? {
                Some(mut user) => {
                    if !self.within.form.is_rich() {
                        users::load_avatar(view, &mut user)?;
                    }
                    Some(Item::User(Box::new(user)))
                }
                None => None,
            },
            Subject::Gone(id) if members::is_member(view, id, self.user)? => None,
            Subject::Gone(id) => flows::uuid(view, id)?.map(Item::Left),
            Subject::Uninvited(id) => {
                let standing = members::standing(view, id, self.user)?;
                // A user who has joined since, or was invited again, knows the flow.
                let is_out = standing.is_none_or(|standing| {
                    !matches!(standing.state, State::Joined | State::Invited)
                });
                let flow = if is_out { flows::uuid(view, id)? } else { None };
                flow.map(Item::Uninvited)
            }
            Subject::Read(id) => {
                let reader = change.user.unwrap_or(self.user);
                let flow = flows::uuid(view, id)?;
                let mark = flow.map_or(Ok(None), |flow| marks::mark(view, id, flow, reader))?;
                mark.map(Item::Read)
            }
            Subject::Account => {
                accounts::own(view, self.user)?.map(|account| Item::Account(Box::new(account)))
            }
            Subject::Blocked => Some(Item::Blocked(blocks::of(view, self.user)?)),
            Subject::Archive => match archives::standing(view, self.user)? {
                archives::Standing::Made(file) => Some(Item::Archive(Some(file))),
                archives::Standing::None => Some(Item::Archive(None)),
                archives::Standing::Wanted => None,
            },
            Subject::Invitation(id) => members::invitation(view, id, self.user)?.map(Item::Invited),
            // Plain clients do not show this, so it is not read for them.
            Subject::Around(_) | Subject::Settings(_) if !self.within.form.is_rich() => None,
            Subject::Around(id) => {
                around::state(view, id, Some(self.user))?.map(|it| Item::Around(Box::new(it)))
            }
            Subject::Settings(id) => {
                let own = settings::of(view, id, self.user, Timestamp::now())?;
                flows::uuid(view, id)?.map(|flow| Item::Settings(flow, own))
            }
            Subject::Back(..) => None,
        };
        Ok(Loaded::Item(item))
    }

    pub(super) fn into_updates(self) -> Result<Updates, ServiceError> {
        let next_at = self.follower.peek().map(|change| change.at);
        let complete = next_at.is_none();
        let cursor = match self.rows.last() {
            Some(row) if !complete => Cursor {
                after: row.change.position,
                inside: row.inside,
            },
            // The next row stands for many changes, and none of them was told.
            None if !complete => self.from,
            _ => Cursor::after(log::last(self.view)?.0),
        };
        let mut updates = Updates {
            position: cursor.after,
            cursor,
            complete,
            last_at: self.rows.last().map(|row| row.change.at),
            next_at,
            ..Updates::default()
        };
        // A thing that changed repeatedly is told once, where it changed last; events are told each time.
        // A message was only loaded in the row where it changed last, unless one row stands for many.
        let stands_for_many = self.rows.iter().any(|row| row.inside.is_some());
        let mut seen = HashSet::new();
        let mut items = Vec::with_capacity(self.rows.len());
        let mut pinned = BTreeSet::new();
        for row in self.rows.into_iter().rev() {
            match row.subject {
                // A user who comes back is told all pinned messages.
                Subject::Back(flow, _) => pinned.extend([flow]),
                Subject::FlowDetail(flow)
                    if row.event.as_ref().is_some_and(|it| it.what.is_about_pins()) =>
                {
                    pinned.extend([flow]);
                }
                _ => {}
            }
            updates.events.extend(row.event);
            if let Some(item) = row.item
                && (matches!(item, Item::Message(_)) && !stands_for_many
                    || seen.insert(row.subject))
            {
                items.push(item);
            }
        }
        updates.events.reverse();
        for item in items.into_iter().rev() {
            match item {
                Item::Message(message) => updates.messages.push(*message),
                Item::Around(around) => updates.around.push(*around),
                Item::Settings(flow, set) => updates.settings.push((flow, set)),
                Item::Flow(flow) => updates.flows.push(*flow),
                Item::FlowDetail(flow) => updates.details.push(*flow),
                Item::User(user) => updates.users.push(*user),
                Item::Read(mark) => updates.read.push(mark),
                Item::Left(flow) => updates.left.push(flow),
                Item::Account(account) => updates.account = Some(*account),
                Item::Blocked(users) => updates.blocked = Some(users),
                Item::Archive(made) => updates.archive = Some(made.map(|file| *file)),
                Item::Invited(invited) => updates.invited.push(invited),
                Item::Uninvited(flow) => updates.uninvited.push(flow),
            }
        }
        if self.within.form.is_rich() {
            for flow in pinned {
                if members::is_member(self.view, flow, self.user)?
                    && let Some(uuid) = flows::uuid(self.view, flow)?
                {
                    updates.pinned.push((uuid, pins::list(self.view, flow)?));
                }
            }
        }
        // A message already includes its reactions and poll.
        if !updates.around.is_empty() {
            let told: HashSet<_> = updates.messages.iter().map(|it| it.uuid).collect();
            updates.around.retain(|it| !told.contains(&it.message));
        }
        Ok(updates)
    }
}
