//! Read marks, and the account data of clients.

use super::{RoomRefusal, readable};
use crate::model::{Position, PublicId};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::room_account::{self, NO_ROOM};
use crate::store::room_marks::{self, NewReceipt};
use crate::store::{Tx, View, room_log, rooms};

/// Maximum number of account data entries of a user.
const MOST_ACCOUNT_DATA: i64 = 1000;

/// Maximum size of one entry in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// Maximum size of all entries in bytes: a new client gets all of them.
const MOST_BYTES_KEPT: i64 = 4 << 20;

/// Maximum number of thread receipts of a user that are stored for one room.
const MOST_THREADS: i64 = 200;

/// A receipt: how far a client has read.
#[derive(Debug, Clone)]
pub struct ReadUpTo {
    /// `m.read`, `m.read.private`, `m.fully_read`.
    pub kind: String,
    /// The thread; empty: all threads.
    pub thread: String,
    /// The first event of the thread.
    pub root: Option<PublicId>,
    /// The event.
    pub event: PublicId,
    /// The event's id as the client knows it.
    pub id: String,
}

impl Service {
    /// Records that the caller has read a room up to an event.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of, or an event that does not exist.
    pub async fn read_up_to(
        &self,
        user: &SignedIn,
        room: PublicId,
        new: ReadUpTo,
    ) -> Result<(), ServiceError> {
        self.require_in_room(user, room).await?;
        let (asker, event) = (user.user(), new.event);
        let number = self
            .store
            .read(move |view| {
                let (found, position) = place(view, room, asker, event)?;
                Ok::<_, ServiceError>(rooms::number_at(view, &found, position)?)
            })
            .await?;
        // A receipt of only one thread says nothing about the rest.
        let is_whole = matches!(new.thread.as_str(), "" | "main");
        let number = number.filter(|_| new.kind == "m.read" && is_whole);
        if let Some(number) = number.filter(|_| new.thread.is_empty()) {
            self.mark_read(user, room, number).await?;
        }
        let is_main = new.thread == "main";
        self.keep_receipt(user, room, new).await?;
        // After the receipt, so that the mark is known not to cover threads.
        if let Some(number) = number.filter(|_| is_main) {
            self.mark_read(user, room, number).await?;
        }
        Ok(())
    }

    async fn keep_receipt(
        &self,
        user: &SignedIn,
        room: PublicId,
        new: ReadUpTo,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let (found, position) = place(tx, room, user.user(), new.event)?;
                if let Some(thread) = new.root {
                    place(tx, room, user.user(), thread)?;
                }
                let receipt = NewReceipt {
                    kind: &new.kind,
                    thread: &new.thread,
                    event: (&new.id, position),
                };
                let moved = room_marks::set(tx, found.flow, user.by(), receipt)?;
                if moved && new.root.is_some() {
                    room_marks::keep_newest(tx, (found.flow, user.user()), MOST_THREADS)?;
                }
                if moved && new.kind == "m.fully_read" {
                    let content = room_account::event_content(tx, &new.id)?;
                    let kept = (new.kind.as_str(), content.as_str());
                    room_account::set(tx, user.user(), found.flow, kept)?;
                }
                Ok(())
            })
            .await
    }

    /// Stores account data of the caller, for a room or globally.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller does not know; [`RoomRefusal::TooMuchKept`].
    pub async fn keep_account_data(
        &self,
        user: &SignedIn,
        room: Option<PublicId>,
        (kind, content): (String, String),
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let flow = kept_place(tx, &user, room)?;
                keep(tx, &user, flow, (&kind, &content))
            })
            .await
    }

    /// Changes account data of the caller, based on the present value, if there is one.
    ///
    /// # Errors
    /// Those of [`keep_account_data`](Self::keep_account_data); [`RoomRefusal::NotKept`] if there is
    /// nothing to change; the refusal of values that are too large.
    pub async fn change_account_data(
        &self,
        user: &SignedIn,
        room: Option<PublicId>,
        kind: &'static str,
        change: impl FnOnce(Option<String>) -> Result<String, RoomRefusal> + Send + 'static,
    ) -> Result<(), ServiceError> {
        let user = *user;
        self.store
            .write(move |tx| {
                user.require(tx)?;
                let flow = kept_place(tx, &user, room)?;
                let before = room_account::get(tx, user.user(), flow, kind)?;
                let content = change(before).map_err(Refusal::Room)?;
                keep(tx, &user, flow, (kind, &content))
            })
            .await
    }

    /// Returns account data of the caller.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller does not know.
    pub async fn account_data(
        &self,
        user: &SignedIn,
        room: Option<PublicId>,
        kind: String,
    ) -> Result<Option<String>, ServiceError> {
        let user = *user;
        self.store
            .read(move |view| {
                let flow = kept_place(view, &user, room)?;
                Ok(room_account::get(view, user.user(), flow, &kind)?)
            })
            .await
    }

    /// Returns the chats of the caller: the other user, and the room.
    ///
    /// # Errors
    /// Fails if the database cannot be read.
    pub async fn room_chats(
        &self,
        user: &SignedIn,
    ) -> Result<Vec<(String, PublicId)>, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| Ok(rooms::chats(view, user)?))
            .await
    }
}

/// Returns the room of an event, and the event's position.
fn place(
    view: &View<'_>,
    room: PublicId,
    user: crate::model::UserId,
    event: PublicId,
) -> Result<(rooms::Room, Position), ServiceError> {
    let (found, _) = readable(view, room, user)?;
    let missing = || ServiceError::from(Refusal::NotFound(Thing::Message));
    let (flow, event) = room_log::by_uuid(view, event)?.ok_or_else(missing)?;
    if flow != found.flow {
        return Err(missing());
    }
    Ok((found, event.position))
}

fn kept_place(
    view: &View<'_>,
    user: &SignedIn,
    room: Option<PublicId>,
) -> Result<crate::model::FlowId, ServiceError> {
    let Some(room) = room else {
        return Ok(NO_ROOM);
    };
    let found = rooms::find(view, room, user.user())?;
    Ok(found.ok_or(Refusal::NotFound(Thing::Flow))?.flow)
}

fn keep(
    tx: &Tx<'_>,
    user: &SignedIn,
    flow: crate::model::FlowId,
    (kind, content): (&str, &str),
) -> Result<(), ServiceError> {
    let known = room_account::get(tx, user.user(), flow, kind)?;
    if known.as_deref() == Some(content) {
        return Ok(());
    }
    if content.len() > MOST_BYTES {
        return Err(Refusal::Room(RoomRefusal::TooMuchKept).into());
    }
    let (count, bytes) = room_account::count(tx, user.user())?;
    let grows = content
        .len()
        .saturating_sub(known.as_ref().map_or(0, String::len));
    let is_full = bytes.saturating_add(i64::try_from(grows).unwrap_or(i64::MAX)) > MOST_BYTES_KEPT;
    if grows > 0 && is_full || known.is_none() && count >= MOST_ACCOUNT_DATA {
        return Err(Refusal::Room(RoomRefusal::TooMuchKept).into());
    }
    Ok(room_account::set(tx, user.user(), flow, (kind, content))?)
}
