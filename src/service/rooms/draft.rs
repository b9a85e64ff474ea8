//! Events as clients send them.

use crate::model::{Kind, Look, PublicId};
use crate::service::{ServiceError, SignedIn};
use crate::store::room_events::NewRoomEvent;
use crate::store::{Said, View, room_events, rooms, txns};

/// The file that a message by Matrix is.
#[derive(Debug, Clone)]
pub struct RoomFile {
    /// Its name.
    pub media: PublicId,
    /// As what it is shown.
    pub kind: Kind,
    /// What is said of it.
    pub look: Look,
    /// Its type, by its sender's word.
    pub media_type: Option<String>,
    /// Its thumbnail: name, pixels across and down.
    pub thumbnail: Option<(PublicId, Option<i64>, Option<i64>)>,
    /// What the message says if the file is not there.
    pub otherwise: String,
}

/// An event of a room as a client sends it.
#[derive(Debug, Clone)]
pub struct RoomDraft {
    /// Its type.
    pub kind: String,
    /// Its content, JSON.
    pub content: String,
    /// The id that it gets, unless it is a message: that has its own.
    pub uuid: PublicId,
    /// By what the session knows it.
    pub txn: Option<String>,
    /// The event that it is about, how, and with which key.
    pub relation: Option<(PublicId, String, Option<String>)>,
    /// What MTP shows of it, if it is a message.
    pub text: Option<String>,
    /// The message that it answers.
    pub reply: Option<PublicId>,
    /// Whom it mentions, by their names.
    pub mentions: Vec<String>,
    /// Whether it calls everybody in the room.
    pub calls_room: bool,
    /// The file that it is.
    pub file: Option<RoomFile>,
}

impl RoomDraft {
    /// The event as it is stored.
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

    /// What is said of an event that the server makes of a change.
    pub(in crate::service) fn said(self, user: &SignedIn) -> Said {
        Said {
            kind: self.kind,
            content: self.content,
            uuid: self.uuid,
            txn: self.txn.map(|txn| (user.session.id, txn)),
        }
    }
}

/// The event that a session has sent already by the same text.
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
