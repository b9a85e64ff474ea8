//! What happened, for those who are to hear of it.

use std::sync::Arc;

use super::{
    Around, File, Flow, FlowId, FlowSettings, Message, OwnAccount, Position, PublicId, SessionInfo,
    Timestamp, User, UserId,
};

/// Number of the live connection that a change came from; it is not told of it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(pub u64);

/// Who does something, and from which connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct By {
    /// The user; `None`: the operator, or the server itself.
    pub user: Option<UserId>,
    /// The connection; `None`: none that listens.
    pub origin: Option<Origin>,
}

impl By {
    /// The operator, by a command, or the server itself.
    pub const OPERATOR: Self = Self {
        user: None,
        origin: None,
    };
}

/// Something that happened in a flow, shown between its messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowEvent {
    /// The id that clients know.
    pub uuid: PublicId,
    /// Its place in the log.
    pub position: Position,
    /// The flow.
    pub flow: PublicId,
    /// Number of the message that it follows, among those that retention has kept; -1: before the
    /// first.
    pub after: i64,
    /// When.
    pub at: Timestamp,
    /// Who did it; `None`: the operator.
    pub by: Option<PublicId>,
    /// What it is.
    pub what: Happening,
}

/// What happened in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The flow was made.
    Made,
    /// It has another title.
    Title(String),
    /// It has another description.
    Info,
    /// It has another picture, or none.
    Picture,
    /// Somebody was added.
    Added(PublicId),
    /// Somebody joined by an invitation.
    Joined(PublicId),
    /// Somebody left.
    Left(PublicId),
    /// Somebody was removed.
    Removed(PublicId),
    /// Somebody was invited.
    Invited(PublicId),
    /// Somebody declined an invitation.
    Declined(PublicId),
    /// Somebody was banned.
    Banned(PublicId),
    /// Somebody has another level.
    Level(PublicId, i64),
    /// The flow belongs to somebody else.
    Owner(PublicId),
    /// New messages disappear after so many seconds; 0: never.
    Expire(i64),
    /// The flow is protected, or no longer.
    Protect(bool),
    /// A message was pinned.
    Pinned(PublicId),
    /// A message was unpinned.
    Unpinned(PublicId),
}

impl Happening {
    /// Whether it changes what is pinned.
    #[must_use]
    pub fn is_about_pins(&self) -> bool {
        matches!(self, Self::Pinned(_) | Self::Unpinned(_))
    }

    /// The word for it, on the wire and in commands alike.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Title(_) => "title",
            Self::Info => "info",
            Self::Picture => "picture",
            Self::Added(_) => "added",
            Self::Joined(_) => "joined",
            Self::Left(_) => "left",
            Self::Removed(_) => "removed",
            Self::Invited(_) => "invited",
            Self::Declined(_) => "declined",
            Self::Banned(_) => "banned",
            Self::Level(..) => "level",
            Self::Owner(_) => "owner",
            Self::Expire(_) => "expire",
            Self::Protect(_) => "protect",
            Self::Pinned(_) => "pinned",
            Self::Unpinned(_) => "unpinned",
        }
    }

    /// The user that it is about.
    #[must_use]
    pub fn user(&self) -> Option<PublicId> {
        match self {
            Self::Added(user)
            | Self::Joined(user)
            | Self::Left(user)
            | Self::Removed(user)
            | Self::Invited(user)
            | Self::Declined(user)
            | Self::Banned(user)
            | Self::Level(user, _)
            | Self::Owner(user) => Some(*user),
            Self::Made
            | Self::Title(_)
            | Self::Info
            | Self::Picture
            | Self::Expire(_)
            | Self::Protect(_)
            | Self::Pinned(_)
            | Self::Unpinned(_) => None,
        }
    }

    /// Whether it changes what every protocol shows of a flow: its words, owner or members.
    #[must_use]
    pub fn shows_in_flow(&self) -> bool {
        matches!(
            self,
            Self::Made
                | Self::Title(_)
                | Self::Info
                | Self::Added(_)
                | Self::Joined(_)
                | Self::Left(_)
                | Self::Removed(_)
                | Self::Banned(_)
                | Self::Owner(_)
        )
    }
}

/// A flow that was made or changed, with what happened there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowNews {
    /// Its present state.
    pub flow: Flow,
    /// What happened, in order.
    pub events: Vec<FlowEvent>,
    /// Whether something changed that every protocol shows: words, owner, members.
    pub shows: bool,
    /// What is pinned there, the last first, if that changed.
    pub pins: Option<Vec<PublicId>>,
}

/// Something that has happened: committed, or passing by (typing, presence).
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the log; `None` for what is not stored.
    pub position: Option<Position>,
    /// Where it came from; `None` for what another process or the server itself did.
    pub origin: Option<Origin>,
    /// Who is to hear of it.
    pub audience: Audience,
    /// What it is.
    pub news: News,
}

/// An invitation to a flow, as the invited person finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedTo {
    /// The flow.
    pub flow: PublicId,
    /// Its name.
    pub title: Option<String>,
    /// Who writes in it.
    pub kind: super::FlowKind,
    /// Who invites; `None`: the operator.
    pub by: Option<PublicId>,
    /// When.
    pub at: Timestamp,
}

/// How far somebody has read a flow, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// The flow.
    pub flow: PublicId,
    /// Number of the last message that has been read.
    pub number: i64,
    /// How many after it have not been read, deleted ones not among them.
    pub unread: i64,
    /// How many of those mention the reader.
    pub mentions: i64,
}

/// Who hears of an event.
#[derive(Debug, Clone)]
pub enum Audience {
    /// Every user of the server.
    Everyone,
    /// These users.
    Users(Arc<[UserId]>),
}

/// That somebody came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub user: PublicId,
    /// Whether that user is here now.
    pub online: bool,
    /// When that user was here last, to the minute, where the hearer may know it.
    pub seen_at: Option<Timestamp>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum News {
    /// A message was sent, edited or deleted; this is its present state.
    Message(Arc<Message>),
    /// Reactions or votes changed: how things stand around a message.
    Around(Arc<Around>),
    /// A flow was made or changed, or somebody joined or left it.
    Flow(Arc<FlowNews>),
    /// The hearer is no longer a member of this flow.
    Left(PublicId),
    /// The hearer is no longer invited to this flow.
    Uninvited(PublicId),
    /// The hearer is invited to a flow.
    Invited(Arc<InvitedTo>),
    /// A device was signed in by one of the hearer's.
    Device(Arc<SessionInfo>),
    /// The hearer's own account changed.
    Account(Arc<OwnAccount>),
    /// The hearer's list of blocked people changed: whom it has now.
    Blocked(Arc<[PublicId]>),
    /// The archive that the hearer wanted is there; `None`: it cannot be had.
    Archive(Option<Arc<File>>),
    /// The hearer came back to a flow, which this connection has to catch up with.
    Back(FlowId),
    /// Something happened in a flow that only other protocols show.
    Room(FlowId),
    /// Somebody registered or changed the profile.
    User(Arc<User>),
    /// The hearer has read a flow up to a number, perhaps on another device.
    Read(ReadMark),
    /// Somebody is writing.
    Typing {
        /// Where.
        flow: PublicId,
        /// Who.
        user: PublicId,
    },
    /// Somebody else has read a flow up to a number.
    Seen {
        /// Where.
        flow: PublicId,
        /// Who.
        user: PublicId,
        /// Number of the last message that was read.
        number: i64,
    },
    /// The hearer has set up a flow for oneself.
    Settings(PublicId, FlowSettings),
    /// Some came or went, perhaps the hearer among them.
    Presence(Arc<[Presence]>),
}
