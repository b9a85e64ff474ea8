//! The effects of a change of a flow: who is meant, whether it is permitted, who joins and leaves.

use super::entry::{bring_in, resolve, visible_users};
use super::fields::{check_info, check_name};
use super::quotas::Counts;
use super::rights::{Action, may};
use super::settings::Limits;
use super::{Field, Refusal, ServiceError, SignedIn, Thing};
use crate::model::{FlowEvent, FlowSwitches, Level, PublicId, UserId};
use crate::store::flows::Access;
use crate::store::members::State;
use crate::store::membership::Exit;
use crate::store::{Tx, View, hooks, members, membership};

/// Shortest lifetime of disappearing messages, in seconds.
const LEAST_TIMER_S: i64 = 60;

/// Longest lifetime of disappearing messages, in seconds: a year.
const MOST_TIMER_S: i64 = 365 * 24 * 60 * 60;

/// Largest picture of a flow, in bytes.
pub(super) const MAX_PICTURE_BYTES: usize = 512 * 1024;

/// The properties of a new flow, or changes to them.
#[derive(Debug, Default)]
pub struct FlowDraft {
    /// Its name.
    pub title: Option<String>,
    /// Its description.
    pub info: Option<String>,
    /// Its owner.
    pub owner: Option<PublicId>,
    /// Its members.
    pub users: Option<Vec<PublicId>>,
}

/// Changes to a flow; absent values stay.
#[derive(Debug, Default)]
pub struct FlowChange {
    /// Its title, description and owner, and the list of all members.
    pub words: FlowDraft,
    /// Users to add.
    pub add: Vec<PublicId>,
    /// Members to remove, and invitations to withdraw.
    pub remove: Vec<PublicId>,
    /// Members with a new level.
    pub levels: Vec<(PublicId, i64)>,
    /// One of the caller's uploads that becomes its picture.
    pub picture_upload: Option<PublicId>,
    /// Its picture and settings.
    pub switches: FlowSwitches,
}

impl FlowChange {
    /// Returns the minimum number of users that the change names.
    pub(super) fn count(&self) -> usize {
        let all = self.words.users.as_ref().map_or(0, Vec::len);
        all + self.add.len() + self.remove.len() + self.levels.len()
    }

    /// Returns whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let (words, switches) = (&self.words, &self.switches);
        words.title.is_none()
            && words.info.is_none()
            && words.owner.is_none()
            && words.users.is_none()
            && self.add.is_empty()
            && self.remove.is_empty()
            && self.levels.is_empty()
            && switches.picture.is_none()
            && self.picture_upload.is_none()
            && switches.expire.is_none()
            && switches.protect.is_none()
            && switches.restrict_pins.is_none()
    }
}

/// The users that a change names, resolved.
pub(super) struct Named {
    pub(super) owner: Option<UserId>,
    all: Option<Vec<UserId>>,
    add: Vec<UserId>,
    remove: Vec<UserId>,
    levels: Vec<(UserId, Level)>,
}

impl Named {
    /// Resolves the users: they have to exist before permissions are checked.
    pub(super) fn find(
        view: &View<'_>,
        access: &Access,
        user: &SignedIn,
        change: &FlowChange,
    ) -> Result<Self, ServiceError> {
        let visible = |users: &[PublicId]| visible_users(view, user.user(), Some(access.id), users);
        let owner = match change.words.owner {
            Some(owner) => resolve(view, &[owner])?.first().copied(),
            None => None,
        };
        let all = change.words.users.as_deref();
        let mut levels = Vec::with_capacity(change.levels.len());
        for (user, level) in &change.levels {
            for user in resolve(view, &[*user])? {
                levels.push((user, Level(*level)));
            }
        }
        Ok(Self {
            owner,
            all: all.map(visible).transpose()?,
            add: visible(&change.add)?,
            remove: resolve(view, &change.remove)?,
            levels,
        })
    }

    /// Checks that the whole change is permitted and within its limits.
    pub(super) fn require(
        &self,
        view: &View<'_>,
        access: &Access,
        user: &SignedIn,
        change: &FlowChange,
    ) -> Result<(), ServiceError> {
        let (words, switches) = (&change.words, &change.switches);
        let sets_picture = switches.picture.is_some() || change.picture_upload.is_some();
        if words.title.is_some() || words.info.is_some() || sets_picture {
            may(access, Action::Describe)?;
        }
        if !self.add.is_empty() || self.all.is_some() {
            may(access, Action::Add)?;
        }
        if !self.remove.is_empty() {
            may(access, Action::Remove(Level::MEMBER))?;
        }
        if !self.levels.is_empty() {
            may(access, Action::SetLevels)?;
        }
        if self.owner.is_some_and(|owner| access.owner != Some(owner)) {
            may(access, Action::HandOver)?;
            let others = access.owner.filter(|owner| *owner != user.user());
            require_below(view, access, others)?;
        } else if self.owner.is_some() {
            // The owner stays the same, but only a user who may describe the flow may say so.
            may(access, Action::Describe)?;
        }
        if switches.expire.is_some() {
            may(access, Action::SetExpire)?;
        }
        if switches.protect.is_some() || switches.restrict_pins.is_some() {
            may(access, Action::SetRules)?;
        }
        check_name(Field::Title, words.title.as_deref())?;
        check_info(Field::Info, words.info.as_deref())?;
        if let Some(Some(picture)) = &switches.picture
            && picture.bytes.len() > MAX_PICTURE_BYTES
        {
            return Err(Refusal::TooLarge {
                what: Field::Picture,
                limit: MAX_PICTURE_BYTES,
            }
            .into());
        }
        if switches
            .expire
            .is_some_and(|timer| timer != 0 && !(LEAST_TIMER_S..=MOST_TIMER_S).contains(&timer))
        {
            return Err(Refusal::BadTimer {
                least: LEAST_TIMER_S,
                most: MOST_TIMER_S,
            }
            .into());
        }
        for (member, level) in &self.levels {
            if ![Level::MEMBER, Level::MODERATOR].contains(level) {
                return Err(Refusal::BadLevel.into());
            }
            if *member == user.user() {
                return Err(Refusal::OwnerKeepsLevel.into());
            }
            require_below(view, access, Some(*member))?;
            if !members::is_member(view, access.id, *member)? && !self.add.contains(member) {
                return Err(Refusal::NotFound(Thing::User).into());
            }
        }
        Ok(())
    }

    /// Adds and removes members and sets levels. Returns what happened.
    pub(super) fn move_people(
        &self,
        tx: &Tx<'_>,
        (access, uuid): (&Access, PublicId),
        user: &SignedIn,
        (counts, limits): (&Counts, &Limits),
    ) -> Result<Vec<FlowEvent>, ServiceError> {
        let (id, by) = (access.id, user.by());
        let (mut coming, mut going) = (self.add.clone(), Vec::new());
        if let Some(all) = &self.all {
            going = members::ids(tx, id)?;
            // A client that lists members does not know the bot that writes for hooks: it is removed only
            // if it is named.
            let bots = hooks::bots_in_use(tx, id)?;
            // The owner and the caller stay: they have to hand over and leave.
            going.retain(|member| {
                !all.contains(member)
                    && *member != user.user()
                    && access.owner != Some(*member)
                    && !bots.contains(member)
            });
            coming.extend(all.iter().filter(|member| !self.add.contains(member)));
        }
        for member in &self.remove {
            if *member == user.user() {
                return Err(Refusal::Outranked.into());
            }
            if !going.contains(member) {
                going.push(*member);
            }
        }
        for member in &going {
            let level = members::standing(tx, id, *member)?.map_or(Level::MEMBER, |it| it.level);
            may(access, Action::Remove(level))?;
        }
        let new = membership::newcomers(tx, id, &coming)?;
        counts.members(user.user(), new.len(), limits)?;
        let mut events = membership::leave(tx, id, uuid, &going, Exit::Removed, by)?;
        events.extend(membership::uninvite(tx, id, uuid, &self.remove, by)?);
        events.extend(bring_in(tx, id, &coming, by)?);
        for (member, level) in &self.levels {
            events.extend(membership::set_level(tx, id, *member, *level, by)?);
        }
        Ok(events)
    }
}

/// Refuses to change somebody who has as high a level: by Matrix, several members may have that of the owner.
fn require_below(
    view: &View<'_>,
    access: &Access,
    other: Option<UserId>,
) -> Result<(), ServiceError> {
    let standing = match other {
        Some(other) => members::standing(view, access.id, other)?,
        None => None,
    };
    if standing.is_some_and(|it| it.state == State::Joined && it.level >= access.level) {
        return Err(Refusal::Outranked.into());
    }
    Ok(())
}
