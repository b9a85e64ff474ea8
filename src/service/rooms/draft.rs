//! Events as clients send them.

use crate::model::{Kind, Look, NewPoll, PublicId};
use crate::service::{ServiceError, SignedIn};
use crate::store::room_events::NewRoomEvent;
use crate::store::{Said, View, room_events, rooms, txns};

/// The file of a message that comes from Matrix.
#[derive(Debug, Clone)]
pub struct RoomFile {
    /// Its Matrix id.
    pub media: PublicId,
    /// How it is shown.
    pub kind: Kind,
    /// What its sender says about it.
    pub look: Look,
    /// Its media type, according to its sender.
    pub media_type: Option<String>,
    /// Its thumbnail: id, width and height in pixels.
    pub thumbnail: Option<(PublicId, Option<i64>, Option<i64>)>,
    /// The text of the message if the file does not exist.
    pub otherwise: String,
}

/// A room event as a client sends it.
#[derive(Debug, Clone)]
pub struct RoomDraft {
    /// Its type.
    pub kind: String,
    /// Its content, as JSON.
    pub content: String,
    /// Its id, unless it is a message, which has its own.
    pub uuid: PublicId,
    /// The transaction id of the session.
    pub txn: Option<String>,
    /// The event that it relates to, the type of the relation, and its key.
    pub relation: Option<(PublicId, String, Option<String>)>,
    /// The text that MTP shows, if it is a message.
    pub text: Option<String>,
    /// The message that it answers.
    pub reply: Option<PublicId>,
    /// Users whom it mentions, by their Matrix names.
    pub mentions: Vec<String>,
    /// Whether it mentions everybody in the room.
    pub calls_room: bool,
    /// The file of the message.
    pub file: Option<RoomFile>,
    /// What it says of a poll.
    pub poll: Option<RoomPoll>,
}

/// What an event says of a poll.
#[derive(Debug, Clone)]
pub enum RoomPoll {
    /// It asks.
    Start(NewPoll),
    /// It votes for answers with these ids.
    Response(Vec<String>),
    /// It closes the poll.
    End,
}

impl RoomDraft {
    /// Returns the event as it is stored.
    pub(in crate::service) fn event(&self, user: &SignedIn) -> NewRoomEvent<'_> {
        let relation = self.relation.as_ref();
        NewRoomEvent {
            kind: &self.kind,
            content: self.content.clone(),
            relation: relation.map(|(uuid, how, key)| (*uuid, how.as_str(), key.as_deref())),
            txn: self.txn.clone().map(|txn| (user.session.id, txn)),
            ..NewRoomEvent::default()
        }
    }

    /// Returns the content of an event that the server creates for a change.
    pub(in crate::service) fn said(self, user: &SignedIn) -> Said {
        Said {
            kind: self.kind,
            content: self.content,
            uuid: self.uuid,
            txn: self.txn.map(|txn| (user.session.id, txn)),
        }
    }
}

/// Returns the event that a session has already sent with the same transaction id.
pub(in crate::service) fn earlier(
    view: &View<'_>,
    user: &SignedIn,
    flow: PublicId,
    draft: &RoomDraft,
) -> Result<Option<PublicId>, ServiceError> {
    let (Some(txn), Some(room)) = (&draft.txn, rooms::find(view, flow, user.user())?) else {
        return Ok(None);
    };
    let since = crate::model::Timestamp::now().before(txns::LIFETIME);
    let session = (user.session.id, txn.as_str());
    Ok(room_events::sent(
        view,
        room.flow,
        &draft.kind,
        session,
        since,
    )?)
}
