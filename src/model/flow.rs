//! Flows: conversations.

use super::{
    Content, FlowId, FlowSettings, Message, MessageId, Picture, PublicId, Timestamp, UserId,
};

/// The kind of a flow, which decides who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlowKind {
    /// Two people; both write.
    Chat,
    /// The owner and moderators write; the members read.
    Channel,
    /// All members write.
    Group,
}

impl FlowKind {
    /// Returns the word for this kind, in tables, on the wire and in commands.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Channel => "channel",
            Self::Group => "group",
        }
    }

    /// Parses a word.
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

/// A member's permissions in a flow. Stored as a number, so that other protocols can use values in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Level(pub i64);

impl Level {
    /// May read, and write where members may write.
    pub const MEMBER: Self = Self(0);
    /// May add and remove members, delete messages and write in a channel.
    pub const MODERATOR: Self = Self(50);
    /// The owner of the flow.
    pub const OWNER: Self = Self(100);

    /// Returns whether this is at least a moderator's level.
    #[must_use]
    pub fn moderates(self) -> bool {
        self >= Self::MODERATOR
    }
}

/// The lowest levels at which members of a flow may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// Write messages.
    pub write: Level,
    /// Change the title and description of the flow.
    pub describe: Level,
    /// Add a user.
    pub invite: Level,
    /// Remove a user.
    pub kick: Level,
    /// Ban a user.
    pub ban: Level,
    /// Delete messages of other users.
    pub redact: Level,
}

impl Power {
    /// Returns the levels for a kind of flow.
    #[must_use]
    pub fn of(kind: FlowKind) -> Self {
        let write = if kind == FlowKind::Channel {
            Level::MODERATOR
        } else {
            Level::MEMBER
        };
        Self {
            write,
            describe: Level::MODERATOR,
            invite: Level::MODERATOR,
            kick: Level::MODERATOR,
            ban: Level::MODERATOR,
            redact: Level::MODERATOR,
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
    /// Its kind.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// Its description.
    pub info: Option<String>,
    /// Row number of the owner; `None` if no member is left.
    pub owner: Option<UserId>,
    /// The owner's public id.
    pub owner_uuid: Option<PublicId>,
    /// Members in the order in which they joined; for a large flow perhaps only the important ones.
    pub members: Vec<PublicId>,
    /// How many members there are.
    pub member_count: i64,
    /// Members whose level is above that of a member, in the order in which they joined.
    pub levels: Vec<(PublicId, Level)>,
    /// Its picture.
    pub picture: Option<Picture>,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: i64,
    /// Whether forwarding from it is forbidden.
    pub is_protected: bool,
    /// Whether only the owner and moderators may pin.
    pub pins_are_restricted: bool,
    /// Whether these are a user's saved messages.
    pub is_saved: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Flow {
    /// Returns the level of a member.
    #[must_use]
    pub fn level_of(&self, member: PublicId) -> Level {
        let found = self.levels.iter().find(|(user, _)| *user == member);
        found.map_or(Level::MEMBER, |(_, level)| *level)
    }

    /// Returns the approximate number of bytes that the flow takes in an answer.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        /// Bytes of an id as text, with its surroundings.
        const ID: usize = 44;
        /// Bytes that a list takes for any flow.
        const AROUND: usize = 12 * ID;
        let words = [&self.title, &self.info].into_iter().flatten();
        let people = self.members.len() + self.levels.len();
        AROUND + people * ID + words.map(String::len).sum::<usize>()
    }
}

/// A flow as administrators see it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowInfo {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its kind.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// Its owner.
    pub owner: Option<PublicId>,
    /// Number of its members.
    pub members: i64,
    /// Number of its messages.
    pub messages: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A flow as one of its members sees it in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowSummary {
    /// The flow.
    pub flow: Flow,
    /// Number of its messages.
    pub count: i64,
    /// Number of the last message that this member has read.
    pub read: Option<i64>,
    /// Number of messages that this member has not read, without deleted ones.
    pub unread: i64,
    /// Number of these that mention this member.
    pub mentions: i64,
    /// This member's settings of the flow.
    pub settings: FlowSettings,
    /// Number of its pinned messages.
    pub pins: i64,
    /// For a chat: how far the other user has read, if that is shared.
    pub seen: Vec<(PublicId, i64)>,
    /// Row number of its last message; 0 if there is none.
    pub newest: MessageId,
    /// Its last message, if it was loaded.
    pub last: Option<Message>,
}

/// Changes to how a flow looks and works; `None` keeps the present value.
#[derive(Debug, Clone, Default)]
pub struct FlowSwitches {
    /// Its picture; inner `None` removes it.
    pub picture: Option<Option<Content>>,
    /// The id of its picture in Matrix; `None`: a new one.
    pub picture_name: Option<PublicId>,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: Option<i64>,
    /// Whether forwarding from it is forbidden.
    pub protect: Option<bool>,
    /// Whether only the owner and moderators may pin.
    pub restrict_pins: Option<bool>,
}
