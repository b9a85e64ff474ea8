//! An event of a room, as it is read.

use super::localparts::Named;
use crate::model::{Message, Position, PublicId, SessionId, Timestamp};

/// An event of a room.
#[derive(Debug, Clone)]
pub struct RoomEvent {
    /// Its place in the log.
    pub position: Position,
    /// Its id; of a message, that of the message.
    pub uuid: PublicId,
    /// The name of who sent it, without the server.
    pub sender: String,
    /// When.
    pub at: Timestamp,
    /// What it says.
    pub what: What,
    /// The state before, its id and content.
    pub before: Option<(PublicId, String)>,
    /// What took it back.
    pub redaction: Option<Box<RoomEvent>>,
    /// Of a message that the event is derived from: the numbers of its files.
    pub files: Vec<i64>,
    /// Its file that is one event with its text.
    pub with_text: Option<i64>,
    /// Its parts that were added later, and stand where they were.
    pub later: Vec<String>,
    /// Of such a part, which it is.
    pub only: Option<String>,
    /// And the redactions of parts of it, each of which says of which.
    pub gone: Vec<RoomEvent>,
    /// Its newest edit.
    pub edit: Option<Box<RoomEvent>>,
    /// Whom a message mentions that the event is derived from.
    pub mentioned: Vec<Named>,
    /// What the reader was to the room at the time, where that was asked for.
    pub membership: Option<String>,
    /// What is told with it of events about it, where that was asked for.
    pub bundle: Option<Box<Bundle>>,
}

/// What an event says.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "most events of a room by Matrix are stored ones"
)]
pub enum What {
    /// What is stored.
    Stored(Stored),
    /// A message, from which the event is derived.
    Message(Box<Message>),
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its type.
    pub kind: String,
    /// Of state, of what.
    pub state_key: Option<String>,
    /// Its content, JSON.
    pub content: String,
    /// What took it back.
    pub redacted_by: Option<PublicId>,
    /// How it is about another event.
    pub relation: Option<String>,
    /// About which.
    pub target: Option<PublicId>,
    /// With which key; of the redaction of a part of a message, which.
    pub key: Option<String>,
    /// The session that sent it, and what that calls it.
    pub txn: Option<(SessionId, String)>,
}

impl RoomEvent {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        match &self.what {
            What::Stored(stored) => &stored.kind,
            What::Message(_) => "m.room.message",
        }
    }

    /// Tells whether events about it are told with it: not with state, nor with what only changes or
    /// judges another.
    #[must_use]
    pub fn has_bundle(&self) -> bool {
        match &self.what {
            What::Stored(stored) => {
                let relation = stored.relation.as_deref();
                let only_changes =
                    matches!(relation, Some("m.replace" | "m.annotation" | "redaction"));
                stored.state_key.is_none() && !only_changes
            }
            What::Message(_) => true,
        }
    }

    /// Tells whether a part of a message stands here: a file of a number, or the text.
    #[must_use]
    pub fn has_part(&self, number: Option<usize>) -> bool {
        let part = number.map_or_else(|| "text".to_owned(), |number| number.to_string());
        match &self.only {
            Some(only) => *only == part,
            None => !self.later.contains(&part),
        }
    }

    /// Takes out what it says.
    pub fn hide(&mut self) {
        self.edit = None;
        self.what = What::Stored(Stored {
            kind: self.kind().to_owned(),
            state_key: None,
            content: "{}".to_owned(),
            redacted_by: None,
            relation: None,
            target: None,
            key: None,
            txn: None,
        });
    }

    /// The event with which the thread begins that it is in.
    #[must_use]
    pub fn thread(&self) -> Option<PublicId> {
        match &self.what {
            What::Stored(stored) if stored.relation.as_deref() == Some("m.thread") => stored.target,
            _ => None,
        }
    }

    /// Of state, of what.
    #[must_use]
    pub fn state_key(&self) -> Option<&str> {
        match &self.what {
            What::Stored(stored) => stored.state_key.as_deref(),
            What::Message(_) => None,
        }
    }
}

/// What is told with an event of events about it.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// Of the thread that begins with it.
    pub thread: Option<ThreadBundle>,
    /// The ids of events that refer to it.
    pub references: Vec<PublicId>,
}

/// What is told of a thread with its first event.
#[derive(Debug, Clone)]
pub struct ThreadBundle {
    /// Its newest event.
    pub latest: RoomEvent,
    /// How many there are.
    pub count: i64,
    /// Whether the reader has written in it, or begun it.
    pub is_own: bool,
}
