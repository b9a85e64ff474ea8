//! Invitations.

use std::time::Duration;

use super::{Limits, Quota, Refusal, Service, ServiceError, SignedIn, Thing};
use crate::auth::InviteCode;
use crate::model::{FlowKind, Invitation, InvitationId, PublicId, Timestamp, UserId};
use crate::store::{Tx, flows, invitations, users};

/// How long an invitation is good when nothing else is said.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

/// Uses of one invitation at most.
const MAX_USES: i64 = 1000;

/// What an invitation is to be.
#[derive(Debug, Clone, Copy)]
pub struct Invite {
    /// How many may register with it, from 1 to 1,000.
    pub uses: i64,
    /// How long it is good; `None`: for ever.
    pub lifetime: Option<Duration>,
    /// The flow that they join.
    pub flow: Option<PublicId>,
}

impl Default for Invite {
    fn default() -> Self {
        Self {
            uses: 1,
            lifetime: Some(LIFETIME),
            flow: None,
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
    /// Makes an invitation for somebody who asks by protocol: one use, a week.
    ///
    /// # Errors
    /// [`Refusal::NotInviter`]; [`Refusal::UsedUp`] when too many invitations of the caller's are open.
    pub async fn invite(&self, user: &SignedIn) -> Result<NewCode, ServiceError> {
        self.make_invitation(Invite::default(), Some(user.user()))
            .await
    }

    /// Makes an invitation, for a user, or without one for the operator.
    ///
    /// # Errors
    /// [`Refusal::NotInviter`] for a user who may not invite; [`Refusal::NotFound`] for an unknown flow;
    /// [`Refusal::InvitationToChat`], [`Refusal::InvitationUses`].
    pub async fn make_invitation(
        &self,
        invite: Invite,
        by: Option<UserId>,
    ) -> Result<NewCode, ServiceError> {
        if !(1..=MAX_USES).contains(&invite.uses) {
            return Err(Refusal::InvitationUses { limit: MAX_USES }.into());
        }
        let limits = self.limits();
        let code = InviteCode::mint();
        let (hash, hint) = (InviteCode::hash_of(code.as_str()), code.hint().to_owned());
        let expires_at = invite
            .lifetime
            .map(|lifetime| self.store.now().after(lifetime));
        let members_invite = self.settings.members_invite;
        let id = self
            .store
            .write(move |tx| {
                if let Some(by) = by
                    && !members_invite
                    && users::is_admin(tx, by)? != Some(true)
                {
                    return Err(Refusal::NotInviter.into());
                }
                let flow = match invite.flow {
                    Some(uuid) => {
                        let flow =
                            flows::by_uuid(tx, uuid)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                        if flow.kind == FlowKind::Chat {
                            return Err(Refusal::InvitationToChat.into());
                        }
                        Some(flow.id)
                    }
                    None => None,
                };
                if let Some(user) = by {
                    require_room_for_invitation(tx, user, &limits)?;
                }
                let new = invitations::NewInvitation {
                    code_hash: hash,
                    hint,
                    created_by: by,
                    expires_at,
                    uses: invite.uses,
                    flow,
                };
                Ok::<_, ServiceError>(invitations::insert(tx, &new)?)
            })
            .await?;
        Ok(NewCode {
            code,
            expires_at,
            id,
        })
    }

    /// The invitations that still hold, newest first, for the operator.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn invitations(&self) -> Result<Vec<Invitation>, ServiceError> {
        let now = self.store.now();
        self.store
            .read(move |view| {
                let mut list = invitations::list(view)?;
                list.retain(|it| {
                    let is_over = it.expires_at.is_some_and(|end| end <= now);
                    it.uses_left > 0 && !it.is_revoked && !is_over
                });
                Ok(list)
            })
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
            .write(move |tx| Ok(invitations::revoke(tx, id)?))
            .await
    }
}

/// Checks that an account may make one more invitation, and forgets those of its own that nobody can
/// use any more.
pub(super) fn require_room_for_invitation(
    tx: &Tx<'_>,
    user: UserId,
    limits: &Limits,
) -> Result<(), ServiceError> {
    invitations::forget_ended(tx, user)?;
    let limit = limits.quotas.invitations;
    if limit > 0 && invitations::open_of(tx, user, tx.now(), limit)? >= limit {
        return Err(Quota::Invitations.used_up(limit, None));
    }
    Ok(())
}
