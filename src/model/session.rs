//! Sessions: one per signed-in device.

use super::{PublicId, Scopes, SessionId, Timestamp, UserId};

/// What shows a session's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A device of somebody who signed in.
    Device,
    /// A program, with a token that was made for it.
    Bot,
    /// A device that speaks Matrix.
    Matrix,
}

impl SessionKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Device => "device",
            Self::Bot => "bot",
            Self::Matrix => "matrix",
        }
    }
}

/// Who is behind a token that was found valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// Row number.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The id by which clients know that user.
    pub user_uuid: PublicId,
    /// What shows its token.
    pub kind: SessionKind,
    /// What a bot's token lets it do.
    pub scopes: Scopes,
    /// When it was noted last that the token is in use.
    pub used_at: Timestamp,
    /// Set for administrators of this server.
    pub is_admin: bool,
    /// Set for programs.
    pub is_bot: bool,
    /// When the session ends unless its token is used before.
    pub expires_at: Timestamp,
    /// When the token ends, if its client renews it.
    pub token_until: Option<Timestamp>,
    /// Whether the token follows one that is still good.
    pub supersedes: bool,
}

impl Session {
    /// Tells whether the token is good at a time.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at > now && self.token_until.is_none_or(|until| until > now)
    }
}

/// A session as its owner and the operator see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionInfo {
    /// Row number, by which it can be revoked.
    pub id: SessionId,
    /// Login of its user.
    pub login: String,
    /// What shows its token.
    pub kind: SessionKind,
    /// When the device signed in.
    pub created_at: Timestamp,
    /// When it was last used, give or take an hour.
    pub last_used_at: Timestamp,
    /// When the token ends unless it is used before.
    pub expires_at: Timestamp,
    /// Client address, masked as configured.
    pub address: Option<String>,
    /// What the device calls itself.
    pub label: Option<String>,
    /// Whether it has a connection open: it is in use now, whatever was noted last.
    pub is_online: bool,
}
