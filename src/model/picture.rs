//! Pictures that stand for people, flows and hooks.

use super::PublicId;

/// The picture of a flow or a hook, or an avatar, by what is known of it without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// By which it is fetched; another after each change.
    pub id: PublicId,
    /// Bytes.
    pub size: i64,
    /// What its first bytes say that it is, if that is known.
    pub media_type: Option<String>,
}
