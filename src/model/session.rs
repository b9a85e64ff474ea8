//! Sessions: one per signed-in device.

use super::{PublicId, Scopes, SessionId, Timestamp, UserId};

/// The kind of client that uses a session's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A device of a user who signed in.
    Device,
    /// A program with a token that was made for it.
    Bot,
    /// A device that speaks Matrix.
    Matrix,
}

impl SessionKind {
    /// Returns the word for this kind.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Bot => "bot",
            Self::Matrix => "matrix",
        }
    }
}

/// The owner of a token that was found valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Row number.
    pub id: SessionId,
    /// Its user.
    pub user: UserId,
    /// The id by which clients know that user.
    pub user_uuid: PublicId,
    /// The kind of client that uses its token.
    pub kind: SessionKind,
    /// The permissions of a bot's token.
    pub scopes: Scopes,
    /// When the use of the token was last recorded.
    pub used_at: Timestamp,
    /// Whether the user is an administrator of this server.
    pub is_admin: bool,
    /// Whether the user is a program.
    pub is_bot: bool,
    /// When the session expires unless its token is used before.
    pub expires_at: Timestamp,
    /// When the token expires, if its client renews it.
    pub token_until: Option<Timestamp>,
    /// Whether the token succeeds one that is still valid.
    pub supersedes: bool,
}

impl Session {
    /// Returns whether the token is valid at a given time.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.token_until.is_none_or(|until| until > now)
    }
}

/// A session as its owner and the operator see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Row number, used to revoke the session.
    pub id: SessionId,
    /// Login of its user.
    pub login: String,
    /// The kind of client that uses its token.
    pub kind: SessionKind,
    /// When the device signed in.
    pub created_at: Timestamp,
    /// When it was last used, to within an hour.
    pub last_used_at: Timestamp,
    /// When the token expires unless it is used before.
    pub expires_at: Timestamp,
    /// Client address, masked as configured.
    pub address: Option<String>,
    /// The name that the device gives itself.
    pub label: Option<String>,
    /// Whether it has a connection open: it is in use now, whatever was noted last.
    pub is_online: bool,
}
