//! Creating, changing and ending flows: what is logged and reported.

use std::sync::Arc;

use rusqlite::named_params;

use super::error::StoreError;
use super::events::{self, Deed};
use super::flows::{PROTECTED, RESTRICTED_PINS, SAVED, by_id, saved_key};
use super::log::{self, About, Kind, Reach};
use super::tx::Tx;
use super::{files, members, membership, pins, room_events};
use crate::model::{
    Audience, By, Flow, FlowEvent, FlowId, FlowKind, FlowNews, FlowSwitches, Level, News, Position,
    PublicId, UserId,
};

/// The initial values of a new flow.
#[derive(Debug, Clone)]
pub struct NewFlow {
    /// The kind, which decides who writes in it.
    pub kind: FlowKind,
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// The owner, who is one of the members.
    pub owner: UserId,
    /// Members, in order, without repetition.
    pub members: Vec<UserId>,
    /// Set for the owner's saved messages.
    pub is_saved: bool,
    /// The terms that Matrix sets for it.
    pub room: RoomTerms,
}

/// The terms that Matrix sets for a new flow.
#[derive(Debug, Clone, Default)]
pub struct RoomTerms {
    /// The power levels, as JSON without the users; `None`: those of the kind.
    pub power_levels: Option<String>,
    /// Who may join; `None`: invited users.
    pub join_rule: Option<&'static str>,
}

/// Changes to a flow; `None` leaves a value as it is.
#[derive(Debug, Clone, Default)]
pub struct FlowEdit {
    /// Its name.
    pub title: Option<String>,
    /// What it is about.
    pub info: Option<String>,
    /// The owner.
    pub owner: Option<UserId>,
    /// Its picture and settings.
    pub switches: FlowSwitches,
    /// Whether a full list of members was given, which may equal the present one.
    pub has_members: bool,
}

impl FlowEdit {
    /// Returns whether it sets anything that every protocol shows of a flow, even if the value is the same.
    fn shows_in_flow(&self) -> bool {
        self.title.is_some() || self.info.is_some() || self.owner.is_some() || self.has_members
    }
}

/// Creates a flow with its members and tells them.
///
/// # Errors
/// [`StoreError::Conflict`] for a second chat of the same two users.
pub fn insert(tx: &Tx<'_>, new: &NewFlow, by: By) -> Result<Flow, StoreError> {
    let uuid = PublicId::generate();
    let key = if new.is_saved {
        Some(saved_key(new.owner))
    } else {
        chat_key(new.kind, &new.members)
    };
    tx.prepare(
        "INSERT INTO flows (uuid, kind, title, info, owner_id, created_by, chat_key, flags, created_at, power_levels, join_rule)
         VALUES (:uuid, :kind, :title, :info, :owner, :by, :chat_key, :flags, :now, :power, :join_rule)",
    )?
    .execute(named_params! {
        ":uuid": uuid.to_bytes(),
        ":kind": new.kind.as_str(),
        ":title": new.title,
        ":info": new.info,
        ":owner": new.owner.0,
        ":by": by.user.map(|id| id.0),
        ":chat_key": key,
        ":flags": if new.is_saved { SAVED } else { 0 },
        ":power": new.room.power_levels,
        ":join_rule": new.room.join_rule,
        ":now": tx.now().0,
    })?;
    let id = FlowId(tx.last_id());
    enroll(tx, id, new.owner, &new.members, by)?;
    let made = events::append(tx, id, Deed::Plain(Kind::Made), by)?;
    tell(tx, id, vec![made], by)
}

/// Adds the first members to a flow, with their levels.
pub(super) fn enroll(
    tx: &Tx<'_>,
    id: FlowId,
    owner: UserId,
    users: &[UserId],
    by: By,
) -> Result<(), StoreError> {
    membership::insert(tx, id, users, Level::MEMBER, by)?;
    tx.prepare(
        "UPDATE members SET level = 100
         WHERE flow_id = :flow AND user_id = :owner",
    )?
    .execute(named_params! {":flow": id.0, ":owner": owner.0})?;
    Ok(())
}

/// Returns the key that only one chat of the same two users can have.
pub(super) fn chat_key(kind: FlowKind, members: &[UserId]) -> Option<String> {
    let ids = members.iter().map(|id| id.0);
    let (low, high) = (ids.clone().min()?, ids.max()?);
    (kind == FlowKind::Chat).then(|| format!("{low}:{high}"))
}

/// Changes the texts, the owner and the settings of a flow, and tells its members, together with the
/// earlier `events` about members (see [`members`]).
///
/// # Errors
/// The file cannot be written.
pub fn edit(
    tx: &Tx<'_>,
    id: FlowId,
    edit: &FlowEdit,
    mut events: Vec<FlowEvent>,
    by: By,
) -> Result<Flow, StoreError> {
    let (title, info, owner): (Option<String>, Option<String>, Option<i64>) = tx
        .prepare("SELECT title, info, owner_id FROM flows WHERE id = :id")?
        .query_row(named_params! {":id": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    tx.prepare(
        "UPDATE flows SET title = coalesce(:title, title), info = coalesce(:info, info) WHERE id = :id",
    )?
    .execute(named_params! {":title": edit.title, ":info": edit.info, ":id": id.0})?;
    if let Some(new) = edit
        .title
        .as_deref()
        .filter(|new| title.as_deref() != Some(new))
    {
        events.push(events::append(tx, id, Deed::Title(new), by)?);
    }
    if edit
        .info
        .as_ref()
        .is_some_and(|new| info.as_ref() != Some(new))
    {
        events.push(events::append(tx, id, Deed::Plain(Kind::Info), by)?);
    }
    if let Some(new) = edit.owner.filter(|new| owner != Some(new.0)) {
        events.push(membership::own(tx, id, new, by)?);
    }
    set_switches(tx, id, &edit.switches, &mut events, by)?;
    let otherwise = if edit.shows_in_flow() {
        Kind::FlowChanged
    } else {
        Kind::FlowAdjusted
    };
    tell_with(tx, id, events, otherwise, by)
}

fn set_switches(
    tx: &Tx<'_>,
    id: FlowId,
    switches: &FlowSwitches,
    events: &mut Vec<FlowEvent>,
    by: By,
) -> Result<(), StoreError> {
    if let Some(picture) = &switches.picture {
        let file = picture
            .as_ref()
            .map(|content| files::store(tx, content))
            .transpose()?;
        tx.prepare(
            "UPDATE flows SET picture_file_id = :file, picture_encoding = :encoding, picture_public_id = :public
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":file": file.map(|file| file.0),
            ":encoding": picture.as_ref().map_or(0, |content| files::encoding_number(content.encoding)),
            ":public": file.map(|_| switches.picture_name.map_or_else(files::public_id, PublicId::to_bytes)),
            ":id": id.0,
        })?;
        events.push(events::append(tx, id, Deed::Plain(Kind::Picture), by)?);
    }
    let (flags, expire): (i64, i64) = tx
        .prepare("SELECT flags, expire FROM flows WHERE id = :id")?
        .query_row(named_params! {":id": id.0}, |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let with = |flags: i64, bit: i64, on: Option<bool>| match on {
        Some(true) => flags | bit,
        Some(false) => flags & !bit,
        None => flags,
    };
    let new_flags = with(
        with(flags, PROTECTED, switches.protect),
        RESTRICTED_PINS,
        switches.restrict_pins,
    );
    let new_expire = switches.expire.unwrap_or(expire);
    tx.prepare("UPDATE flows SET flags = :flags, expire = :expire WHERE id = :id")?
        .execute(named_params! {":flags": new_flags, ":expire": new_expire, ":id": id.0})?;
    if new_expire != expire {
        events.push(events::append(
            tx,
            id,
            Deed::Number(Kind::Expire, new_expire),
            by,
        )?);
    }
    if (new_flags ^ flags) & PROTECTED != 0 {
        let on = i64::from(new_flags & PROTECTED != 0);
        events.push(events::append(tx, id, Deed::Number(Kind::Protect, on), by)?);
    }
    Ok(())
}

/// Takes a flow away from all members; [`removal`](super::removal) deletes its messages.
///
/// # Errors
/// The file cannot be written.
pub fn remove(tx: &Tx<'_>, flow: &Flow, by: By) -> Result<(), StoreError> {
    let users = members::ids(tx, flow.id)?;
    membership::leave(
        tx,
        flow.id,
        flow.uuid,
        &users,
        membership::Exit::Removed,
        by,
    )?;
    let invited = members::invited(tx, flow.id)?;
    membership::uninvite(tx, flow.id, flow.uuid, &invited, by)?;
    tx.prepare(
        "UPDATE flows SET removed_at = :now, owner_id = NULL, chat_key = NULL WHERE id = :id",
    )?
    .execute(named_params! {":now": tx.now().0, ":id": flow.id.0})?;
    room_events::forget_all(tx, flow.id)?;
    tx.scrub();
    Ok(())
}

/// Tells the members of a flow its present state and what happened there. If there is no event, the
/// change is logged here.
///
/// # Errors
/// The file cannot be written.
pub fn tell(tx: &Tx<'_>, id: FlowId, events: Vec<FlowEvent>, by: By) -> Result<Flow, StoreError> {
    tell_with(tx, id, events, Kind::FlowChanged, by)
}

/// Does the same; `otherwise` is the kind that is logged if there is no event.
fn tell_with(
    tx: &Tx<'_>,
    id: FlowId,
    events: Vec<FlowEvent>,
    otherwise: Kind,
    by: By,
) -> Result<Flow, StoreError> {
    let position = if events.is_empty() {
        let about = About {
            actor: by.user,
            flow: Some(id),
            ..About::default()
        };
        log::append(tx, Reach::Members(id), otherwise, about)?
    } else {
        tx.position()
    };
    let flow = by_id(tx, id)?.ok_or(StoreError::Engine(rusqlite::Error::QueryReturnedNoRows))?;
    let shows = if events.is_empty() {
        otherwise.shows_in_flow()
    } else {
        events.iter().any(|event| event.what.shows_in_flow())
    };
    let is_pinned = events.iter().any(|event| event.what.is_about_pins());
    let news = FlowNews {
        flow: flow.clone(),
        events,
        shows,
        pins: is_pinned.then(|| pins::list(tx, id)).transpose()?,
    };
    tell_at(tx, position, by, tx.audience_of(id)?, news);
    Ok(flow)
}

fn tell_at(tx: &Tx<'_>, position: Position, by: By, audience: Audience, news: FlowNews) {
    tx.tell(position, by.origin, audience, News::Flow(Arc::new(news)));
}
