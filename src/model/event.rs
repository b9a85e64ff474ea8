//! What happened, for those who are to hear of it.

use std::sync::Arc;

use super::{Flow, Message, Position, PublicId, User, UserId};

/// Number of the live connection that a change came from; it is not told of it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin(pub u64);

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

/// Who hears of an event.
#[derive(Debug, Clone)]
pub enum Audience {
    /// Every user of the server.
    Everyone,
    /// These users.
    Users(Arc<[UserId]>),
}

/// What happened.
#[derive(Debug, Clone)]
pub enum News {
    /// A message was sent, edited or deleted; this is its present state.
    Message(Arc<Message>),
    /// A flow was made or changed, or somebody joined or left it.
    Flow(Arc<Flow>),
    /// The hearer is no longer a member of this flow.
    Left(PublicId),
    /// Somebody registered or changed the profile.
    User(Arc<User>),
    /// The hearer has read a flow up to a number, perhaps on another device.
    Read {
        /// The flow.
        flow: PublicId,
        /// Number of the last message that has been read.
        number: i64,
    },
    /// Somebody is writing.
    Typing {
        /// Where.
        flow: PublicId,
        /// Who.
        user: PublicId,
    },
    /// Somebody came or went.
    Presence {
        /// Who.
        user: PublicId,
        /// Whether that user is here now.
        online: bool,
    },
}
