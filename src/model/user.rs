//! Users.

use super::{Content, Picture, PublicId, Timestamp, UserId};

/// An account as the domain sees it. Its password is not part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about an account"
)]
pub struct User {
    /// Row number.
    pub id: UserId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// As typed at registration, or `User deleted`.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// Known to the user alone.
    pub email: Option<String>,
    /// A few words about oneself.
    pub bio: Option<String>,
    /// Picture, by what is known of it without reading it.
    pub avatar: Option<Picture>,
    /// The picture itself, where it was asked for.
    pub avatar_content: Option<Content>,
    /// Set for programs.
    pub is_bot: bool,
    /// Set for administrators of this server.
    pub is_admin: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Set while an administrator keeps the account from logging in.
    pub is_suspended: bool,
    /// Set once the account has been deleted.
    pub is_deleted: bool,
}

/// An account as its administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// Row number.
    pub id: UserId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// As typed at registration.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// Set for programs.
    pub is_bot: bool,
    /// Set for administrators of this server.
    pub is_admin: bool,
    /// Set while an administrator keeps the account from logging in.
    pub is_suspended: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When somebody was here by it last; `None`: not known.
    pub seen_at: Option<Timestamp>,
    /// Bytes of files that it may keep; `None`: as configured.
    pub quota_bytes: Option<i64>,
    /// Bytes of files that it keeps.
    pub used_bytes: i64,
}
