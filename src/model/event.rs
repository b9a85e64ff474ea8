//! Events: what happened, and who is told of it.

use std::sync::Arc;

use super::{
    Around, File, Flow, FlowId, FlowSettings, Message, OwnAccount, Position, PublicId, SessionInfo,
    Timestamp, User, UserId,
};

/// Number of the live connection that a change came from; this connection is not told of the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(pub u64);

/// The user who does something, and the connection from which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct By {
    /// The user; `None`: the operator, or the server itself.
    pub user: Option<UserId>,
    /// The connection; `None`: none that listens for events.
    pub origin: Option<Origin>,
}

impl By {
    /// The operator, through a command, or the server itself.
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
    /// Number of the preceding message, among those that retention has kept; -1: there is none.
    pub after: i64,
    /// When it happened.
    pub at: Timestamp,
    /// The user who did it; `None`: the operator.
    pub by: Option<PublicId>,
    /// What happened.
    pub what: Happening,
}

/// What happened in a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// The flow was made.
    Made,
    /// The title changed.
    Title(String),
    /// The description changed.
    Info,
    /// The picture changed or was removed.
    Picture,
    /// A user was added.
    Added(PublicId),
    /// A user joined with an invitation.
    Joined(PublicId),
    /// A user left.
    Left(PublicId),
    /// A user was removed.
    Removed(PublicId),
    /// A user was invited.
    Invited(PublicId),
    /// A user declined an invitation.
    Declined(PublicId),
    /// A user was banned.
    Banned(PublicId),
    /// The level of a user changed.
    Level(PublicId, i64),
    /// The flow has a new owner.
    Owner(PublicId),
    /// New messages disappear after this number of seconds; 0: never.
    Expire(i64),
    /// The flow became protected, or stopped being protected.
    Protect(bool),
    /// A message was pinned.
    Pinned(PublicId),
    /// A message was unpinned.
    Unpinned(PublicId),
}

impl Happening {
    /// Returns whether this changes the list of pinned messages.
    #[must_use]
    pub fn is_about_pins(&self) -> bool {
        matches!(self, Self::Pinned(_) | Self::Unpinned(_))
    }

    /// Returns the word for this, on the wire and in commands.
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

    /// Returns the user whom this is about.
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

    /// Returns whether this changes what every protocol shows of a flow: its title, description, owner or
    /// members.
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

/// A flow that was created or changed, with what happened there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowNews {
    /// Its present state.
    pub flow: Flow,
    /// What happened, in order.
    pub events: Vec<FlowEvent>,
    /// Whether something changed that every protocol shows: title, description, owner or members.
    pub shows: bool,
    /// The pinned messages, last first, if they changed.
    pub pins: Option<Vec<PublicId>>,
}

/// Something that has happened: a committed change, or something passing (typing, presence).
#[derive(Debug, Clone)]
pub struct Event {
    /// Its place in the log; `None` if it is not stored.
    pub position: Option<Position>,
    /// The connection that caused it; `None` if another process or the server itself did.
    pub origin: Option<Origin>,
    /// The users who are told of it.
    pub audience: Audience,
    /// What happened.
    pub news: News,
}

/// An invitation to a flow, as the invited user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvitedTo {
    /// The flow.
    pub flow: PublicId,
    /// Its name.
    pub title: Option<String>,
    /// The kind of the flow, which decides who may write.
    pub kind: super::FlowKind,
    /// The user who invites; `None`: the operator.
    pub by: Option<PublicId>,
    /// When the user was invited.
    pub at: Timestamp,
}

/// How far a user has read a flow, and what is unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadMark {
    /// The flow.
    pub flow: PublicId,
    /// Number of the last message that has been read.
    pub number: i64,
    /// Number of unread messages, without deleted ones.
    pub unread: i64,
    /// Number of these that mention the reader.
    pub mentions: i64,
}

/// The users who are told of an event.
#[derive(Debug, Clone)]
pub enum Audience {
    /// Every user of the server.
    Everyone,
    /// These users.
    Users(Arc<[UserId]>),
}

/// A change of a user's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// The user.
    pub user: PublicId,
    /// Whether the user is online now.
    pub online: bool,
    /// When the user was last online, to the minute, if the recipient may know it.
    pub seen_at: Option<Timestamp>,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum News {
    /// A message was sent, edited or deleted; this is its present state.
    Message(Arc<Message>),
    /// Reactions or votes changed; this is the present state.
    Around(Arc<Around>),
    /// A flow was created or changed, or a user joined or left it.
    Flow(Arc<FlowNews>),
    /// The recipient is no longer a member of this flow.
    Left(PublicId),
    /// The recipient is no longer invited to this flow.
    Uninvited(PublicId),
    /// The recipient is invited to a flow.
    Invited(Arc<InvitedTo>),
    /// A new device signed in with the help of one of the recipient's devices.
    Device(Arc<SessionInfo>),
    /// The recipient's own account changed.
    Account(Arc<OwnAccount>),
    /// The recipient's list of blocked users changed; this is the new list.
    Blocked(Arc<[PublicId]>),
    /// The archive that the recipient requested is ready; `None`: it cannot be made.
    Archive(Option<Arc<File>>),
    /// The recipient is a member of a flow again, and this connection has to catch up with it.
    Back(FlowId),
    /// Something happened in a flow that only other protocols show.
    Room(FlowId),
    /// A user registered or changed their profile.
    User(Arc<User>),
    /// The recipient has read a flow up to a number, perhaps on another device.
    Read(ReadMark),
    /// A user is typing.
    Typing {
        /// The flow.
        flow: PublicId,
        /// The user.
        user: PublicId,
    },
    /// Another user has read a flow up to a number.
    Seen {
        /// The flow.
        flow: PublicId,
        /// The user.
        user: PublicId,
        /// Number of the last message that was read.
        number: i64,
    },
    /// The recipient has changed their settings of a flow.
    Settings(PublicId, FlowSettings),
    /// Users went online or offline, perhaps the recipient too.
    Presence(Arc<[Presence]>),
}
