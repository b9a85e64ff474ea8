//! Flows: making, listing, changing, leaving; read marks and typing.

use std::collections::BTreeSet;

use super::accounts::{check_info, check_name, leave};
use super::settings::MAX_MEMBERS;
use super::{Field, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::model::{
    Audience, Event, Flow, FlowEvent, FlowKind, FlowSummary, News, Position, PublicId, UserId,
};
use crate::store::{
    StoreError, Tx, View, flow_edits, flows, log, marks, members, membership, txns, users,
};

/// What a new flow is to be, or how one is to change.
#[derive(Debug, Default)]
pub struct FlowDraft {
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Who is to own it.
    pub owner: Option<PublicId>,
    /// Who is to be in it.
    pub users: Option<Vec<PublicId>>,
}

/// The flows of a user, as of a position.
#[derive(Debug)]
pub struct FlowList {
    /// Oldest first.
    pub flows: Vec<FlowSummary>,
    /// Everything up to here is in them.
    pub position: Position,
}

impl Service {
    /// Makes a flow that the caller owns. Repeated with the same `txn`, it returns the first one.
    ///
    /// # Errors
    /// [`Refusal::OwnerMustBeMaker`] for another owner, [`Refusal::NotFound`] for an unknown
    /// user, [`Refusal::ChatExists`], what is too large.
    pub async fn add_flow(
        &self,
        user: &SignedIn,
        kind: FlowKind,
        draft: FlowDraft,
        txn: Option<String>,
    ) -> Result<Flow, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                if let Some(flow) = repeated(tx, &user, txn.as_deref())? {
                    return Ok(flow);
                }
                let named = draft.users.iter().flatten().copied();
                let people: BTreeSet<_> = named.chain([user.uuid()]).collect();
                if kind == FlowKind::Chat && people.len() != 2 {
                    return Err(Refusal::NotTwoMembers.into());
                }
                // Who is meant has to exist before it is asked who may.
                let mut members = resolve(tx, draft.users.as_deref().unwrap_or_default())?;
                if draft.owner.is_some_and(|owner| owner != user.uuid()) {
                    return Err(Refusal::OwnerMustBeMaker.into());
                }
                check_name(Field::Title, draft.title.as_deref())?;
                check_info(Field::Info, draft.info.as_deref())?;
                if !members.contains(&user.user()) {
                    members.insert(0, user.user());
                }
                check_members(members.len())?;
                let new = flow_edits::NewFlow {
                    kind,
                    title: draft.title,
                    info: draft.info,
                    owner: user.user(),
                    members,
                    is_saved: false,
                };
                let flow = flow_edits::insert(tx, &new, user.by()).map_err(chat_exists)?;
                if let Some(txn) = txn {
                    txns::insert(tx, user.user(), &txn, txns::Made::Flow(flow.id))?;
                }
                Ok(flow)
            })
            .await
    }

    /// The flows that the caller is in.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn flows(&self, user: &SignedIn) -> Result<FlowList, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let (position, _) = log::last(view)?;
                Ok(FlowList {
                    flows: flows::of_user(view, user, flows::Roster::Whole)?,
                    position,
                })
            })
            .await
    }

    /// Changes a flow of the caller's: its words, its owner, its members.
    ///
    /// # Errors
    /// [`Refusal::NotOwner`]; [`Refusal::ChatIsFixed`] for a chat's members.
    pub async fn edit_flow(
        &self,
        user: &SignedIn,
        flow: PublicId,
        change: FlowDraft,
    ) -> Result<Flow, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                let flow = visible(tx, flow, user.user())?;
                let owner = match change.owner {
                    Some(owner) => resolve(tx, &[owner])?.first().copied(),
                    None => None,
                };
                let wanted = change
                    .users
                    .as_deref()
                    .map(|users| resolve(tx, users))
                    .transpose()?;
                if flow.owner != Some(user.user()) {
                    return Err(Refusal::NotOwner.into());
                }
                check_name(Field::Title, change.title.as_deref())?;
                check_info(Field::Info, change.info.as_deref())?;
                if flow.kind == FlowKind::Chat
                    && (wanted.is_some() || owner.is_some_and(|id| id != user.user()))
                {
                    return Err(Refusal::ChatIsFixed.into());
                }
                let mut events = Vec::new();
                if let Some(mut wanted) = wanted {
                    if !wanted.contains(&user.user()) {
                        // The owner is always a member; to go, hand over and leave.
                        wanted.insert(0, user.user());
                    }
                    check_members(wanted.len())?;
                    events = replace_members(tx, &flow, &wanted, &user)?;
                }
                if let Some(owner) = owner
                    && !members::is_member(tx, flow.id, owner)?
                {
                    return Err(Refusal::OwnerMustBeMember.into());
                }
                let edit = flow_edits::FlowEdit {
                    title: change.title,
                    info: change.info,
                    owner,
                    ..flow_edits::FlowEdit::default()
                };
                Ok(flow_edits::edit(tx, flow.id, &edit, events, user.by())?)
            })
            .await
    }

    /// Tells whether the caller may know of a flow.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not in.
    pub async fn require_member(
        &self,
        user: &SignedIn,
        flow: PublicId,
    ) -> Result<(), ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| match flows::access(view, flow, user)? {
                Some(_) => Ok(()),
                None => Err(Refusal::NotFound(Thing::Flow).into()),
            })
            .await
    }

    /// Takes the caller out of a flow; what the caller owned goes to the member who joined first.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`].
    pub async fn leave_flow(&self, user: &SignedIn, flow: PublicId) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                let flow = visible(tx, flow, user.user())?;
                if flow.kind == FlowKind::Chat {
                    return Err(Refusal::ChatIsFixed.into());
                }
                leave(tx, &flow, user.user(), membership::Exit::Left, user.by())
            })
            .await
    }

    /// Notes that the caller has read a flow up to a number, which only moves forward.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not in.
    pub async fn mark_read(
        &self,
        user: &SignedIn,
        flow: PublicId,
        number: i64,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                let access =
                    flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if number < 0 {
                    return Err(Refusal::NegativeNumber.into());
                }
                // Up to the last message at most; in an empty flow nothing can have been read.
                let last = access.next_number - access.first_number - 1;
                if last < 0 {
                    return Ok(());
                }
                let number = number.min(last);
                Ok(marks::mark_read(
                    tx,
                    (access.id, access.first_number),
                    flow,
                    user.user(),
                    number,
                    user.by(),
                )?)
            })
            .await
    }

    /// Tells the other members of a flow that the caller is writing.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not in.
    pub async fn typing(&self, user: &SignedIn, flow: PublicId) -> Result<(), ServiceError> {
        let id = user.user();
        let others = self
            .store
            .read(move |view| {
                let access =
                    flows::access(view, flow, id)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if access.kind == FlowKind::Channel && !access.level.moderates() {
                    return Err(ServiceError::Refused(Refusal::NotWriter));
                }
                let mut members = members::ids(view, access.id)?;
                members.retain(|member| *member != id);
                Ok(members)
            })
            .await?;
        self.hub.publish(Event {
            position: None,
            origin: user.origin,
            audience: Audience::Users(others.into()),
            news: News::Typing {
                flow,
                user: user.uuid(),
            },
        });
        Ok(())
    }
}

/// What a flow that is not stored means: a chat is there once.
pub(super) fn chat_exists(err: StoreError) -> ServiceError {
    match err {
        StoreError::Conflict(_) => Refusal::ChatExists.into(),
        other => other.into(),
    }
}

/// The flow of an earlier request with the same `txn`.
fn repeated(tx: &Tx<'_>, user: &SignedIn, txn: Option<&str>) -> Result<Option<Flow>, ServiceError> {
    let Some(txn) = txn else { return Ok(None) };
    match txns::find(tx, user.user(), txn)? {
        Some(txns::Made::Flow(id)) => Ok(Some(
            flows::by_id(tx, id)?.ok_or(Refusal::NotFound(Thing::Flow))?,
        )),
        Some(txns::Made::Message(..)) => Err(Refusal::TxnMadeMessage.into()),
        None => Ok(None),
    }
}

/// A flow that a user is in; to others it does not exist.
pub(super) fn visible(view: &View<'_>, flow: PublicId, user: UserId) -> Result<Flow, ServiceError> {
    let access = flows::access(view, flow, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
    flows::by_id(view, access.id)?.ok_or(Refusal::NotFound(Thing::Flow).into())
}

/// Row numbers of users, each once, in order.
pub(super) fn resolve(view: &View<'_>, users: &[PublicId]) -> Result<Vec<UserId>, ServiceError> {
    // Twice the limit leaves room for repetitions and bounds the work.
    check_members(users.len() / 2)?;
    let mut ids = Vec::with_capacity(users.len());
    for uuid in users {
        let id = users::id_of(view, *uuid)?.ok_or(Refusal::NotFound(Thing::User))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

pub(super) fn check_members(count: usize) -> Result<(), ServiceError> {
    if count > MAX_MEMBERS {
        return Err(Refusal::TooLarge {
            what: Field::Members,
            limit: MAX_MEMBERS,
        }
        .into());
    }
    Ok(())
}

/// Makes the members of a flow these.
fn replace_members(
    tx: &Tx<'_>,
    flow: &Flow,
    wanted: &[UserId],
    user: &SignedIn,
) -> Result<Vec<FlowEvent>, ServiceError> {
    let present = members::ids(tx, flow.id)?;
    let gone: Vec<_> = present
        .iter()
        .copied()
        .filter(|id| !wanted.contains(id))
        .collect();
    let exit = membership::Exit::Removed;
    let mut events = membership::leave(tx, flow.id, flow.uuid, &gone, exit, user.by())?;
    events.extend(membership::enter(
        tx,
        flow.id,
        wanted,
        membership::Entry::Added,
        user.by(),
    )?);
    Ok(events)
}
