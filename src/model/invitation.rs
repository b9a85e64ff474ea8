//! Invitations.

use super::{InvitationId, Timestamp};

/// An invitation as the operator sees it; the code itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Row number, by which it can be revoked.
    pub id: InvitationId,
    /// First characters of the code.
    pub hint: String,
    /// Login of who made it; `None`: made on the command line.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How many more may register with it.
    pub uses_left: i64,
    /// Title of the flow that its users join.
    pub flow: Option<String>,
    /// Set when it has been revoked.
    pub is_revoked: bool,
}
