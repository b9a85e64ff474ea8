//! Invitations.

use super::{InvitationId, PublicId, Timestamp};

/// An invitation as the operator sees it; the code itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Row number, by which it can be revoked.
    pub id: InvitationId,
    /// First characters of the code.
    pub hint: String,
    /// Whom it is for, in its maker's words.
    pub note: Option<String>,
    /// Login of who made it; `None`: made on the command line.
    pub created_by: Option<String>,
    /// Who made it, as clients know.
    pub maker: Option<PublicId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How many more may use it.
    pub uses_left: i64,
    /// The flow that its users join.
    pub flow: Option<PublicId>,
    /// Title of that flow.
    pub title: Option<String>,
}
