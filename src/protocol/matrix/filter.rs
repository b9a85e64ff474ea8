//! Filters: what a client does not want to receive.

use serde_json::Value;

use super::input::Body;
use super::names::Names;
use super::trouble::Trouble;
use crate::service::{RoomContent, RoomEvent};

/// The number of events of a room that are sent at once, unless a filter says otherwise.
const LIMIT: usize = 10;

/// The most events of a room that are sent at once.
const MOST: usize = 100;

/// A filter of `/sync`.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter {
    pub(super) rooms: Rooms,
    pub(super) include_leave: bool,
    pub(super) timeline: Events,
    pub(super) state: Events,
    pub(super) ephemeral: Events,
    pub(super) account_data: Events,
    pub(super) own_data: Events,
    pub(super) presence: Events,
}

/// Selects rooms.
#[derive(Debug, Clone, Default)]
pub(super) struct Rooms {
    only: Option<Vec<String>>,
    not: Vec<String>,
}

/// Selects events.
#[derive(Debug, Clone, Default)]
pub(super) struct Events {
    pub(super) limit: Option<usize>,
    types: Option<Vec<String>>,
    not_types: Vec<String>,
    senders: Option<Vec<String>>,
    not_senders: Vec<String>,
    contains_url: Option<bool>,
    pub(super) is_lazy: bool,
    pub(super) has_threads: bool,
    pub(super) rooms: Rooms,
}

fn texts(body: &Body, name: &str) -> Result<Option<Vec<String>>, Trouble> {
    if body.field(name).is_none() {
        return Ok(None);
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let list: Option<Vec<_>> = body.list(name)?.iter().map(text).collect();
    let wrong = || Trouble::bad_json(format!("{name} is no list of texts"));
    list.ok_or_else(wrong).map(Some)
}

impl Rooms {
    fn read(body: &Body) -> Result<Self, Trouble> {
        Ok(Self {
            only: texts(body, "rooms")?,
            not: texts(body, "not_rooms")?.unwrap_or_default(),
        })
    }

    /// Returns whether a room passes.
    pub(super) fn pass(&self, room: &str) -> bool {
        let is_in = |list: &[String]| list.iter().any(|it| it == room);
        self.only.as_deref().is_none_or(is_in) && !is_in(&self.not)
    }
}

impl Events {
    /// Reads a filter of a room's events.
    pub(super) fn read(body: &Body, names: &Names) -> Result<Self, Trouble> {
        let limit = match body.field("limit") {
            None => None,
            Some(value) => {
                let limit = value.as_u64().filter(|limit| *limit > 0);
                let limit = limit.ok_or_else(|| Trouble::invalid("limit is no number above 0"))?;
                Some(usize::try_from(limit).unwrap_or(MOST).min(MOST))
            }
        };
        let short = |list: Vec<String>| {
            let name = |id: String| names.localpart(&id).map_or(id.clone(), str::to_owned);
            list.into_iter().map(name).collect::<Vec<_>>()
        };
        let contains_url = match body.field("contains_url") {
            None => None,
            Some(_) => Some(body.flag("contains_url")?),
        };
        Ok(Self {
            limit,
            types: texts(body, "types")?,
            not_types: texts(body, "not_types")?.unwrap_or_default(),
            senders: texts(body, "senders")?.map(short),
            not_senders: texts(body, "not_senders")?.map(short).unwrap_or_default(),
            contains_url,
            is_lazy: body.flag("lazy_load_members")?,
            has_threads: body.flag("unread_thread_notifications")?,
            rooms: Rooms::read(body)?,
        })
    }

    /// Returns the most events to send.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(LIMIT)
    }

    /// Returns whether an item passes that has a type and nothing else.
    pub(super) fn pass_kind(&self, kind: &str) -> bool {
        let is_of = |list: &[String]| list.iter().any(|it| fits(it, kind));
        self.types.as_deref().is_none_or(is_of) && !is_of(&self.not_types)
    }

    /// Returns whether an event passes.
    pub(super) fn pass(&self, event: &RoomEvent) -> bool {
        let is_of = |list: &[String]| list.iter().any(|it| fits(it, event.kind()));
        let is_by = |list: &[String]| list.contains(&event.sender);
        self.types.as_deref().is_none_or(is_of)
            && !is_of(&self.not_types)
            && self.senders.as_deref().is_none_or(is_by)
            && !is_by(&self.not_senders)
            && self
                .contains_url
                .is_none_or(|wanted| wanted == has_url(event))
    }
}

impl Filter {
    /// Reads a filter.
    pub(super) fn read(body: &Body, names: &Names) -> Result<Self, Trouble> {
        let room = body.object("room")?.unwrap_or_default();
        let events = |name: &str| Events::read(&room.object(name)?.unwrap_or_default(), names);
        let own = |name: &str| Events::read(&body.object(name)?.unwrap_or_default(), names);
        Ok(Self {
            rooms: Rooms::read(&room)?,
            include_leave: room.flag("include_leave")?,
            timeline: events("timeline")?,
            state: events("state")?,
            ephemeral: events("ephemeral")?,
            account_data: events("account_data")?,
            own_data: own("account_data")?,
            presence: own("presence")?,
        })
    }
}

fn has_url(event: &RoomEvent) -> bool {
    match &event.what {
        RoomContent::Message(message) => !message.shown.is_empty(),
        RoomContent::Stored(stored) => {
            let content: Value = serde_json::from_str(&stored.content).unwrap_or_default();
            content["url"].is_string()
        }
    }
}

/// Returns whether a type matches a pattern in which `*` stands for anything.
fn fits(pattern: &str, kind: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = kind.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, kind, fit) in [
            ("m.room.*", "m.room.name", true),
            ("*", "", true),
            ("m.*.name", "m.room.name", true),
            ("m.room", "m.room.name", false),
            ("*name", "m.room.name", true),
            ("*a*a*", "xaxb", false),
            ("m.room.name", "m.room.name", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(fits(pattern, kind), fit, "{pattern} {kind}");
        }
    }
}
