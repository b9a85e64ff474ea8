//! Users.

use super::{Content, Picture, PublicId, Timestamp, UserId};

/// An account in the domain, without its password.
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
    /// The login as typed at registration, or `User deleted`.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// The email address, which only the user sees.
    pub email: Option<String>,
    /// A short description by the user.
    pub bio: Option<String>,
    /// What is known about the picture without reading it.
    pub avatar: Option<Picture>,
    /// The picture itself, if it was requested.
    pub avatar_content: Option<Content>,
    /// Whether the user is a program.
    pub is_bot: bool,
    /// Whether the user is an administrator of this server.
    pub is_admin: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Whether an administrator has suspended the account.
    pub is_suspended: bool,
    /// Whether the account has been deleted.
    pub is_deleted: bool,
}

/// An account as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountInfo {
    /// Row number.
    pub id: UserId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// The login as typed at registration.
    pub login: String,
    /// The name that others read.
    pub username: Option<String>,
    /// Whether the user is a program.
    pub is_bot: bool,
    /// Whether the user is an administrator of this server.
    pub is_admin: bool,
    /// Whether an administrator has suspended the account.
    pub is_suspended: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// When the account was last online; `None`: unknown.
    pub seen_at: Option<Timestamp>,
    /// Limit of its files in bytes; `None`: as configured.
    pub quota_bytes: Option<i64>,
    /// Bytes of its files.
    pub used_bytes: i64,
}
