//! Invitations: who makes which, and whom they let in.

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

/// How long an invitation is good when nothing else is said.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Uses of one invitation at most.
const MAX_USES: i64 = 1000;

/// Uses of one that is made by nobody of the administrators.
const MAX_MEMBERS_USES: i64 = 10;

/// How long such a one is good at most, in days.
const MAX_MEMBERS_DAYS: i64 = 30;

/// Longest note, in characters.
const MAX_NOTE_CHARS: usize = 256;

/// When an invitation ends.
#[derive(Debug, Clone, Copy)]
pub enum Ends {
    /// After some time.
    After(Duration),
    /// At a time.
    At(Timestamp),
    /// Never.
    Never,
}

/// What an invitation is to be.
#[derive(Debug, Clone)]
pub struct Invite {
    /// How many may use it, from 1 to 1,000.
    pub uses: i64,
    /// When it ends.
    pub ends: Ends,
    /// The flow that they join.
    pub flow: Option<PublicId>,
    /// Whom it is for, in its maker's words.
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

/// An invitation that has just been made: the only time its code is known.
#[derive(Debug)]
pub struct NewCode {
    /// What is passed on.
    pub code: InviteCode,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// Row number.
    pub id: InvitationId,
}

impl Service {
    /// Makes an invitation, for a user, or without one for the operator. Administrators invite anybody,
    /// members where that is configured, owners and moderators to their flow.
    ///
    /// # Errors
    /// [`Refusal::NotInviter`] for a user who may not invite; [`Refusal::NotFound`] for an unknown flow;
    /// [`Refusal::NotOwner`] for one to which the user adds nobody; [`Refusal::InvitationToChat`],
    /// [`Refusal::SavedIsFixed`], [`Refusal::InvitationUses`], [`Refusal::InvitationTooWide`],
    /// [`Refusal::ExpiresInPast`], [`Refusal::UsedUp`], what is too large.
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

    /// Joins the flow that an invitation is for. Who is a member already spends nothing.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for an invitation that is not good; [`Refusal::InvitationWithoutFlow`],
    /// [`Refusal::Banned`], [`Refusal::TooLarge`] for a flow that is full; [`Refusal::Throttled`].
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

    /// The invitations that still hold, newest first, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| Ok(invitations::list(view, now)?))
            .await
    }

    /// The invitation that a code, or its first four signs as listed, names; for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotFound`]; [`Refusal::AmbiguousInvitation`] when several begin so.
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

    /// Makes an invitation useless, for the operator. Returns whether there was one.
    ///
    /// # Errors
    /// The file cannot be written.
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

/// Uses an invitation for a newcomer. Returns the flow to join.
///
/// # Errors
/// [`Refusal::InvitationRequired`] when it is not good, or its maker may not bring in newcomers.
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

/// Who may register with an invitation.
#[derive(Debug, Clone, Copy)]
pub(super) enum Newcomers {
    /// Whoever has one: registration is open.
    Anybody,
    /// Whoever has one of somebody who may invite to the server.
    OfInviters {
        /// Whether every member is.
        members_invite: bool,
    },
}

/// Puts a new user into the flow that the invitation was for; one that is gone or full is passed
/// over.
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

/// Whether an invitation to a flow still lets anybody in: while its maker may add members to it.
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

/// Whether an invitation to a flow registers newcomers: where its maker may invite to the server.
/// Others were made by who might.
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

/// When an invitation ends; `None`: never.
fn end(tx: &Tx<'_>, ends: Ends) -> Result<Option<Timestamp>, ServiceError> {
    match ends {
        Ends::Never => Ok(None),
        Ends::After(lifetime) => Ok(Some(tx.now().after(lifetime))),
        Ends::At(time) if time <= tx.now() => Err(Refusal::ExpiresInPast.into()),
        Ends::At(time) => Ok(Some(time)),
    }
}

/// The flow of an invitation that the operator or an administrator makes.
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

/// The flow of an invitation that a member makes.
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

/// Fails for an invitation of a member that lets in too many, or for too long.
fn require_narrow(
    tx: &Tx<'_>,
    uses: i64,
    expires_at: Option<Timestamp>,
) -> Result<(), ServiceError> {
    let days = u64::try_from(MAX_MEMBERS_DAYS).unwrap_or_default();
    // Some seconds more, for a client counts from its own clock.
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

/// Fails for who has made as many invitations as may be open at a time, and forgets those of theirs
/// that nobody can use any more.
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
