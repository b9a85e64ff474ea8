//! Flows: creating, listing, changing, leaving; read marks and typing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::accounts::leave;
use super::entry::{check_members, make, visible_users};
use super::fields::{check_info, check_name};
use super::flow_change::{FlowChange, FlowDraft, MAX_PICTURE_BYTES, Named};
use super::invited::decline;
use super::messages::require_unblocked;
use super::quotas::{require_room_for_flow, require_room_to_own};
use super::rights::{Action, may};
use super::rooms::RoomDraft;
use super::{Field, Refusal, Service, ServiceError, SignedIn, Thing, UploadPlace, sent_files};
use crate::model::{
    Audience, Event, Flow, FlowId, FlowKind, FlowSettings, FlowSummary, Form, InvitedTo, News,
    Position, PublicId,
};
use crate::store::{
    Tx, flow_edits, flows, log, marks, members, membership, overview, settings, txns,
};

/// The title of a user's saved messages in clients that show no name of their own.
const SAVED_TITLE: &str = "Saved messages";

/// The flows of a user at a position.
#[derive(Debug)]
pub struct FlowList {
    /// Oldest first.
    pub flows: Vec<FlowSummary>,
    /// Unanswered invitations, oldest first; only in rich form.
    pub invited: Vec<InvitedTo>,
    /// The position up to which changes are included.
    pub position: Position,
    /// Whether there are more flows, which did not fit.
    pub incomplete: bool,
}

impl Service {
    /// Creates a flow that the caller owns. A request with the same `txn` returns the first one.
    ///
    /// # Errors
    /// [`Refusal::OwnerMustBeMaker`] for another owner, [`Refusal::NotFound`] for an unknown user,
    /// [`Refusal::ChatExists`], the refusal of values that are too large.
    pub async fn add_flow(
        &self,
        user: &SignedIn,
        kind: FlowKind,
        draft: FlowDraft,
        txn: Option<String>,
    ) -> Result<Flow, ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let size = Self::size_of(&user, draft.users.as_ref().map_or(0, Vec::len));
        self.store
            .write_sized(size, move |tx| {
                user.require(tx)?;
                if let Some(flow) = repeated(tx, &user, txn.as_deref())? {
                    return Ok(flow);
                }
                let named = draft.users.iter().flatten().copied();
                let people: BTreeSet<_> = named.chain([user.uuid()]).collect();
                if kind == FlowKind::Chat && people.len() != 2 {
                    return Err(Refusal::NotTwoMembers.into());
                }
                // The users have to exist before permissions are checked.
                let wanted = draft.users.as_deref().unwrap_or_default();
                let mut members = visible_users(tx, user.user(), None, wanted)?;
                if draft.owner.is_some_and(|owner| owner != user.uuid()) {
                    return Err(Refusal::OwnerMustBeMaker.into());
                }
                check_name(Field::Title, draft.title.as_deref())?;
                check_info(Field::Info, draft.info.as_deref())?;
                if !members.contains(&user.user()) {
                    members.insert(0, user.user());
                }
                check_members(members.len())?;
                require_room_for_flow(tx, user.user(), kind, &limits)?;
                counts.members(user.user(), members.len() - 1, &limits)?;
                let new = flow_edits::NewFlow {
                    kind,
                    title: draft.title,
                    info: draft.info,
                    owner: user.user(),
                    members,
                    is_saved: false,
                    room: crate::store::flow_edits::RoomTerms::default(),
                };
                let flow = make(tx, new, user.by())?;
                if let Some(txn) = txn {
                    txns::insert(tx, user.user(), &txn, txns::Made::Flow(flow.id))?;
                }
                Ok(flow)
            })
            .await
    }

    /// Returns the flows of the caller, as many as fit into an answer, starting after `after` if it is given.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] if `after` is a flow that the caller has never been a member of.
    pub async fn flows(
        &self,
        user: &SignedIn,
        form: Form,
        after: Option<PublicId>,
    ) -> Result<FlowList, ServiceError> {
        let user = user.user();
        let limits = self.limits();
        let roster = match form {
            Form::Plain => flows::Roster::Whole,
            Form::Rich => flows::Roster::Brief,
        };
        self.store
            .read(move |view| {
                let (position, _) = log::last(view)?;
                let invited = match (form, after) {
                    (Form::Rich, None) => members::invitations(view, user)?,
                    _ => Vec::new(),
                };
                let after = match after {
                    Some(uuid) => {
                        flows::cursor(view, uuid, user)?.ok_or(Refusal::NotFound(Thing::Flow))?
                    }
                    None => FlowId(0),
                };
                let (mut flows, mut incomplete) =
                    flows::page_of_user(view, user, roster, after, limits.answer_bytes)?;
                if form.is_rich() {
                    let fit = overview::fill(view, user, &mut flows, limits.answer_bytes)?;
                    incomplete |= fit < flows.len();
                    flows.truncate(fit);
                }
                Ok(FlowList {
                    flows,
                    incomplete,
                    invited: invited.into_iter().map(|(_, invited)| invited).collect(),
                    position,
                })
            })
            .await
    }

    /// Changes a flow: its title, description, owner, members and their levels, and its settings.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow or user that the caller cannot see; the refusal of actions that
    /// the caller may not do there, and of values that are too large.
    pub async fn edit_flow(
        &self,
        user: &SignedIn,
        flow: PublicId,
        change: FlowChange,
    ) -> Result<Flow, ServiceError> {
        self.edit_flow_as(user, flow, change, None).await
    }

    /// Does the same, with the data that Matrix adds.
    pub(super) async fn edit_flow_as(
        &self,
        user: &SignedIn,
        flow: PublicId,
        change: FlowChange,
        room: Option<RoomDraft>,
    ) -> Result<Flow, ServiceError> {
        let user = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        let mut count = change.count();
        if change.words.users.is_some() {
            // Users who are not in the list are removed.
            count = count.max(self.member_count(flow).await?);
        }
        self.store
            .write_sized(Self::size_of(&user, count), move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                let named = Named::find(tx, &access, &user, &change)?;
                named.require(tx, &access, &user, &change)?;
                // Changes are shown in the conversation forever, as messages are.
                counts.message(user.user(), user.session.is_bot, &limits)?;
                let is_matrix = room.is_some();
                if let Some(room) = room {
                    tx.say(room.said(&user));
                }
                let events = named.move_people(tx, (&access, flow), &user, (&counts, &limits))?;
                let new_owner = named.owner.filter(|owner| access.owner != Some(*owner));
                if let Some(owner) = named.owner
                    && !members::is_member(tx, access.id, owner)?
                {
                    return Err(Refusal::OwnerMustBeMember.into());
                }
                if let Some(owner) = new_owner {
                    require_room_to_own(tx, owner, &limits)?;
                }
                let mut switches = change.switches;
                if let Some(upload) = change.picture_upload {
                    let (place, user) = (UploadPlace::Picture, user.user());
                    let bounds = (Field::Picture, MAX_PICTURE_BYTES);
                    let picture = sent_files::picture(tx, user, upload, place, bounds)?;
                    switches.picture = Some(Some(picture));
                    switches.picture_name = is_matrix.then_some(upload);
                }
                let edit = flow_edits::FlowEdit {
                    title: change.words.title,
                    info: change.words.info,
                    owner: named.owner,
                    switches,
                    has_members: change.words.users.is_some(),
                };
                Ok(flow_edits::edit(tx, access.id, &edit, events, user.by())?)
            })
            .await
    }

    /// Returns the flow of the caller's saved messages, which is created if it does not exist.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn saved_messages(&self, user: &SignedIn) -> Result<Flow, ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if let Some(flow) = flows::saved_of(tx, user.user())? {
                    return Ok(flow);
                }
                let new = flow_edits::NewFlow {
                    kind: FlowKind::Group,
                    title: Some(SAVED_TITLE.to_owned()),
                    info: None,
                    owner: user.user(),
                    members: vec![user.user()],
                    is_saved: true,
                    room: crate::store::flow_edits::RoomTerms::default(),
                };
                Ok(flow_edits::insert(tx, &new, user.by())?)
            })
            .await
    }

    /// Returns the number of members of a flow, to estimate the size of a change; 0 if there is no such flow.
    pub(super) async fn member_count(&self, flow: PublicId) -> Result<usize, ServiceError> {
        let count = self.store.read(move |view| {
            let flow = flows::by_uuid(view, flow)?;
            flow.map_or(Ok(0), |flow| members::count(view, flow.id))
        });
        Ok(usize::try_from(count.await?).unwrap_or(usize::MAX))
    }

    /// Fails if the caller is not a member of a flow.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
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

    /// Removes the caller from a flow, or declines an invitation to it. If the caller owned the flow, it
    /// is handed over as in `accounts::leave`.
    ///
    /// # Errors
    /// [`Refusal::ChatIsFixed`].
    pub async fn leave_flow(&self, user: &SignedIn, flow: PublicId) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                if decline(tx, flow, &user)? {
                    return Ok(());
                }
                let access =
                    flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                may(&access, Action::Leave)?;
                let flow = flows::by_id(tx, access.id)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                leave(tx, &flow, user.user(), membership::Exit::Left, user.by())
            })
            .await
    }

    /// Records that the caller has read a flow up to a number, which only increases.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn mark_read(
        &self,
        user: &SignedIn,
        flow: PublicId,
        number: i64,
    ) -> Result<(), ServiceError> {
        let by = user;
        let user = *user;
        let moved = self
            .store
            .write(move |tx| {
                user.require(tx)?;
                let access =
                    flows::access(tx, flow, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
                if number < 0 {
                    return Err(Refusal::NegativeNumber.into());
                }
                // A user who reads it has seen it.
                let set = settings::of(tx, access.id, user.user(), tx.now())?;
                if set.unread {
                    let set = FlowSettings {
                        unread: false,
                        ..set
                    };
                    settings::set(tx, access.id, user.user(), set, user.by())?;
                }
                // At most up to the last message; in an empty flow nothing can be read.
                let last = access.next_number - access.first_number - 1;
                if last < 0 {
                    return Ok::<_, ServiceError>(None);
                }
                let number = number.min(last);
                let place = (access.id, access.first_number);
                let moved = marks::mark_read(tx, place, flow, user.user(), number, user.by())?;
                Ok(moved.then_some(access.id))
            })
            .await?;
        if let Some(flow) = moved {
            self.note_read_mark(by, flow).await;
        }
        Ok(())
    }

    /// Tells the other members of a flow that the caller is typing.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a flow that the caller is not a member of.
    pub async fn typing(&self, user: &SignedIn, flow: PublicId) -> Result<(), ServiceError> {
        let id = user.user();
        let (row, others) = self
            .store
            .read(move |view| {
                let access =
                    flows::access(view, flow, id)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                may(&access, Action::Write)?;
                require_unblocked(view, access.id, id)?;
                let mut members = members::ids(view, access.id)?;
                members.retain(|member| *member != id);
                Ok::<_, ServiceError>((access.id, members))
            })
            .await?;
        self.note_typing(row, id);
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

/// Returns the flow of an earlier request with the same `txn`.
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
