//! Outgoing hooks: addresses to which the server posts what happens in a flow.

use super::{Message, OutgoingId, Position, PublicId, Timestamp, User};

/// The kinds of events that an outgoing hook receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topics(pub i64);

impl Topics {
    /// Messages that were sent.
    pub const MESSAGE: i64 = 1;
    /// Messages that were edited.
    pub const EDIT: i64 = 2;
    /// Messages that were deleted or have disappeared.
    pub const DELETE: i64 = 4;
    /// Members who joined or left.
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

    /// Returns whether these topics include one topic.
    #[must_use]
    pub fn has(self, topic: i64) -> bool {
        self.0 & topic != 0
    }

    /// Parses words; `None`: there are none, or one is unknown.
    #[must_use]
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut bits = 0;
        for word in words {
            let known = Self::WORDS.iter().find(|(known, _)| *known == word.trim());
            bits |= known?.1;
        }
        (bits != 0).then_some(Self(bits))
    }

    /// Returns the words for these topics.
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

/// An outgoing hook as the owner of its flow sees it; the secret is not shown again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Row number, used to remove the hook.
    pub id: OutgoingId,
    /// The flow whose events it receives.
    pub flow: PublicId,
    /// Title of that flow.
    pub title: Option<String>,
    /// The address that it posts to.
    pub url: String,
    /// The kinds of events that it receives.
    pub topics: Topics,
    /// Whether it receives what other bots write.
    pub has_bots: bool,
    /// The text with which a message has to begin.
    pub trigger: Option<String>,
    /// The bot that answers.
    pub bot: PublicId,
    /// Login of that bot.
    pub login: String,
    /// The user who made it; `None`: the operator.
    pub maker: Option<PublicId>,
    /// The position up to which everything is delivered.
    pub position: Position,
    /// Number of failures in a row.
    pub failures: i64,
    /// When delivery is tried again.
    pub next_at: Timestamp,
    /// When it was disabled because its receiver failed or was gone.
    pub disabled_at: Option<Timestamp>,
}

/// What an outgoing hook posts.
#[derive(Debug, Clone)]
pub struct Callout {
    /// The hook.
    pub hook: OutgoingId,
    /// The position of the event in the log.
    pub position: Position,
    /// What happened.
    pub what: CalloutKind,
    /// The flow where it happened.
    pub flow: PublicId,
    /// The word for the flow's kind.
    pub flow_kind: &'static str,
    /// Title of the flow.
    pub title: Option<String>,
    /// The message in question, in its present state.
    pub message: Option<Box<Message>>,
    /// The author of that message, or the user who joined or left.
    pub from: Option<Box<User>>,
}

/// The kind of an event that an outgoing hook receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalloutKind {
    /// A message was sent.
    Created,
    /// A message was edited.
    Edited,
    /// A message was deleted or has disappeared.
    Deleted,
    /// A user became a member.
    Joined,
    /// A user is no longer a member.
    Left,
    /// Reactions to a message changed.
    Reacted,
    /// A test of the address; nothing happened.
    Test,
}

impl CalloutKind {
    /// Returns the word for this kind on the wire.
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
