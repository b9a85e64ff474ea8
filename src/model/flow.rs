//! Flows: conversations.

use super::{FlowId, PublicId, Timestamp, UserId};

/// Who writes in a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowKind {
    /// Two people, both write.
    Chat,
    /// The owner writes, the members read.
    Channel,
    /// All members write.
    Group,
}

impl FlowKind {
    /// The word for it, in tables, on the wire and in commands alike.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Channel => "channel",
            Self::Group => "group",
        }
    }

    /// The kind that a word names.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "chat" => Some(Self::Chat),
            "channel" => Some(Self::Channel),
            "group" => Some(Self::Group),
            _ => None,
        }
    }
}

/// A flow with its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flow {
    /// Row number.
    pub id: FlowId,
    /// The id that clients know.
    pub uuid: PublicId,
    /// Who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// Row number of the owner; `None` when nobody is left.
    pub owner: Option<UserId>,
    /// The owner's public id.
    pub owner_uuid: Option<PublicId>,
    /// Members in the order in which they joined.
    pub members: Vec<PublicId>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A flow as one of its members finds it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSummary {
    /// The flow.
    pub flow: Flow,
    /// How many messages it has.
    pub count: i64,
    /// Number of the last message that this member has read.
    pub read: Option<i64>,
}
