//! Flows, for the operator.

use crate::model::{
    Act, By, Flow, FlowId, FlowKind, FlowSummary, Happening, Level, PublicId, User, UserId,
};
use crate::service::accounts::leave;
use crate::service::administration::of_flow;
use crate::service::entry::{bring_in, check_members, make};
use crate::service::fields::{check_info, check_name};
use crate::service::{Field, Refusal, Service, ServiceError, Thing};
use crate::store::audit::{self, Of};
use crate::store::{Tx, View, flow_edits, flows, marks, members, membership, removal, users};

/// Number of messages that one write removes, so that other writes get their turn.
const REMOVED_AT_ONCE: i64 = 500;

/// The properties of a flow that the operator creates.
#[derive(Debug)]
pub struct NewFlow {
    /// Its kind.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// Its description.
    pub info: Option<String>,
    /// Its owner.
    pub owner: UserId,
    /// The members besides the owner.
    pub members: Vec<UserId>,
}

/// The result of adding a user to a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brought {
    /// The user is a member now.
    In,
    /// The user is invited and has to answer.
    Invited,
}

/// A flow with its members' accounts.
#[derive(Debug)]
pub struct FlowStanding {
    /// The flow.
    pub flow: Flow,
    /// Number of its messages.
    pub count: i64,
    /// Its members in the order in which they joined.
    pub members: Vec<MemberStanding>,
}

/// A member of a flow, as the operator sees it.
#[derive(Debug)]
pub struct MemberStanding {
    /// The account.
    pub user: User,
    /// The member's level.
    pub level: Level,
    /// The number of the last message that the member has read.
    pub read: Option<i64>,
}

impl Service {
    /// Returns all flows, oldest first, or those of one user; each with the number of its messages.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn all_flows(&self, user: Option<UserId>) -> Result<Vec<(Flow, i64)>, ServiceError> {
        let counted = |summary: FlowSummary| (summary.flow, summary.count);
        self.store
            .read(move |view| {
                Ok(match user {
                    Some(user) => {
                        let list = flows::of_user(view, user, flows::Roster::Whole)?;
                        list.into_iter().map(counted).collect()
                    }
                    None => flows::all(view)?,
                })
            })
            .await
    }

    /// Returns the flow with an id, or else the flows with a title, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn flows_named(&self, name: &str) -> Result<Vec<Flow>, ServiceError> {
        let name = name.to_owned();
        self.store
            .read(move |view| {
                if let Some(uuid) = PublicId::parse(&name)
                    && let Some(flow) = flows::by_uuid(view, uuid)?
                {
                    return Ok(vec![flow]);
                }
                let all = flows::all(view)?.into_iter().map(|(flow, _)| flow);
                Ok(all
                    .filter(|flow| flow.title.as_deref() == Some(&name))
                    .collect())
            })
            .await
    }

    /// Returns a flow with its members' accounts, for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn flow_standing(&self, flow: FlowId) -> Result<FlowStanding, ServiceError> {
        self.store
            .read(move |view| {
                let flow = present(view, flow)?;
                let mut members = Vec::new();
                for uuid in &flow.members {
                    let Some(user) = users::by_uuid(view, *uuid)? else {
                        continue;
                    };
                    members.push(MemberStanding {
                        level: flow.level_of(*uuid),
                        read: marks::read_number(view, flow.id, user.id)?,
                        user,
                    });
                }
                Ok(FlowStanding {
                    count: flows::message_count(view, flow.id)?,
                    members,
                    flow,
                })
            })
            .await
    }

    /// Creates a flow, for the operator.
    ///
    /// # Errors
    /// [`Refusal::ChatExists`]; [`Refusal::NotTwoMembers`] for a chat without two members; the refusal of
    /// values that are too large.
    pub async fn make_flow(&self, new: NewFlow) -> Result<Flow, ServiceError> {
        check_name(Field::Title, new.title.as_deref())?;
        check_info(Field::Info, new.info.as_deref())?;
        let mut members = vec![new.owner];
        for user in new.members {
            if !members.contains(&user) {
                members.push(user);
            }
        }
        check_members(members.len())?;
        if new.kind == FlowKind::Chat && members.len() != 2 {
            return Err(Refusal::NotTwoMembers.into());
        }
        let new = flow_edits::NewFlow {
            kind: new.kind,
            title: new.title,
            info: new.info,
            owner: new.owner,
            members,
            is_saved: false,
            room: crate::store::flow_edits::RoomTerms::default(),
        };
        self.store
            .write(move |tx| {
                let made = make(tx, new, By::OPERATOR)?;
                let of = Of::named(made.title.clone());
                audit::note(tx, By::OPERATOR, Act::FlowMade, &of)?;
                Ok(made)
            })
            .await
    }

    /// Adds a user to a flow, or invites a user who wants to be asked first, for the operator. Returns
    /// which; `None`: the user is already a member, or invited.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`]; [`Refusal::SavedIsFixed`].
    pub async fn add_member(
        &self,
        flow: FlowId,
        user: UserId,
    ) -> Result<Option<Brought>, ServiceError> {
        self.store
            .write(move |tx| {
                let flow = open(tx, flow)?;
                let by = By::OPERATOR;
                let events = bring_in(tx, flow.id, &[user], by)?;
                let brought = events.first().map(|event| match event.what {
                    Happening::Invited(_) => Brought::Invited,
                    _ => Brought::In,
                });
                if brought.is_some() {
                    let of = of_flow(tx, flow.id)?.about(user);
                    audit::note(tx, by, Act::MemberAdded, &of)?;
                    flow_edits::tell(tx, flow.id, events, by)?;
                }
                Ok(brought)
            })
            .await
    }

    /// Removes a member from a flow, for the operator. If the member owned it, it is handed over as in
    /// `accounts::leave`. Returns whether the user was a member.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`]; [`Refusal::SavedIsFixed`].
    pub async fn remove_member(&self, flow: FlowId, user: UserId) -> Result<bool, ServiceError> {
        self.store
            .write(move |tx| {
                let flow = open(tx, flow)?;
                let is_member = members::is_member(tx, flow.id, user)?;
                if is_member {
                    let of = of_flow(tx, flow.id)?.about(user);
                    audit::note(tx, By::OPERATOR, Act::MemberRemoved, &of)?;
                    leave(tx, &flow, user, membership::Exit::Removed, By::OPERATOR)?;
                }
                Ok(is_member)
            })
            .await
    }

    /// Makes a member the owner of a flow, for the operator.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`]; [`Refusal::SavedIsFixed`]; [`Refusal::OwnerMustBeMember`] for a
    /// user who is not a member.
    pub async fn hand_over(&self, flow: FlowId, user: UserId) -> Result<Flow, ServiceError> {
        self.store
            .write(move |tx| {
                let flow = open(tx, flow)?;
                if !members::is_member(tx, flow.id, user)? {
                    return Err(Refusal::OwnerMustBeMember.into());
                }
                let of = of_flow(tx, flow.id)?.about(user);
                audit::note(tx, By::OPERATOR, Act::OwnerSet, &of)?;
                let edit = flow_edits::FlowEdit {
                    owner: Some(user),
                    ..flow_edits::FlowEdit::default()
                };
                Ok(flow_edits::edit(
                    tx,
                    flow.id,
                    &edit,
                    Vec::new(),
                    By::OPERATOR,
                )?)
            })
            .await
    }

    /// Makes a member of a flow a moderator or an ordinary member, for the operator.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`]; [`Refusal::SavedIsFixed`]; [`Refusal::BadLevel`];
    /// [`Refusal::NotFound`] for a user who is not a member; [`Refusal::OwnerKeepsLevel`].
    pub async fn set_level(
        &self,
        flow: FlowId,
        user: UserId,
        level: Level,
    ) -> Result<Flow, ServiceError> {
        self.store
            .write(move |tx| {
                let flow = open(tx, flow)?;
                if ![Level::MEMBER, Level::MODERATOR].contains(&level) {
                    return Err(Refusal::BadLevel.into());
                }
                if !members::is_member(tx, flow.id, user)? {
                    return Err(Refusal::NotFound(Thing::User).into());
                }
                if flow.owner == Some(user) {
                    return Err(Refusal::OwnerKeepsLevel.into());
                }
                let by = By::OPERATOR;
                match membership::set_level(tx, flow.id, user, level, by)? {
                    Some(event) => {
                        let level = if level.moderates() {
                            "moderator"
                        } else {
                            "member"
                        };
                        let of = of_flow(tx, flow.id)?.about(user).now(level.to_owned());
                        audit::note(tx, by, Act::LevelSet, &of)?;
                        Ok(flow_edits::tell(tx, flow.id, vec![event], by)?)
                    }
                    None => Ok(flow),
                }
            })
            .await
    }

    /// Permanently removes a flow with its messages, for the operator. Returns the number of messages.
    ///
    /// The members lose it at once; the messages are removed one part at a time, and the rest of an
    /// interrupted removal is removed by the next one.
    ///
    /// # Errors
    /// [`Refusal::NotFound`].
    pub async fn remove_flow(&self, flow: FlowId) -> Result<usize, ServiceError> {
        self.store
            .write(move |tx| {
                let flow = present(tx, flow)?;
                let of = Of::named(flow.title.clone());
                audit::note(tx, By::OPERATOR, Act::FlowRemoved, &of)?;
                Ok::<_, ServiceError>(flow_edits::remove(tx, &flow, By::OPERATOR)?)
            })
            .await?;
        let mut removed = 0;
        while let Some(count) = self.store.write(remove_some).await? {
            removed += count;
        }
        Ok(removed)
    }
}

/// Removes some messages of a removed flow; `None` if there are none.
pub(in crate::service) fn remove_some(tx: &Tx<'_>) -> Result<Option<usize>, ServiceError> {
    Ok(match removal::removed_flow(tx)? {
        Some(flow) => Some(removal::oldest(tx, flow, REMOVED_AT_ONCE)?),
        None => None,
    })
}

fn present(view: &View<'_>, flow: FlowId) -> Result<Flow, ServiceError> {
    flows::by_id(view, flow)?.ok_or(Refusal::NotFound(Thing::Flow).into())
}

/// Returns a flow whose members can change.
fn open(view: &View<'_>, flow: FlowId) -> Result<Flow, ServiceError> {
    let flow = present(view, flow)?;
    if flow.kind == FlowKind::Chat {
        return Err(Refusal::ChatIsFixed.into());
    }
    if flow.is_saved {
        return Err(Refusal::SavedIsFixed.into());
    }
    Ok(flow)
}
