//! Permissions in a flow: one function that every face uses.

use super::{Refusal, ServiceError};
use crate::model::{FlowKind, Level};
use crate::store::flows::Access;

/// An action of a member in a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Write messages.
    Write,
    /// Change the title, the description or the picture.
    Describe,
    /// Add a user.
    Add,
    /// Remove a user with this level.
    Remove(Level),
    /// Ban a user with this level.
    Ban(Level),
    /// Choose the moderators.
    SetLevels,
    /// Make another user the owner.
    HandOver,
    /// Set the timer of disappearing messages.
    SetExpire,
    /// Forbid forwarding, choose who may pin.
    SetRules,
    /// Delete one's own message or another's.
    Delete {
        /// Whether the message is one's own.
        is_own: bool,
    },
    /// Pin messages.
    Pin,
    /// Leave.
    Leave,
    /// End the flow for everybody.
    End,
}

/// Checks whether a member may do something in a flow.
///
/// Source: who writes and reads, MTP 1.0 revision 17; moderators, extensions of this server.
///
/// # Errors
/// The reason why the member may not.
pub(super) fn may(access: &Access, action: Action) -> Result<(), ServiceError> {
    let is_chat = access.kind == FlowKind::Chat;
    let moderates = access.level.moderates();
    let owns = access.level >= Level::OWNER;
    let allow = |allowed: bool, refusal: Refusal| {
        if allowed { Ok(()) } else { Err(refusal.into()) }
    };
    match action {
        Action::Write => allow(access.level >= access.power.write, Refusal::NotWriter),
        Action::Describe => {
            allow(!access.is_saved, Refusal::SavedIsFixed)?;
            allow(access.level >= access.power.describe, Refusal::NotOwner)
        }
        Action::Add => {
            allow(access.level >= access.power.invite, Refusal::NotOwner)?;
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(!access.is_saved, Refusal::SavedIsFixed)
        }
        Action::Remove(level) => {
            allow(access.level >= access.power.kick, Refusal::NotOwner)?;
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(level < access.level, Refusal::Outranked)
        }
        Action::Ban(level) => {
            allow(access.level >= access.power.ban, Refusal::NotOwner)?;
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(level < access.level, Refusal::Outranked)
        }
        Action::SetLevels | Action::HandOver => {
            allow(owns, Refusal::NotOwner)?;
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(!access.is_saved, Refusal::SavedIsFixed)
        }
        Action::SetExpire => allow(owns || is_chat, Refusal::NotOwner),
        Action::SetRules => allow(owns, Refusal::NotOwner),
        Action::Delete { is_own } => allow(
            is_own || access.level >= access.power.redact,
            Refusal::NotRemover,
        ),
        Action::Pin => allow(
            moderates || is_chat || access.kind == FlowKind::Group && !access.pins_are_restricted,
            Refusal::NotPinner,
        ),
        Action::Leave => {
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(!access.is_saved, Refusal::SavedIsFixed)
        }
        Action::End => {
            allow(!is_chat, Refusal::ChatIsFixed)?;
            allow(owns, Refusal::NotOwner)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FlowId, Power};

    fn access(kind: FlowKind, level: Level) -> Access {
        Access {
            id: FlowId(1),
            kind,
            owner: None,
            next_number: 0,
            first_number: 0,
            level,
            expire: 0,
            is_protected: false,
            pins_are_restricted: false,
            is_saved: false,
            power: Power::of(kind),
        }
    }

    #[test]
    fn every_action_has_its_level() {
        use Action::{Add, Delete, Describe, End, HandOver, Leave, Remove, SetExpire, SetLevels};
        use Action::{Pin, SetRules, Write};
        const ALL: u8 = 0;
        const MODERATORS: u8 = 1;
        const OWNER: u8 = 2;
        const NOBODY: u8 = 3;
        // The lowest level in a group, a channel and a chat.
        let table = [
            (Write, [ALL, MODERATORS, ALL]),
            (Describe, [MODERATORS, MODERATORS, MODERATORS]),
            (Add, [MODERATORS, MODERATORS, NOBODY]),
            (Remove(Level::MEMBER), [MODERATORS, MODERATORS, NOBODY]),
            (Remove(Level::MODERATOR), [OWNER, OWNER, NOBODY]),
            (Remove(Level::OWNER), [NOBODY, NOBODY, NOBODY]),
            (SetLevels, [OWNER, OWNER, NOBODY]),
            (HandOver, [OWNER, OWNER, NOBODY]),
            (SetExpire, [OWNER, OWNER, ALL]),
            (SetRules, [OWNER, OWNER, OWNER]),
            (Delete { is_own: true }, [ALL, ALL, ALL]),
            (
                Delete { is_own: false },
                [MODERATORS, MODERATORS, MODERATORS],
            ),
            (Pin, [ALL, MODERATORS, ALL]),
            (Leave, [ALL, ALL, NOBODY]),
            (End, [OWNER, OWNER, NOBODY]),
        ];
        for (action, rows) in table {
            let kinds = [FlowKind::Group, FlowKind::Channel, FlowKind::Chat];
            for (kind, from) in kinds.into_iter().zip(rows) {
                let levels = [Level::MEMBER, Level::MODERATOR, Level::OWNER];
                for (rank, level) in (0_u8..).zip(levels) {
                    let allowed = may(&access(kind, level), action).is_ok();
                    assert_eq!(
                        allowed,
                        rank >= from,
                        "{action:?} in a {kind:?} by {level:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn saved_messages_stay_as_they_are() {
        let saved = Access {
            is_saved: true,
            ..access(FlowKind::Group, Level::OWNER)
        };
        for action in [
            Action::Describe,
            Action::Add,
            Action::Leave,
            Action::HandOver,
        ] {
            assert!(may(&saved, action).is_err(), "{action:?}");
        }
        assert!(may(&saved, Action::Write).is_ok());
    }
}
