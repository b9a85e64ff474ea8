//! An event of a room, as it is read.

use super::localparts::Named;
use crate::model::{Message, Position, PublicId, SessionId, Timestamp};

/// An event of a room.
#[derive(Debug, Clone)]
pub struct RoomEvent {
    /// Its position in the log.
    pub position: Position,
    /// Its id; for a message, the id of the message.
    pub uuid: PublicId,
    /// The name of its sender, without the server.
    pub sender: String,
    /// When it was sent.
    pub at: Timestamp,
    /// Its content.
    pub what: What,
    /// The previous state event: its id and content.
    pub before: Option<(PublicId, String)>,
    /// The redaction of it.
    pub redaction: Option<Box<RoomEvent>>,
    /// If the event is derived from a message: the numbers of the message's files.
    pub files: Vec<i64>,
    /// If it replies to a message that begins with a file: the number of that file.
    pub replied: Option<i64>,
    /// Its file that is one event with its text.
    pub with_text: Option<i64>,
    /// Its parts that were added later, and stand where they were.
    pub later: Vec<String>,
    /// Of such a part, which it is.
    pub only: Option<String>,
    /// The redactions of parts of that message, each of which names its part.
    pub gone: Vec<RoomEvent>,
    /// Its newest edit.
    pub edit: Option<Box<RoomEvent>>,
    /// The users mentioned by the message that the event is derived from.
    pub mentioned: Vec<Named>,
    /// The reader's membership in the room at that time, if it was requested.
    pub membership: Option<String>,
    /// The summary of related events, if it was requested.
    pub bundle: Option<Box<Bundle>>,
}

/// The content of an event.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "most events of a room by Matrix are stored ones"
)]
pub enum What {
    /// An event that is stored.
    Stored(Stored),
    /// A message that the event is derived from.
    Message(Box<Message>),
}

/// A stored event.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its type.
    pub kind: String,
    /// The state key of a state event.
    pub state_key: Option<String>,
    /// Its content, as JSON.
    pub content: String,
    /// The redaction of it.
    pub redacted_by: Option<PublicId>,
    /// Its relation to another event.
    pub relation: Option<String>,
    /// The event that it relates to.
    pub target: Option<PublicId>,
    /// The key of the relation; for the redaction of a part of a message, the part.
    pub key: Option<String>,
    /// The session that sent it, and its transaction id.
    pub txn: Option<(SessionId, String)>,
}

impl RoomEvent {
    /// Returns its type.
    #[must_use]
    pub fn kind(&self) -> &str {
        match &self.what {
            What::Stored(stored) => &stored.kind,
            What::Message(_) => "m.room.message",
        }
    }

    /// Returns whether related events are summarized with it: not for state, nor for events that only change
    /// or annotate another.
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

    /// Removes its content.
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

    /// Returns the first event of the thread that it is in.
    #[must_use]
    pub fn thread(&self) -> Option<PublicId> {
        match &self.what {
            What::Stored(stored) if stored.relation.as_deref() == Some("m.thread") => stored.target,
            _ => None,
        }
    }

    /// Returns the state key of a state event.
    #[must_use]
    pub fn state_key(&self) -> Option<&str> {
        match &self.what {
            What::Stored(stored) => stored.state_key.as_deref(),
            What::Message(_) => None,
        }
    }
}

/// The summary of the events that relate to an event.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The thread that begins with it.
    pub thread: Option<ThreadBundle>,
    /// The ids of events that reference it.
    pub references: Vec<PublicId>,
}

/// The summary of a thread, shown with its first event.
#[derive(Debug, Clone)]
pub struct ThreadBundle {
    /// Its newest event.
    pub latest: RoomEvent,
    /// The number of its events.
    pub count: i64,
    /// Whether the reader has written in it or started it.
    pub is_own: bool,
}
