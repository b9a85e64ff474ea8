//! Outgoing hooks: addresses to which what happens in a flow is posted.

use super::{Message, OutgoingId, Position, PublicId, Timestamp, User};

/// What an outgoing hook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics(pub i64);

impl Topics {
    /// Messages that are sent.
    pub const MESSAGE: i64 = 1;
    /// Messages that are edited.
    pub const EDIT: i64 = 2;
    /// Messages that are deleted, or disappear.
    pub const DELETE: i64 = 4;
    /// Members who come and go.
    pub const JOIN: i64 = 8;
    /// Reactions to messages.
    pub const REACTION: i64 = 16;

    const WORDS: [(&'static str, i64); 5] = [
        ("message", Self::MESSAGE),
        ("edit", Self::EDIT),
        ("delete", Self::DELETE),
        ("join", Self::JOIN),
        ("reaction", Self::REACTION),
    ];

    /// Tells whether one topic is among them.
    #[must_use]
    pub fn has(self, topic: i64) -> bool {
        self.0 & topic != 0
    }

    /// Reads words; `None`: none, or one that is unknown.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut bits = 0;
        for word in words {
            let known = Self::WORDS.iter().find(|(known, _)| *known == word.trim());
            bits |= known?.1;
        }
        (bits != 0).then_some(Self(bits))
    }

    /// Their words.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let words = Self::WORDS.iter().filter(|(_, bit)| self.has(*bit));
        words.map(|(word, _)| *word).collect()
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self(Self::MESSAGE)
    }
}

/// An outgoing hook as its flow's owner sees it; the secret is not shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Row number, by which it can be removed.
    pub id: OutgoingId,
    /// The flow that it tells of.
    pub flow: PublicId,
    /// Title of that flow.
    pub title: Option<String>,
    /// Where it posts.
    pub url: String,
    /// What it is told of.
    pub topics: Topics,
    /// Whether it is told of what other bots write.
    pub has_bots: bool,
    /// What a message has to begin with.
    pub trigger: Option<String>,
    /// The bot that answers.
    pub bot: PublicId,
    /// Login of that bot.
    pub login: String,
    /// Who made it; `None`: the operator.
    pub maker: Option<PublicId>,
    /// Up to where everything is delivered.
    pub position: Position,
    /// Failures in a row.
    pub failures: i64,
    /// When it is tried again.
    pub next_at: Timestamp,
    /// When it was given up.
    pub disabled_at: Option<Timestamp>,
}

/// What an outgoing hook posts.
#[derive(Debug, Clone)]
pub struct Callout {
    /// Which hook.
    pub hook: OutgoingId,
    /// The place in the log of what happened.
    pub position: Position,
    /// What happened.
    pub what: CalloutKind,
    /// The flow where it happened.
    pub flow: PublicId,
    /// The word for the flow's kind.
    pub flow_kind: &'static str,
    /// Title of the flow.
    pub title: Option<String>,
    /// The message that it is about, in its present state.
    pub message: Option<Box<Message>>,
    /// Who wrote that message, or came, or went.
    pub from: Option<Box<User>>,
}

/// What an outgoing hook is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalloutKind {
    /// A message was sent.
    Created,
    /// A message was edited.
    Edited,
    /// A message was deleted, or disappeared.
    Deleted,
    /// Somebody became a member.
    Joined,
    /// Somebody is no member any more.
    Left,
    /// Reactions to a message changed.
    Reacted,
    /// Nothing: whether the address works is tried.
    Test,
}

impl CalloutKind {
    /// Its word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "message.created",
            Self::Edited => "message.edited",
            Self::Deleted => "message.deleted",
            Self::Joined => "member.joined",
            Self::Left => "member.left",
            Self::Reacted => "reaction.changed",
            Self::Test => "test",
        }
    }
}
