//! Permissions to set state of a room and to send events.

use std::sync::Arc;

use super::draft::RoomDraft;
use crate::model::{FlowSwitches, Level, PublicId};
use crate::service::flow_change::{FlowChange, FlowDraft};
use crate::service::{Refusal, Service, ServiceError, SignedIn, Thing};
use crate::store::flows::Access;
use crate::store::room_log::RoomEvent;
use crate::store::{View, flow_edits, flows, localparts, room_events, room_levels};

/// New power levels, as a client sets them.
#[derive(Debug)]
pub struct NewLevels {
    /// The content without the users, as JSON.
    pub content: String,
    /// Users with a level, by their Matrix names.
    pub users: Vec<(String, i64)>,
    /// Every number in the content, including the users, by its path.
    pub numbers: Vec<(String, i64)>,
}

/// Fails if a member may not send an event of a type.
pub(super) fn require_event(
    view: &View<'_>,
    access: &Access,
    kind: &str,
    is_state: bool,
) -> Result<(), ServiceError> {
    let needed = room_levels::needed(view, access.id, kind, is_state)?;
    if level_of(access) < Level(needed) {
        return Err(if is_state {
            Refusal::NotOwner
        } else {
            Refusal::NotWriter
        }
        .into());
    }
    Ok(())
}

/// Returns the level of a member; in a chat both may do everything.
fn level_of(access: &Access) -> Level {
    if access.kind == crate::model::FlowKind::Chat {
        Level::OWNER
    } else {
        access.level
    }
}

impl Service {
    /// Sets state of a room. Returns the id of the event; that of the present one if nothing changes.
    ///
    /// # Errors
    /// [`Refusal::NotFound`] for a room that the caller is not a member of; the refusal of state that the
    /// caller may not set there.
    pub async fn set_room_state(
        &self,
        user: &SignedIn,
        room: PublicId,
        key: String,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        self.require_in_room(user, room).await?;
        let words = match draft.kind.as_str() {
            "m.room.name" => FlowDraft {
                title: draft.text.clone(),
                ..FlowDraft::default()
            },
            "m.room.topic" => FlowDraft {
                info: draft.text.clone(),
                ..FlowDraft::default()
            },
            "m.room.avatar" => FlowDraft::default(),
            _ => return self.set_other_state(user, room, key, draft).await,
        };
        let kind = draft.kind.clone();
        let picture = draft.file.as_ref().map(|file| file.media);
        let is_removed = kind == "m.room.avatar" && draft.text.as_deref() == Some("");
        let is_own = match picture {
            Some(id) => self
                .find_upload(user, id)
                .await
                .is_ok_and(|it| it.file.is_some()),
            None => is_removed,
        };
        let is_set = words.title.is_some() || words.info.is_some() || is_own;
        if !is_set || self.is_chat(user, room).await? {
            return self.set_other_state(user, room, key, draft).await;
        }
        let change = FlowChange {
            words,
            picture_upload: picture,
            switches: FlowSwitches {
                picture: is_removed.then_some(None),
                ..FlowSwitches::default()
            },
            ..FlowChange::default()
        };
        self.edit_flow_as(user, room, change, Some(draft)).await?;
        self.present(user, room, kind, key).await
    }

    async fn is_chat(&self, user: &SignedIn, room: PublicId) -> Result<bool, ServiceError> {
        let user = user.user();
        self.store
            .read(move |view| {
                let access =
                    flows::access(view, room, user)?.ok_or(Refusal::NotFound(Thing::Flow))?;
                Ok(access.kind == crate::model::FlowKind::Chat)
            })
            .await
    }

    /// Returns the id of a piece of state that has just been set.
    pub(super) async fn present(
        &self,
        user: &SignedIn,
        room: PublicId,
        kind: String,
        key: String,
    ) -> Result<PublicId, ServiceError> {
        let what = super::RoomReading::OneState(kind, key);
        let found: Vec<RoomEvent> = self.read_room(user, room, what).await?;
        let found = found.first().map(|event| event.uuid);
        Ok(found.ok_or(Refusal::NotFound(Thing::Message))?)
    }

    async fn set_other_state(
        &self,
        user: &SignedIn,
        room: PublicId,
        key: String,
        draft: RoomDraft,
    ) -> Result<PublicId, ServiceError> {
        let caller = *user;
        let (kind, state_key) = (draft.kind.clone(), key.clone());
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write(move |tx| {
                caller.require(tx)?;
                let access = flows::access(tx, room, caller.user())?
                    .ok_or(Refusal::NotFound(Thing::Flow))?;
                require_event(tx, &access, &draft.kind, true)?;
                if draft.kind == "m.room.join_rules" {
                    room_levels::set_join_rule(tx, access.id, &draft.content)?;
                }
                let place = (draft.kind.as_str(), key.as_str());
                if !room_events::is_state(tx, access.id, place, &draft.content)? {
                    // It stays in the log, as a message does.
                    counts.message(caller.user(), caller.session.is_bot, &limits)?;
                    let content = draft.content.clone();
                    room_events::set_state(tx, access.id, caller.by(), place, content)?;
                }
                Ok::<_, ServiceError>(())
            })
            .await?;
        self.present(user, room, kind, state_key).await
    }

    /// Sets the power levels of a room. Users cannot grant more than they have, or change the level of an
    /// equal user.
    ///
    /// # Errors
    /// Those of [`set_room_state`](Self::set_room_state); [`Refusal::Outranked`].
    pub async fn set_room_levels(
        &self,
        user: &SignedIn,
        room: PublicId,
        new: NewLevels,
    ) -> Result<PublicId, ServiceError> {
        self.require_in_room(user, room).await?;
        let caller = *user;
        let (limits, counts) = (self.limits(), Arc::clone(&self.counts));
        self.store
            .write(move |tx| {
                caller.require(tx)?;
                let access = flows::access(tx, room, caller.user())?
                    .ok_or(Refusal::NotFound(Thing::Flow))?;
                require_event(tx, &access, "m.room.power_levels", true)?;
                counts.message(caller.user(), caller.session.is_bot, &limits)?;
                let own = level_of(&access).0;
                let name = localparts::of(tx, caller.user())?.map(|named| named.localpart);
                let own_place = name.map(|name| format!("$.users.@{name}"));
                for change in room_levels::changes(tx, access.id, &new.numbers)? {
                    let is_own = own_place.as_deref() == Some(change.place.as_str());
                    let is_user = change.place.starts_with("$.users.");
                    let touches_equal = is_user && !is_own && change.before >= own;
                    if change.before > own || change.after > own || touches_equal {
                        return Err(Refusal::Outranked.into());
                    }
                }
                let by = caller.by();
                let happened = room_levels::set(tx, access.id, &new.content, &new.users, by)?;
                room_events::set_levels(tx, access.id, by)?;
                if let Some(happened) = happened {
                    flow_edits::tell(tx, access.id, happened, by)?;
                }
                Ok::<_, ServiceError>(())
            })
            .await?;
        self.present(user, room, "m.room.power_levels".to_owned(), String::new())
            .await
    }
}
