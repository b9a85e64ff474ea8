//! Invitations: who may make them, and whom they admit.

use std::time::{Duration, Instant};

use super::administration::note;
use super::entry::check_members;
use super::rights::{Action, may};
use super::{Client, Field, Limits, Quota, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::InviteCode;
use crate::model::{
    Act, By, Flow, FlowId, FlowKind, Invitation, InvitationId, PublicId, Timestamp, UserId,
};
use crate::store::audit::{self, Of};
use crate::store::invitations::{self, Found};
use crate::store::members::{self, State};
use crate::store::{Tx, View, flow_edits, flows, membership, users};

/// Default lifetime of an invitation.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Maximum number of uses of an invitation.
const MAX_USES: i64 = 1000;

/// Maximum number of uses of an invitation that was not made by an administrator.
const MAX_MEMBERS_USES: i64 = 10;

/// Maximum lifetime of such an invitation, in days.
const MAX_MEMBERS_DAYS: i64 = 30;

/// Maximum length of a note, in characters.
const MAX_NOTE_CHARS: usize = 256;

/// The expiry of an invitation.
#[derive(Debug, Clone, Copy)]
pub enum Ends {
    /// After a duration.
    After(Duration),
    /// At a point in time.
    At(Timestamp),
    /// Never.
    Never,
}

/// The properties of a new invitation.
#[derive(Debug, Clone)]
pub struct Invite {
    /// How many users can use it, from 1 to 1,000.
    pub uses: i64,
    /// When it expires.
    pub ends: Ends,
    /// The flow that its users join.
    pub flow: Option<PublicId>,
    /// A note of its maker about whom it is for.
    pub note: Option<String>,
}

impl Default for Invite {
    fn default() -> Self {
        Self {
            uses: 1,
            ends: Ends::After(LIFETIME),
            flow: None,
            note: None,
        }
    }
}

/// An invitation that has just been made; its code cannot be read again later.
#[derive(Debug)]
pub struct NewCode {
    /// The code to pass on.
    pub code: InviteCode,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Row number.
    pub id: InvitationId,
}

impl Service {
    /// Creates an invitation, for a user, or, without one, for the operator. Administrators can invite
    /// anybody, members if the configuration permits it, owners and moderators to their flow.
    ///
    /// # Errors
    /// [`Refusal::NotInviter`] for a user who may not invite; [`Refusal::NotFound`] for an unknown flow;
    /// [`Refusal::NotOwner`] for a flow to which the user may not add members;
    /// [`Refusal::InvitationToChat`], [`Refusal::SavedIsFixed`], [`Refusal::InvitationUses`],
    /// [`Refusal::InvitationTooWide`], [`Refusal::ExpiresInPast`], [`Refusal::UsedUp`], the refusal of
    /// values that are too large.
    pub async fn make_invitation(
        &self,
        invite: Invite,
        by: Option<&SignedIn>,
    ) -> Result<NewCode, ServiceError> {
        if !(1..=MAX_USES).contains(&invite.uses) {
            return Err(Refusal::InvitationUses { limit: MAX_USES }.into());
        }
        check_note(invite.note.as_deref())?;
        by.map_or(Ok(()), SignedIn::require_person)?;
        let limits = self.limits();
        let code = InviteCode::mint();
        let (hash, hint) = (InviteCode::hash_of(code.as_str()), code.hint().to_owned());
        let by = by.copied();
        let members_invite = self.settings.members_invite;
        let (id, expires_at) = self
            .store
            .write(move |tx| {
                let expires_at = end(tx, invite.ends)?;
                let flow = match by {
                    None => permitted_to_operator(tx, invite.flow)?,
                    Some(user) => {
                        user.require(tx)?;
                        if users::is_admin(tx, user.user())? == Some(true) {
                            permitted_to_operator(tx, invite.flow)?
                        } else {
                            require_narrow(tx, invite.uses, expires_at)?;
                            require_room_for_invitation(tx, user.user(), &limits)?;
                            permitted_to_member(tx, &user, invite.flow, members_invite)?
                        }
                    }
                };
                let new = invitations::NewInvitation {
                    code_hash: hash,
                    hint,
                    note: invite.note,
                    created_by: by.map(|user| user.user()),
                    expires_at,
                    uses: invite.uses,
                    flow,
                };
                let id = invitations::insert(tx, &new)?;
                let of = Of::named(invitations::name(tx, id)?);
                note(tx, by.as_ref(), Act::InvitationMade, &of)?;
                Ok::<_, ServiceError>((id, expires_at))
            })
            .await?;
        Ok(NewCode {
            code,
            expires_at,
            id,
        })
    }

    /// Joins the flow of an invitation. If the user is already a member, the invitation is not used up.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an invalid invitation; [`Refusal::InvitationWithoutFlow`],
    /// [`Refusal::Banned`], [`Refusal::TooLarge`] for a full flow; [`Refusal::Throttled`].
    pub async fn use_invitation(
        &self,
        user: &SignedIn,
        code: &str,
        client: &Client,
    ) -> Result<Flow, ServiceError> {
        user.require_person()?;
        let hash = InviteCode::hash_of(code);
        let user = *user;
        let joined = self
            .store
            .write(move |tx| {
                user.require(tx)?;
                let missing = Refusal::NotFound(Thing::Invitation);
                let found = invitations::find(tx, &hash, tx.now())?.ok_or(missing)?;
                let flow = found.flow.map(|id| flows::by_id(tx, id)).transpose()?;
                let state = match found.flow {
                    Some(id) => members::standing(tx, id, user.user())?.map(|it| it.state),
                    None => None,
                };
                if let (Some(Some(flow)), Some(State::Joined)) = (&flow, state) {
                    return Ok(flow.clone());
                }
                if !found.holds || !opens(tx, &found)? {
                    return Err(missing.into());
                }
                let id = found.flow.ok_or(Refusal::InvitationWithoutFlow)?;
                flow.flatten().ok_or(missing)?;
                if state == Some(State::Banned) {
                    return Err(Refusal::Banned.into());
                }
                require_room(tx, id)?;
                invitations::spend(tx, found.id)?;
                join(tx, id, user.by())
            })
            .await;
        if let Err(ServiceError::Refused(Refusal::NotFound(_))) = joined {
            self.guesses
                .missed_code(client.neighbourhood, Instant::now())?;
        }
        joined
    }

    /// Returns the valid invitations, newest first, for the operator.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| Ok(invitations::list(view, now)?))
            .await
    }

    /// Returns the invitation with a code, or with its first four characters as listed; for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::AmbiguousInvitation`] if several begin with these characters.
    pub async fn invitation_of(&self, code: &str) -> Result<InvitationId, ServiceError> {
        let hash = InviteCode::hash_of(code);
        let by_code = self
            .store
            .read(move |view| Ok::<_, ServiceError>(invitations::id_of(view, &hash)?))
            .await?;
        if let Some(id) = by_code {
            return Ok(id);
        }
        let mut listed = self.invitations().await?;
        listed.retain(|it| it.hint.eq_ignore_ascii_case(code.trim()));
        match listed[..] {
            [] => Err(Refusal::NotFound(Thing::Invitation).into()),
            [ref one] => Ok(one.id),
            _ => Err(Refusal::AmbiguousInvitation.into()),
        }
    }

    /// Revokes an invitation, for the operator. Returns whether it existed.
    ///
    /// # Errors
    /// Fails if the database cannot be written.
    pub async fn revoke_invitation(&self, id: InvitationId) -> Result<bool, ServiceError> {
        self.store
            .write(move |tx| {
                let was_there = invitations::revoke(tx, id)?;
                if was_there {
                    let of = Of::named(invitations::name(tx, id)?);
                    audit::note(tx, By::OPERATOR, Act::InvitationRevoked, &of)?;
                }
                Ok(was_there)
            })
            .await
    }
}

/// Uses an invitation for a new user. Returns the flow to join.
///
/// # Errors
/// [`Refusal::InvitationRequired`] if it is invalid, or its maker may not invite new users.
pub(super) fn admit(
    tx: &Tx<'_>,
    code_hash: &[u8; 32],
    newcomers: Newcomers,
) -> Result<Option<FlowId>, ServiceError> {
    let found = invitations::find(tx, code_hash, tx.now())?.filter(|found| found.holds);
    let found = found.ok_or(Refusal::InvitationRequired)?;
    let welcome = match newcomers {
        Newcomers::Anybody => true,
        Newcomers::OfInviters { members_invite } => brings_newcomers(tx, &found, members_invite)?,
    };
    if !welcome || !opens(tx, &found)? {
        return Err(Refusal::InvitationRequired.into());
    }
    invitations::spend(tx, found.id)?;
    Ok(found.flow)
}

/// The users who may register with an invitation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Newcomers {
    /// Any user with an invitation: registration is open.
    Anybody,
    /// Users with an invitation whose maker may invite to the server.
    OfInviters {
        /// Whether every member may.
        members_invite: bool,
    },
}

/// Adds a new user to the flow of the invitation; a flow that no longer exists or is full is skipped.
pub(super) fn join_new(tx: &Tx<'_>, flow: FlowId, user: UserId) -> Result<(), ServiceError> {
    let is_open = flows::by_id(tx, flow)?.is_some_and(|flow| flow.kind != FlowKind::Chat);
    if is_open && require_room(tx, flow).is_ok() {
        let by = By {
            user: Some(user),
            origin: None,
        };
        join(tx, flow, by)?;
    }
    Ok(())
}

fn join(tx: &Tx<'_>, flow: FlowId, by: By) -> Result<Flow, ServiceError> {
    let users: Vec<_> = by.user.into_iter().collect();
    let events = membership::enter(tx, flow, &users, membership::Entry::Joined, by)?;
    Ok(flow_edits::tell(tx, flow, events, by)?)
}

fn require_room(view: &View<'_>, flow: FlowId) -> Result<(), ServiceError> {
    let count = usize::try_from(members::count(view, flow)?).unwrap_or(usize::MAX);
    check_members(count.saturating_add(1))
}

/// Returns whether an invitation to a flow is still valid: as long as its maker may add members to the flow.
fn opens(view: &View<'_>, found: &Found) -> Result<bool, ServiceError> {
    let (Some(flow), Some(maker)) = (found.flow, found.maker) else {
        return Ok(true);
    };
    match users::is_admin(view, maker)? {
        None => Ok(false),
        Some(true) => Ok(true),
        Some(false) => {
            let standing = members::standing(view, flow, maker)?;
            Ok(standing.is_some_and(|it| it.state == State::Joined && it.level.moderates()))
        }
    }
}

/// Returns whether an invitation permits registration. For an invitation to a flow, its maker must be
/// allowed to invite to the server; other invitations can only be made by such users.
fn brings_newcomers(
    view: &View<'_>,
    found: &Found,
    members_invite: bool,
) -> Result<bool, ServiceError> {
    let (Some(_), Some(maker)) = (found.flow, found.maker) else {
        return Ok(true);
    };
    let is_admin = users::is_admin(view, maker)?;
    Ok(is_admin.is_some_and(|is_admin| is_admin || members_invite))
}

/// Returns when an invitation expires; `None`: never.
fn end(tx: &Tx<'_>, ends: Ends) -> Result<Option<Timestamp>, ServiceError> {
    match ends {
        Ends::Never => Ok(None),
        Ends::After(lifetime) => Ok(Some(tx.now().after(lifetime))),
        Ends::At(time) if time <= tx.now() => Err(Refusal::ExpiresInPast.into()),
        Ends::At(time) => Ok(Some(time)),
    }
}

/// Returns the flow of an invitation that the operator or an administrator makes.
fn permitted_to_operator(
    view: &View<'_>,
    flow: Option<PublicId>,
) -> Result<Option<FlowId>, ServiceError> {
    let Some(uuid) = flow else { return Ok(None) };
    let flow = flows::by_uuid(view, uuid)?.ok_or(Refusal::NotFound(Thing::Flow))?;
    if flow.kind == FlowKind::Chat {
        return Err(Refusal::InvitationToChat.into());
    }
    if flow.is_saved {
        return Err(Refusal::SavedIsFixed.into());
    }
    Ok(Some(flow.id))
}

/// Returns the flow of an invitation that a member makes.
fn permitted_to_member(
    view: &View<'_>,
    user: &SignedIn,
    flow: Option<PublicId>,
    members_invite: bool,
) -> Result<Option<FlowId>, ServiceError> {
    let Some(uuid) = flow else {
        return if members_invite {
            Ok(None)
        } else {
            Err(Refusal::NotInviter.into())
        };
    };
    let access = flows::access(view, uuid, user.user())?.ok_or(Refusal::NotFound(Thing::Flow))?;
    if access.kind == FlowKind::Chat {
        return Err(Refusal::InvitationToChat.into());
    }
    may(&access, Action::Add)?;
    Ok(Some(access.id))
}

/// Fails if a member's invitation has too many uses or too long a lifetime.
fn require_narrow(
    tx: &Tx<'_>,
    uses: i64,
    expires_at: Option<Timestamp>,
) -> Result<(), ServiceError> {
    let days = u64::try_from(MAX_MEMBERS_DAYS).unwrap_or_default();
    // With some tolerance, because a client uses its own clock.
    let latest = tx
        .now()
        .after(Duration::from_hours(24 * days) + Duration::from_mins(1));
    if uses > MAX_MEMBERS_USES || expires_at.is_none_or(|end| end > latest) {
        return Err(Refusal::InvitationTooWide {
            uses: MAX_MEMBERS_USES,
            days: MAX_MEMBERS_DAYS,
        }
        .into());
    }
    Ok(())
}

/// Fails for a user who has the maximum number of open invitations; deletes the user's invitations that
/// can no longer be used.
fn require_room_for_invitation(
    tx: &Tx<'_>,
    maker: UserId,
    limits: &Limits,
) -> Result<(), ServiceError> {
    invitations::forget_ended(tx, maker)?;
    let limit = limits.quotas.invitations;
    if limit > 0 && invitations::open_of(tx, maker, tx.now(), limit)? >= limit {
        return Err(Quota::Invitations.used_up(limit, None));
    }
    Ok(())
}

fn check_note(note: Option<&str>) -> Result<(), ServiceError> {
    let is_long = note.is_some_and(|note| note.chars().count() > MAX_NOTE_CHARS);
    if is_long {
        return Err(Refusal::TooLarge {
            what: Field::Note,
            limit: MAX_NOTE_CHARS,
        }
        .into());
    }
    Ok(())
}
