//! Invitations.

use super::{InvitationId, PublicId, Timestamp};

/// An invitation as the operator sees it; the code itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Row number, used to revoke the invitation.
    pub id: InvitationId,
    /// The first characters of the code.
    pub hint: String,
    /// A note of its maker about whom it is for.
    pub note: Option<String>,
    /// Login of its maker; `None`: it was made on the command line.
    pub created_by: Option<String>,
    /// The public id of its maker.
    pub maker: Option<PublicId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it expires; `None`: never.
    pub expires_at: Option<Timestamp>,
    /// How many more users can use it.
    pub uses_left: i64,
    /// The flow that its users join.
    pub flow: Option<PublicId>,
    /// Title of that flow.
    pub title: Option<String>,
}
