//! Pictures of people, flows and hooks.

use super::PublicId;

/// The picture of a flow or a hook, or an avatar: what is known without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The id with which it is fetched; it is new after each change.
    pub id: PublicId,
    /// Size in bytes.
    pub size: i64,
    /// The media type that its first bytes show, if it is known.
    pub media_type: Option<String>,
}
