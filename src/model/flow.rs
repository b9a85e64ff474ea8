//! Flows: conversations.

use super::{
    Content, FlowId, FlowSettings, Message, MessageId, Picture, PublicId, Timestamp, UserId,
};

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

/// What a member may do in a flow. Kept as a number, so that other protocols can have values between.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Level(pub i64);

impl Level {
    /// Reads, and writes where members do.
    pub const MEMBER: Self = Self(0);
    /// Adds and removes members, deletes messages, writes in a channel.
    pub const MODERATOR: Self = Self(50);
    /// The one to whom the flow belongs.
    pub const OWNER: Self = Self(100);

    /// Whether this is a moderator's level or the owner's.
    #[must_use]
    pub fn moderates(self) -> bool {
        self >= Self::MODERATOR
    }
}

/// From which level on members of a flow do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Power {
    /// Write messages.
    pub write: Level,
    /// Change what the flow is called and what it is about.
    pub describe: Level,
    /// Bring somebody in.
    pub invite: Level,
    /// Take somebody out.
    pub kick: Level,
    /// Keep somebody out.
    pub ban: Level,
    /// Delete messages of others.
    pub redact: Level,
}

impl Power {
    /// What the kind of a flow means.
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
    /// Members in the order in which they joined; of a large flow perhaps only those who count.
    pub members: Vec<PublicId>,
    /// How many members there are.
    pub member_count: i64,
    /// Members above the level of a member, in the order in which they joined.
    pub levels: Vec<(PublicId, Level)>,
    /// Its picture.
    pub picture: Option<Picture>,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: i64,
    /// Nothing is forwarded from it.
    pub is_protected: bool,
    /// Only the owner and moderators pin.
    pub pins_are_restricted: bool,
    /// Somebody's saved messages.
    pub is_saved: bool,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Flow {
    /// What a member may do in it.
    #[must_use]
    pub fn level_of(&self, member: PublicId) -> Level {
        let found = self.levels.iter().find(|(user, _)| *user == member);
        found.map_or(Level::MEMBER, |(_, level)| *level)
    }

    /// Bytes that it takes in an answer, roughly.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        /// An id as text, with what stands around it.
        const ID: usize = 44;
        /// What a list tells of any flow.
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
    /// Who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// Who owns it.
    pub owner: Option<PublicId>,
    /// How many members it has.
    pub members: i64,
    /// How many messages it has.
    pub messages: i64,
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
    /// How many messages this member has not read, deleted ones not among them.
    pub unread: i64,
    /// How many of those mention this member.
    pub mentions: i64,
    /// How this member has set it up.
    pub settings: FlowSettings,
    /// How many messages are pinned there.
    pub pins: i64,
    /// Of a chat: how far the other has read, if that is shared.
    pub seen: Vec<(PublicId, i64)>,
    /// Row number of its last message; none has 0.
    pub newest: MessageId,
    /// Its last message, where that was read.
    pub last: Option<Message>,
}

/// Changes to how a flow looks and works; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub struct FlowSwitches {
    /// Its picture; inner `None` removes it.
    pub picture: Option<Option<Content>>,
    /// The name that its picture has in Matrix; `None`: a new one.
    pub picture_name: Option<PublicId>,
    /// Seconds after which a new message disappears; 0: never.
    pub expire: Option<i64>,
    /// Nothing is forwarded from it.
    pub protect: Option<bool>,
    /// Only the owner and moderators pin.
    pub restrict_pins: Option<bool>,
}
