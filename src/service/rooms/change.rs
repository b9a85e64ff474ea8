//! Creation of rooms, and changes of their members.

use std::sync::Arc;

use crate::model::{By, FlowEvent, FlowId, FlowKind, Level, PublicId, UserId};
use crate::service::accounts::leave;
use crate::service::entry::{check_members, make, visible_users};
use crate::service::fields::{check_info, check_name};
use crate::service::quotas::require_room_for_flow;
use crate::service::rights::{Action, may};
use crate::service::{Field, Refusal, RoomRefusal, Service, ServiceError, SignedIn, Thing};
use crate::store::flow_edits::{NewFlow, RoomTerms};
use crate::store::members::State;
use crate::store::membership::{Entry, Exit};
use crate::store::{
    Said, Tx, accounts, flow_edits, flows, localparts, members, membership, room_events,
    room_leaving, room_levels, room_names, rooms,
};

/// The properties of a new room.
#[derive(Debug)]
pub struct NewRoom {
    /// Its kind; a chat only if the two users do not have one yet.
    pub kind: FlowKind,
    /// Its title.
    pub title: Option<String>,
    /// Its topic.
    pub topic: Option<String>,
    /// Users to invite.
    pub invite: Vec<PublicId>,
    /// Whether these get the same level as the creator.
    pub is_trusted: bool,
    /// Whether everybody may join.
    pub is_public: bool,
    /// Whether it is in the directory.
    pub is_published: bool,
    /// The power levels, as JSON without the users.
    pub power_levels: String,
    /// Users with a level.
    pub levels: Vec<(PublicId, i64)>,
    /// Additional content of its first event, as JSON.
    pub create: String,
    /// Additional state: types, keys and contents.
    pub state: Vec<(String, String, String)>,
    /// Its alias, without `#` and the server, and the content of the event that sets it.
    pub alias: Option<(String, String)>,
}

impl Service {
    /// Creates a room.
    ///
    /// # Errors
    /// Those of [`add_flow`](Self::add_flow); [`Refusal::NameTaken`] for an alias.
    pub async fn create_room(
        &self,
        user: &SignedIn,
        new: NewRoom,
    ) -> Result<PublicId, ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write_sized(Self::size_of(&user, new.invite.len()), move |tx| {
                user.require(tx)?;
                let mut invited = visible_users(tx, user.user(), None, &new.invite)?;
                invited.retain(|it| *it != user.user());
                check_name(Field::Title, new.title.as_deref())?;
                check_info(Field::Info, new.topic.as_deref())?;
                check_members(invited.len() + 1)?;
                let kind = match (new.kind, invited.as_slice()) {
                    (FlowKind::Chat, [other]) if !rooms::have_chat(tx, user.user(), *other)? => {
                        FlowKind::Chat
                    }
                    (FlowKind::Chat, _) => FlowKind::Group,
                    (kind, _) => kind,
                };
                require_room_for_flow(tx, user.user(), kind, &limits)?;
                counts.members(user.user(), invited.len(), &limits)?;
                tx.say(Said {
                    kind: "m.room.create".to_owned(),
                    content: new.create,
                    uuid: PublicId::generate(),
                    txn: None,
                });
                let mut people = vec![user.user()];
                if kind == FlowKind::Chat {
                    people.append(&mut invited);
                }
                let flow = make(
                    tx,
                    NewFlow {
                        kind,
                        title: new.title,
                        info: new.topic,
                        owner: user.user(),
                        members: people,
                        is_saved: false,
                        room: RoomTerms {
                            power_levels: (kind != FlowKind::Chat).then_some(new.power_levels),
                            join_rule: new.is_public.then_some("public"),
                        },
                    },
                    user.by(),
                )?;
                if let Some((alias, content)) = new.alias {
                    if !room_names::name(tx, &alias, flow.id, user.user())? {
                        return Err(Refusal::NameTaken.into());
                    }
                    let place = ("m.room.canonical_alias", "");
                    room_events::set_state(tx, flow.id, user.by(), place, content)?;
                }
                if new.is_published {
                    room_names::publish(tx, flow.id, true)?;
                }
                for (kind, key, content) in new.state {
                    room_events::set_state(tx, flow.id, user.by(), (&kind, &key), content)?;
                }
                let events = welcome(tx, flow.id, &invited, user.by())?;
                let mut has_levels = false;
                if new.is_trusted {
                    for other in &invited {
                        room_levels::give(tx, flow.id, *other, Level::OWNER.0)?;
                        has_levels = true;
                    }
                }
                for (other, level) in &new.levels {
                    for other in visible_users(tx, user.user(), Some(flow.id), &[*other])? {
                        room_levels::give(tx, flow.id, other, *level)?;
                        has_levels = true;
                    }
                }
                if has_levels {
                    room_events::set_levels(tx, flow.id, user.by())?;
                }
                if !events.is_empty() {
                    flow_edits::tell(tx, flow.id, events, user.by())?;
                }
                Ok(flow.uuid)
            })
            .await
    }

    /// Invites a user to a room. A user who does not use Matrix and does not want to be asked first joins
    /// at once.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of, or an unknown user; the
    /// refusal of actions that the caller may not do; [`Refusal::Banned`];
    /// [`RoomRefusal::AlreadyMember`].
    pub async fn invite_to_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        (who, said): (PublicId, String),
    ) -> Result<(), ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let found = visible_users(tx, user.user(), Some(access.id), &[who])?;
                if access.kind == FlowKind::Chat
                    && let [other] = found[..]
                    && rooms::find(tx, room, other)?.is_some_and(|it| it.state == State::Left)
                {
                    return Ok(room_leaving::come_back(tx, access.id, other)?);
                }
                may(&access, Action::Add)?;
                for other in &found {
                    match members::standing(tx, access.id, *other)?.map(|it| it.state) {
                        Some(State::Banned) => {
                            return Err(Refusal::Room(RoomRefusal::IsBanned).into());
                        }
                        Some(State::Joined) => {
                            return Err(Refusal::Room(RoomRefusal::AlreadyMember).into());
                        }
                        _ => {}
                    }
                }
                counts.members(user.user(), found.len(), &limits)?;
                say_member(tx, said);
                let events = welcome(tx, access.id, &found, user.by())?;
                let count = usize::try_from(members::count(tx, access.id)?).unwrap_or(usize::MAX);
                check_members(count)?;
                if !events.is_empty() {
                    flow_edits::tell(tx, access.id, events, user.by())?;
                }
                Ok(())
            })
            .await
    }

    /// Adds the caller to a room: with an invitation, or because it is public.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a user who may not join.
    pub async fn join_room(&self, user: &SignedIn, room: PublicId) -> Result<(), ServiceError> {
        let caller = *user;
        let standing = self
            .store
            .read(move |view| {
                let id = flows::id_of(view, room)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let standing = members::standing(view, id, caller.user())?.map(|it| it.state);
                let shown = rooms::find(view, room, caller.user())?.map(|it| it.state);
                Ok::<_, ServiceError>((standing, shown))
            })
            .await?;
        match standing.0 {
            // A chat that the caller has left.
            Some(State::Joined) if standing.1 == Some(State::Left) => {
                return self
                    .store
                    .write(move |tx| {
                        caller.require(tx)?;
                        let access = flows::access(tx, room, caller.user())?;
                        let access = access.ok_or(Refusal::NotFound(Thing::Flow))?;
                        Ok(room_leaving::come_back(tx, access.id, caller.user())?)
                    })
                    .await;
            }
            Some(State::Joined) => return Ok(()),
            Some(State::Invited) => return self.join_flow(user, room).await.map(drop),
            _ => {}
        }
        self.store
            .write(move |tx| {
                caller.require(tx)?;
                let id = flows::id_of(tx, room)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let standing = members::standing(tx, id, caller.user())?.map(|it| it.state);
                if standing == Some(State::Banned) || !room_levels::is_public(tx, id)? {
                    return Err(Refusal::NotFound(Thing::Flow).into());
                }
                let count = usize::try_from(members::count(tx, id)?).unwrap_or(usize::MAX);
                check_members(count.saturating_add(1))?;
                let by = caller.by();
                let events = membership::enter(tx, id, &[caller.user()], Entry::Joined, by)?;
                if !events.is_empty() {
                    flow_edits::tell(tx, id, events, by)?;
                }
                Ok(())
            })
            .await
    }

    /// Removes the caller from a room, or declines an invitation; doing it twice is no error. A chat
    /// keeps its two members: a user who leaves it is outside of its room until a message is sent there.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller has never been a member of;
    /// [`Refusal::SavedIsFixed`].
    pub async fn leave_room(&self, user: &SignedIn, room: PublicId) -> Result<(), ServiceError> {
        let (caller, asked) = (user.user(), *user);
        let found = self
            .store
            .read(move |view| Ok::<_, ServiceError>(rooms::find(view, room, caller)?))
            .await?;
        let is_chat = found.as_ref().is_some_and(|it| it.kind == FlowKind::Chat);
        match found.map(|room| room.state) {
            None => Err(Refusal::NotFound(Thing::Flow).into()),
            Some(State::Left | State::Banned) => Ok(()),
            Some(State::Joined) if is_chat => {
                self.store
                    .write(move |tx| {
                        asked.require(tx)?;
                        let access = flows::access(tx, room, caller)?;
                        let access = access.ok_or(Refusal::NotFound(Thing::Flow))?;
                        Ok(room_leaving::leave(tx, access.id, caller)?)
                    })
                    .await
            }
            Some(State::Joined | State::Invited) => self.leave_flow(user, room).await,
        }
    }

    /// Removes a user from a room, or withdraws an invitation; with `is_ban`, the user cannot come back.
    ///
    /// # Errors
    /// Those of [`invite_to_room`](Self::invite_to_room); [`Refusal::Outranked`].
    pub async fn remove_from_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        (who, said): (PublicId, String),
        is_ban: bool,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let found = crate::service::entry::resolve(tx, &[who])?;
                let other = *found.first().ok_or(Refusal::NotFound(Thing::User))?;
                let standing = members::standing(tx, access.id, other)?;
                let level = standing.map_or(Level::MEMBER, |it| it.level);
                let action = if is_ban {
                    Action::Ban(level)
                } else {
                    Action::Remove(level)
                };
                may(&access, action)?;
                if other == user.user() {
                    return Err(Refusal::Outranked.into());
                }
                say_member(tx, said);
                take_out(
                    tx,
                    (access.id, room),
                    (other, standing.map(|it| it.state)),
                    is_ban,
                    user.by(),
                )
            })
            .await
    }

    /// Lifts the ban of a user in a room.
    ///
    /// # Errors
    /// Those of [`remove_from_room`](Self::remove_from_room); [`RoomRefusal::NotBanned`].
    pub async fn unban_in_room(
        &self,
        user: &SignedIn,
        room: PublicId,
        (who, said): (PublicId, String),
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, room, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let found = crate::service::entry::resolve(tx, &[who])?;
                let other = *found.first().ok_or(Refusal::NotFound(Thing::User))?;
                may(&access, Action::Ban(Level::MEMBER))?;
                say_member(tx, said);
                let Some(event) = membership::unban(tx, access.id, other, user.by())? else {
                    return Err(Refusal::Room(RoomRefusal::NotBanned).into());
                };
                flow_edits::tell(tx, access.id, vec![event], user.by())?;
                Ok(())
            })
            .await
    }

    /// Hides a room that the caller has left.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`RoomRefusal::StillMember`].
    pub async fn forget_room(&self, user: &SignedIn, room: PublicId) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let found = rooms::find(tx, room, user.user())?;
                let found = found.ok_or(Refusal::NotFound(Thing::Flow))?;
                if matches!(found.state, State::Joined | State::Invited) {
                    return Err(Refusal::Room(RoomRefusal::StillMember).into());
                }
                Ok(rooms::forget(tx, found.flow, user.user())?)
            })
            .await
    }
}

/// Sets the content of the next membership event.
fn say_member(tx: &Tx<'_>, content: String) {
    tx.say(Said {
        kind: "m.room.member".to_owned(),
        content,
        uuid: PublicId::generate(),
        txn: None,
    });
}

/// Invites users who use Matrix or want to be asked first, and adds the others.
fn welcome(
    tx: &Tx<'_>,
    flow: FlowId,
    users: &[UserId],
    by: By,
) -> Result<Vec<FlowEvent>, ServiceError> {
    let asking = accounts::who_asks_first(tx, users)?;
    let (mut asked, mut coming) = (Vec::new(), Vec::new());
    for user in users {
        if asking.contains(user) || localparts::is_here(tx, *user)? {
            asked.push(*user);
        } else {
            coming.push(*user);
        }
    }
    let mut events = membership::invite(tx, flow, &asked, by)?;
    events.extend(membership::enter(tx, flow, &coming, Entry::Added, by)?);
    Ok(events)
}

fn take_out(
    tx: &Tx<'_>,
    (flow, uuid): (FlowId, PublicId),
    (other, state): (UserId, Option<State>),
    is_ban: bool,
    by: By,
) -> Result<(), ServiceError> {
    let events = match (state, is_ban) {
        (Some(State::Joined), _) => {
            let exit = if is_ban { Exit::Banned } else { Exit::Removed };
            let flow = flows::by_id(tx, flow)?.ok_or(Refusal::NotFound(Thing::Flow))?;
            return leave(tx, &flow, other, exit, by);
        }
        (Some(State::Invited), false) => membership::uninvite(tx, flow, uuid, &[other], by)?,
        (Some(State::Banned), true) => Vec::new(),
        (_, true) => vec![membership::ban(tx, flow, other, by)?],
        (_, false) => return Err(Refusal::Room(RoomRefusal::NotMember).into()),
    };
    if !events.is_empty() {
        flow_edits::tell(tx, flow, events, by)?;
    }
    Ok(())
}
